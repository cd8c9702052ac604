/* SPDX-License-Identifier: MIT */
/*
 * What a handler wants to say: messages queued here leave at the commit, after the handler has returned, or not at all.
 * Requests to other services go out asynchronously (a SENDA table that lives with the state); replies go to callers that wait in SENDREC.
 * A reply to an asynchronous request comes back through struct service's handle_reply, matched by its transaction.
 */
#pragma once

#include "message.h"

struct outbox;

enum { OUTBOX_ENTRIES = 1024 };

/* Queue a request or event (or the late reply to an asynchronous caller: lib/sys knows the difference by MESSAGE_REPLY in type).
 * Never blocks, never fails: a service must not queue more than outbox_room() in one handler; overflow panics the service. */
void outbox_add(struct outbox *outbox, endpoint_t destination, const struct message *message);
uint32_t outbox_room(const struct outbox *outbox);
/* Messages that nobody has received yet. */
uint32_t outbox_waiting(const struct outbox *outbox);
/* Answer a parked Linux call: result >= 0 or a negative Linux error (any 64-bit value is possible for addresses). */
void outbox_linux_reply(struct outbox *outbox, endpoint_t caller, int64_t result);
/* Answer any parked request of a protocol without a reply payload; type is the request's type. */
void outbox_reply_status(struct outbox *outbox, endpoint_t caller, uint32_t type, uint32_t transaction, int status);
/* A notification that leaves at the commit. */
void outbox_notify(struct outbox *outbox, endpoint_t destination);
/* The service's own outbox (unit tests make their own). */
struct outbox *outbox_default(void);
/* While a new version takes over, and may fail, requests to the service wait here: the one that goes on gets them. Replies and system events pass. */
void outbox_hold(struct outbox *outbox, endpoint_t destination);
void outbox_release(struct outbox *outbox, endpoint_t destination);
