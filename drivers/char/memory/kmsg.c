/* SPDX-License-Identifier: MIT */
/*
 * One line of the kernel's log is one record. Lines longer than RECORD_MAX are read in parts.
 */
#include "kmsg.h"

#include "base/string.h"
#include "errors.h"
#include "kernel_client.h"
#include "record.h"
#include "sys/grant.h"

enum { RECORD_MAX = 1024, RECORD_PREFIX_MAX = 64 };

/* Up to `room` bytes of the log from *position on (moved up to the oldest byte there is). */
static int64_t read_log(uint64_t *position, char *to, size_t room)
{
    struct kernel_getinfo_request request = {
        .what = KERNEL_INFO_LOG,
        .address = (uint64_t)(uintptr_t)to,
        .length = room,
        .argument = *position,
    };
    struct kernel_getinfo_reply reply;
    int status = kernel_call_getinfo(ENDPOINT_SYSTEM, &request, &reply);

    if (status != 0)
        return status;
    *position = reply.position - reply.length_bytes;
    return (int64_t)reply.length_bytes;
}

int kmsg_read(const struct kmsg_buffer *buffer, uint64_t position, uint64_t *length, uint64_t *next)
{
    char line[RECORD_MAX];
    char record[RECORD_MAX + RECORD_PREFIX_MAX];
    int64_t count = read_log(&position, line, sizeof(line));
    const char *end;
    size_t used, size;

    if (count < 0)
        return (int)count;
    if (count == 0)
        return -EAGAIN;
    end = memchr(line, '\n', (size_t)count);
    used = end != NULL ? (size_t)(end - line) : (size_t)count;
    size = record_format(record, sizeof(record), line, used, position);
    if (size > buffer->length)
        return -EINVAL;
    *length = size;
    *next = position + used + (end != NULL);
    return sys_safecopyto(buffer->granter, buffer->grant, 0, record, size);
}

int kmsg_write(const struct kmsg_buffer *buffer)
{
    char text[RECORD_MAX];
    struct kernel_log_request request;
    size_t taken;
    int status;

    if (buffer->length > sizeof(text))
        return -EINVAL;
    status = sys_safecopyfrom(buffer->granter, buffer->grant, 0, text, buffer->length);
    if (status != 0)
        return status;
    request.level = record_level(text, buffer->length, &taken);
    request.text = (uint64_t)(uintptr_t)(text + taken);
    request.length = (uint32_t)(buffer->length - taken);
    return request.length == 0 ? 0 : kernel_call_log(ENDPOINT_SYSTEM, &request);
}
