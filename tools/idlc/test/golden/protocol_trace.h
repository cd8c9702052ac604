/* SPDX-License-Identifier: MIT */
/* Generated from tools/idlc/emit_trace.py; do not edit. */

/* Tables that say what a message means: see protocol_names.c for the lookups. */

#pragma once

#include <stdint.h>

/* How to print a field; a count above 1 means an array of elements. */
enum trace_kind {
    TRACE_U8,
    TRACE_U16,
    TRACE_U32,
    TRACE_U64,
    TRACE_I8,
    TRACE_I16,
    TRACE_I32,
    TRACE_I64,
    TRACE_TEXT,
    TRACE_BYTES,
    TRACE_ENDPOINT,
    TRACE_GRANT,
    TRACE_ADDRESS,
    TRACE_PHYSICAL,
    TRACE_LENGTH,
    TRACE_ENUM,
    TRACE_FLAGS,
};

enum trace_operation_kind {
    TRACE_CALL,
    TRACE_EVENT,
    TRACE_NOTIFY,
};

/* A value of an enum field, or a bit of a flags field. */
struct trace_value {
    const char *name;
    uint64_t value;
};

struct trace_field {
    const char *name;
    const struct trace_value *values;   /* of enum and flags; NULL otherwise */
    uint8_t offset;                     /* in the payload */
    uint8_t size;                       /* of the whole field in bytes */
    uint8_t count;                      /* elements; 1 for a scalar */
    uint8_t kind;                       /* enum trace_kind */
    uint32_t value_count;
};

struct trace_operation {
    const char *name;
    const struct trace_field *request;
    const struct trace_field *reply;
    uint32_t type;                      /* of the request message */
    uint8_t kind;                       /* enum trace_operation_kind */
    uint8_t request_count;
    uint8_t reply_count;
    uint8_t is_idempotent;
};

struct protocol_trace {
    const char *name;
    const struct trace_operation *operations;
    uint32_t number;
    uint32_t operation_count;
};

extern const struct protocol_trace *const protocol_traces[];
extern const uint32_t protocol_trace_count;

/* NULL if there is no such protocol. */
const struct protocol_trace *protocol_trace_find(uint32_t number);

/* The operation of a message type; the reply bit is ignored. NULL if unknown. */
const struct trace_operation *trace_operation_find(uint32_t type);

/* Names of a message type for people; "?" if unknown. */
const char *protocol_name(uint32_t type);
const char *operation_name(uint32_t type);
