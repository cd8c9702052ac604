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

LEAK_LIMIT = 4096  # kilobytes: caches of the run itself


def test_a_workload_does_not_notice_a_hundred_crashes():
    _, _, result = chaos.campaign(options.parse(["--kill-every", "60", "--for", "9", "--seed", "7", "--timeout", "300"]), lambda text: None)
    told = outcome.summary(result) + "\n" + "\n".join(chaos.details(result))
    print("# " + told.replace("\n", "\n# "))
    assert result.manifested() >= 60, told
    assert result.good() and not result.degraded_rounds, told
    assert result.count("transparent") + result.count("fresh state") + result.count("no effect") == len(result.faults), told
    assert result.leak < LEAK_LIMIT, "%d KB are lost" % result.leak


main(globals())
