/* SPDX-License-Identifier: MIT */
/*
 * Building texts, and what both kinds of files share.
 */
#include "text.h"

#include <stdarg.h>

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/pm_client.h"
#include "protocols/vfs_client.h"
#include "sys/grant.h"

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    size_t room = text->room - text->length;
    va_start(arguments, format);
    int length = format_list(text->bytes + text->length, room, format, arguments);
    va_end(arguments);
    if (length > 0 && room > 0) {
        text->length += (size_t)length < room ? (size_t)length : room - 1;
    }
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    size_t room = text->room - text->length;
    size_t count = length < room ? length : room;
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
}

int process_info_get(uint32_t pid, struct pm_process_info *info)
{
    grant_t grant = cpf_grant_direct(ENDPOINT_PM, info, sizeof(*info), GRANT_WRITE);
    if (grant < 0) {
        return grant;
    }
    struct pm_process_info_request request = { .pid = pid, .info = grant };
    int result = pm_call_process_info(ENDPOINT_PM, &request);
    cpf_revoke(grant);
    return result;
}

int names_get(struct pm_names *names)
{
    struct pm_names_request request = { .names = cpf_grant_direct(ENDPOINT_PM, names, sizeof(*names), GRANT_WRITE) };
    int result;

    if (request.names < 0)
        return request.names;
    result = pm_call_names(ENDPOINT_PM, &request);
    cpf_revoke(request.names);
    return result;
}

int mounts_text(struct text *text)
{
    size_t room = text->room - text->length;
    grant_t grant = cpf_grant_direct(ENDPOINT_VFS, text->bytes + text->length, room, GRANT_WRITE);
    if (grant < 0) {
        return grant;
    }
    struct vfs_mounts_request request = { .text = grant, .room = (uint32_t)room };
    struct vfs_mounts_reply reply;
    int result = vfs_call_mounts(ENDPOINT_VFS, &request, &reply);
    cpf_revoke(grant);
    if (result == 0) {
        text->length += reply.length;
    }
    return result;
}
