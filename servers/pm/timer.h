/* SPDX-License-Identifier: MIT */
/*
 * All deadlines of PM in one heap, behind one service alarm. A timer is named by what it is for: TIMER_OF_THREAD + index (sleep, timeouts),
 * TIMER_OF_PROCESS + index (ITIMER_REAL), TIMER_OF_POSIX + index.
 */
#pragma once

#include "state.h"

/* Arm or move a timer; an earlier deadline than all others moves the service's alarm. */
void timer_set(struct pm_state *pm, uint32_t id, uint64_t deadline_ns);
void timer_cancel(struct pm_state *pm, uint32_t id);
/* 0: not armed. */
uint64_t timer_deadline(uint32_t id);
/* Take the first timer that is due, or TIMERS. */
uint32_t timer_take_due(struct pm_state *pm, uint64_t now_ns);
/* After the due timers have been taken: set the alarm for the next one. */
void timer_rearm(struct pm_state *pm);
