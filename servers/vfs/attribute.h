/* SPDX-License-Identifier: MIT */
/*
 * stat, access, chmod, chown, times, truncate, statfs.
 */
#pragma once

#include "operation.h"

int64_t stat_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t access_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t attributes_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t truncate_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t statfs_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t store_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);

/* Change the mode in the cache and tell the server; nobody waits for it. */
void attribute_store_mode(struct vfs_state *vfs, uint32_t vnode, uint32_t mode);
