/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks: POSIX record locks (owner: descriptor table), open-file-description locks and flock (owner: file).
 */
#pragma once

#include "operation.h"

int lock_fcntl(struct vfs_state *vfs, struct call *call, uint32_t file, uint32_t command);
int64_t lock_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
void lock_descriptor_closed(struct vfs_state *vfs, uint32_t vnode, uint32_t owner);
void lock_file_closed(struct vfs_state *vfs, uint32_t file);
void lock_owner_gone(struct vfs_state *vfs, uint32_t owner);
