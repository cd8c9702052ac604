# SPDX-License-Identifier: MIT
"""Options of `./planaria chaos`. A wrong one is answered with its name and the rule it breaks."""
import os
import re
import sys
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "emulator"))
import cli  # noqa: E402
import machine  # noqa: E402

KINDS = ("crash", "in-handler", "middle", "loop", "wild-store", "kernel-error", "no-memory", "mutation", "bad-state", "lost-state", "bad-log")
SERVICES = ("pm", "vfs", "rs", "vm", "ds", "sched", "tmpfs", "devfs", "procfs", "tty", "memory", "random", "hello")
DEFAULT_SERVICES = SERVICES
DEFAULT_FAULTS = ("crash", "in-handler", "middle")
MINE = ("--kill-every", "--update-every", "--faults", "--services", "--seed", "--for", "--campaign", "--call", "--handler", "--timeout", "--smp", "--memory", "--machine", "--add", "--append")


class Usage(Exception):
    pass


@dataclass
class Chaos:
    kill_every: int = 200          # virtual milliseconds; 0: no faults
    update_every: int = 0
    faults: tuple = DEFAULT_FAULTS
    services: tuple = DEFAULT_SERVICES
    seed: int = 1
    seconds: float = 10            # virtual: rounds of the workload are begun until then
    wall: bool = False
    campaign: int = 0              # faults to be executed, boot after boot; 0: one boot
    call: int = 0                  # message type that a fault waits for, 0: any
    named_call: str = ""
    handler: int = 0               # the n-th of them, 0: as the seed says
    workload: str = ""
    options: machine.Options = field(default_factory=lambda: machine.Options(icount=True, timeout=600))


def whole(name, value, low, high, unit=""):
    if not value.isdigit() or not low <= int(value) <= high:
        raise Usage("%s takes a whole number%s from %d to %d, not '%s'" % (name, unit, low, high, value))
    return int(value)


PROTOCOL_LINUX = 31


def call_type(name):
    """A Linux call (read) or protocol.operation (char.read), as `service crash --in` takes it."""
    protocol, dot, operation = name.partition(".")
    try:
        if dot:
            with open(os.path.join(ROOT, "abi", "protocols", protocol + ".idl")) as handle:
                text = handle.read()
            number = re.search(r"^protocol \w+ = (\d+);", text, re.M)
            found = re.search(r"^(?:call|event) %s = (\d+) " % re.escape(operation), text, re.M)
            if number and found:
                return int(number[1]) << 16 | int(found[1])
        else:
            with open(os.path.join(ROOT, "abi", "linux", "syscalls.tbl")) as handle:
                found = re.search(r"^(\d+)\s+%s\b" % re.escape(name), handle.read(), re.M)
            if found:
                return PROTOCOL_LINUX << 16 | int(found[1])
    except OSError:
        pass
    raise Usage("--call takes a Linux call (read) or protocol.operation (char.read), not '%s'" % name)


def words(name, value, known):
    chosen = tuple(word for word in value.split(",") if word)
    wrong = [word for word in chosen if word not in known]
    if wrong or not chosen:
        raise Usage("%s takes words of %s with commas between them, not '%s'" % (name, ",".join(known), wrong[0] if wrong else value))
    return chosen


def take(chaos, name, value):
    if name == "--kill-every":
        chaos.kill_every = whole(name, value, 0, 3600000, " of milliseconds")
    elif name == "--update-every":
        chaos.update_every = whole(name, value, 0, 3600000, " of milliseconds")
    elif name == "--faults":
        chaos.faults = KINDS if value == "all" else words(name, value, KINDS)
    elif name == "--services":
        chaos.services = DEFAULT_SERVICES if value == "all" else words(name, value, SERVICES)
    elif name == "--seed":
        chaos.seed = whole(name, value, 0, 0xffffffff)
    elif name == "--campaign":
        chaos.campaign = whole(name, value, 1, 10000000, " of faults")
    elif name == "--call":
        chaos.call, chaos.named_call = call_type(value), value
    elif name == "--handler":
        chaos.handler = whole(name, value, 1, 1000000)
    elif name == "--for":
        chaos.seconds = whole(name, value, 1, 86400, " of virtual seconds")
    else:
        try:
            getattr(cli, "parse_" + name[2:])(chaos.options, value)
        except cli.Usage as problem:
            raise Usage(str(problem)) from None


def command(chaos):
    """What repeats it."""
    text = "./planaria chaos --kill-every %d --for %d --seed %d --smp %d --faults %s --services %s" % (
        chaos.kill_every, chaos.seconds, chaos.seed, chaos.options.smp, ",".join(chaos.faults), ",".join(chaos.services))
    for name, value in (("--update-every", chaos.update_every), ("--handler", chaos.handler), ("--call", chaos.named_call), ("--timeout", chaos.options.timeout)):
        text += " %s %s" % (name, value) if value else ""
    return text + (" --wall" if chaos.wall else "") + " -- '%s'" % chaos.workload


def parse(arguments):
    chaos = Chaos()
    rest, index = [], 0
    while index < len(arguments):
        name, equals, value = arguments[index].partition("=")
        index += 1
        if name == "--" and not equals:
            rest += arguments[index:]
            break
        if name == "--wall":
            chaos.wall = True
            chaos.options.icount = False
        elif name in MINE:
            if not equals:
                if index == len(arguments):
                    raise Usage("%s needs a value" % name)
                value = arguments[index]
                index += 1
            take(chaos, name, value)
        elif name.startswith("-"):
            raise Usage("unknown option %s; there are %s --wall" % (name, " ".join(MINE)))
        else:
            rest.append(arguments[index - 1])
    if len(rest) > 1:
        raise Usage("one workload, a shell command in quotes behind --; got %d arguments" % len(rest))
    if chaos.kill_every == 0 and chaos.update_every == 0:
        raise Usage("--kill-every 0 needs --update-every: else there is no damage")
    chaos.workload = rest[0] if rest else "sh /tests/recovery/workload.sh"
    return chaos
