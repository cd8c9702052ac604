/* SPDX-License-Identifier: MIT */
/*
 * One request being handled: what generated dispatchers and handlers see. Valid only until the handler returns; to answer later,
 * store caller, type and transaction in the state and return CALL_PARKED.
 */
#pragma once

#include <stdbool.h>

#include "message.h"
#include "sys/outbox.h"
#include "sys/stores.h"

/* A number that no other result is by accident: what a handler that went wrong returns must not pass for a record that somebody keeps. */
enum { CALL_PARKED = 0x7061726b, CALL_ERROR_MAX = 4095 };

struct call {
    const struct message *request;
    struct message *reply NOT_STATE; /* in the journal; zeroed, type and transaction set by the loop */
    endpoint_t caller;
    uint32_t type;
    uint32_t transaction;
    uint32_t receive_status; /* enum ipc_status */
    struct outbox *outbox;
};

enum call_allow { CALL_ALLOW_ANY, CALL_ALLOW_SYSTEM, CALL_ALLOW_LABELS };

/* May this caller make the call? SYSTEM: any service (not a user thread). LABELS: a NULL-terminated list of service labels. */
bool call_is_allowed(const struct call *call, enum call_allow kind, const char *const *labels);

/* Linux calls: argument 0..5 and the result; a handler returns 0 after call_result, or a negative Linux error, or CALL_PARKED. */
static inline uint64_t linux_argument(const struct call *call, int index)
{
    return call->request->word[index];
}

static inline void call_result(struct call *call, int64_t result)
{
    call->reply->word[0] = (uint64_t)result;
}
