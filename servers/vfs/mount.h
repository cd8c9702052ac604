/* SPDX-License-Identifier: MIT */
/*
 * Mounts: the table, start-up (root, /dev, /proc), mount(2), umount(2), the text of /proc/mounts.
 */
#pragma once

#include "operation.h"

/* Start (or go on with) mounting the first file systems. */
void mount_start(struct vfs_state *vfs);
int64_t mount_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t unmount_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t start_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
