/* SPDX-License-Identifier: MIT */
/*
 * vm: owns all memory of the machine and decides what stands where in every address space; the kernel edits the page tables.
 */
#include "boot.h"
#include "errors.h"
#include "facts.h"
#include "linux_map.h"
#include "linux_vm_dispatch.h"
#include "mask.h"
#include "protocols/vm_event_server.h"
#include "protocols/vm_server.h"
#include "restart.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"

static struct vm_state vm SERVICE_STATE;

/* The tables are mapped: from here on they may be looked at. Not part of the state: a new instance starts without them. */
static bool has_tables SERVICE_INSTANCE;

static int init_fresh(int type, struct sef_init_info *info)
{
    const struct facts *facts = facts_ask();
    int result = facts == NULL ? -EGENERIC : boot_start(&vm, facts);

    (void)type;
    (void)info;
    has_tables = result == 0;
    log_info("%llu KiB free of %llu KiB", (unsigned long long)vm.frames_free * 4, (unsigned long long)vm.frames_total * 4);
    return result;
}

static bool is_update SERVICE_INSTANCE;

static int rebuild(void *state)
{
    int result = has_tables ? 0 : restart_rebuild(state, is_update); /* or: a new version was here, and nothing was changed */

    has_tables = result == 0;
    return result;
}

/* The kernel has put us in the place of the dead instance. RS does not tell where that is now: the kernel knows our predecessor. */
static int init_restart(int type, struct sef_init_info *info)
{
    info->old_endpoint = ENDPOINT_VM;
    return sef_cb_init_resume(type, info);
}

/* The old version waits and may have to go on: until RS has agreed nothing of what it knows is changed. */
static int init_lu(int type, struct sef_init_info *info)
{
    is_update = true;
    return init_restart(type, info);
}

static int init_response(struct message *message)
{
    int result = sef_cb_init_response_rs_reply(message);

    if (result == 0 && is_update) {
        result = restart_commit(&vm);
    }
    is_update = false;
    return result;
}

static const char *check(const void *state)
{
    return has_tables ? vm_state_check(state) : NULL;
}

static const struct service_protocol protocols[] = {
    { VM_PROTOCOL, mask_dispatch },
    { PROTOCOL_EVENT, event_dispatch },
    { PROTOCOL_LINUX, vm_linux_dispatch },
};

int main(void)
{
    static const struct service service = {
        .name = "vm",
        .state = &vm,
        .state_bytes = sizeof(vm),
        .protocols = protocols,
        .protocol_count = sizeof(protocols) / sizeof(protocols[0]),
        .handle_reply = mmap_handle_reply,
        .mark_waiters = mmap_mark_waiters,
        .state_check = check,
        .rebuild = rebuild,
        .derives = true,
    };

    sef_setcb_init_fresh(init_fresh);
    sef_setcb_init_restart(init_restart);
    sef_setcb_init_lu(init_lu);
    sef_setcb_init_response(init_response);
    service_run(&service);
}
