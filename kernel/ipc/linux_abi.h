/* SPDX-License-Identifier: MIT */
/*
 * How the result of a Linux call gets into rax, and which results must not reach user code.
 */
#pragma once

#include "debug/trace.h"
#include "process/thread.h"
#include "process/work.h"

enum { RESTART_FIRST = 512, RESTART_NOINTR = 513, RESTART_LAST = 516 };

static inline bool linux_result_is_restart(int64_t result)
{
    return (uint64_t)(result + RESTART_LAST) <= RESTART_LAST - RESTART_FIRST;
}

/* The reply of the owner has come. */
static inline void linux_reply(struct thread *thread, int64_t result)
{
    thread->misc_flags &= ~MF_LINUX_CALL;
    if (trace_is_on)
        trace_result(thread, result);
    if (thread_linux_number(thread) < 0)
        return; /* sigreturn has put other registers there */
    thread->frame.rax = (uint64_t)result;
    if (linux_result_is_restart(result))
        thread->misc_flags |= MF_RETURN_RESULT;
}
