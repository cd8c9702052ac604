/* SPDX-License-Identifier: MIT */
/*
 * The service of accepted/demo.idl, for test_code.py: handlers that record what they were given.
 * demo_handle_copy is missing on purpose: the IDL says optional.
 */
#include "demo_server.h"

#include "demo_test.h"
#include "errors.h"

#include <string.h>

#include "sys/call.h"

int demo_handle_lookup_endpoint(struct demo_state *state, struct call *call,
                                const struct demo_lookup_endpoint_request *request, struct demo_lookup_endpoint_reply *reply)
{
    (void)call;
    state->calls++;
    if (strcmp(request->label, "tty") != 0)
        return -ENOENT;
    reply->service = 9;
    reply->restarts = (uint32_t)request->cookie;
    return 0;
}

int demo_handle_publish(struct demo_state *state, struct call *call, const struct demo_publish_request *request,
                        struct demo_publish_reply *reply)
{
    state->caller = call->caller;
    state->transaction = call->transaction;
    if ((request->flags & DEMO_PUBLISH_FLAGS_INITIAL) != 0)
        return CALL_PARKED;
    reply->sequence = request->value + request->kind;
    return 0;
}

int demo_handle_touch(struct demo_state *state, struct call *call)
{
    (void)call;
    state->calls++;
    return 0;
}

int demo_handle_all_out(struct demo_state *state, struct call *call, struct demo_all_out_reply *reply)
{
    (void)state;
    (void)call;
    reply->words[5] = UINT64_MAX;
    return 0;
}

int demo_handle_small(struct demo_state *state, struct call *call, const struct demo_small_request *request,
                      struct demo_small_reply *reply)
{
    (void)state;
    (void)call;
    reply->one = request->flags == DEMO_WIDE_FLAGS_TOP && request->a == -1 && request->c == -2 && request->d == -3 &&
                 request->g == 7 && request->h == INT64_MIN;
    return 0;
}

int demo_handle_driver_up(struct demo_state *state, struct call *call, const struct demo_driver_up_request *request)
{
    (void)call;
    state->major = request->major;
    return 0;
}

int demo_handle_tick(struct demo_state *state, struct call *call)
{
    (void)call;
    state->calls += 100;
    return 0;
}
