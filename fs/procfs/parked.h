/* SPDX-License-Identifier: MIT */
/*
 * Calls of VFS that wait for an answer: of VFS about descriptors and working directories, of RS about services (service.h). Never synchronous: VFS may be
 * asking us at the same time, and RS waits for nobody and may be the one that is dead.
 */
#pragma once

#include "state.h"
#include "sys/call.h"

/* Park `call` and ask vfs.describe about a process; `what` as in vfs.idl. CALL_PARKED or an error. user_grant: where a link text goes. */
int parked_ask(struct procfs_state *state, struct call *call, enum parked_step step, uint32_t inode, uint32_t what, grant_t user_grant,
               uint32_t room);
/* A record for `call`, whose text `grantee` may fill: 0, -ENOMEM or what the grant says. *transaction: for the request about it. */
int parked_make(struct procfs_state *state, const struct call *call, enum parked_step step, endpoint_t grantee, struct parked **made,
                uint32_t *transaction);
/* A reply of VFS or RS. */
void parked_reply(struct procfs_state *state, const struct message *message, struct outbox *outbox);
