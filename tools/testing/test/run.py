#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the test runner: a judge that cannot say no is worth nothing, so each refusal has a sample here."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import scenario  # noqa: E402
import test as runner  # noqa: E402

RESULTS = []


def check(name, condition):
    RESULTS.append(bool(condition))
    print("%s %d - %s" % ("ok" if condition else "not ok", len(RESULTS), name))


def parsed(text):
    with tempfile.NamedTemporaryFile("w", suffix=".test") as handle:
        handle.write(text)
        handle.flush()
        return scenario.parse(handle.name, "sample")


def refused(text):
    try:
        parsed(text)
    except (scenario.Malformed, ValueError):
        return True
    return False


def host_run(text, log=""):
    """Judges a scenario that runs in the host's shell instead of a guest."""
    one = parsed(text)
    result = subprocess.run(["sh", "-c", scenario.script([one])], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found, rest = scenario.outputs(result.stdout)
    return scenario.judge(0, one, found, rest, "", log)


def main():
    check("exact_output_passes", not host_run("$ echo a; echo b\na\nb\n"))
    check("other_output_fails", host_run("$ echo a\nb\n"))
    check("output_beyond_the_expected_fails", host_run("$ echo a; echo b\na\n"))
    check("missing_output_fails", host_run("$ true\na\n"))
    check("output_without_line_end_passes", not host_run("$ printf a\na\n"))
    check("standard_error_counts_as_output", not host_run("$ echo a >&2\na\n"))
    check("exit_status_must_be_zero", host_run("$ false\n"))
    check("named_exit_status_passes", not host_run("$ false\n? 1\n"))
    check("other_exit_status_fails", host_run("$ sh -c 'exit 3'\n? 1\n"))
    check("any_exit_status_passes", not host_run("$ false\n? *\n"))
    check("dots_stand_for_lines", not host_run("$ seq 5\n1\n...\n5\n"))
    check("dots_do_not_hide_the_last_line", host_run("$ seq 5\n1\n...\n6\n"))
    check("regular_expression_passes", not host_run("$ echo abc\n~ a.c\n"))
    check("regular_expression_covers_the_whole_line", host_run("$ echo abcd\n~ a.c\n"))
    check("steps_share_one_shell", not host_run("$ x=5\n$ echo $x\n5\n"))
    check("command_of_several_lines", not host_run("$ for i in 1 2; do\n> echo $i\n> done\n1\n2\n"))
    check("shell_that_ends_early_fails", host_run("$ exit 0\n$ echo a\na\n"))
    check("log_must_match", host_run("# log: crashed\n$ true\n", "all is well"))
    check("log_must_not_match", host_run("# log-not: crashed\n$ true\n", "ds crashed"))
    check("unknown_header_is_refused", refused("# covars: X\n$ true\n"))
    check("scenario_without_command_is_refused", refused("# covers: X\n"))
    judged = runner.tap_results("x", "ok 1 - a\nnot ok 2 - b\n1..2\n", 1)
    check("tap_failure_is_one_failure", [one.passed for one in judged] == [True, False])
    check("tap_without_plan_fails", not runner.tap_results("x", "ok 1 - a\n", 0)[-1].passed)
    check("tap_with_too_few_results_fails", not runner.tap_results("x", "ok 1 - a\n1..2\n", 0)[-1].passed)
    check("empty_tap_fails", not runner.tap_results("x", "", 0)[-1].passed)
    check("tap_with_bad_exit_fails", not runner.tap_results("x", "ok 1 - a\n1..1\n", 139)[-1].passed)
    same = runner.compare_runs("t", "ok 1 - a\n1..1\n", 0, "ok 1 - a\n1..1\n", 0)
    check("same_as_linux_passes", all(one.passed for one in same))
    less = runner.compare_runs("t", "ok 1 - a\nok 2 - b\n1..2\n", 0, "ok 1 - a\n1..1\n", 0)
    check("test_that_only_linux_ran_fails", not all(one.passed for one in less))
    wrong = runner.compare_runs("t", "not ok 1 - a\n1..1\n", 1, "ok 1 - a\n1..1\n", 0)
    check("test_that_fails_on_linux_fails", not all(one.passed for one in wrong))
    print("1..%d" % len(RESULTS))
    sys.exit(0 if all(RESULTS) else 1)


if __name__ == "__main__":
    main()
