/* SPDX-License-Identifier: MIT */
/*
 * User and group ids, process groups, sessions: what others must hear of.
 */
#pragma once

#include "state.h"

/* VFS answered setids. */
void ids_done(struct pm_state *pm, struct pm_thread *thread);
