/* SPDX-License-Identifier: MIT */
/*
 * From a path to a node: a resumable walk over the text of the operation. Everything in the caches: done at once. Otherwise the operation
 * parks (PENDING) and walk_run is called again with the server's reply.
 */
#pragma once

#include "vnode.h"

/* Copy the path from the caller and find where it starts. half: 0 or 1 of the text. Returns 0, PENDING or a negative error. */
int64_t walk_begin(struct vfs_state *vfs, struct operation *op, uint32_t half, int32_t directory_fd, uint64_t path_address, uint8_t flags);
/* The same for a text that is in place already, `length` bytes without NUL. */
int64_t walk_begin_text(struct vfs_state *vfs, struct operation *op, uint32_t half, uint32_t length, uint8_t flags);
/* Returns 0 with op->walk.directory, node, name, last filled; PENDING; or a negative error. reply: as the run function got it. */
int64_t walk_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
/* The last name, after the walk. */
static inline const char *walk_name(const struct operation *op)
{
    return operation_text(op, op->walk.text) + op->walk.name;
}

/* mask: R_OK | W_OK | X_OK. 0 or -EACCES. */
int permission_check(const struct process *process, const struct vnode *node, uint32_t mask, bool is_real);
bool permission_in_group(const struct process *process, uint32_t gid);
/* May entries of this directory be made or removed? 0, -EACCES, -EROFS. */
int permission_change(struct vfs_state *vfs, const struct process *process, uint32_t directory);
/* Sticky directories: 0 or -EPERM. */
int permission_sticky(const struct process *process, const struct vnode *directory, const struct vnode *node);
