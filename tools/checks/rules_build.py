# SPDX-License-Identifier: MIT
"""Rules that run a tool: formatter, compiler, the object files of the build, idlc."""
import concurrent.futures
import os
import re
import subprocess

from tree import SERVICE_TOPS

# What a service may write outside .state: nothing. lib/sys has its own data; derived data (caches rebuilt at start) says so.
OWN_DATA_FOLDERS = ("lib/sys",)
CORE_TESTS = ("tests/core",)  # boot alone, are never restarted
STATE_SECTIONS = (".state", ".outbox", ".bss.state", ".bss.outbox", ".derived", ".bss.derived", ".bss.instance")


def format_rule(tree):
    """clang-format with the configuration in the tree."""
    paths = tree.c_files()
    if not paths:
        return
    halves = [paths[0::2], paths[1::2]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda part: tree.run(["clang-format", "--dry-run", "--Werror"] + part).stderr if part else "", halves)
    seen = set()
    for line in "".join(results).splitlines():
        match = re.match(r"(\S+?):(\d+):\d+: error", line)
        if match and match[1] not in seen:
            seen.add(match[1])
            yield "%s:%s: not formatted (clang-format -i)" % (match[1], match[2])


def flavour_flags(tree, path):
    """Compiler words for a header, by its place; the same include paths as the build."""
    folder = os.path.dirname(path)
    if any(other.endswith(".cc") and os.path.dirname(other) == folder for other in tree.paths):  # the compiler's plugin
        plugin = tree.run(["gcc", "-print-file-name=plugin"]).stdout.strip()
        return ["-x", "c++", "-std=gnu++17", "-fno-rtti", "-Wall", "-Wextra", "-Werror", "-isystem", os.path.join(plugin, "include"), "-I" + folder]
    flags = ["-x", "c", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Iabi", "-Ilib", "-Ibuild/generated", "-Ibuild/generated/protocols", "-I" + folder]
    if path.startswith("kernel/"):
        return flags + ["-DPLANARIA_KERNEL", "-ffreestanding", "-mcmodel=kernel", "-fno-pic", "-mgeneral-regs-only", "-Ikernel", "-I."]
    if path.startswith(SERVICE_TOPS + ("lib/sys", "lib/driver")):
        return flags + ["-DPLANARIA_SERVICE", "-ffreestanding", "-mgeneral-regs-only"]
    return flags + ["-D_GNU_SOURCE"]


def headers_alone(tree):
    """Each header compiles by itself, but for a second half of another header, which says `Included by X only`."""
    headers = [path for path in tree.paths if path.endswith(".h") and not re.search(r"Included by \S+\.h only", tree.text(path)[:600])]

    def compile_one(path):
        command = ["gcc", "-fsyntax-only"] + flavour_flags(tree, path) + ["-include", path, "/dev/null"]
        result = subprocess.run(command, cwd=tree.root, capture_output=True, text=True)
        if result.returncode == 0 and "#pragma once" not in tree.text(path):
            return "%s:1: no #pragma once" % path
        first = next((line for line in result.stderr.splitlines() if "error" in line), result.stderr[:200])
        return None if result.returncode == 0 else "%s: does not compile alone: %s" % (path, first)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from (problem for problem in pool.map(compile_one, headers) if problem)


def stray_symbols(objdump_text):
    """Yields (section, symbol) of writable objects outside the state sections, from `objdump -t`."""
    for line in objdump_text.splitlines():
        match = re.match(r"[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
        if not match or int(match[3], 16) == 0 or "d" in match[1]:
            continue
        section, name = match[2], match[4]
        writable = section == "*COM*" or re.match(r"\.(data|bss|tdata|tbss|derived|state|outbox)", section)
        if writable and not section.startswith(STATE_SECTIONS + (".data.rel.ro",)):
            yield section, name


def stray_state(tree):
    """All that a service writes is in .state or .outbox, or marked as derived."""
    top = tree.absolute("build/obj/service")
    for folder, _, files in sorted(os.walk(top)):
        relative = os.path.relpath(folder, top)
        if relative.startswith(OWN_DATA_FOLDERS + CORE_TESTS):
            continue
        for name in sorted(files):
            source = os.path.join(relative, name[:-2] + ".c")
            if name.endswith(".o") and (tree.exists(source)):
                text = tree.run(["objdump", "-t", os.path.join(folder, name)]).stdout
                for section, symbol in stray_symbols(text):
                    yield "%s: %s is in %s: what a service writes belongs into its state, or is SERVICE_DERIVED or SERVICE_INSTANCE" % (source, symbol, section)


def state_struct(tree, folder):
    """The tag of the service's state struct, from the macro or attribute in its sources; conventionally NAME_state."""
    for path in [one for one in tree.paths if os.path.dirname(one) == folder and one.endswith(".c")]:
        for included in [path] + [os.path.normpath(os.path.join(folder, name)) for name in re.findall(r'#include "(\.\./[^"]+\.c)"', tree.text(path))]:
            match = re.search(r"struct (\w+) \w+ SERVICE_STATE|SERVICE_STATE static struct (\w+)", tree.text(included) if tree.exists(included) else "")
            if match:
                return match[1] or match[2]
    return os.path.basename(folder) + "_state"


def pointer_lines(pahole_text):
    """Members of pahole's output whose type has a pointer."""
    for line in pahole_text.splitlines():
        code = re.sub(r"/\*.*?\*/", "", line)
        if "*" in code:
            yield " ".join(code.split()).rstrip(";")


def state_pointers(tree):
    """No pointer in `struct X_state`."""
    for folder in tree.services():
        name = os.path.basename(folder)
        binary = tree.absolute("build/service/" + name)
        if not os.path.exists(binary):
            continue
        result = tree.run(["pahole", "-E", "-C", state_struct(tree, folder), binary])
        if result.returncode != 0 or not result.stdout.strip():
            yield "%s: no struct %s in build/service/%s" % (folder, state_struct(tree, folder), name)
        for member in pointer_lines(result.stdout):
            yield "%s: pointer in struct %s: %s" % (folder, state_struct(tree, folder), member)


def golden_layouts(tree):
    """The wire layouts are the reviewed ones."""
    idl = sorted(path for path in tree.paths if path.startswith("abi/protocols/") and path.endswith(".idl"))
    if not idl or not tree.exists("tools/idlc/idlc.py"):
        return
    result = tree.run(["python3", "tools/idlc/idlc.py", "golden", "--check", "-o", "abi/golden/protocols"] + idl)
    if result.returncode != 0:
        yield from (result.stderr or result.stdout).splitlines()
        yield "if the change is meant: make golden, and review the difference"


def scripts_parse(tree):
    """Python and shell programs are at least programs."""
    for path in tree.paths:
        if path.endswith(".py"):
            try:
                compile(tree.text(path), path, "exec")
            except SyntaxError as problem:
                yield "%s:%s: %s" % (path, problem.lineno, problem.msg)
        elif tree.text(path).startswith(("#!/bin/sh", "#!/usr/bin/env bash")):
            result = tree.run(["bash", "-n", path])
            if result.returncode != 0:
                yield result.stderr.strip()


RULES = {
    "format": format_rule,
    "headers-alone": headers_alone,
    "stray-state": stray_state,
    "state-pointers": state_pointers,
    "golden-layouts": golden_layouts,
    "scripts-parse": scripts_parse,
}
