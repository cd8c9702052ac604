/* SPDX-License-Identifier: MIT */
/*
 * From a node back to a path, for getcwd and /proc. And chdir, chroot.
 */
#pragma once

#include "operation.h"

/*
 * Path of op->vnode[0] as its process sees it, written to the end of half 1 of the text: op->position is where it starts, it ends at
 * PATH_MAX without NUL. Resumable. Returns 0, PENDING or an error; flags below. Uses op->value[0].
 */
int64_t path_build(struct vfs_state *vfs, struct operation *op, const struct message *reply);
void path_build_begin(struct vfs_state *vfs, struct operation *op, uint32_t vnode);

int64_t chdir_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t chroot_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t getcwd_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
