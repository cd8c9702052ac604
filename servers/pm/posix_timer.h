/* SPDX-License-Identifier: MIT */
/*
 * timer_create and family: a pool of timers that send signals.
 */
#pragma once

#include "state.h"

void posix_timer_due(struct pm_state *pm, uint32_t index, uint64_t deadline_ns, uint64_t now_ns);
/* A queued signal left the queue; if a timer sent it, it is told its overruns and may queue again. */
void posix_timer_signal_taken(struct pm_state *pm, struct signal_info *info, bool is_delivered);
void posix_timer_process_gone(struct pm_state *pm, const struct pm_process *process);
void posix_timer_thread_gone(struct pm_state *pm, const struct pm_thread *thread);
