/* SPDX-License-Identifier: MIT */
/*
 * Receiving, in the order of IPC-2: notifications (not in the receive half of SENDREC), asynchronous messages, queued senders. But a device that
 * interrupts again before its driver has dealt with the last time must not keep everybody else from the driver, RS's heartbeat among them: behind an
 * interrupt all others come first, once.
 */
#include "errors.h"
#include "ipc/ipc.h"
#include "process/signal.h"

static struct thread *first_sender(const struct thread *thread, endpoint_t from)
{
    struct thread *sender = thread->caller_queue;

    while (sender && from != ENDPOINT_ANY && sender->endpoint != from)
        sender = sender->queue_next;
    return sender;
}

static bool receive_from_queue(struct thread *thread, endpoint_t from)
{
    struct thread *sender = first_sender(thread, from);

    if (!sender)
        return false;
    uint32_t status = sender->send_verb;
    ipc_queue_remove(thread, sender);
    thread->inbox = sender->request;
    thread->frame.rax = 0;
    thread->frame.rdx = thread->misc_flags & MF_REPLY_PENDING ? 0 : status;
    thread->misc_flags = (thread->misc_flags & ~MF_REPLY_PENDING) | MF_DELIVER_MESSAGE;
    ipc_sent(sender, thread->endpoint);
    return true;
}

bool ipc_receive_pending(struct thread *thread, endpoint_t from)
{
    struct privilege_slot *privilege = thread_privilege(thread);
    bool may_notify = !(thread->misc_flags & MF_REPLY_PENDING);

    if (!privilege->has_pending || !thread_is_service(thread))
        return receive_from_queue(thread, from);
    if ((may_notify && ipc_receive_notification(thread, from)) || ipc_receive_async(thread, from) || receive_from_queue(thread, from)) {
        if (thread->inbox.source != ENDPOINT_HARDWARE)
            privilege->had_interrupt = false;
        return true;
    }
    return may_notify && ipc_receive_interrupt(thread, from);
}

static bool is_kernel_source(endpoint_t from)
{
    return from == ENDPOINT_ANY || from == ENDPOINT_SYSTEM || from == ENDPOINT_CLOCK || from == ENDPOINT_HARDWARE;
}

int ipc_receive(struct thread *thread, endpoint_t from)
{
    struct thread *sender = thread_find(from);

    if (!sender && !is_kernel_source(from))
        return -EDEADSRCDST;
    if (ipc_receive_pending(thread, from))
        return 0;
    if (sender && ipc_would_deadlock(thread, sender))
        return -ELOCKED;
    if (sender && signal_waits_for(thread, sender))
        return -EINTR;
    thread->receive_from = from;
    rts_set(thread, RTS_RECEIVING);
    return 0;
}
