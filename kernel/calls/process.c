/* SPDX-License-Identifier: MIT */
/*
 * Life of processes: create, fork, exec, clear, exit, runctl, ids, scheduling parameters.
 */
#include "base/string.h"
#include "calls/calls.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "process/signal.h"
#include "protocols/kernel.h"
#include "sched/sched.h"

uint64_t times_created;
uint64_t messages_of_the_dead;

static bool slot_is_free(uint32_t slot)
{
    return threads[slot].rts_flags & RTS_SLOT_FREE && !sched_is_running(&threads[slot]);
}

CALL_HANDLER(create)
{
    struct kernel_create_request r;
    (void)caller;

    kernel_create_request_get(request, &r);
    r.name[sizeof(r.name) - 1] = 0;
    if (r.slot >= PROCESS_SLOTS || (r.space != SPACE_NONE && r.space >= SPACE_COUNT))
        return -EINVAL;
    struct thread *t = &threads[r.slot];
    bool is_same = t->rts_flags & (RTS_NO_PRIV | RTS_PROC_STOP) && !strcmp(t->name, r.name) && !t->frame.rip;
    if (!slot_is_free(r.slot) && !is_same)
        return -EBUSY;
    /* Cannot fail from here on. */
    if (!is_same)
        t = thread_create(r.slot, r.space != SPACE_NONE && space_is_used(r.space) ? r.space : SPACE_NONE, r.name);
    kernel_create_reply_put(reply, &(struct kernel_create_reply){ .process = t->endpoint });
    return 0;
}

static void copy_scheduling(struct thread *child, const struct thread *parent)
{
    child->priority = parent->priority;
    child->quantum_us = parent->quantum_us;
    child->cpu_bound = parent->cpu_bound;
    sched_refill(child);
}

CALL_HANDLER(fork)
{
    struct kernel_fork_request r;

    kernel_fork_request_get(request, &r);
    struct thread *parent = call_process(caller, r.parent);
    if (!parent || r.slot < SERVICE_SLOTS || r.slot >= PROCESS_SLOTS || r.space >= SPACE_COUNT ||
        (sched_is_running(parent) && parent != caller))
        return -EINVAL;
    struct thread *child = &threads[r.slot];
    bool is_same = !slot_is_free(r.slot) && child->rts_flags & RTS_PROC_STOP && child->tid == r.tid && child->tgid == r.tgid;
    if (!slot_is_free(r.slot) && !is_same)
        return -EBUSY;
    /* Cannot fail from here on. */
    if (!is_same) {
        child = thread_create(r.slot, r.space, parent->name);
        arch_thread_fork(child, parent);
        copy_scheduling(child, parent);
        child->frame.rax = 0;
        child->frame.rsp = r.stack ? r.stack : child->frame.rsp;
        child->fs_base = r.tls ? r.tls : child->fs_base;
        child->tid = r.tid;
        child->tgid = r.tgid;
    }
    thread_set_space(child, r.space); /* a repeated call brings a new copy of the space */
    kernel_fork_reply_put(reply, &(struct kernel_fork_reply){ .child = child->endpoint });
    return 0;
}

CALL_HANDLER(exec)
{
    struct kernel_exec_request r;
    (void)reply;

    kernel_exec_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t || t == caller || r.space >= SPACE_COUNT || !user_range_ok(r.entry, 1) || !user_range_ok(r.stack, 0))
        return -EINVAL;
    if (!thread_is_off(t))
        return CALL_RETRY;
    /* Cannot fail from here on. */
    r.name[sizeof(r.name) - 1] = 0;
    string_copy(t->name, sizeof(t->name), r.name);
    arch_thread_release(t);
    arch_thread_init(t);
    arch_thread_entry(t, r.entry, r.stack);
    t->frame.orig_rax = (uint64_t)-1;
    t->frame.rdi = thread_is_service(t) ? (uint64_t)t->endpoint : 0;
    thread_set_space(t, r.space);
    t->misc_flags &= ~(MF_WORK & ~MF_SIGNAL_POSTED);
    t->misc_flags |= MF_EXECED;
    return 0;
}

CALL_HANDLER(clear)
{
    struct kernel_clear_request r;
    (void)reply;

    kernel_clear_request_get(request, &r);
    struct thread *t = thread_find(r.process);
    if (t == caller || r.process < 0 || endpoint_slot(r.process) >= PROCESS_SLOTS)
        return -EINVAL;
    if (!t)
        return 0;
    rts_set(t, RTS_PROC_STOP);
    if (!thread_is_off(t))
        return CALL_RETRY;
    thread_clear(t);
    return 0;
}

CALL_HANDLER(exit)
{
    (void)request;
    (void)reply;
    signal_cause(caller, SIGNAL_ABRT);
    return CALL_NO_REPLY;
}

static int resume(const struct thread *caller, struct thread *t)
{
    /* Its exec call has nothing to return to, so nobody else replies. */
    if (t->misc_flags & MF_EXECED && t->misc_flags & MF_LINUX_CALL && ipc_waits_for_reply_of(t, caller->endpoint))
        ipc_cancel(t, 0);
    t->misc_flags &= ~MF_EXECED;
    rts_clear(t, RTS_PROC_STOP);
    return 0;
}

CALL_HANDLER(runctl)
{
    struct kernel_runctl_request r;
    (void)reply;

    kernel_runctl_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (r.process < 0 && r.process != ENDPOINT_SELF)
        return -EPERM;
    if (!t)
        return -EINVAL;
    if (r.action == KERNEL_RUN_CONTROL_RESUME)
        return resume(caller, t);
    if (r.action != KERNEL_RUN_CONTROL_STOP)
        return -EINVAL;
    rts_set(t, RTS_PROC_STOP);
    return thread_is_off(t) ? 0 : CALL_RETRY;
}

CALL_HANDLER(setids)
{
    struct kernel_setids_request r;
    (void)reply;

    kernel_setids_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t)
        return -EINVAL;
    t->tid = r.tid;
    t->tgid = r.tgid;
    return 0;
}

static bool scheduling_is_bad(int priority, int cpu)
{
    return priority < 0 || priority >= PRIORITY_COUNT || cpu < -1 || cpu >= (int)cpu_count();
}

/* New parameters; a thread that waits for its scheduler goes on. */
static void set_scheduling(struct thread *t, int priority, uint32_t quantum_us, int cpu)
{
    sched_set(t, priority, quantum_us, cpu);
    if (t->misc_flags & MF_EVENT && t->event_kind == WAIT_QUANTUM)
        ipc_cancel(t, 0);
}

CALL_HANDLER(schedule)
{
    struct kernel_schedule_request r;
    (void)reply;

    kernel_schedule_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t || scheduling_is_bad(r.priority, r.cpu))
        return -EINVAL;
    if (t->scheduler != caller->endpoint)
        return -EPERM;
    set_scheduling(t, r.priority, r.quantum_us, r.cpu);
    return 0;
}

CALL_HANDLER(schedctl)
{
    struct kernel_schedctl_request r;
    (void)reply;

    kernel_schedctl_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    endpoint_t scheduler = r.scheduler == ENDPOINT_SELF ? caller->endpoint : r.scheduler;
    if (!t || scheduling_is_bad(r.priority, r.cpu) || (scheduler != ENDPOINT_NONE && !thread_find(scheduler)))
        return -EINVAL;
    t->scheduler = scheduler;
    set_scheduling(t, r.priority, r.quantum_us, r.cpu);
    return 0;
}
