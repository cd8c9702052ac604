/* SPDX-License-Identifier: MIT */
/*
 * Sleeping, ITIMER_REAL, the clock; and what happens when a timer is due.
 */
#pragma once

#include "state.h"

/* A signal ends the sleep: writes the remaining time; what the call answers. */
int64_t sleep_interrupted(struct pm_thread *thread);
/* The alarm went off. */
void timers_run(struct pm_state *pm, uint64_t now_ns);
/* Time left of ITIMER_REAL, and a new one (0: none). */
uint64_t real_timer_left(const struct pm_process *process, uint64_t now_ns);
void real_timer_set(struct pm_state *pm, struct pm_process *process, uint64_t now_ns, uint64_t value_ns, uint64_t interval_ns);
