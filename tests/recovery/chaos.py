# SPDX-License-Identifier: MIT
"""A hundred and more crashes of eleven services, between messages, in the middle and at the end of handlers, while the standard workload runs: its output stays the
same, nothing hangs, stops or leaks, the kernel stands. Deterministic (icount). covers RS-54 RS-57"""
import os
import sys

from guest import main

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tools", "chaos"))
import chaos  # noqa: E402
import options  # noqa: E402
import outcome  # noqa: E402


def test_a_workload_does_not_notice_a_hundred_crashes():
    _, _, result = chaos.pair(options.parse(["--kill-every", "60", "--for", "9", "--seed", "7", "--timeout", "300"]), lambda text: None)
    told = chaos.report(result)
    print("# " + told.replace("\n", "\n# "))
    assert result.manifested() >= 60, told
    assert result.good() and not result.degraded_rounds, told
    assert all(fault.outcome in outcome.RECOVERED for fault in result.faults), told


def test_the_same_seed_is_the_same_run():
    words = ["--kill-every", "40", "--for", "3", "--seed", "12", "--faults", "crash,middle,kernel-error,mutation", "--timeout", "120"]
    first, second = (chaos.pair(options.parse(words), lambda text: None) for _ in range(2))
    assert first[2].faults and chaos.report(first[2]) == chaos.report(second[2])
    assert first[1].text == second[1].text, "the rounds printed something else"
    assert first[1].log == second[1].log, "the logs differ"


main(globals())
