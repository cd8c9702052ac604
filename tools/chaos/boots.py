# SPDX-License-Identifier: MIT
"""One boot that runs the workload round after round, with or without damage. What the guest prints between the marks `##begin N` and `##end N STATUS` is
the output of a round; `##before KEY N` and `##after KEY N` count what must not leak."""
import copy
import os
import re
import tempfile
import threading
import time

from options import ROOT, SERVICES
import machine
import session

# A round that takes longer (virtual seconds) hangs: a loop costs a few seconds until the heartbeat is missed.
ROUND_LIMIT = 300
WORKLOAD = os.path.join(ROOT, "tests", "recovery", "workload.sh")

# The shell's own builtins only: what the harness needs must not be what it tests.
SCRIPT = r"""
uptime() { read now rest </proc/uptime; stamp=$now; now=${now%%%%.*}; }
round() {
    uptime
    echo "##begin $1 $stamp"
    timeout %(limit)d sh -c %(workload)s </dev/null 2>&1
    echo "##end $1 $?"
}
settle() {
    chaos-driver --services %(all)s --settle yes
    sleep 1
    i=0
    while [ $i -lt 60 ] && service list | sed 1d | grep -qv " running "; do i=$((i + 1)); sleep 1; done
}
measure() {
    rm -rf /var/crash/*
    chaos-driver --services %(all)s --settle yes # once more: what the last round left to be done is done now
    set -- $1 /proc/[0-9]*
    echo "##$1 processes $(($# - 1))"
    echo "##$1 slots $(service list | wc -l)"
    ls /proc/[0-9]*/fd >/run/descriptors 2>/dev/null # no pipeline: whether its other end is there already is chance
    echo "##$1 descriptors $(grep -c '^[0-9]' /run/descriptors)"
    rm /run/descriptors
    echo "##$1 files $(find /tmp /run /dev -xdev 2>/dev/null | wc -l)"
    echo "##$1 kilobytes $(awk '/^MemFree/ {n += $2} /^table_frames / {n += 4 * $2} END {print -n}' /proc/meminfo /proc/counters)"
    echo "##$1 tables $(awk '/^table_frames / {n += $2} /^table_frames_free / {n -= $2} END {print n}' /proc/counters)"
}
%(quiet)s
settle
measure before
%(driver)s
n=0
while :; do
    n=$((n + 1))
    round $n
    uptime
    [ "$now" -ge %(seconds)d ] && break
done
[ -n "$placer" ] && { killall -9 chaos-driver; wait $placer; } 2>/dev/null
settle
round last
settle
measure after
service list | sed 's/^/##row /'
"""
BEGIN = re.compile(r"##begin (\w+) (\d+\.\d+)$")
END = re.compile(r"##end (\w+) (\d+)$")
MEASURE = re.compile(r"^##(before|after) (\w+) (-?\d+)$", re.M)
ROW = re.compile(r"^##row (\S+) +(-?\d+) +(\d+) (\S+) +(\d+)", re.M)
# What must be warm before anything is counted.
WARM_UP = "round warm >/dev/null\nround warm >/dev/null"


class Round:
    """One run of the workload: when it began (virtual seconds), what it printed, its exit status; None: its end is not there."""

    def __init__(self, name, began, text, status):
        self.name, self.began, self.text, self.status = name, began, text, status


def rounds(text):
    """All that began. One pass: a driver that is out of its mind may print for ever. It may also print again what it had printed: no round begins in the past."""
    found, name, began, lines = [], None, -1.0, []
    for line in text.splitlines(keepends=True):
        begin, end = BEGIN.match(line), END.match(line)
        if begin and float(begin[2]) > began:
            if name is not None:
                found.append(Round(name, began, "".join(lines), None))
            name, began, lines = begin[1], float(begin[2]), []
        elif end and end[1] == name:
            found.append(Round(name, began, "".join(lines), int(end[2])))
            name = None
        elif name is not None:
            lines.append(line)
    if name is not None:
        found.append(Round(name, began, "".join(lines), None))
    return found


class Boot:
    """What one boot has shown."""

    def __init__(self, text, status, log):
        self.text, self.status, self.log = text, status, log
        self.rounds = rounds(text)
        self.before, self.after = ({match[2]: int(match[3]) for match in MEASURE.finditer(text) if match[1] == when} for when in ("before", "after"))
        self.rows = {match[1]: (int(match[2]), match[4], int(match[5])) for match in ROW.finditer(text)}


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def script(chaos, damage):
    driver = "placer="
    if damage:
        arguments = "--services %s --faults %s --seed %d --placers 4" % (",".join(chaos.services), ",".join(chaos.faults), chaos.seed)
        if chaos.kill_every:
            arguments += " --every %d" % chaos.kill_every
        if chaos.update_every:
            arguments += " --update-every %d" % chaos.update_every
        if chaos.call:
            arguments += " --call %d" % chaos.call
        if chaos.handler:
            arguments += " --handler %d" % chaos.handler
        driver = "chaos-driver %s & placer=$!" % arguments
    return SCRIPT % {"driver": driver, "limit": ROUND_LIMIT, "workload": quote(chaos.workload),
                     "seconds": chaos.seconds if damage else 0, "all": ",".join(SERVICES), "quiet": WARM_UP}


class Progress(threading.Thread):
    """Says every few seconds how far the guest is."""

    def __init__(self, title, output, log_path, say):
        super().__init__(daemon=True)
        self.title, self.output, self.log_path, self.say = title, output, log_path, say
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(5):
            log = machine.read_log(self.log_path)
            stamps = re.findall(r"^\[ *(\d+\.\d+)\]", log, re.M)
            size = os.fstat(self.output.fileno()).st_size
            text = os.pread(self.output.fileno(), size, 0)
            self.say("%s: %s virtual s, %d rounds, %d faults executed, %d recoveries" % (
                self.title, stamps[-1] if stamps else "0", text.count(b"##end "), len(re.findall(r"fault \d+ executed", log)), log.count(" is back")))


def run(chaos, damage, log_path, say):
    options = copy.deepcopy(chaos.options)
    options.add = options.add + [(WORKLOAD, "/tests/recovery/workload.sh")]
    with tempfile.TemporaryFile() as output:
        progress = Progress("damaged" if damage else "quiet", output, log_path, say)
        progress.start()
        started = time.monotonic()
        status = session.execute(options, script(chaos, damage), stdout=output.fileno(), log_path=log_path)
        progress.done.set()
        output.seek(0)
        text = output.read().decode("utf-8", "replace").replace("\r\n", "\n")
    boot = Boot(text, status, machine.read_log(log_path))
    boot.wall = time.monotonic() - started
    return boot
