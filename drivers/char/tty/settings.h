/* SPDX-License-Identifier: MIT */
/*
 * Getting and setting termios in its three layouts (termios, termios2, termio), at once, after draining, or with a flush.
 */
#pragma once

#include "state.h"

bool settings_is_request(uint32_t request);
bool settings_is_change(uint32_t request);
/* Wait until the output has gone out before the change. */
bool settings_is_draining(uint32_t request);
/* 0 or an error. */
int settings_run(struct tty_state *tty, struct tty_line *line, const struct tty_waiter *request);
