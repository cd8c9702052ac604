/* SPDX-License-Identifier: MIT */
/* Generated from tools/idlc/test/accepted/small.idl; do not edit. */

/* Server half of protocol small for the service small.
 * The service defines every small_handle_*: return 0, a negative error, or CALL_PARKED.
 * Replies are zeroed before; text in requests is NUL-terminated. */

#pragma once

#include "sys/stores.h"

#include "small.h"

struct call;
struct small_state;

/* Handles one message of protocol small; -ENOSYS if the operation is unknown. */
int small_dispatch(void *state, struct call *call);  /* state: struct small_state */

/* Look a label up.
 * call lookup: allow vfs, pm; idempotent; errors ENOENT. */
CALLERS_OWN(4)
int small_handle_lookup(struct small_state *state, struct call *call, const struct small_lookup_request *request, struct small_lookup_reply *reply);

/* call forget: allow system; errors ESRVRESTART. */
int small_handle_forget(struct small_state *state, struct call *call, const struct small_forget_request *request);

/* event gone: allow any. */
int small_handle_gone(struct small_state *state, struct call *call, const struct small_gone_request *request);
