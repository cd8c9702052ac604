# SPDX-License-Identifier: MIT
"""`./planaria bench --journal-cost`: the benchmark on the system as it is and on one that is built without the journal, the copy that follows it and
looks at the text (make JOURNAL=off, in build/journal-off), in instructions: each operation, three totals, and instructions per request of single services. The exit status is 1 if a total is
above the limit of 5 %."""
import math
import os
import subprocess

import machine
import profile

LIMIT = 1.05
OFF = os.path.join(machine.BUILD, "journal-off")
SERVICES = ("pm", "vfs", "tmpfs", "ds", "vm")
REQUESTS_OF = ["open_close", "create_unlink", "pipe_round_trip", "signal_deliver", "fork_exec_wait"]


def build_without():
    subprocess.run(["make", "-s", "--no-print-directory", "-j%d" % os.cpu_count(), "B=" + os.path.relpath(OFF, machine.ROOT), "JOURNAL=off",
                    os.path.relpath(os.path.join(OFF, "initrd.cpio"), machine.ROOT)], cwd=machine.ROOT, check=True)


def totals(without, with_it):
    """[(what, instructions without, with or None, ratio)] of two {operation: (instructions, repetitions)}."""
    names = [name for name in without if name in with_it]
    rows = [name for name in names if name != "boot"]
    sums = [sum(column[name][0] for name in rows) for column in (without, with_it)]
    runs = [sum(column[name][0] * column[name][1] for name in names) for column in (without, with_it)]
    mean = math.exp(sum(math.log(with_it[name][0] / without[name][0]) for name in rows) / len(rows))
    return [("sum of the rows, without boot", *sums, sums[1] / sums[0]), ("the whole run, each row as often as it is repeated", *runs, runs[1] / runs[0]),
            ("geometric mean of the rows", None, None, mean)]


def line(name, without, with_it, ratio):
    cells = ["-" if value is None else "%.1f" % value for value in (without, with_it)]
    return "%-52s %14s %14s %+7.2f %%" % (name, *cells, (ratio - 1) * 100)


def requests(options):
    yield "%-52s %14s %14s" % ("instructions per request of", "without", "with")
    images = {True: machine.Options().initrd, False: os.path.join(OFF, "initrd.cpio")}
    counts = {}
    for journaled, image in images.items():
        build = machine.BUILD if journaled else OFF
        counts[journaled] = profile.count(options(image), build, SERVICES, REQUESTS_OF)
    for label in SERVICES:
        values = [counts[journaled][label][0] / max(counts[journaled][label][1], 1) for journaled in (False, True)]
        note = "  (no journal: vm derives its state, ADR 0010; looks at its text)" if label == "vm" else ""
        yield line("%s (%d requests)" % (label, counts[True][label][1]), *values, values[1] / values[0]) + note


def report(measure, options):
    """measure(image): {operation: (instructions, repetitions)}; options(image): machine.Options under icount. Prints; returns the exit status."""
    build_without()
    without = measure(os.path.join(OFF, "initrd.cpio"))
    with_it = measure(machine.Options().initrd)
    print("%-52s %14s %14s" % ("operation", "without", "with"))
    for name in without:
        if name in with_it:
            print(line(name, without[name][0], with_it[name][0], with_it[name][0] / without[name][0]))
    sums = totals(without, with_it)
    for row in sums:
        print(line(*row))
    for text in requests(options):
        print(text)
    return 0 if without and all(ratio <= LIMIT for *_, ratio in sums) else 1
