/* SPDX-License-Identifier: MIT */
/*
 * Ending waits from outside: the peer died, the service starts afresh, or a signal takes a call back.
 */
#include "errors.h"
#include "ipc/ipc.h"
#include "ipc/linux_abi.h"
#include "process/event.h"
#include "process/privileges.h"

static void leave_queue(struct thread *thread)
{
    struct thread *to = thread_find(thread->send_to);

    if (to)
        ipc_queue_remove(to, thread);
}

void ipc_cancel(struct thread *thread, int error)
{
    uint32_t misc = thread->misc_flags;

    if (!(thread->rts_flags & (RTS_SENDING | RTS_RECEIVING)))
        return;
    if (thread->rts_flags & RTS_SENDING)
        leave_queue(thread);
    thread->misc_flags = misc & ~MF_REPLY_PENDING;
    if (misc & MF_LINUX_CALL)
        linux_reply(thread, error);
    else if (misc & MF_EVENT)
        event_reply(thread, &(struct message){ .status = error });
    else
        thread->frame.rax = (uint64_t)(int64_t)error;
    rts_clear(thread, RTS_SENDING | RTS_RECEIVING);
}

/* The peer is gone for good. Linux knows no dead peers; a lost server looks like a broken device. */
static void fail_dead(struct thread *thread)
{
    ipc_cancel(thread, thread->misc_flags & (MF_LINUX_CALL | MF_EVENT) ? -EIO : -EDEADSRCDST);
}

static void clear_pending_bits(uint32_t id)
{
    uint64_t keep = ~(1ull << (id & 63));

    for (uint32_t i = 0; i < PRIVILEGE_COUNT; i++) {
        privileges[i].notify_pending[id >> 6] &= keep;
        privileges[i].async_pending[id >> 6] &= keep;
    }
}

/* Only services are waited for by user threads; a user thread is waited for by services at most. */
static uint32_t waiter_limit(const struct thread *thread)
{
    return thread_is_service(thread) ? PROCESS_SLOTS : SERVICE_SLOTS;
}

void ipc_forget(struct thread *thread)
{
    if (thread->rts_flags & RTS_SENDING)
        leave_queue(thread);
    while (thread->caller_queue)
        fail_dead(thread->caller_queue);
    for (uint32_t slot = 0; slot < waiter_limit(thread); slot++) {
        struct thread *other = &threads[slot];
        if (other->rts_flags & RTS_RECEIVING && other->receive_from == thread->endpoint && other != thread)
            fail_dead(other);
    }
    if (thread_is_service(thread))
        clear_pending_bits(thread->privilege_id);
}

static void clear_reference(struct thread *thread, struct thread *waiter)
{
    bool has_been_received = waiter->rts_flags & RTS_RECEIVING;

    if (!(waiter->misc_flags & (MF_LINUX_CALL | MF_EVENT)))
        ipc_cancel(waiter, -EDEADSRCDST);
    else if (has_been_received && waiter->misc_flags & MF_EVENT)
        ipc_requeue(waiter, thread); /* events are idempotent: the new instance handles them again */
    else if (has_been_received)
        ipc_cancel(waiter, -EIO);
}

void ipc_clear_references(struct thread *thread)
{
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++) {
        struct thread *waiter = &threads[slot];
        bool sends = waiter->rts_flags & RTS_SENDING && waiter->send_to == thread->endpoint;
        bool receives = waiter->rts_flags & RTS_RECEIVING && waiter->receive_from == thread->endpoint;
        if (waiter != thread && (sends || receives))
            clear_reference(thread, waiter);
    }
    clear_pending_bits(thread->privilege_id);
}

/* Who has not been received yet is not concerned. */
uint32_t ipc_clear_forgotten(struct thread *thread, const uint64_t *held)
{
    uint32_t count = 0;

    for (uint32_t slot = SERVICE_SLOTS; slot < PROCESS_SLOTS; slot++) {
        struct thread *waiter = &threads[slot];
        bool is_held = held[slot / 64] >> (slot % 64) & 1;
        if (is_held || !(waiter->rts_flags & RTS_RECEIVING) || waiter->receive_from != thread->endpoint)
            continue;
        clear_reference(thread, waiter);
        count++;
    }
    return count;
}
