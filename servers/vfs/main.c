/* SPDX-License-Identifier: MIT */
/*
 * VFS: files, directories, descriptors, pipes, poll. The protocols it speaks and where its state is.
 */
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/ds.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

#include "derive.h"
#include "device.h"
#include "mount.h"
#include "operation.h"
#include "protocols/vfs_server.h"
#include "vnode.h"

SERVICE_STATE static struct vfs_state state;

/* Drivers tell through DS that they are up, and up again. */
static void driver_subscribe(void)
{
    int result = ds_subscribe("drv\\.vfs\\..*", DS_FLAGS_U32 | DS_FLAGS_INITIAL | DS_FLAGS_OVERWRITE);

    if (result != 0 && result != -EEXIST)
        log_warn("no driver events: error %d", result);
}

static void driver_events(struct vfs_state *vfs)
{
    char key[DS_KEY_MAX];
    endpoint_t owner;
    uint32_t type;

    while (ds_check(key, sizeof(key), &type, &owner) == 0)
        device_driver_restarted(vfs, owner);
}

static void handle_reply(void *vfs, const struct message *reply, struct outbox *outbox)
{
    (void)outbox;
    operation_handle_reply(vfs, reply);
}

static void handle_notify(void *vfs, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    (void)message;
    (void)outbox;
    if (source == ENDPOINT_DS) {
        driver_events(vfs);
    } else if (source == ENDPOINT_CLOCK) {
        struct vfs_state *s = vfs;

        if (s->start_step == START_NOTHING)
            mount_start(s);
        operation_expire(s);
        operation_run_late(s);
        operation_run_ready(s);
    }
}

static int init_fresh(int type, struct sef_init_info *info)
{
    int result = state_init(&state, type == SEF_INIT_FRESH);

    (void)info;
    if (result != 0)
        return result;
    operation_begin_numbers(sys_uptime());
    driver_subscribe();
    /* The mounts are asked for from the loop: requests leave when a handler commits. */
    return sys_setalarm(1);
}

static int attach(void)
{
    return state_init(&state, false);
}

/* In a new instance with the old state nothing is mapped and no alarm is set. */
static int rebuild(void *vfs)
{
    struct vfs_state *s = vfs;

    vnode_windows_forget(s);
    derive_indexes(s);
    return sys_setalarm(s->alarm_ns != 0 || s->start_step == START_NOTHING ? 1 : 0);
}

static const struct service_protocol protocols[] = {
    { .protocol = PROTOCOL_LINUX, .dispatch = vfs_linux_dispatch },
    { .protocol = VFS_PROTOCOL, .dispatch = vfs_dispatch },
};

int main(void)
{
    static const struct service service = {
        .name = "vfs",
        .state = &state,
        .state_bytes = sizeof(state),
        .protocols = protocols,
        .protocol_count = sizeof(protocols) / sizeof(protocols[0]),
        .handle_reply = handle_reply,
        .handle_notify = handle_notify,
        .mark_waiters = vfs_mark_waiters,
        .state_check = vfs_state_check,
        .attach = attach,
        .rebuild = rebuild,
    };

    sef_setcb_init_fresh(init_fresh);
    service_run(&service);
}
