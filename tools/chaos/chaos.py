#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria chaos [options] -- 'workload'`: runs a workload quiet and under damage and compares. Exit status 0: nothing was lost silently, nothing hung or stopped, the
kernel stands; 1 otherwise. Under icount (no --wall) the same seed is the same run. The report is build/chaos/report.html, .txt and .json."""
import json
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
    for fault in result.faults:
        if fault.outcome not in outcome.RECOVERED:
            yield "%.3f: fault %d, %s of %s: %s: %s" % (fault.time, fault.number, fault.kind + " " + fault.mistake, fault.service, fault.outcome, fault.reason)
    for name, differing, status in result.silent_rounds + result.degraded_rounds:
        yield "round %s, status %s:" % (name, status)
        for line in differing[:8]:
            yield "    " + line
    for when, service, signal in result.other_deaths:
        yield "%.3f: %s died of signal %d, which no fault explains" % (when, service, signal)
    if result.down:
        yield "not running at the end: " + " ".join(result.down)
    if result.out_of_time:
        yield "the real time ran out (--timeout) in round %d: it counts as a hang" % (result.rounds + 1)
    for what, before, after in result.leaks:
        yield "leak: %s: %d before, %d after" % (what, before, after)
    if result.given_up:
        yield "messages given up after a second crash: %d" % result.given_up


def judge(quiet, damaged):
    result = outcome.judge(quiet, damaged, damaged.status == EXIT_TIMEOUT)
    result.panic = result.panic or (damaged.status == EXIT_PANIC and not result.halted)
    return result


def run_quiet(chaos, speak):
    os.makedirs(FOLDER, exist_ok=True)
    quiet = boots.run(chaos, False, os.path.join(FOLDER, "quiet.log"), speak)
    if not quiet.rounds:
        raise SystemExit("planaria chaos: the workload does not end without damage; it printed:\n" + quiet.text[-2000:])
    return quiet


def pair(chaos, speak=say):
    """Both runs: (quiet Boot, damaged Boot, Outcome)."""
    quiet = run_quiet(chaos, speak)
    damaged = boots.run(chaos, True, os.path.join(FOLDER, "damaged.log"), speak)
    with open(os.path.join(FOLDER, "output.txt"), "w") as handle:
        handle.write(quiet.text + "\n======== damaged ========\n" + damaged.text)
    return quiet, damaged, judge(quiet, damaged)


def report(result):
    """The text of one run: the same seed gives the same bytes."""
    lines = list(details(result))
    lines.append("%d rounds, %d updates, %d requests refused, memory %+d KB, %d leaks" % (
        result.rounds, result.updates, result.refused, -result.kilobytes, len(result.leaks)))
    return "\n".join(lines + [outcome.summary(result)])


def main():
    try:
        chaos = options.parse(sys.argv[1:])
    except options.Usage as problem:
        print("planaria chaos: %s" % problem, file=sys.stderr)
        return 2
    if os.environ.get("PLANARIA_PARSE_ONLY"):
        return 0
    if chaos.campaign:
        import campaign
        return campaign.run(chaos, FOLDER, say)
    quiet, damaged, result = pair(chaos)
    text = report(result)
    title = "%s; %d rounds; %.0f s and %.0f s of real time" % (options.command(chaos), result.rounds, quiet.wall, damaged.wall)
    page.write(os.path.join(FOLDER, "report.html"), title, list(details(result)), outcome.summary(result), result.faults)
    with open(os.path.join(FOLDER, "report.txt"), "w") as handle:
        handle.write(text + "\n")
    with open(os.path.join(FOLDER, "report.json"), "w") as handle:
        json.dump(result.table(), handle, indent=1)
    print(text)
    print("report: " + os.path.relpath(os.path.join(FOLDER, "report.html")))
    return 0 if result.good() else 1


if __name__ == "__main__":
    sys.exit(main())
