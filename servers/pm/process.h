/* SPDX-License-Identifier: MIT */
/*
 * Records of threads and processes: getting, finding, linking. No kernel calls and no messages here.
 */
#pragma once

#include <stddef.h>

#include "sys/journal_debug.h"

#include "state.h"

/* The live thread of an endpoint, or NULL. */
struct pm_thread *thread_find(endpoint_t endpoint);
struct pm_thread *thread_by_tid(const struct pm_state *pm, uint32_t tid);
/* Zombies too. */
struct pm_process *process_by_pid(const struct pm_state *pm, uint32_t pid);
/* The thread that speaks for a process: its first. NULL for a zombie. */
struct pm_thread *process_leader(const struct pm_process *process);

uint32_t pid_allocate(struct pm_state *pm);

/* A record in THREAD_STARTING without identity, or NULL: the table is full (for a non-root user: nearly full). */
struct pm_thread *thread_take(struct pm_state *pm, bool is_root);
void thread_give(struct pm_state *pm, struct pm_thread *thread);
void thread_name(struct pm_state *pm, struct pm_thread *thread, uint32_t tid);
/* Remove the tid from the table of tids. */
void thread_forget_tid(struct pm_state *pm, struct pm_thread *thread);
void process_add_thread(struct pm_process *process, struct pm_thread *thread);
void process_remove_thread(struct pm_process *process, struct pm_thread *thread);

/* It can be found by its pid. */
void process_name(struct pm_state *pm, struct pm_process *process);
/* An all-zero record in PROCESS_RUNNING with empty lists, or NULL. */
struct pm_process *process_take(struct pm_state *pm, uint32_t pid);
/* Unlinks it from its parent, too. */
void process_give(struct pm_state *pm, struct pm_process *process);
void process_set_parent(struct pm_process *process, struct pm_process *parent);
uint32_t process_count_of_user(const struct pm_state *pm, uint32_t uid);

/* Is a group without a member whose parent is in another group of the same session? `except`: as if this process were gone. */
bool group_is_orphaned(const struct pm_state *pm, uint32_t group, const struct pm_process *except);
bool group_has_stopped(const struct pm_state *pm, uint32_t group);
/* The session of a group, 0: no such group. */
uint32_t group_session(const struct pm_state *pm, uint32_t group);

/* Bring the public table up to date: what is pending for the threads of a process; whose they are. */
void publish_pending(const struct pm_process *process);
/* After a restart: no roll back restores what the handler that crashed has published as pending. */
void publish_all_pending(const struct pm_state *pm);
void publish_ids(const struct pm_process *process);

/* A record that was just taken: what only a living one uses. */
static inline void thread_forgo(struct pm_thread *thread)
{
    journal_forgo(&thread->saved_mask, sizeof(*thread) - offsetof(struct pm_thread, saved_mask));
}

static inline void process_forgo(struct pm_process *process)
{
    journal_forgo(&process->exit_status, sizeof(*process) - offsetof(struct pm_process, exit_status));
}

static inline bool process_is_live(const struct pm_process *process)
{
    return process->state == PROCESS_RUNNING || process->state == PROCESS_STOPPED;
}
