#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""idlc: compiles protocol descriptions (abi/protocols/*.idl) to C.

Reads, checks and writes; each step is one module next to this file.
README.md has the language, the command lines and the outputs.
"""

import argparse
import os
import sys

from check import check_protocol, check_together
from emit_client import client_header, client_source
from emit_docs import page, recovery
from emit_header import header_text
from emit_server import file_base, server_header, server_source
from emit_trace import names_source, trace_header, trace_source
from errors import errors_header, errors_source, parse_errors
from layout import layout_text
from output import Refused, write_if_changed
from parse import parse_file

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load(files, errors_file):
    """All protocols of these files, parsed and checked."""
    symbols = parse_errors(errors_file).symbols()
    protocols = []
    for file in sorted(files):
        protocol = parse_file(file)
        check_protocol(protocol, symbols)
        protocols.append(protocol)
    check_together(protocols)
    return protocols


def headers(protocols, _):
    return {f"{p.name}.h": header_text(p) for p in protocols}


def client(protocols, _):
    outputs = {}
    for protocol in protocols:
        outputs[f"{protocol.name}_client.h"] = client_header(protocol)
        outputs[f"{protocol.name}_client.c"] = client_source(protocol)
    return outputs


def server(protocols, options):
    outputs = {}
    for protocol in protocols:
        service = options.service or protocol.name
        state = options.state or f"{service}_state"
        base = file_base(protocol, service)
        outputs[f"{base}.h"] = server_header(protocol, service, state)
        outputs[f"{base}.c"] = server_source(protocol, service, state)
    return outputs


def trace(protocols, _):
    outputs = {f"{p.name}_trace.c": trace_source(p) for p in protocols}
    return outputs | {"protocol_trace.h": trace_header(), "protocol_names.c": names_source(protocols)}


def docs(protocols, _):
    return {f"protocol-{p.name}.md": page(p) for p in protocols}


def golden(protocols, _):
    return {f"{p.name}.layout": layout_text(p) for p in protocols}


def recovery_list(protocols, _):
    return {"recovery.json": recovery(protocols)}


def nothing(_protocols, _options):
    return {}


COMMANDS = {"check": nothing, "headers": headers, "client": client, "server": server, "trace": trace,
            "docs": docs, "golden": golden, "recovery": recovery_list}


def golden_check(outputs, directory):
    """Compares layouts with the reviewed ones; says what to do on a difference."""
    wrong = 0
    stale = [name for name in sorted(os.listdir(directory)) if name.endswith(".layout") and name not in outputs] \
        if os.path.isdir(directory) else []
    for name, text in outputs.items():
        path = os.path.join(directory, name)
        try:
            with open(path, encoding="utf-8") as file:
                same = file.read() == text
        except FileNotFoundError:
            same = False
        if not same:
            print(f"{path}: the wire layout differs from the reviewed one", file=sys.stderr)
            wrong += 1
    for name in stale:
        print(f"{os.path.join(directory, name)}: no such protocol any more", file=sys.stderr)
    if wrong + len(stale):
        print("if that is meant, run 'idlc.py golden' and have the diff reviewed", file=sys.stderr)
    return 1 if wrong + len(stale) else 0


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="idlc.py", description="protocol compiler; see tools/idlc/README.md")
    parser.add_argument("command", choices=sorted(COMMANDS) + ["errors"])
    parser.add_argument("-o", "--output", metavar="DIR", help="where the outputs go")
    parser.add_argument("--errors", default=os.path.join(ROOT, "abi", "errors.def"), metavar="FILE")
    parser.add_argument("--service", help="server: the serving service, if not named like the protocol")
    parser.add_argument("--state", help="server: tag of the state struct, default SERVICE_state")
    parser.add_argument("--check", action="store_true", help="golden: compare only")
    parser.add_argument("files", nargs="*", metavar="FILE.idl")
    options = parser.parse_intermixed_args(arguments)
    if options.command != "check" and not options.output:
        parser.error("-o DIR is missing")
    if options.command != "errors" and not options.files:
        parser.error("no .idl files")
    return options


def main(arguments):
    options = parse_arguments(arguments)
    try:
        if options.command == "errors":
            errors = parse_errors(options.errors)
            outputs = {"errors.h": errors_header(errors), "error_names.c": errors_source(errors)}
        else:
            outputs = COMMANDS[options.command](load(options.files, options.errors), options)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    if options.command == "golden" and options.check:
        return golden_check(outputs, options.output)
    for name, text in outputs.items():
        write_if_changed(os.path.join(options.output, name), text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
