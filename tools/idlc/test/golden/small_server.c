/* SPDX-License-Identifier: MIT */
/* Generated from tools/idlc/test/accepted/small.idl; do not edit. */

/* Server half of protocol small for the service small: the dispatcher. */

#include "small_server.h"

#include "errors.h"
#include "sys/call.h"

#include <stdbool.h>
#include <stddef.h>

/* Handlers treat text as C strings, so a text without an end never reaches them. */
static bool is_terminated(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0')
            return true;
    }
    return false;
}

static int dispatch_lookup(struct small_state *state, struct call *call)
{
    static const char *const allowed[] = { "vfs", "pm", NULL };
    struct small_lookup_request request;
    struct small_lookup_reply reply = {0};
    int status;

    if (!call_is_allowed(call, CALL_ALLOW_LABELS, allowed))
        return -ECALLDENIED;
    small_lookup_request_get(call->request, &request);
    if (!is_terminated(request.label, sizeof(request.label)))
        return -EBADREQUEST;
    status = small_handle_lookup(state, call, &request, &reply);
    if (status == 0)
        small_lookup_reply_put(call->reply, &reply);
    return status;
}

static int dispatch_forget(struct small_state *state, struct call *call)
{
    struct small_forget_request request;

    if (!call_is_allowed(call, CALL_ALLOW_SYSTEM, NULL))
        return -ECALLDENIED;
    small_forget_request_get(call->request, &request);
    return small_handle_forget(state, call, &request);
}

static int dispatch_gone(struct small_state *state, struct call *call)
{
    struct small_gone_request request;

    if (!call_is_allowed(call, CALL_ALLOW_ANY, NULL))
        return -ECALLDENIED;
    small_gone_request_get(call->request, &request);
    return small_handle_gone(state, call, &request);
}

int small_dispatch(void *state, struct call *call)
{
    switch (call->request->type) {
    case SMALL_LOOKUP:
        return dispatch_lookup(state, call);
    case SMALL_FORGET:
        return dispatch_forget(state, call);
    case SMALL_GONE:
        (void)dispatch_gone(state, call);
        return -EDONTREPLY;
    default:
        return -ENOSYS;
    }
}
