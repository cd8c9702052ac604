/* SPDX-License-Identifier: MIT */
/*
 * procfs: processes and the machine as files, mounted on /proc.
 */
#include "driver/announce.h"
#include "load.h"
#include "parked.h"
#include "protocols/procfs_fs_server.h"
#include "sys/sef.h"
#include "sys/service.h"

SERVICE_STATE static struct procfs_state procfs;

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    load_start(&procfs);
    driver_announce(); /* VFS may wait for what the one before us was asked */
    return 0;
}

static int init_restart(int type, struct sef_init_info *info)
{
    int result = sef_cb_init_resume(type, info);
    if (result == 0) {
        load_start(&procfs); /* the alarm is not state */
    }
    return result;
}

static void handle_reply(void *state, const struct message *reply, struct outbox *outbox)
{
    parked_reply(state, reply, outbox);
}

static void handle_notify(void *state, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    (void)outbox;
    if (source == ENDPOINT_CLOCK) {
        load_sample(state, message->word[1]);
    }
}

int main(void)
{
    static const struct service_protocol protocols[] = { { FS_PROTOCOL, fs_dispatch } };
    static const struct service service = {
        .name = "procfs",
        .state = &procfs,
        .state_bytes = sizeof(procfs),
        .protocols = protocols,
        .protocol_count = 1,
        .handle_reply = handle_reply,
        .handle_notify = handle_notify,
        .mark_waiters = procfs_mark_waiters,
        .state_check = procfs_state_check,
    };
    sef_setcb_init_fresh(init_fresh);
    sef_setcb_init_restart(init_restart);
    service_run(&service);
}
