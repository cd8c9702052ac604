# SPDX-License-Identifier: MIT
"""A driver with a real mistake (frail) dies twice of the same message; the report of the second death, replayed on the host, crashes in the same line with the same
state. Reports that cannot be replayed are refused with the reason; VM's is one, with the names in it."""
import glob
import os
import re
import subprocess
import sys

import scenario

ROOT = scenario.ROOT
sys.path.insert(0, os.path.join(ROOT, "tools", "emulator"))
import machine  # noqa: E402

COMMAND = r"""i=0; until [ -d /var/crash ] && pidof coroner >/dev/null || [ $i -gt 50 ]; do usleep 100000; i=$((i + 1)); done; sleep 1
service up /service/frail && mknod /tmp/frail c 240 2
for n in 7 7 9; do echo $n >/tmp/frail; done
echo 123456789 >/tmp/frail
i=0; until ls /var/crash/frail.* | grep -q '2$' || [ $i -gt 50 ]; do usleep 100000; i=$((i + 1)); done
echo 7 >/tmp/frail && echo goes on
service crash hello; service crash vm --in vm.fork; seq 3 | sort >/dev/null; sleep 1"""


def replay(path):
    result = subprocess.run([os.path.join(ROOT, "planaria"), "replay", path], capture_output=True, text=True, cwd=ROOT)
    return result.returncode, result.stdout + result.stderr


def changed(report, name, pattern, to):
    """A copy of a report with something else in it."""
    path = os.path.join(machine.LOGS, "replay-test-%s.report" % name)
    text = open(report).read()
    assert re.search(pattern, text, re.M), pattern
    with open(path, "w") as handle:
        handle.write(re.sub(pattern, to, text, count=1, flags=re.M))
    return path


def refused(report, name, pattern, to, why):
    path = changed(report, name, pattern, to)
    status, output = replay(path)
    os.unlink(path)
    return None if status == 2 and re.search(why, output) and "Traceback" not in output else "%s: %d: %s" % (name, status, output[-500:])


def report_of(reports, label):
    return next((path for path in reports if "\nservice: %s\n" % label in open(path).read()), None)


def line_of_mistake():
    with open(os.path.join(ROOT, "tests", "recovery", "frail", "main.c")) as handle:
        return next(number for number, line in enumerate(handle, 1) if "the mistake" in line)


def problems():
    log_path = machine.new_log_path()
    output, said, _ = scenario.boot(COMMAND, "", 90, log_path)
    reports = sorted(glob.glob(log_path.replace(".log", "-*.report")))
    if b"goes on" not in output or "(./planaria replay " not in said:
        yield "the guest printed: %s %s" % (output.decode("utf-8", "replace"), said)
    second = [path for path in reports if re.search(r"^handling: phase 1, attempt 2", open(path).read(), re.M)]
    if len(second) != 1:
        yield "%d reports, of a second attempt: %s" % (len(reports), second)
        return
    status, text = replay(second[0])
    place = r"count_number \(tests/recovery/frail/main.c:%d\)$" % line_of_mistake()
    if status != 0 or not re.search(r"^guest: signal 11.* at " + place, text, re.M) or not re.search("^host: " + place, text, re.M) or \
            "state before the message: good" not in text or "reproduced: the same line" not in text:
        yield "replay said, with status %d:\n%s" % (status, text)
    yield refused(second[0], "cut", r"^end: .*\n", "", "its end is missing")
    yield refused(second[0], "text", r"\A.*\n", "something\n", "this is no crash report")
    yield refused(second[0], "spoilt", r"(?<=^block: )(0x[0-9a-f]+) (\d+)\n.{8}", r"\1 \2\nAAAAAAAA", "the report is damaged")
    yield refused(second[0], "build", r"^build: .{6}", "build: 000000", r"of another build of frail .*git checkout [0-9a-f]{40}")
    yield refused(changed(second[0], "stranger", r"^build: .{6}", "build: 000000"), "service", r"^service: frail", "service: nobody",
                  "there is no service 'nobody'")
    hello = report_of(reports, "hello")
    yield refused(hello, "idle", r"\Z", "", "no handler was running") if hello else "no report of hello"
    vm = report_of(reports, "vm")
    yield refused(vm, "vm", r"^frame: 0x[0-9a-f]+ <vm: fault_after\+.*>$", "", "not all of the memory: the tables of vm") if vm else "no report of vm"


found = [problem for problem in problems() if problem]
for one in found:
    print("# " + one.replace("\n", "\n# "))
print("%s 1 - a crash is reproduced on the host in the same line\n1..1" % ("not ok" if found else "ok"))
sys.exit(1 if found else 0)
