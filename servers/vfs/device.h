/* SPDX-License-Identifier: MIT */
/*
 * Character devices: which driver serves a number, open devices, ioctl, and the terminal of a session (/dev/tty).
 */
#pragma once

#include "operation.h"

enum { DRIVER_RETRIES = 3 }; /* how often a request is sent again to a driver that started afresh */

/* ENDPOINT_NONE: nobody serves this device number. */
endpoint_t device_driver(const struct vfs_state *vfs, uint32_t device);
/* Steps of open(2) on a device node. start: asks the driver, PENDING or error. finish: its reply; a file, or a negative error. */
int64_t device_open_start(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint32_t flags, uint16_t next_step);
int64_t device_open_finish(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint32_t flags, const struct message *reply);
void device_close(struct vfs_state *vfs, struct file *file);
/* Closes that had to wait for room in the outbox. */
void device_close_late(struct vfs_state *vfs);
void device_drop_reply(struct operation *op, const struct message *reply);
/* Read or write one piece of the caller's memory; the reply goes to next_step. */
int64_t device_transfer(struct vfs_state *vfs, struct operation *op, uint32_t file, bool is_write, uint64_t address, uint64_t length,
                        uint64_t position, uint16_t next_step);
/* Ask for poll conditions; the reply (char_poll_reply) goes to next_step. */
int64_t device_poll(struct vfs_state *vfs, struct operation *op, uint32_t file, uint32_t events, bool is_watch, uint16_t next_step);
int64_t ioctl_run(struct vfs_state *vfs, struct operation *op, const struct message *reply);
/* A driver came back without what it knew: repeat or fail what waits for it. */
void device_driver_restarted(struct vfs_state *vfs, endpoint_t driver);
