# SPDX-License-Identifier: MIT
"""Emits docs/generated/protocol-<p>.md and the recovery list.

The page is for people who call or serve the protocol. recovery.json is the
input of the recovery tests: what each call promises if its server dies.
"""

import json

from check import ERESTARTED
from layout import abi_hash, declaration
from output import source_name


def cell(text):
    return text.replace("|", "\\|")


def set_section(one):
    lines = [f"### {one.keyword} `{one.name}`", ""] + one.doc + [""] * bool(one.doc)
    lines += ["| value | name | |", "|-|-|-|"]
    for name, number, _, doc in one.values:
        value = f"{number:#x}" if one.keyword == "flags" else str(number)
        lines.append(f"| {value} | `{name}` | {cell(' '.join(doc))} |")
    return lines + [""]


def restart_text(operation):
    return "idempotent: the client stub retries" if operation.idempotent else \
        f"`{ERESTARTED}`: the outcome is unknown, the caller decides"


def operation_section(operation):
    lines = [f"### {operation.keyword} `{operation.name}` = {operation.number}", ""]
    lines += operation.doc + [""] * bool(operation.doc)
    if operation.request or operation.reply:
        lines += ["| | offset | field | |", "|-|-|-|-|"]
        for direction, fields in (("in", operation.request), ("out", operation.reply)):
            lines += [f"| {direction} | {field.offset} | `{declaration(field)}` | {cell(' '.join(field.doc))} |"
                      for field in fields]
        lines.append("")
    lines.append(f"- allowed callers: {', '.join(operation.allow)}")
    if operation.keyword == "call":
        lines.append(f"- if the server dies: {restart_text(operation)}")
    if operation.may_park:
        lines.append("- may park: the reply can come much later")
    if operation.optional:
        lines.append(f"- optional: servers without it answer `{operation.absent}`")
    errors = [f"`{symbol}`" for symbol, _ in operation.errors]
    if errors:
        lines.append(f"- errors: {', '.join(errors)}")
    return lines + [""]


def page(protocol):
    lines = [f"<!-- Generated from {source_name(protocol.file)}; do not edit. -->", "",
             f"# Protocol `{protocol.name}` = {protocol.number}", ""]
    lines += protocol.doc + [""] * bool(protocol.doc)
    lines += [f"ABI hash `{abi_hash(protocol):#010x}`.", ""]
    if protocol.constants:
        lines += ["## Constants", "", "| name | value | |", "|-|-|-|"]
        lines += [f"| `{c.name}` | {c.value} | {cell(' '.join(c.doc))} |" for c in protocol.constants] + [""]
    if protocol.sets:
        lines += ["## Types", ""]
    for one in protocol.sets:
        lines += set_section(one)
    lines += ["## Operations", ""]
    for operation in protocol.operations:
        lines += operation_section(operation)
    if protocol.reserved:
        lines += ["Retired numbers: " + ", ".join(str(number) for number, _ in protocol.reserved) + ".", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def recovery(protocols):
    entries = []
    for protocol in sorted(protocols, key=lambda one: one.number):
        for operation in protocol.operations:
            if operation.keyword not in ("call", "event"):
                continue
            promise = "event" if operation.keyword == "event" else "idempotent" if operation.idempotent else ERESTARTED
            entries.append({"protocol": protocol.name, "number": operation.number, "operation": operation.name, "promise": promise,
                            "may_park": operation.may_park, "optional": operation.optional,
                            "allow": operation.allow})
    return json.dumps(entries, indent=1) + "\n"
