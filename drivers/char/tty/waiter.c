/* SPDX-License-Identifier: MIT */
/*
 * The table of parked requests, and the answer of each kind.
 */
#include "waiter.h"

#include "char_client.h"
#include "errors.h"

bool waiter_park(struct tty_state *tty, const struct tty_waiter *request)
{
    for (uint32_t i = 0; i < TTY_WAITERS; i++) {
        if (tty->waiter[i].kind == WAITER_FREE) {
            tty->waiter[i] = *request;
            tty->waiter[i].sequence = tty->next_sequence++;
            tty->line[request->line].waiting[request->kind]++;
            return true;
        }
    }
    return false;
}

struct tty_waiter *waiter_find(struct tty_state *tty, uint32_t line, enum waiter_kind kind, uint32_t sides)
{
    struct tty_waiter *oldest = NULL;

    if (tty->line[line].waiting[kind] == 0)
        return NULL;
    for (uint32_t i = 0; i < TTY_WAITERS; i++) {
        struct tty_waiter *waiter = &tty->waiter[i];

        if (waiter->kind == kind && waiter->line == line && (sides >> waiter->side & 1) &&
            (oldest == NULL || waiter->sequence < oldest->sequence))
            oldest = waiter;
    }
    return oldest;
}

static void answer(const struct tty_waiter *waiter, struct outbox *outbox)
{
    int status = waiter->result < 0 ? (int)waiter->result : 0;
    struct char_read_reply read = { .length = (uint64_t)waiter->result };
    struct char_write_reply written = { .length = (uint64_t)waiter->result };
    struct char_ioctl_reply ioctl = { .result = (uint64_t)waiter->result };
    struct char_open_reply open = { .minor = (uint32_t)waiter->result };

    switch (waiter->kind) {
    case WAITER_READ:
        char_reply_read(outbox, waiter->granter, waiter->transaction, status, &read);
        break;
    case WAITER_WRITE:
        char_reply_write(outbox, waiter->granter, waiter->transaction, status, &written);
        break;
    case WAITER_IOCTL:
        char_reply_ioctl(outbox, waiter->granter, waiter->transaction, status, &ioctl);
        break;
    default:
        char_reply_open(outbox, waiter->granter, waiter->transaction, status, &open);
    }
}

void waiter_finish(struct tty_state *tty, struct tty_waiter *waiter, struct outbox *outbox)
{
    answer(waiter, outbox);
    tty->line[waiter->line].waiting[waiter->kind]--;
    waiter->kind = WAITER_FREE;
}

void waiter_cancel(struct tty_state *tty, endpoint_t granter, uint32_t transaction, struct outbox *outbox)
{
    for (uint32_t i = 0; i < TTY_WAITERS; i++) {
        struct tty_waiter *waiter = &tty->waiter[i];

        if (waiter->transaction != transaction || waiter->granter != granter)
            continue;
        /* An open waits for devfs only, which answers soon. */
        if (waiter->kind == WAITER_FREE || waiter->kind == WAITER_OPEN)
            continue;
        waiter->result = waiter->done > 0 ? (int64_t)waiter->done : -ERESTARTSYS;
        waiter_finish(tty, waiter, outbox);
        return;
    }
}

uint64_t waiter_deadline(const struct tty_state *tty)
{
    uint64_t next = 0;

    for (uint32_t i = 0; i < TTY_WAITERS; i++) {
        const struct tty_waiter *waiter = &tty->waiter[i];

        if (waiter->kind != WAITER_FREE && waiter->deadline_ns != 0 && (next == 0 || waiter->deadline_ns < next))
            next = waiter->deadline_ns;
    }
    return next;
}
