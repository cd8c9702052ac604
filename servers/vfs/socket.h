/* SPDX-License-Identifier: MIT */
/*
 * Local sockets (AF_UNIX, streams). A connection is two pipes; a socket that listens has a list of connections nobody has accepted yet.
 */
#pragma once

#include "operation.h"

/* Numbers of Linux. */
enum { AF_UNIX = 1, SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_SEQPACKET = 5, SOCK_TYPE_MASK = 0xf };
enum { MSG_PEEK = 2, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000 };

enum { SOCKADDR_UN_BYTES = 110 };

/* The pipe that a read or write of this file goes to; 0: a socket that is not connected. */
uint32_t file_pipe(const struct vfs_state *vfs, const struct file *file, bool write);
void socket_close(struct vfs_state *vfs, uint32_t socket);
uint32_t socket_poll(const struct vfs_state *vfs, const struct file *file);

int64_t accept_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t bind_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
int64_t connect_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
