/* SPDX-License-Identifier: MIT */
/*
 * Notifications: one bit per source in the receiver's privilege slot; the message is made when it is received. Nothing is allocated and nobody waits.
 */
#include "ipc/ipc.h"

static bool any_left(const struct privilege_slot *p)
{
    uint64_t bits = p->interrupt_pending | p->signal_pending | p->clock_pending;

    for (uint32_t i = 0; i < PRIVILEGE_MASK_WORDS; i++)
        bits |= p->notify_pending[i] | p->async_pending[i];
    return bits;
}

static void make_notification(struct thread *to, endpoint_t source, uint64_t bits)
{
    to->inbox = (struct message){ .source = source, .type = PROTOCOL_NOTIFY << 16, .word = { bits, time_uptime_ns() } };
    to->frame.rax = 0;
    to->frame.rdx = IPC_NOTIFY | IPC_STATUS_FROM_KERNEL;
    to->misc_flags |= MF_DELIVER_MESSAGE;
}

static bool accepts(endpoint_t from, endpoint_t source)
{
    return from == ENDPOINT_ANY || from == source;
}

bool ipc_receive_interrupt(struct thread *to, endpoint_t from)
{
    struct privilege_slot *p = thread_privilege(to);

    if (!p->interrupt_pending || !accepts(from, ENDPOINT_HARDWARE))
        return false;
    make_notification(to, ENDPOINT_HARDWARE, p->interrupt_pending);
    p->interrupt_pending = 0;
    p->had_interrupt = true;
    return true;
}

static bool receive_from_kernel(struct thread *to, struct privilege_slot *p, endpoint_t from)
{
    if (p->signal_pending && accepts(from, ENDPOINT_SYSTEM)) {
        make_notification(to, ENDPOINT_SYSTEM, p->signal_pending);
        p->signal_pending = 0;
    } else if (!p->had_interrupt && ipc_receive_interrupt(to, from)) {
        return true;
    } else if (p->clock_pending && accepts(from, ENDPOINT_CLOCK)) {
        make_notification(to, ENDPOINT_CLOCK, 0);
        p->clock_pending = false;
    } else {
        return false;
    }
    return true;
}

static bool receive_from_service(struct thread *to, struct privilege_slot *p, endpoint_t from)
{
    for (uint32_t i = 0; i < PRIVILEGE_MASK_WORDS; i++) {
        for (uint64_t bits = p->notify_pending[i]; bits; bits &= bits - 1) {
            uint32_t id = i * 64 + (uint32_t)__builtin_ctzll(bits);
            endpoint_t source = privileges[id].owner;
            if (!accepts(from, source))
                continue;
            p->notify_pending[i] &= ~(1ull << (id & 63));
            make_notification(to, source, 0);
            return true;
        }
    }
    return false;
}

bool ipc_receive_notification(struct thread *to, endpoint_t from)
{
    struct privilege_slot *p = thread_privilege(to);

    if (receive_from_kernel(to, p, from) || receive_from_service(to, p, from))
        return true;
    p->has_pending = any_left(p);
    return false;
}

/* A bit was set: if the receiver waits for it, it gets it now. */
static void flush(struct thread *to, endpoint_t source)
{
    thread_privilege(to)->has_pending = true;
    if (!ipc_is_receiving_from(to, source) || (to->misc_flags & (MF_REPLY_PENDING | MF_LINUX_CALL | MF_EVENT)))
        return;
    thread_privilege(to)->had_interrupt = false; /* it waits: there is nobody to be let pass */
    if (ipc_receive_notification(to, to->receive_from))
        rts_clear(to, RTS_RECEIVING);
}

void ipc_notify(struct thread *to, const struct thread *from)
{
    uint32_t id = from->privilege_id;

    if (!thread_is_service(to) || !thread_is_service(from))
        return;
    thread_privilege(to)->notify_pending[id >> 6] |= 1ull << (id & 63);
    flush(to, from->endpoint);
}

void ipc_notify_clock(struct thread *to)
{
    if (!thread_is_service(to))
        return;
    thread_privilege(to)->clock_pending = true;
    flush(to, ENDPOINT_CLOCK);
}

void ipc_notify_interrupt(struct thread *to, uint64_t bits)
{
    thread_privilege(to)->interrupt_pending |= bits;
    flush(to, ENDPOINT_HARDWARE);
}

void ipc_notify_signal(struct thread *to, uint64_t bits)
{
    if (!thread_is_service(to))
        return;
    thread_privilege(to)->signal_pending |= bits;
    flush(to, ENDPOINT_SYSTEM);
}
