/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs: a ring of pages that grows on demand, and queues of sleeping readers, writers and openers. Also eventfd.
 */
#pragma once

#include "operation.h"

/* Bytes read, 0: end of file, -EAGAIN: would block (nothing changed), or an error. Wakes writers. */
int64_t pipe_read(struct vfs_state *vfs, uint32_t pipe, endpoint_t process, uint64_t address, uint64_t length);
/* Bytes written, -EAGAIN: would block, -EPIPE. `whole`: all or nothing. Wakes readers. */
int64_t pipe_write(struct vfs_state *vfs, uint32_t pipe, endpoint_t process, uint64_t address, uint64_t length, bool whole);
/* A reader that waits for data the cheap way: the process remembers all there is. Only if nobody sleeps there yet. */
void pipe_sleep(struct vfs_state *vfs, uint32_t process, uint32_t file, uint64_t address, uint64_t length);
/* It wakes with this result. */
void pipe_wake(struct vfs_state *vfs, uint32_t process, int64_t result);
/* It is gone: nobody wants the result. */
void pipe_forget(struct vfs_state *vfs, uint32_t process);
uint32_t pipe_create(struct vfs_state *vfs, uint32_t vnode);
void pipe_attach(struct vfs_state *vfs, uint32_t pipe, uint32_t flags);
/* As pipe_read, but the bytes stay. */
int64_t pipe_peek(struct vfs_state *vfs, uint32_t pipe, endpoint_t process, uint64_t address, uint64_t length);
/* A reader or writer less; the pipe goes with the last one. */
void pipe_detach(struct vfs_state *vfs, uint32_t pipe, bool reads, bool writes);
void pipe_close(struct vfs_state *vfs, const struct file *file);
uint32_t pipe_poll(const struct vfs_state *vfs, const struct file *file);
int64_t pipe_size(struct vfs_state *vfs, const struct file *file, uint32_t command, uint64_t argument);
/* open(2) of a FIFO. Steps: next_step is run again after a sleep. Returns a file index, PENDING or an error. */
int64_t fifo_open(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint32_t flags, uint16_t next_step);

int64_t event_transfer(struct vfs_state *vfs, struct file *file, endpoint_t process, bool is_write, uint64_t address, uint64_t length);
uint32_t event_poll(const struct vfs_state *vfs, const struct file *file);
void event_close(struct vfs_state *vfs, uint32_t event);
