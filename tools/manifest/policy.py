#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the policy of the whole system when an image is made: the manifests (read by build/tool/manifest, the parser of RS), the callers that the IDL
allows, and what each binary calls (its symbols: the linker keeps only stubs that are used). Prints FILE: problem and fails, or prints nothing."""
import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "idlc"))
from parse import parse_file  # noqa: E402

EVERYBODYS = ("rs", "ds", "vm")     # as servers/rs/privileges.c: everybody may talk to them
KERNEL = "kernel"
MANY = ("fs", "char", "service", "event")   # protocols that more than one service serves, or whose server is the kernel's choice


class Service:
    def __init__(self, label, file):
        self.label, self.file = label, file
        self.level, self.words = 0, {}

    def names(self, key):
        return self.words.get(key, [])


def read_manifests(tool, files):
    """{label: Service}; problems of syntax end the program as the tool tells them."""
    result = subprocess.run([tool] + files, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(result.stderr.rstrip())
    services, problems = {}, []
    for line in result.stdout.splitlines():
        key, *words = line.split()
        if key == "service":
            service = Service(*words)
            if service.label in services:
                problems.append("%s: %s has an entry already in %s" % (service.file, service.label, services[service.label].file))
            services[service.label] = service
        elif key == "level":
            service.level = int(words[0])
        else:
            service.words[key] = words
    return services, problems


def read_protocols(files):
    """{protocol: {operation: list of allowed callers}}"""
    protocols = {}
    for file in files:
        protocol = parse_file(file)
        protocols[protocol.name] = {operation.name: operation.allow for operation in protocol.operations}
    return protocols


def uses(path, protocols):
    """{(protocol, operation): waits} that a binary contains: waits is true for a synchronous call."""
    names = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.split()
    found = {}
    for name in names:
        match = re.fullmatch(r"([a-z]+)_(call|send)_(\w+)", name)
        if match and match[3] in protocols.get(match[1], {}):
            key = (match[1], match[3])
            found[key] = found.get(key, False) or match[2] == "call"
    if "service_arena" in names:
        found[("vm", "arena")] = True
    return found


def may_talk(a, b):
    return (a.label in EVERYBODYS or b.label in EVERYBODYS or "ALL" in a.names("ipc") or "ALL" in b.names("ipc")
            or b.label in a.names("ipc") or a.label in b.names("ipc"))


def check_names(services, protocols):
    """Whoever is named in a manifest or in an `allow` exists."""
    for protocol, operations in protocols.items():
        for operation, allow in operations.items():
            for caller in allow:
                if caller not in ("any", "system", KERNEL) and caller not in services:
                    yield "abi/protocols/%s.idl: %s allows %s, which is no service" % (protocol, operation, caller)
    for service in services.values():
        for key in ("ipc", "refers"):
            for name in service.names(key):
                if name != "ALL" and name not in services:
                    yield "%s: %s names %s, which is no service" % (service.file, key if key == "ipc" else "sigmgr or scheduler", name)


def check_rights(service, services, protocols, found):
    """What a binary calls is allowed by the IDL, by its manifest, and by the way to the server."""
    for protocol, operation in sorted(found):
        what = "%s.%s" % (protocol, operation)
        allow = protocols[protocol][operation]
        if "any" not in allow and "system" not in allow and service.label not in allow:
            yield "%s: %s calls %s, which allows only %s" % (service.file, service.label, what, ", ".join(allow))
        if protocol == KERNEL and operation not in service.names("system"):
            yield "%s: %s calls %s, but `system` does not name it" % (service.file, service.label, what)
        if protocol == "vm" and operation not in service.names("vm"):
            yield "%s: %s calls %s, but `vm` does not name it" % (service.file, service.label, what)
        server = services.get(protocol)
        if server and server is not service and not may_talk(service, server):
            yield "%s: %s calls %s, but neither `ipc` names the other" % (service.file, service.label, what)


def graph_of(services, found):
    """{label: {label: call}} of synchronous calls between services. SEF reports init to RS synchronously, except in rs and vm (sef_setcb_init_response)."""
    graph = {}
    for label, used in found.items():
        edges = {protocol: "%s.%s" % (protocol, operation) for (protocol, operation), waits in used.items()
                 if waits and protocol in services and protocol != label and protocol not in MANY}
        if label not in ("rs", "vm"):
            edges.setdefault("rs", "rs.init_ready")
        graph[label] = edges
    return graph


def find_circle(graph):
    """A list of labels that call each other in a circle, or None."""
    done = set()

    def visit(label, path):
        if label in path:
            return path[path.index(label):] + [label]
        if label in done:
            return None
        for server in sorted(graph.get(label, {})):
            circle = visit(server, path + [label])
            if circle:
                return circle
        done.add(label)
        return None

    for label in sorted(graph):
        circle = visit(label, [])
        if circle:
            return circle
    return None


def check_graph(services, graph):
    """Nobody waits for somebody who waits for him, and everybody waits only for services of a smaller level."""
    circle = find_circle(graph)
    if circle:
        calls = [graph[a][b] for a, b in zip(circle, circle[1:])]
        yield "synchronous calls form a circle: " + " ".join("%s -%s->" % pair for pair in zip(circle, calls)) + " " + circle[-1]
    for label, edges in sorted(graph.items()):
        for server, call in sorted(edges.items()):
            if services[server].level >= services[label].level:
                yield "%s: %s (level %d) waits for %s (level %d) in %s" % (services[label].file, label, services[label].level, server,
                                                                           services[server].level, call)


def problems(services, protocols, binaries):
    found = {label: uses(path, protocols) for label, path in binaries.items() if label in services}
    yield from check_names(services, protocols)
    for label in sorted(found):
        yield from check_rights(services[label], services, protocols, found[label])
    yield from check_graph(services, graph_of(services, found))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, help="build/tool/manifest")
    parser.add_argument("--conf", action="append", default=[])
    parser.add_argument("--idl", action="append", default=[])
    parser.add_argument("--service", action="append", default=[], help="a binary, named as its label")
    parser.add_argument("--graph", action="store_true", help="print who waits for whom")
    options = parser.parse_args()
    services, found = read_manifests(options.tool, options.conf)
    protocols = read_protocols(options.idl)
    binaries = {os.path.basename(path): path for path in options.service}
    found += problems(services, protocols, binaries)
    if options.graph:
        for label, edges in sorted(graph_of(services, {name: uses(path, protocols) for name, path in binaries.items()}).items()):
            print("%s (level %d): %s" % (label, services[label].level, " ".join(sorted(edges))))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
