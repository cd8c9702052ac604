/* SPDX-License-Identifier: MIT */
/*
 * Load averages: exponentially damped means of the number of runnable threads over 1, 5 and 15 minutes, sampled every five seconds.
 */
#pragma once

#include "state.h"

void load_start(struct procfs_state *state);
/* The alarm rang. */
void load_sample(struct procfs_state *state, uint64_t now_ns);
uint64_t load_hundredths(const struct procfs_state *state, int slot);
