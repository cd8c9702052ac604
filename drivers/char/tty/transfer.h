/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes, step by step. A step returns true if the request is finished (result is set), false if it must wait for the line.
 */
#pragma once

#include "state.h"

bool transfer_read(struct tty_state *tty, struct tty_waiter *request);
bool transfer_write(struct tty_state *tty, struct tty_waiter *request);
/* The time of a read is over: its result. */
void transfer_read_timeout(struct tty_waiter *request);
/* Is this file dead? */
static inline bool transfer_is_dead(const struct tty_line *line, uint32_t side)
{
    return side == SIDE_SLAVE && line->is_hung_up;
}
