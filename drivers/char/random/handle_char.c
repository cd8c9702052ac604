/* SPDX-License-Identifier: MIT */
/*
 * /dev/random and /dev/urandom (random(4)): the same generator, which never blocks; what is written is mixed in.
 */
#include "errors.h"
#include "generator.h"
#include "protocols/random_char_server.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

enum random_minor { MINOR_RANDOM = 8, MINOR_URANDOM = 9 };

enum { PIECE = 4096, WRITE_MAX = 65536, POLL_IN_OUT = 0x145 };

int char_handle_open(struct random_state *state, struct call *call, const struct char_open_request *request, struct char_open_reply *reply)
{
    (void)call;
    generator_refresh(state, sys_uptime());
    reply->minor = request->minor;
    return request->minor == MINOR_RANDOM || request->minor == MINOR_URANDOM ? 0 : -ENXIO;
}

int char_handle_close(struct random_state *state, struct call *call, const struct char_close_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return 0;
}

int char_handle_read(struct random_state *state, struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    uint8_t bytes[PIECE];
    while (reply->length < request->length) {
        uint64_t left = request->length - reply->length;
        uint64_t piece = left < PIECE ? left : PIECE;
        generator_read(state, bytes, piece);
        int result = sys_safecopyto(call->caller, request->buffer, reply->length, bytes, piece);
        if (result != 0) {
            return reply->length > 0 ? 0 : result;
        }
        reply->length += piece;
    }
    return 0;
}

int char_handle_write(struct random_state *state, struct call *call, const struct char_write_request *request,
                      struct char_write_reply *reply)
{
    uint8_t bytes[PIECE];
    uint64_t wanted = request->length < WRITE_MAX ? request->length : WRITE_MAX;
    while (reply->length < wanted) {
        uint64_t left = wanted - reply->length;
        uint64_t piece = left < PIECE ? left : PIECE;
        int result = sys_safecopyfrom(call->caller, request->buffer, reply->length, bytes, piece);
        if (result != 0) {
            return reply->length > 0 ? 0 : result;
        }
        generator_mix(state, bytes, piece);
        reply->length += piece;
    }
    return 0;
}

int char_handle_ioctl(struct random_state *state, struct call *call, const struct char_ioctl_request *request,
                      struct char_ioctl_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EINVAL;
}

int char_handle_poll(struct random_state *state, struct call *call, const struct char_poll_request *request, struct char_poll_reply *reply)
{
    (void)state;
    (void)call;
    reply->ready = request->events & POLL_IN_OUT;
    return 0;
}
