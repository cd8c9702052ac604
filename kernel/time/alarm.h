/* SPDX-License-Identifier: MIT */
/*
 * Alarms: at most one per thread, a notification from CLOCK at an uptime.
 */
#pragma once

#include "process/thread.h"

extern uint64_t realtime_offset_ns; /* realtime = uptime + offset */

/* 0: none. Replaces what was set. */
void alarm_set(struct thread *thread, uint64_t deadline_ns);
