# SPDX-License-Identifier: MIT
"""Emits the tables with which traces, panic dumps and logs read messages.

One <protocol>_trace.c per protocol, and for all of them protocol_trace.h and
protocol_names.c (the list and the lookups). Everything is const data: usable
in the kernel, in services and in host tools.
"""

from emit_header import type_code
from output import heading, source_name

KINDS = ["U8", "U16", "U32", "U64", "I8", "I16", "I32", "I64", "TEXT", "BYTES", "ENDPOINT", "GRANT",
         "ADDRESS", "PHYSICAL", "LENGTH", "ENUM", "FLAGS"]

HEADER = """#pragma once

#include <stdint.h>

/* How to print a field; a count above 1 means an array of elements. */
enum trace_kind {
%s
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
"""

LOOKUPS = """const struct protocol_trace *protocol_trace_find(uint32_t number)
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
"""


def trace_header():
    kinds = "\n".join(f"    TRACE_{kind}," for kind in KINDS)
    lines = heading("tools/idlc/emit_trace.py", ["Tables that say what a message means: see protocol_names.c for the lookups."])
    return "\n".join(lines) + "\n" + HEADER % kinds


def value_table(one):
    lines = [f"static const struct trace_value {one.name}_values[] = {{"]
    lines += [f"    {{ \"{name}\", {number:#x} }}," for name, number, _, _ in one.values]
    return lines + ["};", ""]


def field_table(operation, half, fields):
    lines = [f"static const struct trace_field {operation.name}_{half}[] = {{"]
    for field in fields:
        values, count = ("NULL", 0) if field.set is None else (f"{field.set.name}_values", len(field.set.values))
        lines.append(f"    {{ \"{field.name}\", {values}, {field.offset}, {field.size}, {field.count or 1}, "
                     f"TRACE_{field.kind}, {count} }},")
    return lines + ["};", ""]


def trace_source(protocol):
    lines = heading(source_name(protocol.file), [f"Names and fields of protocol {protocol.name}."])
    lines += [f"#include \"{protocol.name}.h\"", "#include \"protocol_trace.h\"", "", "#include <stddef.h>", ""]
    used = {field.set.name for o in protocol.operations for field in o.request + o.reply if field.set}
    for one in protocol.sets:
        if one.name in used:
            lines += value_table(one)
    for operation in protocol.operations:
        for half, fields in (("request", operation.request), ("reply", operation.reply)):
            if fields:
                lines += field_table(operation, half, fields)
    name = protocol.name
    if protocol.operations:
        lines.append(f"static const struct trace_operation operations[] = {{")
        for o in protocol.operations:
            request = f"{o.name}_request" if o.request else "NULL"
            reply = f"{o.name}_reply" if o.reply else "NULL"
            lines.append(f"    {{ \"{o.name}\", {request}, {reply}, {type_code(protocol, o)}, TRACE_{o.keyword.upper()}, "
                         f"{len(o.request)}, {len(o.reply)}, {int(o.idempotent)} }},")
        lines += ["};", ""]
    table = "operations" if protocol.operations else "NULL"
    lines += [f"extern const struct protocol_trace {name}_trace;",
              f"const struct protocol_trace {name}_trace = {{ \"{name}\", {table}, {protocol.number}, "
              f"{len(protocol.operations)} }};"]
    return "\n".join(lines) + "\n"


def names_source(protocols):
    lines = heading("all of abi/protocols", ["The list of all protocols and the lookups in it."])
    lines += ["#include \"protocol_trace.h\"", "", "#include \"message.h\"", "", "#include <stddef.h>", ""]
    ordered = sorted(protocols, key=lambda protocol: protocol.number)
    lines += [f"extern const struct protocol_trace {protocol.name}_trace;" for protocol in ordered]
    lines += ["", "const struct protocol_trace *const protocol_traces[] = {"]
    lines += [f"    &{protocol.name}_trace," for protocol in ordered]
    lines += ["};", "", f"const uint32_t protocol_trace_count = {len(ordered)};", ""]
    return "\n".join(lines) + "\n" + LOOKUPS
