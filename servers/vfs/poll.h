/* SPDX-License-Identifier: MIT */
/*
 * poll, select, and the watches that wake them.
 */
#pragma once

#include "operation.h"

int64_t poll_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);

/* The list head of a source. */
uint32_t *watch_list(struct vfs_state *vfs, uint32_t source_kind, uint32_t source);
/* 0: the table is full. own: head of the owner's list, or NULL. */
uint32_t watch_add(struct vfs_state *vfs, uint32_t source_kind, uint32_t source, uint32_t owner_kind, uint32_t owner, uint32_t *own);
void watch_remove(struct vfs_state *vfs, uint32_t watch);
void watch_remove_all(struct vfs_state *vfs, uint32_t owner_kind, uint32_t owner, uint32_t *own);
/* Something happened: wake those who watch. */
void watch_wake(struct vfs_state *vfs, uint32_t source_kind, uint32_t source);

/* What of a file can be watched; 0: nothing (always ready). */
uint32_t file_watch_source(const struct file *file, uint32_t *source);
/* Conditions that hold now. Not for devices. */
uint32_t file_poll(const struct vfs_state *vfs, const struct file *file);
/* An absolute uptime from a relative timeout in ns; UINT64_MAX: never. */
uint64_t poll_deadline(uint64_t timeout_ns);

/* The signal mask of pselect, ppoll, epoll_pwait. Load it from the caller: 0, -EFAULT, -EINVAL. */
int mask_load(struct operation *op, uint64_t address, uint64_t bytes);
/* Before a sleep: PM puts it in place. True: a signal waits already, the call must end. */
bool mask_exchange(struct operation *op);
/* The call ends with `result`: the old mask comes back, unless a signal handler sees to that. */
void mask_restore(struct operation *op, int64_t result);
