# SPDX-License-Identifier: MIT
"""What became of the faults of a damaged run, from its log and from comparing its rounds with the quiet run's.

placed       RS took the request (refused: the service was just being replaced)
executed     the fault happened: the service said so
manifested   the service died or hung of it; a failed call or a wild store need not
detected     RS saw the death, or missed the heartbeat
transparent  the service is back and the round in which it was has the quiet run's output and status
degraded     ... the output or status differs, and says so: an error message or an exit status
stopped      the service is not back
silent       rounds whose output differs without any error: silent corruptions
A round that differs is charged to one fault, not to all that fell into it: nobody can tell which one it was."""
import re
from dataclasses import dataclass, field

STAMP = r"^\[ *(\d+\.\d+)\] "
EXECUTED = re.compile(STAMP + r"(\w+): fault (\d+) executed: ([\w-]+), type (\S+)")
PLACED = re.compile(STAMP + r"chaos: (placed|refused) (\d+) (\w+) ([\w-]+) (-?\d+)")
DIED = re.compile(STAMP + r"rs: (\w+) died of signal (\d+)")
MISSED = re.compile(STAMP + r"rs: (\w+) gives no heartbeat")
BACK = re.compile(STAMP + r"rs: (\w+) is back( with a new state)? \(restart (\d+)\)")
VM_BACK = re.compile(STAMP + r"(vm): took over from a dead instance")
GIVEN_UP = re.compile(STAMP + r"(\w+): message type \S+ crashed the service twice")
ERROR_WORD = re.compile(r"rror|denied|ailed|No such|not found|can't|cannot|Bad |Invalid|busy|Operation not|unavailable|Out of memory|Killed|Terminated|\[[1-9]\d*\]")
QUIETLY = ("wild-store", "kernel-error", "no-memory")


@dataclass
class Fault:
    number: int
    service: str
    kind: str
    time: float
    call: str = ""
    died: float = None
    heartbeat: bool = False
    back: float = None
    fresh: bool = False
    outcome: str = ""


@dataclass
class Outcome:
    placed: int = 0
    refused: int = 0
    faults: list = field(default_factory=list)      # executed ones
    updates: int = 0
    other_deaths: list = field(default_factory=list)  # (time, service, signal) that no fault explains
    given_up: int = 0
    fresh: int = 0
    degraded_rounds: list = field(default_factory=list)
    silent_rounds: list = field(default_factory=list)
    hung: bool = False
    out_of_time: bool = False
    panic: bool = False
    rounds: int = 0
    leak: int = 0                                     # kilobytes
    down: list = field(default_factory=list)

    def count(self, what):
        return sum(1 for fault in self.faults if fault.outcome == what)

    def manifested(self):
        return sum(1 for fault in self.faults if fault.died is not None)

    def good(self):
        return not (self.panic or self.hung or self.silent_rounds or self.down)


def follow(log, result):
    """Reads the log in order and ties deaths and recoveries to faults."""
    last, dead, placed, refused = {}, {}, set(), set()
    for line in log.splitlines():
        if (match := PLACED.match(line)):
            if match[2 + 2] == "update":
                result.updates += match[2] == "placed"
            else:  # a line may come twice: the memory driver crashed behind it
                (placed if match[2] == "placed" else refused).add(match[3])
        elif (match := EXECUTED.match(line)):
            fault = Fault(int(match[3]), match[2], match[4], float(match[1]), match[5])
            result.faults.append(fault)
            last[fault.service] = fault
        elif (match := MISSED.match(line)) and match[2] in last:
            last[match[2]].heartbeat = True
        elif (match := DIED.match(line)):
            took_death(match, last, dead, result)
        elif (match := BACK.match(line)):
            result.fresh += bool(match[3])
            fault = dead.pop(match[2], None)
            if fault:
                fault.back, fault.fresh = float(match[1]), bool(match[3])
        elif (match := VM_BACK.match(line)) and "vm" in dead:
            dead.pop("vm").back = float(match[1])
        elif GIVEN_UP.match(line):
            result.given_up += 1
    result.placed, result.refused = len(placed), len(refused)


def took_death(match, last, dead, result):
    fault = last.get(match[2])
    if "as asked" in match.string:
        return
    if fault is None or (fault.died is not None and fault.back is not None):
        result.other_deaths.append((float(match[1]), match[2], int(match[3])))
        return
    if fault.died is None:
        fault.died = float(match[1])
    else:
        result.other_deaths.append((float(match[1]), match[2], int(match[3])))
    dead[match[2]] = fault


def compare(quiet, damaged, result):
    """Rounds against the quiet run's first one."""
    _, wanted, wanted_status = quiet.rounds[0]
    for number, text, status in damaged.rounds:
        if text == wanted and status == wanted_status:
            continue
        differing = [line for line in text.splitlines() if line not in wanted.splitlines()]
        says = status != wanted_status or any(ERROR_WORD.search(line) for line in differing)
        if status in (124, 143):
            result.hung = True
        (result.degraded_rounds if says else result.silent_rounds).append((number, differing, status))


def classify(result):
    for fault in result.faults:
        if fault.died is None:
            fault.outcome = "no effect"
        elif fault.back is None:
            fault.outcome = "stopped"
        elif fault.fresh:
            fault.outcome = "fresh state"
        else:
            fault.outcome = "transparent"
    for kind, rounds in (("degraded", result.degraded_rounds), ("silent", result.silent_rounds)):
        pool = [fault for fault in result.faults if fault.kind in QUIETLY and fault.died is None] or \
               [fault for fault in result.faults if fault.outcome in ("fresh state", "transparent")]
        for _, fault in zip(rounds, [one for one in pool if one.outcome not in ("degraded", "silent")]):
            fault.outcome = kind


def judge(quiet, damaged, timed_out):
    result = Outcome(rounds=len(damaged.rounds), out_of_time=timed_out)
    follow(damaged.log, result)
    result.panic = "panic" in damaged.log and re.search(r"kernel: .*panic|vm died", damaged.log) is not None
    result.hung = timed_out or damaged.began > len(damaged.rounds)
    if quiet.rounds:
        compare(quiet, damaged, result)
    classify(result)
    result.down = sorted(name for name, (_, state, _) in damaged.rows.items() if state != "running")
    if 1 in damaged.free and 0 in damaged.free:
        result.leak = damaged.free[1] - damaged.free[0]
    return result


SUMMARY = ("placed %d, executed %d, manifested %d, detected %d, recovered transparently %d, with a fresh state %d, degraded %d, stopped %d, "
           "crashes of the kernel %d, hangs %d, silent corruptions %d")


def summary(result):
    manifested = result.manifested()
    return SUMMARY % (result.placed, len(result.faults), manifested, manifested, result.count("transparent"), result.count("fresh state"),
                      result.count("degraded"), result.count("stopped"), result.panic, result.hung, len(result.silent_rounds))
