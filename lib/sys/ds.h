/* SPDX-License-Identifier: MIT */
/*
 * The Data Store as C functions (behaviour.md section 19). All wait for DS, which never waits for anybody. Keys have at most 79 characters.
 * flags: enum ds_flags of protocols/ds.h. Return 0 or a negative error.
 */
#pragma once

#include <stddef.h>

#include "message.h"
#include "protocols/ds.h"

int ds_publish_u32(const char *key, uint32_t value, uint32_t flags);
int ds_publish_str(const char *key, const char *text, uint32_t flags);
int ds_publish_mem(const char *key, const void *data, size_t length, uint32_t flags);
int ds_retrieve_u32(const char *key, uint32_t *value);
/* room includes the NUL; cut if it is too small. */
int ds_retrieve_str(const char *key, char *text, size_t room);
/* *length: room before, the real length after. */
int ds_retrieve_mem(const char *key, void *data, size_t *length);
int ds_delete_u32(const char *key);
int ds_delete_str(const char *key);
int ds_delete_mem(const char *key);
int ds_retrieve_label_endpt(const char *label, endpoint_t *service);
int ds_retrieve_label_name(endpoint_t service, char label[DS_LABEL_MAX]);
/* regex: see ds.idl. Changes come as notifications from DS; then ask ds_check until -ENOENT. */
int ds_subscribe(const char *regex, uint32_t flags);
int ds_check(char *key, size_t room, uint32_t *type, endpoint_t *owner);
