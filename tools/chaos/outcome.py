# SPDX-License-Identifier: MIT
"""What became of the faults of a damaged run, from its log and from comparing its rounds with the quiet run's.

placed       RS took the request (refused: the service was just being replaced)
executed     the fault happened: the service said so
manifested   the service died, was found out, or a round differs; a failed call, a wild store or a mutation need not
detected     by what the death came about: exception, assertion (a service's panic), state check, checksum (of the text), heartbeat
transparent  the service is back with its state (or as its manifest says; or rs with one that it derived, and nothing lost), and no round differs
degraded     a round differs and says so by an error message or exit status, or state was lost; with the reason
stopped      the service is not back
anew         a state was lost on which the programs depend: they ended and init began anew, and with it the workload
stops        the system stopped because rs or vm could not be replaced: no crash of the kernel, but as bad
silent       rounds whose output differs without any error, also those of which no end or no beginning can be read: silent corruptions
A round that differs is charged to one fault that was there, not to all: nobody can tell which one it was."""
import re
from dataclasses import asdict, dataclass, field

STAMP = r"^\[ *(\d+\.\d+)\] "
EXECUTED = re.compile(STAMP + r"(\w+): fault (\d+) executed: ([\w-]+), type (\S+?)(?:, (\S+) at \S+)?$")
PLACED = re.compile(STAMP + r"chaos: (placed|refused) (\d+) (\w+) ([\w-]+) (-?\d+)")
PANIC = re.compile(STAMP + r"(\w+): panic: (.*)")
DIED = re.compile(STAMP + r"rs: (\w+) died of signal (\d+)")
MISSED = re.compile(STAMP + r"\w+: (\w+) gives no heartbeat")
BACK = re.compile(STAMP + r"rs: (\w+) is back( with a (?:new|derived) state)? \(restart (\d+)\)(?:; lost: (.*))?")
LOST = re.compile(STAMP + r"(\w+): (state of the old instance: .*|the handler wrote more than the journal holds: no resume)")
DEPENDS = re.compile(STAMP + r"rs: (\w+) depends on a state that is lost")
ANEW = re.compile(STAMP + r"rs: \d+ threads of programs end")
GIVEN_UP = re.compile(STAMP + r"(\w+): message type \S+ crashed the service twice")
RESOURCES = re.compile(STAMP + r"(\w+): resources: (\d+) grants, (\d+) arenas, (\d+) messages queued")
ERROR_WORD = re.compile(r"rror|denied|ailed|No such|not found|can't|[Cc]annot|Bad |Invalid|busy|Operation not|unavailable|Out of memory|Killed|Terminated|\[[1-9]\d*\]|egmentation|nterrupted|llegal|applet")
VALUE_CHANGING = ("wild-store", "mutation")
QUIETLY = VALUE_CHANGING + ("kernel-error", "no-memory")
BY_PANIC = (("integrity: the text", "checksum"), ("integrity:", "state check"), ("state:", "state check"))
HALTED = r"kernel: panic: (rs asked for it|\w+ \(endpoint \d+\) got signal \d+ and nobody manages it)"
ENDED = STAMP + r"exec status="                # the last round and the measurements are behind us
RECOVERED = ("transparent", "fresh state", "no effect")
# What may be more than before. Page tables: VFS shows file contents to itself in 512 windows, which get their tables when they are first used.
ALLOWED = {"kilobytes": 256, "tables": 1200}


@dataclass
class Fault:
    number: int
    service: str
    kind: str
    time: float
    call: str = ""
    mistake: str = ""           # of a mutation
    died: float = None
    detected: str = ""          # by what
    back: float = None
    fresh: bool = False
    lost: str = ""              # why the state was given up
    again: bool = False         # the message in hand killed the new instance too
    outcome: str = ""
    reason: str = ""


@dataclass
class Outcome:
    placed: int = 0
    refused: int = 0
    faults: list = field(default_factory=list)      # executed ones
    updates: int = 0
    other_deaths: list = field(default_factory=list)  # (time, service, signal) that no fault explains
    given_up: int = 0
    anew: list = field(default_factory=list)        # when all programs ended and init began anew
    derived: int = 0                                # times that rs could not use its state and made another one
    degraded_rounds: list = field(default_factory=list)
    silent_rounds: list = field(default_factory=list)
    hung: bool = False
    out_of_time: bool = False
    panic: bool = False                             # the kernel itself crashed
    halted: bool = False                            # it stopped the machine because rs or vm could not be replaced
    rounds: int = 0
    leaks: list = field(default_factory=list)       # (what, before, after)
    kilobytes: int = 0                              # less memory than before
    down: list = field(default_factory=list)

    def count(self, what):
        return sum(1 for fault in self.faults if fault.outcome == what)

    def manifested(self):
        return sum(1 for fault in self.faults if is_manifested(fault))

    def detected(self):
        return sum(1 for fault in self.faults if fault.detected)

    def good(self):
        return not (self.panic or self.halted or self.hung or self.silent_rounds or self.down or self.leaks)

    def table(self):
        """For scripts."""
        return dict(asdict(self), manifested=self.manifested())


def is_manifested(fault):
    return fault.died is not None or fault.outcome in ("degraded", "silent", "stopped")


class Reader:
    """Reads the log in order and ties deaths and recoveries to faults."""

    def __init__(self, result):
        self.result = result
        self.last, self.dead, self.panics, self.missed, self.dependents = {}, {}, {}, set(), set()
        self.placed, self.refused = set(), set()

    def line(self, line):
        for pattern, take in ((EXECUTED, self.executed), (PLACED, self.placement), (PANIC, self.panic), (MISSED, self.no_heartbeat), (DIED, self.death),
                              (BACK, self.return_), (LOST, self.loss), (GIVEN_UP, self.second), (DEPENDS, self.depends), (ANEW, self.anew)):
            match = pattern.match(line)
            if match:
                take(match)
                return

    def executed(self, match):
        fault = Fault(int(match[3]), match[2], match[4], float(match[1]), match[5], match[6] or "")
        self.result.faults.append(fault)
        self.last[fault.service] = fault

    def placement(self, match):
        if match[5] == "update":
            self.result.updates += match[2] == "placed"
        else:  # a line may come twice: the memory driver crashed behind it
            (self.placed if match[2] == "placed" else self.refused).add(match[3])

    def panic(self, match):
        self.panics[match[2]] = next((by for start, by in BY_PANIC if match[3].startswith(start)), "assertion")

    def no_heartbeat(self, match):
        self.missed.add(match[2])

    def how(self, service):
        """How this death was found out."""
        if service in self.missed:
            self.missed.discard(service)
            return "heartbeat"
        return self.panics.pop(service, "exception")

    def death(self, match):
        time, service, signal = float(match[1]), match[2], int(match[3])
        fault = self.last.get(service)
        by = self.how(service)
        if "as asked" in match.string:
            return
        if service in self.dependents:
            self.dependents.discard(service)
            return
        if fault is None or fault.died is not None:
            if fault is not None and (fault.back is None or time - fault.back < 0.1):
                fault.again = True
            else:
                self.result.other_deaths.append((time, service, signal))
        else:
            fault.died, fault.detected = time, by
        if fault is not None:
            fault.back = None
            self.dead[service] = fault

    def return_(self, match):
        fault = self.dead.pop(match[2], None)
        self.result.derived += match[5] is not None
        if fault is None and match[2] == "rs":  # nobody but its successor saw it die
            fault = self.last.get("rs")
            if fault is None or fault.died is not None:
                return
            fault.died, fault.detected = float(match[1]), self.how("rs")
        if fault:
            fault.back, fault.fresh = float(match[1]), fault.fresh or bool(match[3]) and match[5] != "nothing"
            fault.lost = match[5] or fault.lost

    def loss(self, match):
        fault = self.dead.get(match[2])
        if fault:
            fault.lost = match[3]

    def depends(self, match):
        self.dependents.add(match[2])

    def anew(self, match):
        self.result.anew.append(float(match[1]))

    def second(self, match):
        self.result.given_up += 1
        if match[2] in self.last:
            self.last[match[2]].again = True


def compare(quiet, damaged, result):
    """Rounds against the quiet run's first one. Damage that lasts, in a file system for example, spoils the same steps round after round in different words: while a
    step goes wrong that went wrong in the round before, that is the same damage; but the first silent round of such a row counts in any case."""
    wanted, spoilt, words = quiet.rounds[0], set(), set()
    lines = set(wanted.text.splitlines())
    for one, following in zip(damaged.rounds, damaged.rounds[1:] + [None]):
        if one.status is None and was_broken_off(one, following, result):
            continue
        if one.text == wanted.text and one.status == wanted.status:
            spoilt, words = set(), set()
            continue
        differing = [line for line in one.text.splitlines() if line not in lines]
        says = one.status not in (wanted.status, None) or any(ERROR_WORD.search(line) for line in differing)
        if one.status in (124, 143):
            result.hung = True
        (result.degraded_rounds if says else result.silent_rounds).append((one.name, differing[:12], one.status))
        word = "degraded" if says else "silent"
        steps = {line.split(":")[0] for line in differing} or {"status"}
        if not steps & spoilt:
            words = set()
        if not words or (word == "silent" and "silent" not in words):
            charge(one, word, damaged, result)
        spoilt, words = steps, words | {word}


def was_broken_off(one, following, result):
    """A round without an end, for a reason that is counted already: the programs began anew, or the system did not go on. Otherwise what it printed was lost."""
    return following is None or any(one.began <= time <= following.began for time in result.anew)


def charge(one, what, damaged, result):
    """One of the faults that were there in the round takes the blame: a quiet one rather than one that was recovered from."""
    later = [other.began for other in damaged.rounds if other.began > one.began]
    end = min(later) if later else float("inf")
    there = [fault for fault in result.faults if fault.time < end and (fault.back is None or fault.back >= one.began) and fault.outcome not in ("degraded", "silent")]
    for pool in ([f for f in there if f.kind in QUIETLY and f.died is None and f.time >= one.began], [f for f in there if f.kind in QUIETLY and f.time >= one.began],
                 [f for f in there if f.kind in VALUE_CHANGING], [f for f in there if f.lost or f.again], there):
        if pool:
            pool[-1].outcome = what
            lines = set(damaged.wanted.splitlines())
            pool[-1].reason = "round %s, status %s: %s" % (one.name, one.status, " | ".join(line for line in one.text.splitlines() if line not in lines)[:300])
            return


def classify(result, declared_fresh, running):
    """running: the services that run at the end. RS may have died with the word that one is back: it is, all the same."""
    for fault in result.faults:
        if fault.outcome:
            continue
        if fault.died is None:
            fault.outcome = "no effect"
        elif fault.back is None and fault.service not in running:
            fault.outcome, fault.reason = "stopped", "it does not come back"
        elif fault.fresh and fault.service not in declared_fresh:
            fault.outcome, fault.reason = "degraded", "its state is lost: " + (fault.lost or "it could not go on with it")
        elif fault.fresh:
            fault.outcome = "fresh state"
        else:
            fault.outcome = "transparent"


def resources(log):
    """What each service held at its first and its last word: {(service, what): [first, last]}."""
    held = {}
    for line in log.splitlines():
        match = RESOURCES.match(line)
        if match:
            for what, number in (("grants", match[3]), ("arenas", match[4]), ("queued messages", int(match[5]))):
                held.setdefault((match[2], what), []).append(int(number))
    return {key: (numbers[0], numbers[-1]) for key, numbers in held.items()}


def find_leaks(damaged, result):
    for what, before in damaged.before.items():
        after = damaged.after.get(what, before)
        if what == "kilobytes":
            result.kilobytes = after - before
        if after - before > ALLOWED.get(what, 0):
            result.leaks.append((what, before, after))
    for (service, what), (before, after) in resources(damaged.log).items():
        if after > before:
            result.leaks.append(("%s of %s" % (what, service), before, after))


def judge(quiet, damaged, timed_out, declared_fresh=("hello",)):
    result = Outcome(rounds=len(damaged.rounds), out_of_time=timed_out)
    reader = Reader(result)
    for line in damaged.log.splitlines():
        reader.line(line)
    result.placed, result.refused = len(reader.placed), len(reader.refused)
    result.halted = re.search(HALTED, damaged.log) is not None
    result.panic = not result.halted and "kernel: panic: " in damaged.log
    ended = result.halted or result.panic or re.search(ENDED, damaged.log, re.M)
    result.hung = timed_out or not ended
    if quiet.rounds:
        damaged.wanted = quiet.rounds[0].text
        compare(quiet, damaged, result)
    classify(result, declared_fresh, {name for name, (_, state, _) in damaged.rows.items() if state == "running"})
    result.down = sorted(name for name, (_, state, _) in damaged.rows.items() if state != "running")
    find_leaks(damaged, result)
    return result


SUMMARY = ("placed %d, executed %d, manifested %d, detected %d, recovered transparently %d, with a fresh state %d, degraded %d, stopped %d, "
           "crashes of the kernel %d, stops of the system %d, hangs %d, silent corruptions %d")


def summary(result):
    return SUMMARY % (result.placed, len(result.faults), result.manifested(), result.detected(), result.count("transparent"), result.count("fresh state"),
                      result.count("degraded"), result.count("stopped"), result.panic, result.halted, result.hung, result.count("silent"))
