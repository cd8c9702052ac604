/* SPDX-License-Identifier: MIT */
/*
 * open(2) and its checks.
 */
#pragma once

#include "operation.h"

int64_t open_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
/* Start at a path that stands in half 0 of the text. */
int64_t open_begin_text(struct vfs_state *vfs, struct operation *op, uint32_t length);
/* May the node be opened like this? 0 or a negative error. */
int open_check(struct vfs_state *vfs, const struct process *process, uint32_t vnode, uint32_t flags);
