# SPDX-License-Identifier: MIT
"""Scenario files: shell commands and what they must print.

    # covers: RS-12 SEF-40         behaviour rows this scenario shows
    # options: --smp 2             options of the machine
    # timeout: 60                  seconds for the whole boot (default 60)
    # boot: shared                 may share a boot with other scenarios of the same options (default: own)
    # log: regex                   the log must match (any number of these lines); log-not: must not match
    $ echo hello
    hello
    $ ls /nothing
    ? 1
    ~ ls: /nothing: No such .*
    $ cat /etc/issue
    ...

A command must exit with 0, or with the number in a line `? N` (`? *`: any). Expected lines are compared exactly; `...` stands for any number of
lines, `~ regex` for one line that matches; a command goes on in lines that begin with `> `. The commands of a file run in one shell; standard error counts as output.

A run is one boot in exec mode whose command is a script made here: each command is followed by a mark with its number and its exit status."""
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HEADERS = ("covers", "options", "timeout", "boot", "log", "log-not", "add")
MARK = re.compile(rb"\x01@(\d+):(\d+):(\d+)\n")


class Malformed(Exception):
    pass


@dataclass
class Step:
    command: str
    line: int
    expected: list = field(default_factory=list)
    status: str = "0"


@dataclass
class Scenario:
    path: str
    name: str
    steps: list = field(default_factory=list)
    covers: list = field(default_factory=list)
    options: str = ""
    timeout: float = 60
    shared: bool = False
    log: list = field(default_factory=list)
    log_not: list = field(default_factory=list)


def _header(scenario, key, value, where):
    if key not in HEADERS:
        raise Malformed("%s: unknown header '%s'; there are %s" % (where, key, ", ".join(HEADERS)))
    if key == "covers":
        scenario.covers += value.replace(",", " ").split()
    elif key == "options":
        scenario.options = value
    elif key == "add":
        scenario.options += " --add " + value
    elif key == "timeout":
        scenario.timeout = float(value)
    elif key == "boot":
        scenario.shared = value == "shared"
    else:
        getattr(scenario, key.replace("-", "_")).append(value)


def parse(path, name):
    scenario = Scenario(path, name)
    with open(path) as handle:
        for number, line in enumerate(handle, 1):
            line = line.rstrip("\n")
            where = "%s:%d" % (path, number)
            match = re.match(r"# ([a-z-]+): (.*)$", line)
            if line.startswith("$ "):
                scenario.steps.append(Step(line[2:], number))
            elif line.startswith("> ") and scenario.steps and not scenario.steps[-1].expected:
                scenario.steps[-1].command += "\n" + line[2:]
            elif not scenario.steps:
                if match:
                    _header(scenario, match[1], match[2].strip(), where)
                elif line and not line.startswith("#"):
                    raise Malformed("%s: expected output before the first command" % where)
            elif line.startswith("? ") and not scenario.steps[-1].expected:
                scenario.steps[-1].status = line[2:].strip()
            else:
                scenario.steps[-1].expected.append(line)
    for step in scenario.steps:
        while step.expected and step.expected[-1] == "":
            step.expected.pop()
    if not scenario.steps:
        raise Malformed("%s: no command" % path)
    return scenario


def lines_match(actual, expected):
    """Whether the lines fit, `...` standing for any number of lines."""
    if not expected:
        return not actual
    head, rest = expected[0], expected[1:]
    if head == "...":
        return any(lines_match(actual[skip:], rest) for skip in range(len(actual) + 1))
    if not actual:
        return False
    if head.startswith("~ "):
        return re.fullmatch(head[2:], actual[0]) is not None and lines_match(actual[1:], rest)
    return actual[0] == head and lines_match(actual[1:], rest)


def script(scenarios):
    """The shell script that runs all steps of all scenarios, each scenario in a shell of its own."""
    parts = []
    for index, scenario in enumerate(scenarios):
        body = ["exec 2>&1", "cd"]
        for number, step in enumerate(scenario.steps):
            body.append("{ %s\n} </dev/null" % step.command)
            body.append("printf '\\001@%d:%d:%%d\\n' $?" % (index, number))
        parts.append("sh -c %s" % shlex.quote("\n".join(body)))
    return "\n".join(parts)


def outputs(data):
    """Splits what came into {(scenario, step): (text, status)} and the rest after the last mark."""
    found = {}
    start = 0
    for match in MARK.finditer(data):
        text = data[start:match.start()].decode("utf-8", "replace").replace("\r\n", "\n")
        found[int(match[1]), int(match[2])] = (text, match[3].decode())
        start = match.end()
    return found, data[start:].decode("utf-8", "replace")


def judge_step(step, text, status):
    """None, or what is wrong."""
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    problems = []
    if step.status not in ("*", status):
        problems.append("exit status %s, expected %s" % (status, step.status))
    if not lines_match(lines, step.expected):
        problems.append("printed:\n  %s\nexpected:\n  %s" % ("\n  ".join(lines), "\n  ".join(step.expected)))
    return "line %d: $ %s\n%s" % (step.line, step.command, "\n".join(problems)) if problems else None


def judge(index, scenario, found, rest, ending, log):
    """Returns the list of problems of one scenario after a run. ending: what the runner said on standard error."""
    problems = _problems(index, scenario, found, rest, ending, log)
    hints = [line for line in ending.splitlines() if "crash report: " in line]
    return problems + hints if problems else []


def _problems(index, scenario, found, rest, ending, log):
    for number, step in enumerate(scenario.steps):
        if (index, number) not in found:
            return ["line %d: $ %s\ndid not end; last output:\n%s\n%s" % (step.line, step.command, rest[-2000:], ending)]
        problem = judge_step(step, *found[index, number])
        if problem:
            return [problem]
    problems = ["the log has no match for: " + pattern for pattern in scenario.log if not re.search(pattern, log)]
    problems += ["the log has a match for: " + pattern for pattern in scenario.log_not if re.search(pattern, log)]
    return problems


def boot(command, options, timeout, log_path):
    """Runs `exec` in a process of its own; returns (standard output, standard error)."""
    arguments = [sys.executable, os.path.join(ROOT, "tools", "emulator", "exec_to_log.py"), log_path]
    arguments += shlex.split(options) + ["--timeout", str(timeout), "--", command]
    result = subprocess.run(arguments, capture_output=True, stdin=subprocess.DEVNULL, cwd=ROOT)
    return result.stdout, result.stderr.decode("utf-8", "replace"), result.returncode
