/* SPDX-License-Identifier: MIT */
/*
 * Ends of threads and processes. The kernel's and VM's part happens at once; VFS is told asynchronously and the slot is used again only after its answer.
 */
#pragma once

#include "state.h"

/* All threads end; status as wait4 reports it (signal number, or code << 8). The record stays as a zombie or goes. */
void process_exit(struct pm_state *pm, struct pm_process *process, uint32_t status);
/* One thread ends; with the last one its process. */
void thread_exit(struct pm_state *pm, struct pm_thread *thread, uint32_t status);
/* All but one end (execve). */
void process_keep_one(struct pm_state *pm, struct pm_process *process, struct pm_thread *survivor);
/* VFS answered the request that a leaving thread still had, or its exit. */
void thread_left(struct pm_state *pm, struct pm_thread *thread, bool was_exit);
/* Tell VFS of leaving threads while there is room in the outbox. */
void leaving_flush(struct pm_state *pm);
/* The child has exec'd or ended: its vfork parent goes on. */
void vfork_release(struct pm_state *pm, struct pm_thread *child);
/* Undo a child that never ran. */
void thread_unmake(struct pm_state *pm, struct pm_thread *thread);
