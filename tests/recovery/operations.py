# SPDX-License-Identifier: MIT
"""Generated from the IDL: each operation of the protocols that programs reach is crashed from inside, once the handler has done its work and before anything of it
counts, while a command runs that leads to this operation. covers RS-54 DR-2 DS-8 DS-12
    - The command prints what it prints undisturbed. A service that starts afresh may answer a call that is not idempotent with an explicit error instead.
    - The service is back, with the endpoint it had and one restart more.
    - The shell goes on.
All cases are one boot; tools/recovery/cases.py has the commands. An operation of the IDL without a line there is a failure."""
import json
import os
import re
import sys

import scenario

ROOT = scenario.ROOT
sys.path.insert(0, os.path.join(ROOT, "tools", "recovery"))
from cases import CASES, Never  # noqa: E402

TIMEOUT = 300
FUNCTIONS = r"""
row() { service list | awk -v name="$1" '$1 == name {print $2, $4, $5}'; }
wait_back() {
    wanted=$(($2 + 1)) i=0
    while [ $i -lt 120 ]; do
        set -- "$1" $(row "$1")
        [ "$3" = running ] && [ "$4" -ge $wanted ] && break
        usleep 50000
        i=$((i + 1))
    done
    echo "$2 $3 $4"
}"""


def module_lists():
    """{service: protocols it serves} and {service: restart class}, from the folders of the services."""
    serves, restart = {}, {}
    for top in ("servers", "drivers", "fs"):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            if "module.mk" not in files or "service.conf" not in files:
                continue
            text = open(os.path.join(folder, "module.mk")).read()
            name = re.search(r"^name *:= *(\S+)", text, re.M)[1]
            found = re.search(r"^serves *:= *(.*)$", text, re.M)
            serves[name] = found[1].split() if found else []
            restart[name] = re.search(r"\brestart (\w+);", open(os.path.join(folder, "service.conf")).read())[1]
    return serves, restart


def operations():
    """[(service, protocol, operation, promise, fresh, command)], and the problems of the table."""
    serves, restart = module_lists()
    promises = {}
    for entry in json.load(open(os.path.join(ROOT, "build", "generated", "recovery.json"))):
        promises.setdefault(entry["protocol"], {})[entry["operation"]] = entry["promise"]
    found, problems = [], []
    for (service, protocol), commands in CASES.items():
        if protocol not in serves.get(service, []):
            problems.append("%s does not serve %s any more" % (service, protocol))
            continue
        for operation, promise in promises[protocol].items():
            if operation not in commands:
                problems.append("cases.py has no command for %s.%s at %s" % (protocol, operation, service))
            elif not isinstance(commands[operation], Never):
                found.append((service, protocol, operation, promise, restart[service] == "fresh", commands[operation]))
        problems += ["%s has no operation %s" % (protocol, one) for one in commands if one not in promises[protocol]]
    for service, protocols in serves.items():
        problems += ["cases.py has nothing for %s at %s" % (protocol, service) for protocol in protocols
                     if protocol in ("char", "fs", "ds", "devfs", "sched") and (service, protocol) not in CASES]
    return found, problems


def guarded(command):
    """In a shell of its own, so that a hang ends and what it changes (cd, variables) ends with it."""
    return "timeout 20 sh -c %s" % scenario.shlex.quote(command)


def steps(found):
    """Three steps for each case: undisturbed, disturbed, is it back."""
    made = [scenario.Step(FUNCTIONS, 0)]
    for number, (service, protocol, operation, _, _, command) in enumerate(found):
        made.append(scenario.Step(guarded(command.replace("@", "one%d" % number)), 0))
        made.append(scenario.Step("set -- $(row %s); endpoint=$1 restarts=$3; service crash %s --in %s.%s && %s"
                                  % (service, service, protocol, operation, guarded(command.replace("@", "two%d" % number))), 0))
        made.append(scenario.Step("wait_back %s $restarts; echo $endpoint running $((restarts + 1))" % service, 0))
    return made


def judge(number, case, outputs):
    """None, or what is wrong."""
    service, protocol, operation, promise, fresh, _ = case
    first = outputs.get((0, 1 + number * 3))
    second = outputs.get((0, 2 + number * 3))
    third = outputs.get((0, 3 + number * 3))
    if first is None or second is None or third is None:
        return "did not end"
    first = (first[0].replace("one%d" % number, "@"), first[1])
    second = (second[0].replace("two%d" % number, "@"), second[1])
    is_error = second[1] != "0" or "rror" in second[0]
    if first != second and not (fresh and promise != "idempotent" and is_error):
        return "undisturbed, status %s:\n  %s\ndisturbed, status %s:\n  %s" % (first[1], first[0].replace("\n", "\n  "), second[1],
                                                                         second[0].replace("\n", "\n  "))
    lines = third[0].split("\n")
    if len(lines) < 2 or lines[0] != lines[1]:
        return "endpoint, state and restarts are %r, must be %r" % (lines[0], lines[1] if len(lines) > 1 else "")
    return None


def main():
    found, problems = operations()
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    found = [case for case in found if wanted in "%s %s.%s" % case[:3]]
    log_path = os.path.join(ROOT, "build", "log", "recovery-operations.log")
    os.makedirs(os.path.dirname(log_path), exist_ok=True)
    text = scenario.script([scenario.Scenario("", "operations", steps(found))])
    output, ending, _ = scenario.boot(text, "--smp 2", TIMEOUT, log_path)
    outputs, rest = scenario.outputs(output)
    for problem in problems:
        print("# " + problem)
    print("%s 1 - every_operation_of_the_idl_has_a_command" % ("not ok" if problems else "ok"))
    ended = True
    for number, case in enumerate(found):
        problem = judge(number, case, outputs)
        if problem == "did not end":
            problem += "; last output:\n%s\n%s" % (rest[-2000:], ending) if ended else ""
            ended = False
        if problem:
            print("\n".join("# " + line for line in problem.splitlines()))
        print("%s %d - crash_of_%s_in_%s_%s_keeps_the_promise_%s" % ("not ok" if problem else "ok", number + 2, case[0], case[1], case[2], case[3]))
    print("1..%d" % (len(found) + 1))


main()
