/* SPDX-License-Identifier: MIT */
/*
 * Recovery scripts: programs that RS has PM run (behaviour.md RS-60).
 */
#pragma once

#include "state.h"

enum { SCRIPT_NOT_FOUND = 127 << 8 }; /* exit status, as a shell's */

/* The script that a process is (or is to be), or NULL. */
struct pm_script *script_of(struct pm_state *pm, const struct pm_process *process);
/* Its argument vector, for exec. 0. */
int script_arguments(const struct pm_script *script, struct exec_buffer *buffer);
/* A process ends: if it was a script, RS hears of it. */
void script_ended(struct pm_state *pm, const struct pm_process *process, uint32_t status);
