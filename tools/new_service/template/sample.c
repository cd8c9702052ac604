/* SPDX-License-Identifier: MIT */
/*
 * The device: what is written is counted, a read tells the count. Each handler is a transaction: if it crashes, the state is what it was before.
 */
#include "base/format.h"
#include "errors.h"
#include "protocols/sample_char_server.h"
#include "state.h"
#include "sys/call.h"
#include "sys/grant.h"

enum { LINE_MAX = 80, PIECE = 256, LINES_MAX = 1000000000 };

int char_handle_open(struct sample_state *state, struct call *call, const struct char_open_request *request, struct char_open_reply *reply)
{
    (void)state;
    (void)call;
    reply->minor = request->minor;
    return 0;
}

int char_handle_close(struct sample_state *state, struct call *call, const struct char_close_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return 0;
}

int char_handle_read(struct sample_state *state, struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    char text[LINE_MAX];
    uint64_t length = (uint64_t)format_string(text, sizeof(text), "%u lines\n", state->lines);

    if (request->position >= length)
        return 0;
    length -= request->position;
    if (length > request->length)
        length = request->length;
    reply->length = length;
    return sys_safecopyto(call->caller, request->buffer, 0, text + request->position, length);
}

int char_handle_write(struct sample_state *state, struct call *call, const struct char_write_request *request,
                      struct char_write_reply *reply)
{
    char text[PIECE];
    uint64_t length = request->length < PIECE ? request->length : PIECE;
    int result = sys_safecopyfrom(call->caller, request->buffer, 0, text, length);

    if (result != 0)
        return result;
    if (state->lines > LINES_MAX)
        return -ENOSPC;

    /* Cannot fail from here on. */
    for (uint64_t i = 0; i < length; i++)
        state->lines += text[i] == '\n';
    reply->length = length;
    return 0;
}

int char_handle_poll(struct sample_state *state, struct call *call, const struct char_poll_request *request, struct char_poll_reply *reply)
{
    (void)state;
    (void)call;
    reply->ready = request->events;
    return 0;
}

const char *sample_state_check(const void *opaque)
{
    const struct sample_state *state = opaque;

    return state->lines <= LINES_MAX + PIECE ? NULL : "more lines than there can be";
}
