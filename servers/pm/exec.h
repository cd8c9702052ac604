/* SPDX-License-Identifier: MIT */
/*
 * execve as a sequence of steps: copy the arguments, let VFS open the program (and what its #! line or PT_INTERP names), build the new space beside
 * the old one, then change over.
 */
#pragma once

#include "protocols/vfs.h"
#include "state.h"

/* VFS answered exec_open. */
void exec_opened(struct pm_state *pm, struct pm_thread *thread, int status, const struct vfs_exec_open_reply *reply);
/* VFS answered exec_done. */
void exec_finished(struct pm_state *pm, struct pm_thread *thread);
/* The thread is leaving: drop what its execve holds. */
void exec_forget(struct pm_state *pm, struct pm_thread *thread);
/* The recovery script of which this process is to be. */
void exec_script(struct pm_state *pm, struct pm_thread *thread);
/* The first program, with the thread made by the kernel and not yet running. */
void exec_first(struct pm_state *pm, struct pm_thread *thread, const char *path);
