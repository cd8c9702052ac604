/* SPDX-License-Identifier: MIT */
/*
 * Log, stack traces, the end of the machine.
 */
#include "calls/calls.h"
#include "debug/debug.h"
#include "errors.h"
#include "protocols/kernel.h"

enum { LOG_TEXT_MAX = 1024 };

CALL_HANDLER(log)
{
    struct kernel_log_request r;
    static char text[LOG_TEXT_MAX];
    (void)reply;

    kernel_log_request_get(request, &r);
    uint32_t length = r.length < LOG_TEXT_MAX ? r.length : LOG_TEXT_MAX;
    int error = call_read(caller, text, r.text, length);
    if (!error && length)
        log_text(text, length);
    return error;
}

CALL_HANDLER(stacktrace)
{
    struct kernel_stacktrace_request r;
    (void)reply;

    kernel_stacktrace_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t)
        return -EINVAL;
    log_thread(t);
    return 0;
}

CALL_HANDLER(abort)
{
    struct kernel_abort_request r;
    (void)reply;

    kernel_abort_request_get(request, &r);
    switch (r.how) {
    case KERNEL_SHUTDOWN_HALT:
    case KERNEL_SHUTDOWN_POWEROFF:
        arch_poweroff();
    case KERNEL_SHUTDOWN_RESET:
        arch_reset();
    case KERNEL_SHUTDOWN_PANIC:
        panic("%s asked for it", caller->name);
    default:
        return -EINVAL;
    }
}
