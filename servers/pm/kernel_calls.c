/* SPDX-License-Identifier: MIT */
/*
 * Wrappers that fill request structures.
 */
#include "kernel_calls.h"

#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/log.h"
#include "sys/service.h"

int kernel_signal_post(endpoint_t process, endpoint_t *waits_for)
{
    struct kernel_signal_post_request request = { .process = process };
    struct kernel_signal_post_reply reply;
    int result;

    TRY_AGAIN(result, 1, kernel_call_signal_post(ENDPOINT_SYSTEM, &request, &reply));
    if (result == 0) {
        *waits_for = reply.waits_for;
    }
    return result;
}

int kernel_sigsend(endpoint_t process, uint32_t sequence, const struct signal_frame_request *frame)
{
    struct kernel_sigsend_request request = { .process = process, .sequence = sequence, .request = (uint64_t)(uintptr_t)frame };

    int result;

    TRY_AGAIN(result, 1, kernel_call_sigsend(ENDPOINT_SYSTEM, &request));
    return result;
}

enum { USER_REGS_WORDS = 27, USER_REGS_RSP = 19 };

uint64_t kernel_stack_pointer(endpoint_t process)
{
    uint64_t registers[USER_REGS_WORDS] = { 0 };
    struct kernel_getregs_request request = { .process = process, .registers = (uint64_t)(uintptr_t)registers };

    if (kernel_call_getregs(ENDPOINT_SYSTEM, &request) != 0)
        return 0;
    return registers[USER_REGS_RSP];
}

int kernel_times(endpoint_t process, uint64_t *user_ns, uint64_t *system_ns)
{
    struct kernel_times_request request = { .process = process };
    struct kernel_times_reply reply;
    int result = kernel_call_times(ENDPOINT_SYSTEM, &request, &reply);

    if (result == 0) {
        *user_ns = reply.user_ns;
        *system_ns = reply.system_ns;
    }
    return result;
}

bool kernel_waits(endpoint_t process)
{
    struct kernel_times_request request = { .process = process };
    struct kernel_times_reply reply;

    return kernel_call_times(ENDPOINT_SYSTEM, &request, &reply) == 0 && reply.waits != 0;
}

uint64_t kernel_realtime_offset(void)
{
    struct kernel_times_request request = { .process = ENDPOINT_SELF };
    struct kernel_times_reply reply;

    return kernel_call_times(ENDPOINT_SYSTEM, &request, &reply) == 0 ? reply.realtime_offset_ns : 0;
}

void kernel_clear(endpoint_t process)
{
    struct kernel_clear_request request = { .process = process };
    int result;

    TRY_AGAIN(result, 1, kernel_call_clear(ENDPOINT_SYSTEM, &request));
    if (result != 0) {
        log_warn("clear of %x: error %d", process, result);
    }
}

void kernel_resume(endpoint_t process)
{
    struct kernel_runctl_request request = { .process = process, .action = KERNEL_RUN_CONTROL_RESUME };
    int result;

    TRY_AGAIN(result, 1, kernel_call_runctl(ENDPOINT_SYSTEM, &request));
    if (result != 0) {
        log_warn("resume of %x: error %d", process, result);
    }
}

void kernel_publish(void)
{
    struct kernel_publish_request request = { .table = (uint64_t)(uintptr_t)tables.publics,
                                              .actions = (uint64_t)(uintptr_t)tables.actions };
    int result;

    TRY_AGAIN(result, 1, kernel_call_publish(ENDPOINT_SYSTEM, &request));
    if (result != 0) {
        log_warn("publish: error %d", result);
    }
}

void kernel_panic(void)
{
    struct kernel_abort_request request = { .how = KERNEL_SHUTDOWN_PANIC };

    kernel_call_abort(ENDPOINT_SYSTEM, &request);
    service_panic("the kernel did not stop");
}

uint64_t kernel_physical(endpoint_t process, uint64_t address)
{
    struct kernel_umap_request request = { .process = process, .address = address };
    struct kernel_umap_reply reply;

    return kernel_call_umap(ENDPOINT_SYSTEM, &request, &reply) == 0 ? reply.address : 0;
}

void vm_leave(uint32_t slot)
{
    struct vm_exit_request request = { .slot = slot };
    int result;

    TRY_AGAIN(result, 1, vm_call_exit(ENDPOINT_VM, &request));
    if (result != 0) {
        log_warn("vm exit of slot %u: error %d", slot, result);
    }
}
