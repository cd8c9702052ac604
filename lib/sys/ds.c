/* SPDX-License-Identifier: MIT */
/*
 * Calls of DS: keys and data go by grants that live as long as the call.
 */
#include "sys/ds.h"

#include "base/string.h"
#include "errors.h"
#include "protocols/ds_client.h"
#include "sys/grant.h"

static grant_t grant_to_ds(const void *address, size_t length, uint32_t rights)
{
    return length == 0 ? 0 : cpf_grant_direct(ENDPOINT_DS, address, length, rights);
}

static void revoke(grant_t grant, size_t length)
{
    if (length != 0 && grant >= 0)
        (void)cpf_revoke(grant);
}

static int publish(const char *key, uint32_t flags, uint32_t value, const void *data, size_t length)
{
    struct ds_publish_request request = {
        .key_length = (uint32_t)strlen(key) + 1,
        .flags = flags,
        .value = value,
        .data_length = (uint32_t)length,
    };
    int result = -ENOSPC;

    request.key = grant_to_ds(key, request.key_length, GRANT_READ);
    request.data = grant_to_ds(data, length, GRANT_READ);
    if (request.key >= 0 && request.data >= 0)
        result = ds_call_publish(ENDPOINT_DS, &request);
    revoke(request.key, request.key_length);
    revoke(request.data, length);
    return result;
}

static int retrieve(const char *key, uint32_t flags, void *data, size_t room, struct ds_retrieve_reply *reply)
{
    struct ds_retrieve_request request = {
        .key_length = (uint32_t)strlen(key) + 1,
        .flags = flags,
        .data_room = (uint32_t)room,
    };
    int result = -ENOSPC;

    request.key = grant_to_ds(key, request.key_length, GRANT_READ);
    request.data = grant_to_ds(data, room, GRANT_WRITE);
    if (request.key >= 0 && request.data >= 0)
        result = ds_call_retrieve(ENDPOINT_DS, &request, reply);
    revoke(request.key, request.key_length);
    revoke(request.data, room);
    return result;
}

static int delete (const char *key, uint32_t flags)
{
    struct ds_delete_request request = { .key_length = (uint32_t)strlen(key) + 1, .flags = flags };
    int result = -ENOSPC;

    request.key = grant_to_ds(key, request.key_length, GRANT_READ);
    if (request.key >= 0)
        result = ds_call_delete(ENDPOINT_DS, &request);
    revoke(request.key, request.key_length);
    return result;
}

int ds_publish_u32(const char *key, uint32_t value, uint32_t flags)
{
    return publish(key, flags | DS_FLAGS_U32, value, NULL, 0);
}

int ds_publish_str(const char *key, const char *text, uint32_t flags)
{
    return publish(key, flags | DS_FLAGS_STR, 0, text, strlen(text));
}

int ds_publish_mem(const char *key, const void *data, size_t length, uint32_t flags)
{
    return publish(key, flags | DS_FLAGS_MEM, 0, data, length);
}

int ds_retrieve_u32(const char *key, uint32_t *value)
{
    struct ds_retrieve_reply reply;
    int result = retrieve(key, DS_FLAGS_U32, NULL, 0, &reply);

    if (result == 0)
        *value = reply.value;
    return result;
}

int ds_retrieve_str(const char *key, char *text, size_t room)
{
    struct ds_retrieve_reply reply;
    int result = room == 0 ? -EINVAL : retrieve(key, DS_FLAGS_STR, text, room, &reply);

    if (result == 0)
        text[reply.length < room ? reply.length : room - 1] = '\0';
    return result;
}

int ds_retrieve_mem(const char *key, void *data, size_t *length)
{
    struct ds_retrieve_reply reply;
    int result = retrieve(key, DS_FLAGS_MEM, data, *length, &reply);

    if (result == 0)
        *length = reply.length;
    return result;
}

int ds_delete_u32(const char *key)
{
    return delete (key, DS_FLAGS_U32);
}

int ds_delete_str(const char *key)
{
    return delete (key, DS_FLAGS_STR);
}

int ds_delete_mem(const char *key)
{
    return delete (key, DS_FLAGS_MEM);
}

int ds_retrieve_label_endpt(const char *label, endpoint_t *service)
{
    struct ds_retrieve_label_request request = { 0 };
    struct ds_retrieve_label_reply reply;
    int result;

    string_copy(request.label, sizeof(request.label), label);
    result = ds_call_retrieve_label(ENDPOINT_DS, &request, &reply);
    if (result == 0)
        *service = reply.service;
    return result;
}

int ds_retrieve_label_name(endpoint_t service, char label[DS_LABEL_MAX])
{
    struct ds_retrieve_name_request request = { .service = service };
    struct ds_retrieve_name_reply reply;
    int result = ds_call_retrieve_name(ENDPOINT_DS, &request, &reply);

    if (result == 0)
        string_copy(label, DS_LABEL_MAX, reply.label);
    return result;
}

int ds_subscribe(const char *regex, uint32_t flags)
{
    struct ds_subscribe_request request = { .regex_length = (uint32_t)strlen(regex) + 1, .flags = flags };
    int result = -ENOSPC;

    request.regex = grant_to_ds(regex, request.regex_length, GRANT_READ);
    if (request.regex >= 0)
        result = ds_call_subscribe(ENDPOINT_DS, &request);
    revoke(request.regex, request.regex_length);
    return result;
}

int ds_check(char *key, size_t room, uint32_t *type, endpoint_t *owner)
{
    struct ds_check_request request = { .key_room = (uint32_t)room };
    struct ds_check_reply reply;
    int result = -ENOSPC;

    request.key = grant_to_ds(key, room, GRANT_WRITE);
    if (request.key >= 0)
        result = ds_call_check(ENDPOINT_DS, &request, &reply);
    revoke(request.key, room);
    if (result != 0)
        return result;
    if (type != NULL)
        *type = reply.type;
    if (owner != NULL)
        *owner = reply.owner;
    return 0;
}
