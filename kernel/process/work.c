/* SPDX-License-Identifier: MIT */
/*
 * One piece of pending work at a time; schedule_and_resume comes back until nothing is left or the thread blocks.
 */
#include "process/work.h"

#include "calls/calls.h"
#include "errors.h"
#include "ipc/linux_abi.h"
#include "process/event.h"

enum { SYSCALL_INSTRUCTION_BYTES = 2, LINUX_RESTART_SYSCALL = 219, RESTART_BLOCK = 516, LOCK_FREE_PAUSES = 64 };

void work_restart_call(struct thread *t, int64_t result)
{
    t->frame.rax = result == -RESTART_BLOCK ? LINUX_RESTART_SYSCALL : t->frame.orig_rax;
    t->frame.rip -= SYSCALL_INSTRUCTION_BYTES;
    t->frame.orig_rax = (uint64_t)-1;
}

static void deliver_message(struct thread *t)
{
    struct copy_fault fault = { .space = t->space, .address = t->message_address, .write = true };

    t->misc_flags &= ~MF_DELIVER_MESSAGE;
    if (copy_message_out(t->message_address, &t->inbox))
        return;
    if (!event_memory(t, WAIT_DELIVERY_MEMORY, t->endpoint, &fault, sizeof(struct message)))
        t->frame.rax = (uint64_t)-EFAULT;
}

static void look_at_signals(struct thread *t)
{
    bool is_posted = t->misc_flags & MF_SIGNAL_POSTED;
    bool has_restart = t->misc_flags & MF_RETURN_RESULT;

    t->misc_flags &= ~(MF_SIGNAL_POSTED | MF_RETURN_RESULT);
    if (is_posted && event_signal_ready(t))
        return;
    if (has_restart && thread_linux_number(t) >= 0)
        work_restart_call(t, (int64_t)t->frame.rax);
}

void thread_work(struct thread *t)
{
    if (t->misc_flags & MF_TRAP_RETRY) {
        t->misc_flags &= ~MF_TRAP_RETRY;
        t->frame.rax = t->frame.orig_rax;
        t->frame.rip -= SYSCALL_INSTRUCTION_BYTES;
    } else if (t->misc_flags & MF_KCALL_RESUME) {
        t->misc_flags &= ~MF_KCALL_RESUME;
        call_execute(t);
        /* It waits for another processor, which needs the lock to get on. */
        if (t->misc_flags & MF_KCALL_RESUME)
            big_lock_give_way(LOCK_FREE_PAUSES);
    } else if (t->misc_flags & MF_DELIVER_MESSAGE) {
        deliver_message(t);
    } else {
        look_at_signals(t);
    }
}
