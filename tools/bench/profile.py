# SPDX-License-Identifier: MIT
"""Instructions that services execute, counted by the emulator: it tells each block of code that it translates and each that it executes, for the
addresses of services only (boot/services.list: each is linked at an address of its own). A request is one pass through the loop's transact()."""
import bisect
import os
import re
import subprocess
import tempfile
import threading

import machine
import session

EXECUTED = re.compile(r"^Trace .*\[[0-9a-f]+/([0-9a-f]+)/")
INSTRUCTION = re.compile(r"^0x([0-9a-f]+):")
SPAN = 0x10000000


def bases(labels):
    """{label: address} from boot/services.list."""
    with open(os.path.join(machine.ROOT, "boot", "services.list")) as handle:
        rows = (line.split("#")[0].split() for line in handle)
        return {row[0]: int(row[1], 16) for row in rows if row and row[0] in labels}


def symbol(build, label, name):
    result = subprocess.run(["nm", os.path.join(build, "service", label)], stdout=subprocess.PIPE, text=True, check=True)
    for line in result.stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == name:
            return int(words[0], 16)
    raise KeyError("%s has no %s" % (label, name))


class Counter(threading.Thread):
    """Reads what the emulator tells, from a pipe with a name."""
    def __init__(self, path, starts, entries):
        super().__init__(daemon=True)
        self.path = path
        self.labels = [label for label, _ in starts]
        self.starts = [start for _, start in starts]
        self.entries = entries
        self.instructions = dict.fromkeys(self.labels, 0)
        self.requests = dict.fromkeys(self.labels, 0)

    def run(self):
        length, block = {}, None
        with open(self.path) as pipe:
            for line in pipe:
                executed = EXECUTED.match(line)
                if executed:
                    address = int(executed[1], 16)
                    label = self.labels[bisect.bisect_right(self.starts, address) - 1]
                    self.instructions[label] += length.get(address, 0)
                    if address in self.entries:
                        self.requests[label] += 1
                elif line.startswith("IN:"):
                    block = 0
                elif block is not None:
                    instruction = INSTRUCTION.match(line)
                    if instruction:
                        block = block or int(instruction[1], 16)
                        length[block] = length.get(block, 0) + 1 if block != int(instruction[1], 16) else 1


def count(options, build, labels, operations):
    """{label: (instructions, requests)} for a boot that runs these operations of user/bench."""
    starts = sorted(bases(labels).items(), key=lambda row: row[1])
    entries = {symbol(build, label, "transact") for label in labels}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "told")
        os.mkfifo(path)
        counter = Counter(path, starts, entries)
        counter.start()
        ranges = ",".join("0x%x+0x%x" % (start, SPAN) for _, start in starts)
        options.qemu = list(options.qemu) + ["-d", "in_asm,exec,nochain", "-D", path, "-dfilter", ranges]
        with tempfile.TemporaryFile() as output:
            status = session.execute(options, "bench " + " ".join(operations), stdout=output.fileno())
        counter.join(10)
    if status != 0 or counter.is_alive():
        raise RuntimeError("the counted run ended with %d" % status)
    return {label: (counter.instructions[label], counter.requests[label]) for label in labels}
