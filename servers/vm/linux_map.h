/* SPDX-License-Identifier: MIT */
/*
 * What main needs of the Linux calls: the reply of VFS to a parked mmap.
 */
#pragma once

struct message;
struct outbox;
struct waiters;

void mmap_handle_reply(void *state, const struct message *reply, struct outbox *outbox);
void mmap_mark_waiters(const void *state, struct waiters *waiters);
