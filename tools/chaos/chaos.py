#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria chaos [options] -- 'workload'`: runs a workload quiet and under damage and compares. Exit status 0: nothing was lost silently, nothing hung or stopped, the
kernel stands; 1 otherwise. Under icount (no --wall) the same seed is the same run. The report is build/chaos/report.html."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import boots  # noqa: E402
import options  # noqa: E402
import outcome  # noqa: E402
import page  # noqa: E402

FOLDER = os.path.join(options.machine.BUILD, "chaos")
EXIT_TIMEOUT, EXIT_PANIC = 124, 125


def say(text):
    print("planaria chaos: " + text, file=sys.stderr, flush=True)


def details(result):
    """Lines for the terminal: what is not transparent."""
    for number, differing, status in result.silent_rounds + result.degraded_rounds:
        yield "round %d, status %d:" % (number, status)
        for line in differing[:8]:
            yield "    " + line
    for when, service, signal in result.other_deaths:
        yield "%.6f: %s died of signal %d, which no fault explains" % (when, service, signal)
    if result.down:
        yield "not running at the end: " + " ".join(result.down)
    if result.out_of_time:
        yield "the real time ran out (--timeout) in round %d: it counts as a hang" % (result.rounds + 1)
    if result.given_up:
        yield "messages given up after a second crash: %d" % result.given_up


def campaign(chaos, speak=say):
    """Both runs: (quiet Boot, damaged Boot, Outcome)."""
    os.makedirs(FOLDER, exist_ok=True)
    quiet = boots.run(chaos, False, os.path.join(FOLDER, "quiet.log"), speak)
    if not quiet.rounds:
        raise SystemExit("planaria chaos: the workload does not end without damage; it printed:\n" + quiet.text[-2000:])
    damaged = boots.run(chaos, True, os.path.join(FOLDER, "damaged.log"), speak)
    with open(os.path.join(FOLDER, "output.txt"), "w") as handle:
        handle.write(quiet.text + "\n======== damaged ========\n" + damaged.text)
    result = outcome.judge(quiet, damaged, damaged.status == EXIT_TIMEOUT)
    result.panic = result.panic or damaged.status == EXIT_PANIC
    return quiet, damaged, result


def main():
    try:
        chaos = options.parse(sys.argv[1:])
    except options.Usage as problem:
        print("planaria chaos: %s" % problem, file=sys.stderr)
        return 2
    if os.environ.get("PLANARIA_PARSE_ONLY"):
        return 0
    quiet, damaged, result = campaign(chaos)
    for line in details(result):
        print(line)
    page.write(os.path.join(FOLDER, "report.html"), chaos, quiet, damaged, result)
    print("%d rounds, %d updates, %d requests refused, memory %+d KB; report: %s" % (
        result.rounds, result.updates, result.refused, -result.leak, os.path.relpath(os.path.join(FOLDER, "report.html"))))
    print(outcome.summary(result))
    return 0 if result.good() else 1


if __name__ == "__main__":
    sys.exit(main())
