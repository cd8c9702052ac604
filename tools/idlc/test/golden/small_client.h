/* SPDX-License-Identifier: MIT */
/* Generated from tools/idlc/test/accepted/small.idl; do not edit. */

/* Client half of protocol small.
 * small_call_* wait for the reply; small_send_* and small_reply_* put a
 * message into an outbox and return at once. A reply may be NULL if status is not 0. */

#pragma once

#include "small.h"

struct outbox;

/* Look a label up.
 * call lookup: allow vfs, pm; idempotent; errors ENOENT. */
int small_call_lookup(endpoint_t server, const struct small_lookup_request *request, struct small_lookup_reply *reply);
void small_send_lookup(struct outbox *outbox, endpoint_t destination, uint32_t transaction, const struct small_lookup_request *request);
void small_reply_lookup(struct outbox *outbox, endpoint_t caller, uint32_t transaction, int status, const struct small_lookup_reply *reply);

/* call forget: allow system; errors ESRVRESTART. */
int small_call_forget(endpoint_t server, const struct small_forget_request *request);
void small_send_forget(struct outbox *outbox, endpoint_t destination, uint32_t transaction, const struct small_forget_request *request);
void small_reply_forget(struct outbox *outbox, endpoint_t caller, uint32_t transaction, int status);

/* event gone: allow any. */
void small_send_gone(struct outbox *outbox, endpoint_t destination, uint32_t transaction, const struct small_gone_request *request);
