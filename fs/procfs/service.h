/* SPDX-License-Identifier: MIT */
/*
 * /proc/service: one file for each service. RS is asked each time, asynchronously; while it is away the reader waits for its successor.
 */
#pragma once

#include "state.h"
#include "sys/call.h"

/* Each parks the call: CALL_PARKED, or an error. */
int service_lookup(struct procfs_state *state, struct call *call, const char *name);
int service_list(struct procfs_state *state, struct call *call, const struct fs_getdents_request *request);
int service_read(struct procfs_state *state, struct call *call, const struct fs_read_request *request);
/* RS has answered. */
void service_reply(struct parked *parked, const struct message *message, struct outbox *outbox);
