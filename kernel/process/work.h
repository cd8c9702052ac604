/* SPDX-License-Identifier: MIT */
/*
 * What a thread has to do in the kernel before it runs user code again (MF_WORK). It is current and its space is loaded.
 */
#pragma once

#include "process/thread.h"

void thread_work(struct thread *thread);
/* Go back to the syscall instruction: the Linux call that gave `result` is made again. */
void work_restart_call(struct thread *thread, int64_t result);

/* The Linux call that the thread comes from, or -1: it was interrupted, has trapped, or its registers are new. */
static inline int64_t thread_linux_number(const struct thread *thread)
{
    return thread->frame.vector == FRAME_SYSCALL && thread->frame.orig_rax < TRAP_BASE ? (int64_t)thread->frame.orig_rax : -1;
}
