/* SPDX-License-Identifier: MIT */
/*
 * Sending: the general path. trap.c has the short one for SENDREC to a waiting server and its reply; both must agree.
 */
#include "errors.h"
#include "ipc/ipc.h"
#include "ipc/linux_abi.h"
#include "process/event.h"
#include "process/privileges.h"
#include "process/signal.h"
#include "protocols/event.h"

void ipc_deliver(struct thread *to, const struct message *message, uint32_t status)
{
    uint32_t misc = to->misc_flags;

    to->misc_flags = misc & ~MF_REPLY_PENDING;
    if (misc & MF_LINUX_CALL) {
        linux_reply(to, message->status ? message->status : (int64_t)message->word[0]);
        rts_clear(to, RTS_RECEIVING);
    } else if (misc & MF_EVENT) {
        event_reply(to, message);
        rts_clear(to, RTS_RECEIVING);
    } else {
        to->inbox = *message;
        to->frame.rax = 0;
        to->frame.rdx = misc & MF_REPLY_PENDING ? 0 : status;
        to->misc_flags |= MF_DELIVER_MESSAGE;
        rts_clear(to, RTS_RECEIVING);
    }
}

void ipc_sent(struct thread *sender, endpoint_t to)
{
    sender->messages_sent++;
    if (sender->misc_flags & MF_REPLY_PENDING) {
        sender->receive_from = to;
        rts_set(sender, RTS_RECEIVING);
    }
    rts_clear(sender, RTS_SENDING);
}

/* Follow who waits for whom from `to`; a circle through `caller` would never end. */
bool ipc_would_deadlock(const struct thread *caller, const struct thread *to)
{
    for (uint32_t steps = 0; to && steps < PROCESS_SLOTS; steps++) {
        if (to == caller)
            return true;
        if (to->rts_flags & RTS_SENDING)
            to = thread_find(to->send_to);
        else if (to->rts_flags & RTS_RECEIVING)
            to = thread_find(to->receive_from);
        else
            return false;
    }
    return false;
}

static void enqueue_sender(struct thread *to, struct thread *sender)
{
    sender->queue_next = NULL;
    sender->queue_previous = to->caller_queue_tail;
    if (to->caller_queue_tail)
        to->caller_queue_tail->queue_next = sender;
    else
        to->caller_queue = sender;
    to->caller_queue_tail = sender;
}

void ipc_queue_remove(struct thread *to, struct thread *sender)
{
    if (sender->queue_previous)
        sender->queue_previous->queue_next = sender->queue_next;
    else
        to->caller_queue = sender->queue_next;
    if (sender->queue_next)
        sender->queue_next->queue_previous = sender->queue_previous;
    else
        to->caller_queue_tail = sender->queue_previous;
    sender->queue_next = sender->queue_previous = NULL;
}

int ipc_send_request(struct thread *sender, struct thread *to, uint32_t verb)
{
    uint32_t status = verb | (thread_is_service(sender) ? 0 : IPC_STATUS_FROM_USER);
    bool is_call = (verb & IPC_STATUS_VERB_MASK) == IPC_SENDREC;

    /* A call to one that waits for our reply is a circle of two, although it would take the message. */
    if (is_call && ipc_waits_for_reply_of(to, sender->endpoint))
        return -ELOCKED;
    if (signal_waits_for(sender, to))
        return -EINTR;
    if (!ipc_will_receive(to, sender->endpoint, &sender->request)) {
        if (ipc_would_deadlock(sender, to))
            return -ELOCKED;
        /* Cannot fail from here on. */
        sender->misc_flags |= is_call ? MF_REPLY_PENDING : 0;
        sender->send_to = to->endpoint;
        sender->send_verb = status;
        rts_set(sender, RTS_SENDING);
        enqueue_sender(to, sender);
        return 0;
    }
    sender->misc_flags |= is_call ? MF_REPLY_PENDING : 0;
    ipc_deliver(to, &sender->request, status);
    ipc_sent(sender, to->endpoint);
    return 0;
}

void ipc_requeue(struct thread *sender, struct thread *to)
{
    sender->rts_flags = (sender->rts_flags & ~RTS_RECEIVING) | RTS_SENDING;
    sender->send_to = to->endpoint;
    sender->send_verb = SEND_FROM_KERNEL | (thread_is_service(sender) ? 0 : IPC_STATUS_FROM_USER);
    enqueue_sender(to, sender);
}

int ipc_check_send(const struct thread *sender, const struct thread *to)
{
    if (privilege_may_send(thread_privilege(sender), to->privilege_id) || ipc_waits_for_reply_of(to, sender->endpoint))
        return 0;
    return -ECALLDENIED;
}

int ipc_send(struct thread *sender, endpoint_t destination, uint32_t verb)
{
    struct thread *to = thread_find(destination == ENDPOINT_SELF ? sender->endpoint : destination);

    if (sender->request.type == (EVENT_PAGE_FAULT | MESSAGE_REPLY) && sender->endpoint == ENDPOINT_VM)
        event_map_page(&sender->request);
    if (!to)
        return -EDEADSRCDST;
    int error = ipc_check_send(sender, to);
    if (error)
        return error;
    if (ipc_type_is_forged(sender->request.type))
        return -EBADREQUEST;
    if (verb != IPC_SENDNB)
        return ipc_send_request(sender, to, verb);
    if (!ipc_will_receive(to, sender->endpoint, &sender->request))
        return -ENOTREADY;
    ipc_deliver(to, &sender->request, verb);
    sender->messages_sent++;
    return 0;
}
