/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait. Each is tried in steps (transfer.c, ioctl.c): a step says whether it is finished.
 */
#pragma once

#include "state.h"

struct outbox;

/* Put a request that could not be finished into the table; false: the table is full. */
bool waiter_park(struct tty_state *tty, const struct tty_waiter *request);
/* The oldest waiter of a line with this kind and one of these sides (mask of 1 << side); NULL: none. */
struct tty_waiter *waiter_find(struct tty_state *tty, uint32_t line, enum waiter_kind kind, uint32_t sides);
/* Answer with its result and free it. */
void waiter_finish(struct tty_state *tty, struct tty_waiter *waiter, struct outbox *outbox);
/* A request ended from outside: by `transaction` of `granter`. */
void waiter_cancel(struct tty_state *tty, endpoint_t granter, uint32_t transaction, struct outbox *outbox);
/* The next deadline of all waiters, 0: none. */
uint64_t waiter_deadline(const struct tty_state *tty);
