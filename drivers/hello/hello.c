/* SPDX-License-Identifier: MIT */
/*
 * The device: a read gives the greeting from the position on, a write is refused.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/hello_char_server.h"
#include "state.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/log.h"

enum { POLL_IN = 1, POLL_READ_NORMAL = 0x40 };

static const char greeting[] = "Hello, World!\n";

int char_handle_open(struct hello_state *state, struct call *call, const struct char_open_request *request, struct char_open_reply *reply)
{
    (void)call;
    if (request->minor != 0)
        return -ENXIO;
    state->opened++;
    state->open_counter++;
    log_info("opened %u times", (uint32_t)state->open_counter);
    reply->minor = request->minor;
    return 0;
}

int char_handle_close(struct hello_state *state, struct call *call, const struct char_close_request *request)
{
    (void)call;
    (void)request;
    if (state->opened > 0)
        state->opened--;
    return 0;
}

int char_handle_read(struct hello_state *state, struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    uint64_t length = sizeof(greeting) - 1;

    (void)state;
    if (request->position >= length)
        return 0;
    length -= request->position;
    if (length > request->length)
        length = request->length;
    reply->length = length;
    return sys_safecopyto(call->caller, request->buffer, 0, greeting + request->position, length);
}

int char_handle_write(struct hello_state *state, struct call *call, const struct char_write_request *request,
                      struct char_write_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EIO;
}

int char_handle_poll(struct hello_state *state, struct call *call, const struct char_poll_request *request, struct char_poll_reply *reply)
{
    (void)state;
    (void)call;
    reply->ready = request->events & (POLL_IN | POLL_READ_NORMAL);
    return 0;
}

const char *hello_state_check(const void *opaque)
{
    const struct hello_state *state = opaque;

    return state->opened <= state->open_counter ? NULL : "more are open than were ever opened";
}
