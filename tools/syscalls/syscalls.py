#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes everything that is derived from abi/linux/syscalls.tbl.

Linux numbers its calls once for ever, so this is a table and not an IDL. The
head of the table explains its columns; README.md lists the outputs. A row
that claims support makes the dispatcher call a handler, so a claim without
code does not link.
"""

import argparse
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "idlc"))

from output import Refused, heading, source_name, write_if_changed  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OWNERS = ("none", "kernel", "pm", "vfs", "vm", "inet")
SUPPORT = ("full", "partial", "none")
ROW = re.compile(r'^(\d+)\s+(\w+)\s+(\w+)\s+(\w+)\s+"([^"]*)"\s*(.*)$')
ARGUMENT = re.compile(r"^(\w+):(\w+)(?:\((\w+)\))?$")
KINDS = set("fd dirfd path string int uint long size offset pointer address flags mode pid uid gid signal".split())
STRUCT = re.compile(r"^(in|out|inout)_\w+$")
NUMBER_LIMIT = 512      # the x32 range begins there


class Row:
    def __init__(self, line, number, name, owner, support, arguments, note):
        self.line, self.number, self.name, self.owner = line, number, name, owner
        self.support, self.arguments, self.note = support, arguments, note

    @property
    def is_served(self):
        return self.support != "none"


def check_arguments(file, line, arguments):
    names = [argument.split(":")[0] for argument in arguments]
    if len(arguments) > 6:
        raise Refused(file, line, f"{len(arguments)} arguments; a system call has at most 6")
    for argument in arguments:
        match = ARGUMENT.match(argument)
        if not match:
            raise Refused(file, line, f"argument '{argument}' is not name:kind")
        _, kind, size = match.groups()
        if size is not None:
            if kind not in ("in", "out") or size not in names:
                raise Refused(file, line, f"argument '{argument}': expected in(ARGUMENT) or out(ARGUMENT)")
        elif kind not in KINDS and not STRUCT.match(kind):
            raise Refused(file, line, f"argument '{argument}': unknown kind {kind}")


def parse_row(file, line, text):
    match = ROW.match(text)
    if not match:
        raise Refused(file, line, 'expected: number name owner support "arguments" note')
    number, name, owner, support, arguments, note = match.groups()
    if owner not in OWNERS:
        raise Refused(file, line, f"unknown owner {owner}; one of {', '.join(OWNERS)}")
    if support not in SUPPORT:
        raise Refused(file, line, f"unknown support {support}; one of {', '.join(SUPPORT)}")
    if owner == "none" and support != "none":
        raise Refused(file, line, f"{name}: {support} support by nobody")
    if support == "partial" and not note:
        raise Refused(file, line, f"{name}: partial without a note that says what is missing")
    if int(number) >= NUMBER_LIMIT:
        raise Refused(file, line, f"{name}: number {number} is not below {NUMBER_LIMIT}")
    arguments = arguments.split()
    check_arguments(file, line, arguments)
    return Row(line, int(number), name, owner, support, arguments, note.strip())


def parse_table(path):
    rows, names = [], {}
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for line, text in enumerate(lines, 1):
        if not text.strip() or text.startswith("#"):
            continue
        row = parse_row(path, line, text)
        if row.name in names:
            raise Refused(path, line, f"{row.name} is already in line {names[row.name]}")
        if rows and row.number <= rows[-1].number:
            raise Refused(path, line, f"number {row.number} after {rows[-1].number}; numbers rise")
        names[row.name] = line
        rows.append(row)
    if not rows:
        raise Refused(path, 1, "no rows")
    return rows


# --- C ---

def numbers_header(rows, source):
    lines = heading(source, ["Numbers of the Linux x86-64 system calls."]) + ["#pragma once", "", "enum linux_system_call {"]
    lines += [f"    LINUX_SYS_{row.name} = {row.number}," for row in rows]
    lines += ["};", "", "/* Size of tables by number. */", f"enum {{ LINUX_SYSCALL_COUNT = {rows[-1].number + 1} }};"]
    return "\n".join(lines) + "\n"


def route_header(source):
    lines = heading(source, ["Who answers a Linux system call: the kernel's routing table."])
    lines += ["#pragma once", "", "#include \"linux_syscalls.h\"", "", "#include <stdint.h>", "",
              "/* NONE: the kernel answers ENOSYS and counts. KERNEL: it answers itself, without a message. */",
              "enum linux_route_target {"]
    lines += [f"    ROUTE_{owner.upper()}," for owner in OWNERS]
    lines += ["};", "", "/* By number, below LINUX_SYSCALL_COUNT. */",
              "extern const uint8_t linux_route[LINUX_SYSCALL_COUNT];"]
    return "\n".join(lines) + "\n"


def route_source(rows, source):
    lines = heading(source, ["Rows without support are left out: ROUTE_NONE is 0."])
    lines += ["#include \"linux_route.h\"", "", "const uint8_t linux_route[LINUX_SYSCALL_COUNT] = {"]
    lines += [f"    [LINUX_SYS_{row.name}] = ROUTE_{row.owner.upper()}," for row in rows if row.is_served]
    return "\n".join(lines + ["};"]) + "\n"


def c_comment(row):
    arguments = ", ".join(row.arguments)
    note = f" {row.support}: {row.note}." if row.note else ""
    return f"/* {row.name}({arguments}){note} */".replace("*/ */", "*/")


def dispatch_header(rows, owner, source):
    lines = heading(source, [
        f"Linux system calls that {owner} answers.",
        f"The service defines every {owner}_linux_*: read arguments with linux_argument(call, 0..5), set the result",
        "with call_result(call, value) and return 0, or return a negative error, or CALL_PARKED."])
    lines += ["#pragma once", "", "struct call;", f"struct {owner}_state;", "",
              "/* Handles one message of PROTOCOL_LINUX; -ENOSYS if the table has no support for the number. */",
              f"int {owner}_linux_dispatch(void *state, struct call *call);  /* state: struct {owner}_state */", ""]
    for row in rows:
        lines += [c_comment(row), f"int {owner}_linux_{row.name}(struct {owner}_state *state, struct call *call);"]
    return "\n".join(lines) + "\n"


def dispatch_source(rows, owner, source):
    lines = heading(source, [f"Linux system calls that {owner} answers: the dispatcher."])
    lines += [f"#include \"linux_{owner}_dispatch.h\"", "", "#include \"errors.h\"", "#include \"linux_syscalls.h\"",
              "#include \"sys/call.h\"", "", f"int {owner}_linux_dispatch(void *state, struct call *call)", "{",
              "    switch (message_operation(call->request->type)) {"]
    for row in rows:
        lines += [f"    case LINUX_SYS_{row.name}:", f"        return {owner}_linux_{row.name}(state, call);"]
    lines += ["    default:", "        return -ENOSYS;", "    }", "}"]
    return "\n".join(lines) + "\n"


def names_header(source):
    lines = heading(source, ["Names of the Linux system calls and their arguments, for traces and dumps."])
    lines += ["#pragma once", "", "#include <stdint.h>", "",
              "/* \"?\" if there is no such call. */", "const char *linux_syscall_name(uint32_t number);", "",
              "/* \"fd:fd buffer:out(count) count:size\": kinds as explained in abi/linux/syscalls.tbl; \"\" if unknown. */",
              "const char *linux_syscall_arguments(uint32_t number);"]
    return "\n".join(lines) + "\n"


def names_source(rows, source):
    lines = heading(source, ["Names of the Linux system calls and their arguments."])
    lines += ["#include \"linux_syscall_names.h\"", "", "#include \"linux_syscalls.h\"", "", "#include <stddef.h>", "",
              "static const char *const names[LINUX_SYSCALL_COUNT] = {"]
    lines += [f"    [LINUX_SYS_{row.name}] = \"{row.name}\"," for row in rows]
    lines += ["};", "", "static const char *const arguments[LINUX_SYSCALL_COUNT] = {"]
    lines += [f"    [LINUX_SYS_{row.name}] = \"{' '.join(row.arguments)}\"," for row in rows if row.arguments]
    lines += ["};", "", "const char *linux_syscall_name(uint32_t number)", "{",
              "    return number < LINUX_SYSCALL_COUNT && names[number] != NULL ? names[number] : \"?\";", "}", "",
              "const char *linux_syscall_arguments(uint32_t number)", "{",
              "    return number < LINUX_SYSCALL_COUNT && arguments[number] != NULL ? arguments[number] : \"\";", "}"]
    return "\n".join(lines) + "\n"


# --- documentation ---

def page(rows, source):
    counts = {support: sum(1 for row in rows if row.support == support) for support in SUPPORT}
    lines = [f"<!-- Generated from {source}; do not edit. -->", "", "# Linux system calls", "",
             f"Of {len(rows)} calls of Linux x86-64: {counts['full']} full, {counts['partial']} partial, "
             f"{counts['none']} not supported (they answer `ENOSYS`, which programs are written to expect).", "",
             "| number | call | owner | support | |", "|-|-|-|-|-|"]
    for row in rows:
        names = ", ".join(argument.split(":")[0] for argument in row.arguments)
        lines.append(f"| {row.number} | `{row.name}({names})` | {row.owner} | {row.support} | {row.note} |")
    return "\n".join(lines) + "\n"


def code_outputs(rows, source):
    outputs = {"linux_syscalls.h": numbers_header(rows, source),
               "linux_route.h": route_header(source), "linux_route.c": route_source(rows, source),
               "linux_syscall_names.h": names_header(source), "linux_syscall_names.c": names_source(rows, source)}
    for owner in ("pm", "vfs", "vm", "inet"):
        served = [row for row in rows if row.owner == owner and row.is_served]
        if served:
            outputs[f"linux_{owner}_dispatch.h"] = dispatch_header(served, owner, source)
            outputs[f"linux_{owner}_dispatch.c"] = dispatch_source(served, owner, source)
    return outputs


def main(arguments):
    parser = argparse.ArgumentParser(prog="syscalls.py", description="see tools/syscalls/README.md")
    parser.add_argument("command", choices=["check", "code", "docs"])
    parser.add_argument("-o", "--output", metavar="DIR", default=".", help="where the outputs go")
    parser.add_argument("table", nargs="?", default=os.path.join(ROOT, "abi", "linux", "syscalls.tbl"))
    options = parser.parse_intermixed_args(arguments)
    try:
        rows = parse_table(options.table)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    source = source_name(options.table)
    outputs = {}
    if options.command == "code":
        outputs = code_outputs(rows, source)
    elif options.command == "docs":
        outputs = {"linux-syscalls.md": page(rows, source)}
    for name, text in outputs.items():
        write_if_changed(os.path.join(options.output, name), text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
