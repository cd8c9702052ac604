#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria replay [--gdb] REPORT`: the service of a crash report on the host, with the state that it had and the message that killed it, under ASan and
UBSan or gdb. Says whether it crashes there as well, and where. Exit status: 0 the same crash, 1 another one or none, 2 the report cannot be replayed."""
import base64
import os
import re
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIRST_LINE = "planaria crash report 1"
NOTE = struct.pack("<III4s", 4, 20, 3, b"GNU\0")
ARENA, COPY, KEPT, JOURNAL, UNDO, SPILL, CALLS, NAME = 1, 2, 3, 5, 6, 7, 8, 9
LIBRARIES = ("lib/", "tools/replay/", "build/generated/")


class Refused(Exception):
    pass


@dataclass
class Report:
    lines: dict = field(default_factory=dict)    # key: all values
    memory: list = field(default_factory=list)   # (name, address, bytearray)

    def first(self, key, default=""):
        return self.lines.get(key, [default])[0]

    def region(self, name):
        return next((one for one in self.memory if one[0] == name), None)


def unpack(data, length):
    """An LZ4 block."""
    out, at = bytearray(), 0
    while at < len(data):
        token = data[at]
        at += 1
        count = token >> 4
        while count >= 15 and data[at] == 255:
            count, at = count + 255, at + 1
        if token >> 4 == 15:
            count, at = count + data[at], at + 1
        out += data[at:at + count]
        at += count
        if at == len(data):
            break
        offset, at = data[at] | data[at + 1] << 8, at + 2
        count = token & 15
        while count >= 15 and data[at] == 255:
            count, at = count + 255, at + 1
        if token & 15 == 15:
            count, at = count + data[at], at + 1
        if not 0 < offset <= len(out):
            raise ValueError("a match before the beginning")
        for _ in range(count + 4):
            out.append(out[-offset])
    if len(out) != length:
        raise ValueError("%d bytes instead of %d" % (len(out), length))
    return out


def _place(report, address, data):
    for _, start, memory in report.memory:
        if start <= address and address + len(data) <= start + len(memory):
            memory[address - start:address - start + len(data)] = data
            return
    raise ValueError("a block outside of all regions")


def _blocks(report, lines):
    address, length, text = None, 0, []

    def finish():
        if address is not None:
            _place(report, address, unpack(base64.b64decode("".join(text), validate=True), length))
    for line in lines:
        match = re.match(r"([a-z ]+): (.*)$", line)
        if not match:
            text.append(line)
            continue
        finish()
        address, text = None, []
        if match[1] == "memory":
            name, start, size = match[2].split()
            report.memory.append((name, int(start, 16), bytearray(int(size))))
        elif match[1] == "block":
            address, length = int(match[2].split()[0], 16), int(match[2].split()[1])
    finish()


def parse(text):
    lines = text.replace("\r", "").splitlines()
    if not lines or lines[0] != FIRST_LINE:
        raise Refused("this is no crash report: its first line must be '%s'" % FIRST_LINE)
    if not lines[-1].startswith("end: "):
        raise Refused("the report is damaged: its end is missing")
    report = Report()
    for line in lines[1:]:
        match = re.match(r"([a-z ]+): (.*)$", line)
        if match:
            report.lines.setdefault(match[1], []).append(match[2])
    try:
        _blocks(report, lines[1:])
    except (ValueError, IndexError) as problem:
        raise Refused("the report is damaged: %s" % problem)
    return report


def build_id(path):
    with open(path, "rb") as handle:
        data = handle.read()
    at = data.find(NOTE)
    return data[at + len(NOTE):at + len(NOTE) + 20].hex() if at >= 0 else None


def find_binary(report):
    """The service with this build id, by name."""
    folder = os.path.join(ROOT, "build", "service")
    wanted = report.first("build")
    names = sorted(name for name in os.listdir(folder) if "." not in name) if os.path.isdir(folder) else []
    if not wanted:
        raise Refused("the report has no build id: the instance died before it was a whole service")
    for name in names:
        if build_id(os.path.join(folder, name)) == wanted:
            return name
    label = report.first("service")
    if label not in names:
        raise Refused("there is no service '%s' in this tree, and none with build id %s" % (label, wanted))
    commit = report.first("commit", "unknown")
    advice = "git checkout %s && ./planaria build" % commit.replace("-dirty", "")
    if commit.endswith("-dirty"):
        advice += " (it had changes that were not committed)"
    raise Refused("the report is of another build of %s (%s); %s" % (label, wanted[:12], advice))


def symbols(path):
    """{name: (address, size)} of variables, each name that is there once."""
    found, twice = {}, set()
    for line in subprocess.run(["nm", "-S", path], capture_output=True, text=True, check=True).stdout.splitlines():
        parts = line.split()
        if len(parts) == 4 and parts[2] in "bBdD":
            (twice.add if parts[3] in found else (lambda _: None))(parts[3])
            found[parts[3]] = int(parts[0], 16), int(parts[1], 16)
    return {name: place for name, place in found.items() if name not in twice}


def derived(report, guest, host):
    """(address on the host, bytes) of the variables in .derived."""
    region = report.region("derived")
    if not region:
        return
    _, start, memory = region
    for name, (address, size) in guest.items():
        if start <= address < start + len(memory) and name in host:
            yield host[name][0], bytes(memory[address - start:address - start + min(size, host[name][1])])


def record(kind, address, data=b""):
    return struct.pack("<QQQ", kind, address, len(data)) + data + bytes(-len(data) % 8)


def image(report, guest_path, host_path):
    """What tools/replay/replay.c reads."""
    guest = symbols(guest_path)
    out = [record(NAME, int(report.first("endpoint", "0")) & 0xffffffff, report.first("service").encode() + b"\0")]
    state, journal = report.region("state"), report.region("journal")
    kept_start, kept_bytes = (int(part, 0) for part in report.first("kept").split())
    kept = bytearray(kept_bytes)
    kept[:len(state[2])] = state[2]
    out.append(record(KEPT, kept_start, bytes(kept)))
    out += [record(ARENA, address, bytes(memory)) for name, address, memory in report.memory if name == "arena"]
    place, size = guest["journal"]
    out.append(record(JOURNAL, 0, bytes(journal[2][place - journal[1]:place - journal[1] + size])))
    if report.region("undo"):
        out.append(record(UNDO, report.region("undo")[1] & 0xffff, bytes(report.region("undo")[2])))
    if report.region("spill"):
        out.append(record(SPILL, 0, bytes(report.region("spill")[2])))
    out += [record(COPY, address, data) for address, data in derived(report, guest, symbols(host_path))]
    calls = re.search(r"data (\S+)", report.first("calls"))
    if calls:
        out.append(record(CALLS, 0, base64.b64decode(calls[1])))
    return b"".join(out)


# ---- places ----

def short(path):
    """Relative to the tree."""
    path = os.path.normpath(path)
    return os.path.relpath(path, ROOT) if os.path.isabs(path) and path.startswith(ROOT + os.sep) else path


def guest_places(report, path):
    """[(function, file, line)] from the innermost frame out; inlined functions are frames."""
    frames = [int(re.match(r"0x[0-9a-f]+", text)[0], 16) for text in report.lines.get("frame", [])]
    places = []
    for number, address in enumerate(frames):
        answer = subprocess.run(["addr2line", "-f", "-i", "-e", path, hex(address if number == 0 else address - 1)],
                                capture_output=True, text=True).stdout.splitlines()
        for function, place in zip(answer[::2], answer[1::2]):
            match = re.match(r"(.*):(\d+)", place)
            if match:
                places.append((function, short(match[1]), int(match[2])))
    return places


def host_places(output):
    places = []
    match = re.search(r"^(\S+?):(\d+)(:\d+)?: runtime error", output, re.M)
    for line in output.splitlines():
        frame = re.match(r"\s+#\d+ 0x[0-9a-f]+ in (\S+) (\S+?):(\d+)(:\d+)?$", line)
        if frame:
            places.append((frame[1], short(frame[2]), int(frame[3])))
        elif places and line.strip() == "":
            break
    if match and (not places or (short(match[1]), int(match[2])) != places[0][1:]):
        places.insert(0, ("?", short(match[1]), int(match[2])))
    return places


def own(places):
    """The innermost place in the service's own code; if there is none, the innermost."""
    mine = [place for place in places if not place[1].startswith(LIBRARIES) and not place[1].startswith(("..", "/", "?"))]
    return (mine or places or [None])[0]


def say(place):
    return "%s (%s:%d)" % place if place else "nowhere that is known"


def judge(report, guest_path, status, output):
    """(exit status, what to say)."""
    guest, host = own(guest_places(report, guest_path)), own(host_places(output))
    text = ["guest: %s at %s" % (report.first("cause", "unknown"), say(guest))]
    if status in (0, 3):
        why = "the crash was made on request (%s)" % report.first("fault") if "fault" in report.lines else "the answers differ, or memory that is not state"
        if "calls" not in report.lines:
            why += "; this is a first attempt, only the report of a second one has what the handler's calls answered"
        return 1, text + ["host: no crash: %s" % why]
    if status == 4:
        return 2, text + ["the service cannot be set up on the host"]
    text.append("host: %s" % say(host))
    if guest and host and guest[1:] == host[1:]:
        return 0, text + ["reproduced: the same line"]
    if guest and host and guest[:2] == host[:2]:
        return 0, text + ["reproduced: the same function, another line of it"]
    return 1, text + ["diverged: the crash is elsewhere"]


def check(report):
    match = re.match(r"phase (\d+)", report.first("handling"))
    if not match:
        raise Refused("the report does not say what the service was doing")
    if match[1] != "1":
        raise Refused("no handler was running (cause: %s%s): there is no message to repeat"
                      % (report.first("cause"), "; " + report.first("fault") if "fault" in report.lines else ""))
    missing = [name for name in ("state", "journal") if not report.region(name)]
    if missing or "incomplete" in report.lines:
        raise Refused("the report has not all of the memory: %s" % (report.first("incomplete") or ", ".join(missing)))


def replay(path, with_gdb):
    with open(path, errors="replace") as handle:
        report = parse(handle.read())
    name = find_binary(report)
    check(report)
    guest_path, host_path = (os.path.join(ROOT, "build", folder, name) for folder in ("service", "replay"))
    built = subprocess.run(["make", "-C", ROOT, "-s", "--no-print-directory", "-j%d" % (os.cpu_count() or 1), "build/replay/" + name],
                           stdout=sys.stderr)
    if built.returncode != 0:
        raise Refused("%s cannot be built for the host" % name)
    with tempfile.NamedTemporaryFile(prefix="planaria-", suffix=".replay") as file:
        file.write(image(report, guest_path, host_path))
        file.flush()
        if with_gdb:
            return subprocess.call(["gdb", "-q", "-ex", "run", "--args", host_path, file.name], cwd=ROOT)
        run = subprocess.run([host_path, file.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=ROOT,
                             timeout=120)
    print(run.stdout, end="")
    status, lines = judge(report, guest_path, run.returncode, run.stdout)
    print("\n".join(lines))
    return status


def main():
    words = [word for word in sys.argv[1:] if word != "--gdb"]
    if len(words) != 1 or words[0].startswith("-"):
        print("usage: ./planaria replay [--gdb] REPORT", file=sys.stderr)
        return 2
    try:
        return replay(words[0], "--gdb" in sys.argv)
    except OSError as problem:
        print("planaria replay: %s: %s" % (words[0], problem.strerror), file=sys.stderr)
    except subprocess.TimeoutExpired:
        print("planaria replay: the handler does not end on the host", file=sys.stderr)
        return 1
    except Refused as problem:
        print("planaria replay: %s: %s" % (words[0], problem), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
