/* SPDX-License-Identifier: MIT */
/*
 * What main needs of the Linux calls: the reply of VFS to a parked mmap.
 */
#pragma once

struct message;
struct outbox;

void mmap_handle_reply(void *state, const struct message *reply, struct outbox *outbox);
