/* SPDX-License-Identifier: MIT */
/*
 * The edge: requests of VFS. A read of /dev/zero is one or more copies from a block of zeros.
 */
#include "errors.h"
#include "kmsg.h"
#include "memory_char_server.h"
#include "state.h"
#include "sys/call.h"
#include "sys/grant.h"

enum { ZEROS = 16384, POLL_ANY = 1 | 4 | 0x40 | 0x100 };

static const uint8_t zeros[ZEROS];

static bool is_known(uint32_t minor)
{
    return minor == MINOR_NULL || minor == MINOR_ZERO || minor == MINOR_FULL || minor == MINOR_KMSG;
}

int char_handle_open(struct memory_state *state, struct call *call, const struct char_open_request *request, struct char_open_reply *reply)
{
    (void)call;
    if (!is_known(request->minor))
        return -ENXIO;
    state->opened++;
    reply->minor = request->minor;
    reply->shortcut = request->minor == MINOR_NULL   ? CHAR_SHORTCUT_NULL
                      : request->minor == MINOR_ZERO ? CHAR_SHORTCUT_ZERO
                                                     : CHAR_SHORTCUT_NONE;
    return 0;
}

int char_handle_close(struct memory_state *state, struct call *call, const struct char_close_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return 0;
}

static int read_zeros(endpoint_t granter, const struct char_read_request *request, uint64_t *length)
{
    while (*length < request->length) {
        uint64_t count = request->length - *length;
        int status;

        if (count > ZEROS)
            count = ZEROS;
        status = sys_safecopyto(granter, request->buffer, *length, zeros, count);
        if (status != 0)
            return *length > 0 ? 0 : status;
        *length += count;
    }
    return 0;
}

static int read_kmsg(endpoint_t granter, const struct char_read_request *request, struct char_read_reply *reply)
{
    struct kmsg_buffer buffer = { .granter = granter, .grant = request->buffer, .length = request->length };
    int status = kmsg_read(&buffer, request->position, &reply->length, &reply->position);

    /* The end of the log is the end of the file for those who would wait. */
    return status == -EAGAIN && !(request->flags & CHAR_OPEN_FLAGS_NONBLOCK) ? 0 : status;
}

int char_handle_read(struct memory_state *state, struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    (void)state;
    switch (request->minor) {
    case MINOR_NULL:
        return 0;
    case MINOR_ZERO:
    case MINOR_FULL:
        return read_zeros(call->caller, request, &reply->length);
    case MINOR_KMSG:
        return read_kmsg(call->caller, request, reply);
    default:
        return -ENXIO;
    }
}

int char_handle_write(struct memory_state *state, struct call *call, const struct char_write_request *request,
                      struct char_write_reply *reply)
{
    struct kmsg_buffer buffer = { .granter = call->caller, .grant = request->buffer, .length = request->length };

    (void)state;
    reply->length = request->length;
    switch (request->minor) {
    case MINOR_NULL:
    case MINOR_ZERO:
        return 0;
    case MINOR_FULL:
        return -ENOSPC;
    case MINOR_KMSG:
        return kmsg_write(&buffer);
    default:
        return -ENXIO;
    }
}

int char_handle_poll(struct memory_state *state, struct call *call, const struct char_poll_request *request, struct char_poll_reply *reply)
{
    (void)state;
    (void)call;
    reply->ready = request->events & POLL_ANY;
    return 0;
}
