/* SPDX-License-Identifier: MIT */
/*
 * Requests of other services that end in an answer of their own: exec_open for PM, mmap_file for VM, describe for procfs.
 */
#pragma once

#include "operation.h"

void exec_open_answer(struct vfs_state *vfs, struct operation *op, int64_t result);
void mmap_file_answer(struct vfs_state *vfs, struct operation *op, int64_t result);
void describe_answer(struct vfs_state *vfs, struct operation *op, int64_t result);
void executable_release(struct vfs_state *vfs, uint32_t vnode);

int64_t exec_open_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t console_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t mmap_file_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t describe_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
