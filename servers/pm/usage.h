/* SPDX-License-Identifier: MIT */
/*
 * Times used by processes.
 */
#pragma once

#include "sys/stores.h"

#include "state.h"

/* Of all threads, those that are gone too. */
CALLERS_OWN(2, 3)
void usage_of(const struct pm_process *process, uint64_t *user_ns, uint64_t *system_ns);
/* Write a struct rusage of a child for a thread in wait4. 0 or -EFAULT. */
int usage_write_child(const struct pm_thread *thread, const struct pm_process *child);
