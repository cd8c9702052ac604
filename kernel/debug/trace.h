/* SPDX-License-Identifier: MIT */
/*
 * `trace=linux` on the command line: every Linux call and every answer goes to the log.
 */
#pragma once

#include <stdbool.h>

#include "process/thread.h"

extern bool trace_is_on;
void trace_init(void);
void trace_call(const struct thread *thread, uint64_t number);
void trace_result(const struct thread *thread, int64_t result);
