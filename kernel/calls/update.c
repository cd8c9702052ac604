/* SPDX-License-Identifier: MIT */
/*
 * Slot swap for restart and live update (KC-1) and access to the other half (statectl). The contents of two services change places; what others
 * know them by, or what is linked by address, stays with the slot.
 */
#include "calls/calls.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "ipc/public.h"
#include "protocols/kernel.h"
#include "sched/sched.h"

static bool is_updatable(const struct thread *t, const struct thread *caller)
{
    if (t == caller)
        return true;
    if (t->rts_flags & (RTS_NO_PRIV | RTS_SIG_PENDING | RTS_PROC_STOP))
        return true;
    return (t->rts_flags & (RTS_RECEIVING | RTS_SENDING)) == RTS_RECEIVING;
}

static int check(struct thread *caller, struct thread *a, struct thread *b)
{
    if (!a || !b || a == b)
        return -EINVAL;
    if (!thread_is_service(a) || !thread_is_service(b))
        return -EPERM;
    if (!(thread_privilege(a)->p.flags & thread_privilege(b)->p.flags & PRIVILEGE_SYS_PROC))
        return -EPERM;
    if (!is_updatable(a, caller) || !is_updatable(b, caller))
        return -EBUSY;
    return thread_is_off(a) && thread_is_off(b) ? 0 : CALL_RETRY;
}

/* What stays with the slot, taken from `old`, the slot before the swap. */
static void keep_identity(struct thread *t, const struct thread *old)
{
    t->slot = old->slot;
    t->endpoint = old->endpoint;
    t->generation = old->generation;
    thread_set_privilege(t, old->privilege_id);
    t->tid = old->tid;
    t->tgid = old->tgid;
    t->caller_queue = old->caller_queue;
    t->caller_queue_tail = old->caller_queue_tail;
    t->alarm_ns = old->alarm_ns;
    t->alarm_next = old->alarm_next;
    t->scheduler = old->scheduler;
    t->priority = old->priority;
    t->quantum_us = old->quantum_us;
    t->cpu_bound = old->cpu_bound;
    t->fpu_area = old->fpu_area;
}

/* Areas belong to slots, so their bytes change places; services hardly ever have any. */
static void swap_fpu(struct thread *a, struct thread *b)
{
    uint8_t *x = a->fpu_area, *y = b->fpu_area;

    if (!((a->misc_flags | b->misc_flags) & MF_FPU_USED))
        return;
    for (uint32_t i = 0; i < machine_info.xsave_bytes; i++) {
        uint8_t byte = x[i];
        x[i] = y[i];
        y[i] = byte;
    }
}

static void swap_threads(struct thread *a, struct thread *b)
{
    static struct thread old_a, old_b;

    old_a = *a;
    old_b = *b;
    *a = old_b;
    *b = old_a;
    keep_identity(a, &old_a);
    keep_identity(b, &old_b);
}

static void swap_privileges(struct privilege_slot *a, struct privilege_slot *b)
{
    static struct privilege_slot old_a, old_b;

    for (int i = 0; i < PRIVILEGE_MASK_WORDS; i++)
        b->p.send_mask[i] |= a->p.send_mask[i];
    old_a = *a;
    old_b = *b;
    a->p = old_b.p;
    b->p = old_a.p;
    a->p.id = old_a.p.id;
    b->p.id = old_b.p.id;
    a->asyn_table = old_b.asyn_table;
    b->asyn_table = old_a.asyn_table;
    a->asyn_count = old_b.asyn_count;
    b->asyn_count = old_a.asyn_count;
    a->grant_table = old_b.grant_table;
    b->grant_table = old_a.grant_table;
    a->grant_count = old_b.grant_count;
    b->grant_count = old_a.grant_count;
    a->predecessor = old_b.owner;
    b->predecessor = old_a.owner;
}

static void release_fpu(struct thread *t)
{
    if (t->misc_flags & MF_FPU_USED) {
        arch_fpu_save(t);
        arch_fpu_discard(t);
    }
}

/* The caller's contents have moved to `other`: they go on there. */
static void move_caller(struct thread *caller, struct thread *other)
{
    struct cpu_state *cpu = cpu_here();

    cpu->current = other;
    other->cpu = (int16_t)(cpu - cpus);
    call_finish(other, 0);
    if (!caller->rts_flags)
        sched_ready(caller);
}

CALL_HANDLER(update)
{
    struct kernel_update_request r;
    (void)reply;

    kernel_update_request_get(request, &r);
    struct thread *a = call_process(caller, r.source), *b = call_process(caller, r.destination);
    int error = check(caller, a, b);
    if (error)
        return error;
    /* Cannot fail from here on. */
    for (int i = 0; i < 2; i++) {
        struct thread *t = i ? b : a;
        if (t->rts_flags & RTS_SENDING)
            ipc_cancel(t, -EINTR);
        if (t->queued)
            sched_unready(t);
        release_fpu(t);
    }
    swap_fpu(a, b);
    public_forget(a);
    public_forget(b);
    swap_threads(a, b);
    swap_privileges(thread_privilege(a), thread_privilege(b));
    if (caller != a && caller != b)
        return 0;
    move_caller(caller, caller == a ? b : a);
    return CALL_NO_REPLY;
}

static int clear_forgotten(struct thread *caller, const struct kernel_statectl_request *r, struct message *reply)
{
    static uint64_t held[PROCESS_SLOTS / 64];
    struct kernel_statectl_reply answer;
    int error;

    if (r->length != sizeof(held))
        return -EINVAL;
    error = call_read(caller, held, r->address, sizeof(held));
    if (error)
        return error;
    answer.cleared = ipc_clear_forgotten(caller, held);
    kernel_statectl_reply_put(reply, &answer);
    return 0;
}

CALL_HANDLER(statectl)
{
    struct kernel_statectl_request r;

    kernel_statectl_request_get(request, &r);
    if (r.request == KERNEL_STATE_REQUEST_CLEAR_IPC_REFS) {
        ipc_clear_references(caller);
        return 0;
    }
    if (r.request == KERNEL_STATE_REQUEST_CLEAR_FORGOTTEN)
        return thread_is_service(caller) ? clear_forgotten(caller, &r, reply) : -EPERM;
    if (r.request != KERNEL_STATE_REQUEST_TAKE)
        return -EINVAL;
    const struct thread *predecessor = thread_find(thread_privilege(caller)->predecessor);
    if (!predecessor || !thread_is_service(caller))
        return -EPERM;
    return call_copy(caller, predecessor, r.address, caller, r.to ? r.to : r.address, r.length);
}
