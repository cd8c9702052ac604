/* SPDX-License-Identifier: MIT */
/*
 * Message passing (behaviour.md section 14). A message that is sent lies in sender->request, with source and type checked; a message that was received lies in
 * receiver->inbox until the receiver runs in its own space (MF_DELIVER_MESSAGE). A sender that must wait is in the receiver's caller queue (FIFO).
 */
#pragma once

#include "arch/x86_64/arch.h"
#include "process/thread.h"

enum { USER_ADDRESS_BITS = 47 };

/* Pseudo verb for ipc_send_request: the kernel makes the call (Linux call or event). */
enum { SEND_FROM_KERNEL = IPC_SENDREC | IPC_STATUS_FROM_KERNEL };

/* ---- send.c ---- */
/* Is `to` in RECEIVE for a message of `from`? */
static inline bool ipc_is_receiving_from(const struct thread *to, endpoint_t from)
{
    return (to->rts_flags & (RTS_RECEIVING | RTS_SENDING)) == RTS_RECEIVING &&
           (to->receive_from == ENDPOINT_ANY || to->receive_from == from);
}

/* Would a message of `from` be taken by `to` now? For a kernel-made call only the reply with its transaction counts; the late answer to a parked Linux
 * call may come without one. */
static inline bool ipc_will_receive(const struct thread *to, endpoint_t from, const struct message *message)
{
    return ipc_is_receiving_from(to, from) &&
           (!(to->misc_flags & (MF_LINUX_CALL | MF_EVENT)) || message->transaction == to->request.transaction ||
            (to->misc_flags & MF_LINUX_CALL && !message->transaction));
}

/* Requests of protocols that only the kernel may make. */
ALWAYS_INLINE bool ipc_type_is_forged(uint32_t type)
{
    const uint32_t forbidden = 1u << PROTOCOL_NOTIFY | 1u << PROTOCOL_EVENT | 1u << PROTOCOL_LINUX;
    uint32_t protocol = message_protocol(type);

    return !(type & MESSAGE_REPLY) && forbidden >> (protocol & 31) & 1 && protocol < 32;
}

/* `to` waits for a reply of `from`. */
static inline bool ipc_waits_for_reply_of(const struct thread *to, endpoint_t from)
{
    return (to->rts_flags & (RTS_RECEIVING | RTS_SENDING)) == RTS_RECEIVING && (to->misc_flags & MF_REPLY_PENDING) &&
           to->receive_from == from;
}

struct cpu_state;
/* A page fault of user code becomes VM's message and VM runs at once; returns if that is not possible now. */
void trap_page_fault(struct cpu_state *cpu, struct thread *thread, uint64_t address, uint64_t error);
/* Hand a message to `to`, which will receive it: ends its wait. `status` is what a RECEIVE reports. */
void ipc_deliver(struct thread *to, const struct message *message, uint32_t status);
/* Deliver sender->request to `to`, or queue the sender. verb: IPC_SEND, IPC_SENDREC, SEND_FROM_KERNEL. 0 or -ELOCKED. */
int ipc_send_request(struct thread *sender, struct thread *to, uint32_t verb);
/* After sender->request was delivered: wait for the reply or go on. */
void ipc_sent(struct thread *sender, endpoint_t to);
/* SEND, SENDREC, SENDNB by a thread whose message is in sender->request: all checks. */
int ipc_send(struct thread *sender, endpoint_t destination, uint32_t verb);
/* May `sender` send to `to` at all? 0, -ECALLDENIED. */
int ipc_check_send(const struct thread *sender, const struct thread *to);
/* A received kernel-made call is sent once more: the server has forgotten it. */
void ipc_requeue(struct thread *sender, struct thread *to);
void ipc_queue_remove(struct thread *to, struct thread *sender);
bool ipc_would_deadlock(const struct thread *caller, const struct thread *to);

/* ---- receive.c ---- */
/* Take what is there into thread->inbox, or block. 0 or -EDEADSRCDST, -ELOCKED. */
int ipc_receive(struct thread *thread, endpoint_t from);
/* Take a pending notification, async message or queued sender if there is one. */
bool ipc_receive_pending(struct thread *thread, endpoint_t from);

/* ---- notify.c ---- */
/* For threads with a privilege slot of their own; others have no pending bits and are ignored. */
void ipc_notify(struct thread *to, const struct thread *from);
void ipc_notify_clock(struct thread *to);
void ipc_notify_interrupt(struct thread *to, uint64_t bits);
void ipc_notify_signal(struct thread *to, uint64_t bits);
bool ipc_receive_notification(struct thread *to, endpoint_t from);
/* An interrupt, also if the last one received was one. */
bool ipc_receive_interrupt(struct thread *to, endpoint_t from);

/* ---- senda.c ---- */
/* 0 or a negative error; -EFAULT with *fault filled: memory of `fault->space` is absent. */
int ipc_senda(struct thread *sender, uint64_t table, uint64_t count, struct copy_fault *fault);
/* The next async message for `to` of a sender that `from` allows. */
bool ipc_receive_async(struct thread *to, endpoint_t from);

/* ---- cancel.c ---- */
/* End whatever wait `thread` is in, with `error` as its result. */
void ipc_cancel(struct thread *thread, int error);
/* `thread` is no longer there: wake all that wait for it, take it out of queues. */
void ipc_forget(struct thread *thread);
/* KC-2: everybody blocked on it. */
void ipc_clear_references(struct thread *thread);
/* The same for user threads that wait for an answer of `thread` and have no bit in held[PROCESS_SLOTS / 64], by slot; how many there were. */
uint32_t ipc_clear_forgotten(struct thread *thread, const uint64_t *held);

/* ---- linux.c ---- */
/* Serve a Linux call here, or build its message in thread->request and return the owner to send it to. NULL: served, or an event is out. */
struct thread *linux_prepare(struct thread *thread, uint64_t number);
void linux_call(struct thread *thread, struct thread *owner);
extern uint64_t linux_enosys_count;
extern uint64_t linux_enosys_by_number[512];
