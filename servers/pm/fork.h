/* SPDX-License-Identifier: MIT */
/*
 * The end of fork: VFS knows the child, or refused.
 */
#pragma once

#include "state.h"

/* The thread that waits in STEP_FORK or STEP_VFORK for this child, or NULL. */
struct pm_thread *thread_maker(const struct pm_thread *child);
void fork_done(struct pm_state *pm, struct pm_thread *child, int status);
