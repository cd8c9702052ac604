/* SPDX-License-Identifier: MIT */
/*
 * read, write and their vector and positional forms, sendfile, lseek.
 */
#pragma once

#include "operation.h"

int64_t read_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t write_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t sendfile_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t allocate_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);

/* send and recv: as write and read, with MSG_ flags. */
int io_message(struct vfs_state *vfs, struct call *call, bool write, uint64_t address, uint64_t length, bool is_vector, uint32_t flags);
