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

/* 0, or PENDING: a long call has the file's contents, and the operation begins again when that ends. */
int64_t io_wait_if_busy(struct vfs_state *vfs, struct operation *op, uint32_t file);
/* The operation on the contents of file[0] goes on at `step` when others have had their turn, but for those who want the same file. PENDING. */
int64_t io_next_turn(struct vfs_state *vfs, struct operation *op, uint16_t step);
/* The end of an operation with is_long. */
void io_end_long(struct vfs_state *vfs, struct operation *op);

/* send and recv: as write and read, with MSG_ flags. */
int io_message(struct vfs_state *vfs, struct call *call, bool write, uint64_t address, uint64_t length, bool is_vector, uint32_t flags);
