# SPDX-License-Identifier: MIT
"""Each service is updated again and again under load: to a version with another layout, to itself, and back, one in ten made to fail first. Outputs
are those of a quiet run, the versions are as expected, and hardly anybody waits: times are instructions under icount (one is a nanosecond).
The long form: `UPDATE_ROUNDS=500 python3 tests/recovery/updates.py` (with tools/testing in PYTHONPATH).
covers: LU-7, LU-8, LU-9, LU-10, LU-11, SEF-45"""
import os
import re
import statistics

from guest import ROOT_FOLDER, Guest, main

ROUNDS = int(os.environ.get("UPDATE_ROUNDS", "18"))
MEDIAN_NS, P99_NS = 400_000, 5_000_000
BUILD = os.path.join(ROOT_FOLDER, "build")
HERE = os.path.join(ROOT_FOLDER, "tests", "recovery")
SERVICES = "vm ds sched pm vfs tmpfs devfs procfs tty memory random hello rs".split()
ADDED = [(os.path.join(BUILD, "service", label + ".stripped"), "/first/" + label) for label in SERVICES]
ADDED += [(os.path.join(BUILD, "variant"), "/variant"), (os.path.join(HERE, "workload.sh"), "/workload.sh"),
          (os.path.join(HERE, "updates.sh"), "/updates.sh")]


def percentile(values, part):
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def unavailable(log):
    """Nanoseconds without anybody who serves, by service."""
    found = {}
    for label, value in re.findall(r"\] (\w+): live update: nobody served for (\d+) ns", log):
        found.setdefault(label, []).append(int(value))
    for value in re.findall(r"rs: vm: update succeeded \(update \d+, (\d+) us without vm\)", log):
        found.setdefault("vm", []).append(int(value) * 1000)
    return found


def report(times):
    for label in sorted(times):
        values = times[label]
        print("# %-8s %5d updates, without service: median %7d ns, p99 %8d ns, most %8d ns" %
              (label, len(values), statistics.median(values), percentile(values, 0.99), max(values)))


def campaign(rounds, **settings):
    with Guest(wait_for_prompt=True, add=ADDED, **settings) as guest:
        output = guest.run("sh /updates.sh %d" % rounds, 60 + rounds * 20)
        return output, guest.log()


def test_updates_under_load_are_not_noticed():
    output, log = campaign(ROUNDS, icount=True)
    times = unavailable(log)
    every = [value for values in times.values() for value in values]
    report(times)
    print("# all: median %d ns, p99 %d ns" % (statistics.median(every), percentile(every, 0.99)))
    lines = [line for line in output.splitlines() if not line.startswith("progress")]
    assert re.fullmatch(r"outputs: [1-9]\d* same", lines[-2]), output
    count = ROUNDS * len(SERVICES)
    assert lines[-1] == "updates: %d done, %d failed as asked" % (count, count // 10), output
    assert len(lines) == 2, output
    assert statistics.median(every) < MEDIAN_NS and percentile(every, 0.99) < P99_NS, (statistics.median(every), percentile(every, 0.99))


main(globals())
