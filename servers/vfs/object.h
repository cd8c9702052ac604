/* SPDX-License-Identifier: MIT */
/*
 * Contents of regular files that are VM objects: getting the object, reading and writing through the window, truncation.
 */
#pragma once

#include "vnode.h"

/* 0: the object is known. PENDING: asked; the reply goes to next_step, there object_got takes it. */
int64_t object_ensure(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint16_t next_step);
int64_t object_got(uint32_t vnode, const struct message *reply);

/* Between the contents and a process's memory. Bytes done, 0 at the end of the file, or an error. The object must be known if size > 0. */
int64_t object_read(struct vfs_state *vfs, uint32_t vnode, endpoint_t process, uint64_t address, uint64_t length, uint64_t position);
int64_t object_write(struct vfs_state *vfs, uint32_t vnode, endpoint_t process, uint64_t address, uint64_t length, uint64_t position);
/* How many bytes a write at `position` may have; -EFBIG. Sends SIGXFSZ. */
int64_t object_write_limit(struct vfs_state *vfs, const struct process *process, uint64_t position, uint64_t length);
/* The object must be known if the file gets shorter. */
int64_t object_truncate(struct vfs_state *vfs, uint32_t vnode, uint64_t size);
/* Pages behind the end that were reserved in vain. */
void object_give_back(uint32_t vnode);
/* Room for a range, or -ENOSPC. Returns the bytes that fit. */
int64_t object_reserve(struct vfs_state *vfs, uint32_t vnode, uint64_t position, uint64_t length);
void vnode_touch_modified(struct vnode *node);
/* Someone else than root changed the contents: no set-uid any more. */
void vnode_clear_suid(struct vfs_state *vfs, const struct process *process, uint32_t vnode);
