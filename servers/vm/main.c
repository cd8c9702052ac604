/* SPDX-License-Identifier: MIT */
/*
 * vm: owns all memory of the machine and decides what stands where in every address space; the kernel edits the page tables.
 */
#include "boot.h"
#include "kernel_info.h"
#include "linux_map.h"
#include "linux_vm_dispatch.h"
#include "protocols/kernel.h"
#include "protocols/rs_client.h"
#include "protocols/vm_event_server.h"
#include "protocols/vm_server.h"
#include "restart.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

static struct vm_state vm SERVICE_STATE;

/* The tables are mapped: from here on they may be looked at. Not part of the state: a new instance starts without them. */
static bool has_tables SERVICE_INSTANCE;

static int init_fresh(int type, struct sef_init_info *info)
{
    struct boot_info boot;
    struct machine_info machine;
    int result = sys_getinfo(KERNEL_INFO_BOOT, &boot, sizeof(boot), NULL);

    (void)type;
    (void)info;
    if (result == 0) {
        result = sys_getinfo(KERNEL_INFO_MACHINE, &machine, sizeof(machine), NULL);
    }
    if (result == 0) {
        vm.vdso_base = machine.vdso_base;
        vm.vdso_bytes = machine.vdso_length;
        vm.time_page = machine.time_page;
        result = boot_start(&vm, &boot);
        has_tables = result == 0;
    }
    log_info("%llu KiB free of %llu KiB", (unsigned long long)vm.frames_free * 4, (unsigned long long)vm.frames_total * 4);
    return result;
}

static int rebuild(void *state)
{
    struct rs_init_ready_request ready = { 0 };
    int result;

    has_tables = true;
    result = restart_rebuild(state);
    if (result == 0) {
        rs_send_init_ready(outbox_default(), ENDPOINT_RS, 0, &ready);
    }
    return result;
}

/* RS keeps a second instance ready; the kernel has put it in the place of the dead one. */
static int init_restart(int type, struct sef_init_info *info)
{
    info->old_endpoint = ENDPOINT_VM; /* whatever its slot is now: the kernel knows our predecessor */
    return sef_cb_init_resume(type, info);
}

static const char *check(const void *state)
{
    return has_tables ? vm_state_check(state) : NULL;
}

static const struct service_protocol protocols[] = {
    { VM_PROTOCOL, vm_dispatch },
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
        .state_check = check,
        .rebuild = rebuild,
    };

    sef_setcb_init_fresh(init_fresh);
    sef_setcb_init_restart(init_restart);
    service_run(&service);
}
