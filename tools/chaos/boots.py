# SPDX-License-Identifier: MIT
"""One boot that runs the workload round after round, with or without damage. What the guest prints between the marks `##begin N` and `##end N STATUS` is
the output of a round; `##free N KILOBYTES` is the memory after it."""
import copy
import os
import re
import tempfile
import threading
import time

from options import ROOT
import machine
import session

# A round that takes longer (virtual seconds) hangs: a loop costs a few seconds until the heartbeat is missed.
ROUND_LIMIT = 300
WORKLOAD = os.path.join(ROOT, "tests", "recovery", "workload.sh")

# The shell's own builtins only: what the harness needs must not be what it tests.
SCRIPT = r"""
uptime() { read now rest </proc/uptime; now=${now%%.*}; }
free_memory() { free=$(awk '/^MemFree/ {print $2}' /proc/meminfo); }
%(driver)s
n=0
while :; do
    n=$((n + 1))
    echo "##begin $n"
    timeout %(limit)d sh -c %(workload)s </dev/null 2>&1
    echo "##end $n $?"
    free_memory
    echo "##free $n $free"
    uptime
    [ "$now" -ge %(seconds)d ] && break
done
[ -n "$placer" ] && { killall -9 chaos-driver; wait $placer; } 2>/dev/null
sleep 8
service list | sed 's/^/##row /'
free_memory
echo "##free 0 $free"
"""
ROUND = re.compile(r"^##begin (\d+)\n(.*?)^##end \1 (\d+)$", re.M | re.S)
FREE = re.compile(r"^##free (\d+) (\d+)$", re.M)
ROW = re.compile(r"^##row (\S+) +(-?\d+) +(\d+) (\S+) +(\d+)", re.M)


class Boot:
    """What one boot has shown."""

    def __init__(self, text, status, log):
        self.text, self.status, self.log = text, status, log
        self.rounds = [(int(match[1]), match[2], int(match[3])) for match in ROUND.finditer(text)]
        self.began = text.count("##begin ")
        self.free = {int(match[1]): int(match[2]) for match in FREE.finditer(text)}
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
        driver = "chaos-driver %s & placer=$!" % arguments
    return SCRIPT % {"driver": driver, "limit": ROUND_LIMIT, "workload": quote(chaos.workload), "seconds": chaos.seconds if damage else 0}


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
