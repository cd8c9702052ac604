#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria bench [--vs-linux] [--wall] [--machine M] [operation...]`: instructions per operation, from user/bench under icount (one instruction is one
tick of the time stamp counter; the same numbers each time); with --wall also microseconds without icount, good only as a ratio within one run.
--vs-linux adds Debian's Linux kernel (mitigations off) in the same emulator with the same binary. The processor has no ERMS: under icount each
step of a `rep movsb` would count as one instruction, which burdens Linux's copies. `sendrec` is the round trip between two services, from tests/core.
The table is also written as build/bench/report.html, with bars. --journal-cost compares with a build without the journal instead (journal_cost.py)."""
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tools", "emulator")]
import journal_cost  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
import session  # noqa: E402

LINE = re.compile(r"^bench (\S+) (\d+) ([\d.]+) ([\d.]+) (-?[\d.]+)$", re.M)
SENDREC = re.compile(r"# cycles: sendrec (\d+), kernel call (\d+), getpid (\d+)")
CPU = "max,-erms"
TIMEOUT = 600
CORE_TIMEOUT = 60
CORE_IMAGE = os.path.join(machine.BUILD, "core", "kernel.cpio")


@dataclass
class Column:
    """One measured system: title, unit, {operation: number}, and address-space switches per operation where it tells."""
    title: str
    unit: str
    values: dict
    switches: dict


def progress(text):
    print("planaria bench: " + text, file=sys.stderr, flush=True)


def measure(names, linux, icount, machine_type):
    """One boot: (exit status, Column)."""
    title = "Linux" if linux else "Planaria"
    progress("%s, %s ..." % (title, "instructions" if icount else "time"))
    options = machine.Options(linux=linux, icount=icount, timeout=TIMEOUT, machine=machine_type, cpu=CPU)
    with tempfile.TemporaryFile() as output:
        status = session.execute(options, "bench " + " ".join(names), stdout=output.fileno())
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status != 0:
        progress("the run under %s ended with %d" % (title, status))
    found = list(LINE.finditer(text))
    values = {match[1]: float(match[3]) if icount else float(match[4]) / 1000 for match in found}
    switches = {match[1]: float(match[5]) for match in found if float(match[5]) >= 0}
    return status, Column(title, "instructions" if icount else "microseconds", values, switches)


def measure_messages():
    """{row: instructions} of the kernel alone, from the core test."""
    progress("messages between services ...")
    if not os.path.exists(CORE_IMAGE):
        progress("there is no %s; ./planaria test core builds it" % os.path.relpath(CORE_IMAGE, ROOT))
        return {}
    log_path = machine.new_log_path()
    options = machine.Options(initrd=CORE_IMAGE, icount=True, cpu=CPU)
    try:
        subprocess.run(machine.qemu_command(options, CORE_IMAGE, "null", log_path), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=CORE_TIMEOUT)
    except subprocess.TimeoutExpired:
        progress("the core test did not end")
    match = SENDREC.search(machine.read_log(log_path))
    return {"sendrec": float(match[1]), "kernel_call": float(match[2])} if match else {}


def parse(arguments):
    """Returns (switches, machine type, operations) or ends with status 2."""
    switches, machine_type, names = set(), "q35", []
    while arguments:
        word = arguments.pop(0)
        if word in ("--vs-linux", "--wall", "--journal-cost"):
            switches.add(word)
        elif word == "--machine" and arguments and arguments[0] in machine.MACHINES:
            machine_type = arguments.pop(0)
        elif re.fullmatch(r"[a-z0-9_]+", word):
            names.append(word)
        else:
            print("planaria bench: %s: there are --vs-linux, --wall, --journal-cost, --machine q35|microvm, and names of operations" % word, file=sys.stderr)
            sys.exit(2)
    return switches, machine_type, names


def compare_journal(names, machine_type):
    def options(image):
        return machine.Options(icount=True, timeout=TIMEOUT, machine=machine_type, cpu=CPU, initrd=image)

    def measure_image(image):
        progress("%s ..." % os.path.relpath(image, ROOT))
        with tempfile.TemporaryFile() as output:
            session.execute(options(image), "bench " + " ".join(names), stdout=output.fileno())
            output.seek(0)
            return {match[1]: (float(match[3]), int(match[2])) for match in LINE.finditer(output.read().decode("utf-8", "replace"))}
    return journal_cost.report(measure_image, options)


def main():
    switches, machine_type, names = parse(sys.argv[1:])
    if "--journal-cost" in switches:
        return compare_journal(names, machine_type)
    columns, failed = [], 0
    for icount in (True, False) if "--wall" in switches else (True,):
        for linux in (False, True) if "--vs-linux" in switches else (False,):
            status, column = measure(names, linux, icount, machine_type)
            failed += status != 0
            if icount and not linux and not names:
                column.values.update(measure_messages())
            columns.append(column)
    print(report.table(columns))
    path = os.path.join(machine.BUILD, "bench", "report.html")
    report.write_html(path, columns)
    progress("charts in %s" % os.path.relpath(path, ROOT))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
