/* SPDX-License-Identifier: MIT */
/*
 * null(4), zero(4), full(4) and the write side of the kernel log: stateless devices, each request is answered at once.
 */
#include <stdbool.h>

#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/memory_char_server.h"
#include "state.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

enum memory_minor { MINOR_NULL = 3, MINOR_ZERO = 5, MINOR_FULL = 7, MINOR_KMSG = 11 };

enum { ZERO_BYTES = 65536, LOG_LINE_MAX = 1000, LOG_READ_BYTES = 4096, LEVEL_MASK = 7, LEVEL_NOTICE = 5, POLL_IN_OUT = 0x145 };

static const char zeros[ZERO_BYTES];

static bool minor_is_known(uint32_t minor)
{
    return minor == MINOR_NULL || minor == MINOR_ZERO || minor == MINOR_FULL || minor == MINOR_KMSG;
}

int char_handle_open(struct memory_state *state, struct call *call, const struct char_open_request *request, struct char_open_reply *reply)
{
    (void)state;
    (void)call;
    reply->minor = request->minor;
    return minor_is_known(request->minor) ? 0 : -ENXIO;
}

int char_handle_close(struct memory_state *state, struct call *call, const struct char_close_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return 0;
}

static int read_zeros(const struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    while (reply->length < request->length) {
        uint64_t left = request->length - reply->length;
        uint64_t piece = left < ZERO_BYTES ? left : ZERO_BYTES;
        int result = sys_safecopyto(call->caller, request->buffer, reply->length, zeros, piece);
        if (result != 0) {
            return reply->length > 0 ? 0 : result;
        }
        reply->length += piece;
    }
    return 0;
}

/* Text of the kernel log from the position on; end of file where it ends. */
static int read_log(const struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    char text[LOG_READ_BYTES];
    struct kernel_getinfo_request info = {
        .what = KERNEL_INFO_LOG,
        .address = (uintptr_t)text,
        .length = request->length < sizeof(text) ? request->length : sizeof(text),
        .argument = request->position,
    };
    struct kernel_getinfo_reply got;
    int result = kernel_call_getinfo(ENDPOINT_SYSTEM, &info, &got);
    if (result != 0 || got.length_bytes == 0) {
        return result;
    }
    reply->length = got.length_bytes;
    return sys_safecopyto(call->caller, request->buffer, 0, text, got.length_bytes);
}

int char_handle_read(struct memory_state *state, struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    state->requests++;
    switch (request->minor) {
    case MINOR_NULL:
        return 0;
    case MINOR_ZERO:
    case MINOR_FULL:
        return read_zeros(call, request, reply);
    case MINOR_KMSG:
        return read_log(call, request, reply);
    default:
        return -ENXIO;
    }
}

/* A line may begin with <priority>; its low three bits are the level (syslog(3)). Returns the length of the prefix. */
static uint32_t parse_level(const char *text, uint32_t length, uint32_t *level)
{
    uint32_t number = 0;
    uint32_t at = 1;
    *level = LEVEL_NOTICE;
    if (length < 3 || text[0] != '<') {
        return 0;
    }
    while (at < length && text[at] >= '0' && text[at] <= '9' && at < 5) {
        number = number * 10 + (uint32_t)(text[at] - '0');
        at++;
    }
    if (at == 1 || at == length || text[at] != '>') {
        return 0;
    }
    *level = number & LEVEL_MASK;
    return at + 1;
}

static int write_log(const struct call *call, const struct char_write_request *request, struct char_write_reply *reply)
{
    char line[LOG_LINE_MAX];
    uint32_t level;
    uint32_t length = request->length < sizeof(line) ? (uint32_t)request->length : (uint32_t)sizeof(line);
    int result = sys_safecopyfrom(call->caller, request->buffer, 0, line, length);
    if (result != 0) {
        return result;
    }
    uint32_t skip = parse_level(line, length, &level);
    uint32_t end = length;
    while (end > skip && line[end - 1] == '\n') {
        end--;
    }
    struct kernel_log_request log = {.level = level, .length = end - skip, .text = (uintptr_t)(line + skip)};
    result = kernel_call_log(ENDPOINT_SYSTEM, &log);
    reply->length = request->length;
    return result;
}

int char_handle_write(struct memory_state *state, struct call *call, const struct char_write_request *request, struct char_write_reply *reply)
{
    state->requests++;
    switch (request->minor) {
    case MINOR_NULL:
    case MINOR_ZERO:
        reply->length = request->length;
        return 0;
    case MINOR_FULL:
        return -ENOSPC;
    case MINOR_KMSG:
        return write_log(call, request, reply);
    default:
        return -ENXIO;
    }
}

int char_handle_ioctl(struct memory_state *state, struct call *call, const struct char_ioctl_request *request, struct char_ioctl_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -ENOTTY;
}

int char_handle_poll(struct memory_state *state, struct call *call, const struct char_poll_request *request, struct char_poll_reply *reply)
{
    (void)state;
    (void)call;
    reply->ready = request->events & POLL_IN_OUT;
    return 0;
}

int char_handle_cancel(struct memory_state *state, struct call *call, const struct char_cancel_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return 0; /* nothing ever waits here */
}

int char_handle_session_end(struct memory_state *state, struct call *call, const struct char_session_end_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return 0;
}
