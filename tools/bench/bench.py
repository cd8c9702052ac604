#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria bench [--vs-linux] [--wall] [--machine M] [operation...]`: instructions per operation, from user/bench under icount (one instruction is one
tick of the time stamp counter; the same numbers each time); with --wall also microseconds without icount, good only as a ratio within one run.
--vs-linux adds Debian's Linux kernel (mitigations off) in the same emulator with the same binary. The processor has no ERMS: under icount each
step of a `rep movsb` would count as one instruction, which burdens Linux's copies."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "emulator"))
import machine  # noqa: E402
import session  # noqa: E402

LINE = re.compile(r"^bench (\S+) (\d+) ([\d.]+) ([\d.]+)$", re.M)
CPU = "max,-erms"
TIMEOUT = 600


def measure(names, linux, icount, machine_type):
    """{operation: (ticks, nanoseconds)} of one boot."""
    options = machine.Options(linux=linux, icount=icount, timeout=TIMEOUT, machine=machine_type, cpu=CPU)
    with tempfile.TemporaryFile() as output:
        status = session.execute(options, "bench " + " ".join(names), stdout=output.fileno())
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status != 0:
        print("planaria bench: the run under %s ended with %d" % ("Linux" if linux else "Planaria", status), file=sys.stderr)
    return status, {match[1]: (float(match[3]), float(match[4])) for match in LINE.finditer(text)}


def print_table(columns):
    """columns: [(title, {operation: number})]; a ratio of the first to the second follows a pair of columns."""
    operations = list(dict.fromkeys(name for _, values in columns for name in values))
    titles = []
    for index, (title, _) in enumerate(columns):
        titles += [title] + (["ratio"] if index % 2 and len(columns) > 1 else [])
    print("%-22s" % "operation" + "".join("%20s" % title for title in titles))
    for name in operations:
        cells = []
        for index, (_, values) in enumerate(columns):
            cells.append("%20.1f" % values[name] if name in values else "%20s" % "-")
            if index % 2 and len(columns) > 1:
                mine = columns[index - 1][1].get(name)
                cells.append("%20.2f" % (mine / values[name]) if mine is not None and values.get(name) else "%20s" % "-")
        print("%-22s" % name + "".join(cells))


def parse(arguments):
    """Returns (switches, machine type, operations) or ends with status 2."""
    switches, machine_type, names = set(), "q35", []
    while arguments:
        word = arguments.pop(0)
        if word in ("--vs-linux", "--wall"):
            switches.add(word)
        elif word == "--machine" and arguments and arguments[0] in machine.MACHINES:
            machine_type = arguments.pop(0)
        elif re.fullmatch(r"[a-z0-9_]+", word):
            names.append(word)
        else:
            print("planaria bench: %s: there are --vs-linux, --wall, --machine q35|microvm, and names of operations" % word, file=sys.stderr)
            sys.exit(2)
    return switches, machine_type, names


def main():
    switches, machine_type, names = parse(sys.argv[1:])
    columns, failed = [], 0
    for icount in (True, False) if "--wall" in switches else (True,):
        for linux in (False, True) if "--vs-linux" in switches else (False,):
            status, values = measure(names, linux, icount, machine_type)
            failed += status != 0
            title = ("Linux" if linux else "Planaria") + (" instr." if icount else " us")
            columns.append((title, {name: pair[0] if icount else pair[1] / 1000 for name, pair in values.items()}))
    print_table(columns)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
