/* SPDX-License-Identifier: MIT */
/*
 * Calls of VFS that wait for an answer of VFS: descriptors, working directories. Never synchronous: VFS may be asking us at the same time.
 */
#pragma once

#include "state.h"
#include "sys/call.h"

/* Park `call` and ask vfs.describe about a process; `what` as in vfs.idl. CALL_PARKED or an error. user_grant: where a link text goes. */
int parked_ask(struct procfs_state *state, struct call *call, enum parked_step step, uint32_t inode, uint32_t what, grant_t user_grant,
               uint32_t room);
/* A reply of VFS. */
void parked_reply(struct procfs_state *state, const struct message *message, struct outbox *outbox);
