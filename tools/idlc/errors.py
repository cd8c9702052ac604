# SPDX-License-Identifier: MIT
"""Reads abi/errors.def and emits errors.h and error_names.c.

The Linux part has the numbers of Linux x86-64. In host tests <errno.h> may be
there already; then only our own symbols are added.
"""

import re

from output import Refused, heading, source_name

ENTRY = re.compile(r'^ERROR\((E[A-Z0-9_]+), (\d+), "([^"\\]*)"\)$')
ALIAS = re.compile(r'^ERROR_ALIAS\((E[A-Z0-9_]+), (E[A-Z0-9_]+)\)$')
LINUX_MAX = 133


class Errors:
    """entries: (symbol, number, text); aliases: (symbol, symbol)."""

    def __init__(self, file):
        self.file, self.entries, self.aliases = file, [], []

    def symbols(self):
        return {entry[0] for entry in self.entries} | {alias[0] for alias in self.aliases}


def parse_errors(path):
    errors, numbers = Errors(path), {}
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for line, text in enumerate(lines, 1):
        entry, alias = ENTRY.match(text), ALIAS.match(text)
        if not text.startswith("ERROR"):
            continue
        if not entry and not alias:
            raise Refused(path, line, f"not understood: {text}")
        symbol = (entry or alias).group(1)
        if symbol in errors.symbols():
            raise Refused(path, line, f"{symbol} is already there")
        if entry:
            number = int(entry.group(2))
            if number in numbers:
                raise Refused(path, line, f"{symbol}: number {number} is {numbers[number]}")
            numbers[number] = symbol
            errors.entries.append((symbol, number, entry.group(3)))
        else:
            if alias.group(2) not in errors.symbols():
                raise Refused(path, line, f"unknown error {alias.group(2)}")
            errors.aliases.append((symbol, alias.group(2)))
    return errors


HEADER_DOC = ["Error numbers. Symbols are positive as in Linux; functions return them negated.",
              "Numbers up to 133 are those of Linux x86-64, 512..516 its internal restart codes",
              "(never seen by programs), from 1000 on our own."]


def errors_header(errors):
    lines = heading(source_name(errors.file), HEADER_DOC) + ["#pragma once", ""]
    lines += ["#ifndef ENOENT   /* a host test may have included <errno.h>: same numbers */", "enum error_linux {"]
    lines += [f"    {symbol} = {number}," for symbol, number, _ in errors.entries if number <= LINUX_MAX]
    lines += [f"    {symbol} = {other}," for symbol, other in errors.aliases]
    lines += ["};", "#endif", "", "enum error_internal {"]
    lines += [f"    {symbol} = {number},  /* {text} */" for symbol, number, text in errors.entries if number > LINUX_MAX]
    lines += ["};", "",
              "/* Both take the error with either sign; 0 is \"OK\", an unknown number \"?\". */",
              "const char *error_name(int error);",
              "const char *error_text(int error);"]
    return "\n".join(lines) + "\n"


def lookup(function, zero, pairs):
    lines = [f"const char *{function}(int error)", "{", "    switch (error < 0 ? -error : error) {",
             "    case 0:", f"        return \"{zero}\";"]
    for symbol, text in pairs:
        lines += [f"    case {symbol}:", f"        return \"{text}\";"]
    return lines + ["    default:", "        return \"?\";", "    }", "}"]


def errors_source(errors):
    lines = heading(source_name(errors.file), ["Names and texts of all errors, for logs and dumps."])
    lines += ["#include \"errors.h\"", ""]
    lines += lookup("error_name", "OK", [(symbol, symbol) for symbol, _, _ in errors.entries]) + [""]
    lines += lookup("error_text", "no error", [(symbol, text) for symbol, _, text in errors.entries])
    return "\n".join(lines) + "\n"
