/* SPDX-License-Identifier: MIT */
/*
 * epoll: items watch their files; those that may be ready stand in a list that epoll_wait looks through.
 */
#pragma once

#include "operation.h"

void epoll_file_closed(struct vfs_state *vfs, uint32_t file);
void epoll_close(struct vfs_state *vfs, uint32_t epoll);
void epoll_item_ready(struct vfs_state *vfs, uint32_t item);
uint32_t epoll_poll(const struct vfs_state *vfs, uint32_t epoll);
int64_t epoll_wait_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
