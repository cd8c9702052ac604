/* SPDX-License-Identifier: MIT */
/* Generated from tools/idlc/test/accepted/small.idl; do not edit. */

/* Names and fields of protocol small. */

#include "small.h"
#include "protocol_trace.h"

#include <stddef.h>

static const struct trace_value kind_values[] = {
    { "u32", 0x1 },
    { "str", 0x2 },
};

static const struct trace_field lookup_request[] = {
    { "label", NULL, 0, 16, 16, TRACE_TEXT, 0 },
};

static const struct trace_field lookup_reply[] = {
    { "service", NULL, 0, 4, 1, TRACE_ENDPOINT, 0 },
    { "kind", kind_values, 4, 4, 1, TRACE_ENUM, 2 },
};

static const struct trace_field forget_request[] = {
    { "id", NULL, 0, 8, 1, TRACE_U64, 0 },
};

static const struct trace_field gone_request[] = {
    { "service", NULL, 0, 4, 1, TRACE_ENDPOINT, 0 },
};

static const struct trace_operation operations[] = {
    { "lookup", lookup_request, lookup_reply, SMALL_LOOKUP, TRACE_CALL, 1, 2, 1 },
    { "forget", forget_request, NULL, SMALL_FORGET, TRACE_CALL, 1, 0, 0 },
    { "gone", gone_request, NULL, SMALL_GONE, TRACE_EVENT, 1, 0, 0 },
};

extern const struct protocol_trace small_trace;
const struct protocol_trace small_trace = { "small", operations, 1001, 3 };
