# SPDX-License-Identifier: MIT
"""Emits <protocol>.h: type codes, constants, payload structs, copy helpers.

Structs have no padding that idlc did not name: holes were refused by check.py
and space at the end becomes the array `unused`, so -Wpadded is silent and
every byte that goes over the wire is under the sender's control.
"""

from layout import abi_hash, type_text
from output import comment, heading, source_name


def struct_name(protocol, operation, half):
    """half: request or reply."""
    return f"{protocol.name}_{operation.name}_{half}"


def type_code(protocol, operation):
    return f"{protocol.prefix}_{operation.name.upper()}"


def halves(operation):
    """The structs of an operation that are not empty, as (half, fields)."""
    return [(half, fields) for half, fields in
            (("request", operation.request), ("reply", operation.reply)) if fields]


def number_text(value):
    return f"{value:#x}u" if value > 0x7fffffff else str(value)


def constant_lines(protocol):
    """Small constants are enums, which debuggers know; others do not fit an int."""
    lines = []
    for constant in protocol.constants:
        symbol = f"{protocol.prefix}_{constant.name.upper()}"
        lines += comment(constant.doc)
        if -0x80000000 <= constant.value <= 0x7fffffff:
            lines += [f"enum {{ {symbol} = {constant.value} }};", ""]
        else:
            lines += [f"#define {symbol} {constant.value:#x}ull", ""]
    return lines


def set_lines(protocol, one):
    prefix = f"{protocol.prefix}_{one.name.upper()}"
    fits = all(number <= 0x7fffffff for _, number, _, _ in one.values)
    lines = comment(one.doc)
    if fits:
        lines.append(f"enum {protocol.name}_{one.name} {{")
    for name, number, _, doc in one.values:
        symbol = f"{prefix}_{name.upper()}"
        value = f"{number:#x}" if one.keyword == "flags" else str(number)
        behind = "  /* " + " ".join(doc).replace("*/", "* /") + " */" if doc else ""
        lines.append(f"    {symbol} = {value},{behind}" if fits else
                     f"#define {symbol} {value}u{behind}")
    return lines + (["};"] if fits else []) + [""]


def field_comment(field):
    words = []
    if field.access:
        words.append(type_text(field))
    if field.set:
        words.append(f"{field.set.keyword} {field.set.name}")
    if field.kind == "TEXT":
        words.append("NUL-terminated")
    words += [" ".join(field.doc)] if field.doc else []
    text = "; ".join(words).replace("*/", "* /")
    return f"  /* {text} */" if text else ""


def struct_lines(protocol, operation, half, fields):
    name = struct_name(protocol, operation, half)
    end = fields[-1].offset + fields[-1].size
    tail = -end % max(field.element for field in fields)
    lines = [f"struct {name} {{"]
    for field in fields:
        array = ""
        if field.count:
            named = not field.size_text[0].isdigit()
            array = f"[{protocol.prefix}_{field.size_text.upper()}]" if named else f"[{field.count}]"
        lines.append(f"    {field.c_type} {field.name}{array};{field_comment(field)}")
    if tail:
        lines.append(f"    uint8_t unused[{tail}];")
    lines += ["};",
              f"_Static_assert(sizeof(struct {name}) == {end + tail}, \"{name}: size\");"]
    for field in fields:
        lines.append(f"_Static_assert(offsetof(struct {name}, {field.name}) == {field.offset}, "
                     f"\"{name}: {field.name}\");")
    return lines + [""] + copy_lines(name, half)


def copy_lines(name, half):
    return [f"static inline void {name}_put(struct message *message, const struct {name} *{half})",
            "{",
            f"    __builtin_memcpy(message->payload, {half}, sizeof(*{half}));",
            "}",
            "",
            f"static inline void {name}_get(const struct message *message, struct {name} *{half})",
            "{",
            f"    __builtin_memcpy({half}, message->payload, sizeof(*{half}));",
            "}",
            ""]


def rules(operation):
    """One line about the operation, for comments: who may call, what it promises."""
    words = ["allow " + ", ".join(operation.allow)]
    for name in ("idempotent", "may_park"):
        if getattr(operation, name):
            words.append(name)
    if operation.optional:
        words.append(f"optional, else {operation.absent}")
    if operation.errors:
        words.append("errors " + ", ".join(symbol for symbol, _ in operation.errors))
    return f"{operation.keyword} {operation.name}: " + "; ".join(words) + "."


def header_text(protocol):
    prefix = protocol.prefix
    lines = heading(source_name(protocol.file), protocol.doc)
    lines += ["#pragma once", "", "#include \"message.h\"", "", "#include <stddef.h>", "#include <stdint.h>", "",
              f"enum {{ {prefix}_PROTOCOL = {protocol.number} }};", "",
              "/* CRC32 of the wire layout, exchanged when a service registers or is updated. */",
              f"#define {prefix}_ABI_HASH {abi_hash(protocol):#010x}u", ""]
    lines += constant_lines(protocol)
    for one in protocol.sets:
        lines += set_lines(protocol, one)
    if protocol.operations:
        lines += ["/* Message types; a reply has MESSAGE_REPLY set in addition. */", f"enum {protocol.name}_type {{"]
        lines += [f"    {type_code(protocol, o)} = {protocol.number} << 16 | {o.number}," for o in protocol.operations]
        lines += ["};", ""]
    for operation in protocol.operations:
        lines += comment(operation.doc + [rules(operation)])
        for half, fields in halves(operation):
            lines += struct_lines(protocol, operation, half, fields)
        if not halves(operation):
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"
