/* SPDX-License-Identifier: MIT */
/* Generated from tools/idlc/test/accepted/small.idl; do not edit. */

/* The smallest protocol with a bit of everything; its C is compared with test/golden/. */

#pragma once

#include "message.h"

#include <stddef.h>
#include <stdint.h>

enum { SMALL_PROTOCOL = 1001 };

/* CRC32 of the wire layout, exchanged when a service registers or is updated. */
#define SMALL_ABI_HASH 0x04005bb4u

enum small_kind {
    SMALL_KIND_U32 = 1,
    SMALL_KIND_STR = 2,
};

/* Message types; a reply has MESSAGE_REPLY set in addition. */
enum small_type {
    SMALL_LOOKUP = 1001 << 16 | 2,
    SMALL_FORGET = 1001 << 16 | 3,
    SMALL_GONE = 1001 << 16 | 4,
};

/* Look a label up.
 * call lookup: allow vfs, pm; idempotent; errors ENOENT. */
struct small_lookup_request {
    char label[16];  /* NUL-terminated */
};
_Static_assert(sizeof(struct small_lookup_request) == 16, "small_lookup_request: size");
_Static_assert(offsetof(struct small_lookup_request, label) == 0, "small_lookup_request: label");

static inline void small_lookup_request_put(struct message *message, const struct small_lookup_request *request)
{
    __builtin_memcpy(message->payload, request, sizeof(*request));
}

static inline void small_lookup_request_get(const struct message *message, struct small_lookup_request *request)
{
    __builtin_memcpy(request, message->payload, sizeof(*request));
}

struct small_lookup_reply {
    endpoint_t service;
    uint32_t kind;  /* enum kind */
};
_Static_assert(sizeof(struct small_lookup_reply) == 8, "small_lookup_reply: size");
_Static_assert(offsetof(struct small_lookup_reply, service) == 0, "small_lookup_reply: service");
_Static_assert(offsetof(struct small_lookup_reply, kind) == 4, "small_lookup_reply: kind");

static inline void small_lookup_reply_put(struct message *message, const struct small_lookup_reply *reply)
{
    __builtin_memcpy(message->payload, reply, sizeof(*reply));
}

static inline void small_lookup_reply_get(const struct message *message, struct small_lookup_reply *reply)
{
    __builtin_memcpy(reply, message->payload, sizeof(*reply));
}

/* call forget: allow system; errors ESRVRESTART. */
struct small_forget_request {
    uint64_t id;
};
_Static_assert(sizeof(struct small_forget_request) == 8, "small_forget_request: size");
_Static_assert(offsetof(struct small_forget_request, id) == 0, "small_forget_request: id");

static inline void small_forget_request_put(struct message *message, const struct small_forget_request *request)
{
    __builtin_memcpy(message->payload, request, sizeof(*request));
}

static inline void small_forget_request_get(const struct message *message, struct small_forget_request *request)
{
    __builtin_memcpy(request, message->payload, sizeof(*request));
}

/* event gone: allow any. */
struct small_gone_request {
    endpoint_t service;
};
_Static_assert(sizeof(struct small_gone_request) == 4, "small_gone_request: size");
_Static_assert(offsetof(struct small_gone_request, service) == 0, "small_gone_request: service");

static inline void small_gone_request_put(struct message *message, const struct small_gone_request *request)
{
    __builtin_memcpy(message->payload, request, sizeof(*request));
}

static inline void small_gone_request_get(const struct message *message, struct small_gone_request *request)
{
    __builtin_memcpy(request, message->payload, sizeof(*request));
}
