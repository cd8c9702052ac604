/* SPDX-License-Identifier: MIT */
/*
 * Calls about the machine: reboot goes through VFS first.
 */
#pragma once

#include "state.h"

/* VFS has written everything back. */
void reboot_ready(struct pm_state *pm, struct pm_thread *thread);
