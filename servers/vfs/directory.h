/* SPDX-License-Identifier: MIT */
/*
 * Calls that change directories or read them: mkdir, mknod, symlink, link, unlink, rmdir, rename, getdents, readlink.
 */
#pragma once

#include "operation.h"

int64_t make_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t remove_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t rename_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t link_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t readlink_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t getdents_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);

/* Group of a new node: the directory's if that is set-gid. */
uint32_t directory_new_gid(const struct process *process, uint32_t directory);
/* Its times and link count are the server's: ask again. */
void directory_changed(uint32_t directory);
