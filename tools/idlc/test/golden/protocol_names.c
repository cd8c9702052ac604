/* SPDX-License-Identifier: MIT */
/* Generated from all of abi/protocols; do not edit. */

/* The list of all protocols and the lookups in it. */

#include "protocol_trace.h"

#include "message.h"

#include <stddef.h>

extern const struct protocol_trace small_trace;

const struct protocol_trace *const protocol_traces[] = {
    &small_trace,
};

const uint32_t protocol_trace_count = 1;

const struct protocol_trace *protocol_trace_find(uint32_t number)
{
    for (uint32_t i = 0; i < protocol_trace_count; i++) {
        if (protocol_traces[i]->number == number)
            return protocol_traces[i];
    }
    return NULL;
}

const struct trace_operation *trace_operation_find(uint32_t type)
{
    const struct protocol_trace *protocol = protocol_trace_find(type >> 16);

    if (protocol == NULL)
        return NULL;
    for (uint32_t i = 0; i < protocol->operation_count; i++) {
        if (protocol->operations[i].type == (type & ~(uint32_t)MESSAGE_REPLY))
            return &protocol->operations[i];
    }
    return NULL;
}

const char *protocol_name(uint32_t type)
{
    const struct protocol_trace *protocol = protocol_trace_find(type >> 16);

    return protocol == NULL ? "?" : protocol->name;
}

const char *operation_name(uint32_t type)
{
    const struct trace_operation *operation = trace_operation_find(type);

    return operation == NULL ? "?" : operation->name;
}
