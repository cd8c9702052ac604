/* SPDX-License-Identifier: MIT */
/*
 * What follows from a change of a line: parked requests go on, signals leave, watchers hear of it. Called once at the end of each handler.
 */
#pragma once

#include "state.h"

struct outbox;

void settle_line(struct tty_state *tty, struct tty_line *line, struct outbox *outbox);
/* poll(2) conditions of one side. */
uint32_t settle_ready(const struct tty_line *line, uint32_t side);
/* Arm the alarm for the next deadline. */
void settle_alarm(struct tty_state *tty);
/* End the reads whose time is over. */
void settle_timeouts(struct tty_state *tty, uint64_t now_ns, struct outbox *outbox);
