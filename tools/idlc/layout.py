# SPDX-License-Identifier: MIT
"""The wire layout of a protocol as text: what abi/golden/ stores and reviews.

Only what two binaries must agree on: numbers, names, offsets, sizes, types.
The CRC32 of this text is the ABI hash of the protocol, so changing a comment
or an allow list does not make running services incompatible.
"""

import zlib


def type_text(field):
    """A field's type as in the IDL."""
    return f"grant({field.access})" if field.access else field.type


def declaration(field):
    array = f"[{field.size_text}]" if field.size_text else ""
    return f"{type_text(field)} {field.name}{array}"


def field_line(direction, field):
    array = f"[{field.count}]" if field.count else ""
    return f"    {direction:3} {field.offset:2} {field.size:2} {type_text(field)} {field.name}{array}"


def layout_text(protocol):
    lines = [f"protocol {protocol.name} = {protocol.number}"]
    for constant in protocol.constants:
        lines.append(f"const {constant.name} = {constant.value}")
    for one in protocol.sets:
        lines.append(f"{one.keyword} {one.name}")
        lines += [f"    {name} = {number}" for name, number, _, _ in one.values]
    for operation in sorted(protocol.operations, key=lambda o: o.number):
        lines.append(f"{operation.keyword} {operation.name} = {operation.number}")
        lines += [field_line("in", field) for field in operation.request]
        lines += [field_line("out", field) for field in operation.reply]
    lines += [f"reserved {number}" for number in sorted(number for number, _ in protocol.reserved)]
    return "\n".join(lines) + "\n"


def abi_hash(protocol):
    return zlib.crc32(layout_text(protocol).encode())
