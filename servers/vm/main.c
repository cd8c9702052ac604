/* SPDX-License-Identifier: MIT */
/*
 * vm: owns all memory of the machine and decides what stands where in every address space; the kernel edits the page tables.
 */
#include "boot.h"
#include "kernel_info.h"
#include "linux_map.h"
#include "linux_vm_dispatch.h"
#include "protocols/kernel.h"
#include "protocols/vm_event_server.h"
#include "protocols/vm_server.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

static struct vm_state vm SERVICE_STATE;

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
    }
    log_info("%llu KiB free of %llu KiB", (unsigned long long)vm.frames_free * 4, (unsigned long long)vm.frames_total * 4);
    return result;
}

static const struct service_protocol protocols[] = {
    {VM_PROTOCOL, vm_dispatch},
    {PROTOCOL_EVENT, event_dispatch},
    {PROTOCOL_LINUX, vm_linux_dispatch},
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
        .state_check = vm_state_check,
    };

    sef_setcb_init_fresh(init_fresh);
    service_run(&service);
}
