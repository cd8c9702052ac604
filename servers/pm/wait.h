/* SPDX-License-Identifier: MIT */
/*
 * wait4, waitid, and what a parent hears of its children.
 */
#pragma once

#include "state.h"

/* A child stopped or went on: SIGCHLD and waiting threads. code: CLD_*. */
void parent_notify(struct pm_state *pm, struct pm_process *child, int code, uint32_t status);
/* A child is a zombie: SIGCHLD, or gone at once if the parent does not want to know. */
void parent_notify_exit(struct pm_state *pm, struct pm_process *child);
