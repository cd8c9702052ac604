/* SPDX-License-Identifier: MIT */
/* Generated from tools/idlc/test/accepted/small.idl; do not edit. */

/* Client half of protocol small: small_client.h says what each function does. */

#include "small_client.h"

#include "errors.h"
#include "sys/ipc.h"
#include "sys/outbox.h"

enum { SERVER_RESTART_RETRIES = 8 };

/* One exchange. A server that died and one that came back look the same to the caller. */
static int exchange(endpoint_t server, struct message *message)
{
    int result = ipc_sendrec(server, message);

    if (result == 0)
        result = message->status;
    return result == -EDEADSRCDST ? -ESRVRESTART : result;
}

/* For idempotent calls: the same exchange again if the server was restarted meanwhile. */
static int exchange_again(endpoint_t server, struct message *message)
{
    const struct message request = *message;
    int result = exchange(server, message);

    for (int i = 1; i < SERVER_RESTART_RETRIES && result == -ESRVRESTART; i++) {
        *message = request;
        result = exchange(server, message);
    }
    return result;
}

int small_call_lookup(endpoint_t server, const struct small_lookup_request *request, struct small_lookup_reply *reply)
{
    struct message message = { .type = SMALL_LOOKUP };
    int result;

    small_lookup_request_put(&message, request);
    result = exchange_again(server, &message);
    if (result == 0)
        small_lookup_reply_get(&message, reply);
    return result;
}

void small_send_lookup(struct outbox *outbox, endpoint_t destination, uint32_t transaction, const struct small_lookup_request *request)
{
    struct message message = { .type = SMALL_LOOKUP, .transaction = transaction };

    small_lookup_request_put(&message, request);
    outbox_add(outbox, destination, &message);
}

void small_reply_lookup(struct outbox *outbox, endpoint_t caller, uint32_t transaction, int status, const struct small_lookup_reply *reply)
{
    struct message message = {
        .type = SMALL_LOOKUP | MESSAGE_REPLY, .status = status, .transaction = transaction
    };

    if (status == 0)
        small_lookup_reply_put(&message, reply);
    outbox_add(outbox, caller, &message);
}

int small_call_forget(endpoint_t server, const struct small_forget_request *request)
{
    struct message message = { .type = SMALL_FORGET };
    int result;

    small_forget_request_put(&message, request);
    result = exchange(server, &message);
    return result;
}

void small_send_forget(struct outbox *outbox, endpoint_t destination, uint32_t transaction, const struct small_forget_request *request)
{
    struct message message = { .type = SMALL_FORGET, .transaction = transaction };

    small_forget_request_put(&message, request);
    outbox_add(outbox, destination, &message);
}

void small_reply_forget(struct outbox *outbox, endpoint_t caller, uint32_t transaction, int status)
{
    struct message message = {
        .type = SMALL_FORGET | MESSAGE_REPLY, .status = status, .transaction = transaction
    };

    outbox_add(outbox, caller, &message);
}

void small_send_gone(struct outbox *outbox, endpoint_t destination, uint32_t transaction, const struct small_gone_request *request)
{
    struct message message = { .type = SMALL_GONE, .transaction = transaction };

    small_gone_request_put(&message, request);
    outbox_add(outbox, destination, &message);
}
