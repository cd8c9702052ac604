#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Options and the judgement of tools/chaos, without an emulator. Prints TAP."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import boots  # noqa: E402
import options  # noqa: E402
import outcome  # noqa: E402

LOG = """[    1.000000] tty: fault 1 executed: crash, type 0
[    1.000100] rs: tty died of signal 4
[    1.000900] rs: tty is back (restart 1)
[    1.001000] chaos: placed 1 tty crash 0
[    2.000000] chaos: refused 2 tty crash -16
[    3.000000] chaos: placed 3 ds loop 0
[    3.100000] ds: fault 3 executed: loop, type 0x4000a
[    8.000000] rs: ds gives no heartbeat: it is killed
[    8.000100] rs: ds died of signal 9
[    8.500000] ds: state of the old instance: a key is twice there
[    9.000000] rs: ds is back with a new state (restart 1)
[    9.100000] chaos: placed 4 vfs wild-store 0
[    9.200000] vfs: fault 4 executed: wild-store, type 0x1e0000
[    9.300000] rs: pm died of signal 11
"""
END = "[   99.000000] exec status=0\n"


def rounds(*texts):
    return boots.Boot("".join("##begin %d %d.00\n%s##end %d %d\n" % (n, 10 * n - 10, text, n, status) for n, (text, status) in enumerate(texts, 1)), 0, LOG + END)


def test_faults_are_counted_by_what_became_of_them():
    result = outcome.judge(rounds(("a\n", 0)), rounds(("a\n", 0)), False)
    assert [fault.outcome for fault in result.faults] == ["transparent", "degraded", "no effect"], result.faults
    assert "twice there" in result.faults[1].reason
    assert (result.placed, result.refused, result.manifested()) == (3, 1, 2)
    assert [fault.detected for fault in result.faults] == ["exception", "heartbeat", ""]
    assert result.other_deaths == [(9.3, "pm", 11)]


def test_a_derived_state_is_degraded_if_anything_was_lost():
    for lost, became in (("nothing", "transparent"), ("probe, 1 requests", "degraded")):
        log = "[    1.0] rs: fault 1 executed: lost-state, type 0x3000f\n[    2.0] rs: rs is back with a derived state (restart 1); lost: %s\n" % lost
        damaged = boots.Boot("##begin 1 0.00\na\n##end 1 0\n", 0, log)
        result = outcome.judge(rounds(("a\n", 0)), damaged, False)
        assert [fault.outcome for fault in result.faults] == [became] and result.derived == 1, result.faults
        assert became == "transparent" or "probe" in result.faults[0].reason


def test_a_round_that_ended_with_all_programs_did_not_hang():
    log = """[    1.0] tmpfs: fault 1 executed: lost-state, type 0x90003
[    1.1] rs: tmpfs died of signal 4
[    1.2] tmpfs: state of the old instance: a free list is broken
[    1.3] vfs: fault 2 executed: wild-store, type 0x1f0101
[    1.4] rs: vfs depends on a state that is lost: it is killed
[    1.5] rs: 5 threads of programs end, and init begins anew
[    1.6] rs: vfs died of signal 9
[    1.7] rs: vfs is back with a new state (restart 2)
[    1.8] rs: tmpfs is back with a new state (restart 2)
""" + END
    text = "##begin 1 1.00\na\n##begin 1 3.00\na\n##end 1 0\n"
    result = outcome.judge(rounds(("a\n", 0)), boots.Boot(text, 0, log), False)
    assert [fault.outcome for fault in result.faults] == ["degraded", "no effect"], result.faults
    assert len(result.anew) == 1 and not result.hung and not result.other_deaths and not result.silent_rounds


def test_a_difference_without_an_error_is_silent():
    result = outcome.judge(rounds(("a\n", 0)), rounds(("b\n", 0)), False)
    assert len(result.silent_rounds) == 1 and not result.good()
    assert result.faults[2].outcome == "silent"


def test_a_round_whose_end_was_not_printed_is_silent():
    damaged = boots.Boot("##begin 1 0.00\na\n##begin 2 20.00\na\n##end 2 0\n", 0, LOG + END)
    result = outcome.judge(rounds(("a\n", 0)), damaged, False)
    assert len(result.silent_rounds) == 1 and not result.hung


def test_what_a_driver_prints_again_is_no_round():
    text = "##begin 1 0.00\na\n##end 1 0\n##begin 2 20.00\n\0\0##end 1 0\n##begin 1 0.00\na\n##begin 2 20.00\n\0\0x\n##end 2 0\n##begin 3 30.00\na\n##end 3 0\n"
    result = outcome.judge(rounds(("a\n", 0)), boots.Boot(text, 0, LOG + END), False)
    assert result.rounds == 3 and len(result.silent_rounds) == 1, result.silent_rounds


def test_a_difference_with_an_error_is_degraded():
    result = outcome.judge(rounds(("a\n", 0)), rounds(("cat: x: I/O error\n", 0), ("a\n", 1)), False)
    assert len(result.degraded_rounds) == 2 and not result.silent_rounds


def test_a_round_without_end_is_a_hang():
    damaged = boots.Boot("##begin 1\na\n", 124, LOG)
    assert outcome.judge(rounds(("a\n", 0)), damaged, False).hung


def test_a_state_that_the_manifest_gives_up_is_no_loss():
    result = outcome.judge(rounds(("a\n", 0)), rounds(("a\n", 0)), False, declared_fresh=("ds",))
    assert result.faults[1].outcome == "fresh state"


def test_what_is_more_than_before_is_a_leak():
    marks = "##before slots 3\n##before kilobytes -1000\n##after slots 4\n##after kilobytes -900\n"
    log = LOG + "[   10.0] vfs: resources: 2 grants, 4 arenas, 0 messages queued\n[   11.0] vfs: resources: 3 grants, 4 arenas, 0 messages queued\n"
    damaged = boots.Boot("##begin 1 0.00\na\n##end 1 0\n" + marks, 0, log)
    result = outcome.judge(rounds(("a\n", 0)), damaged, False)
    assert result.leaks == [("slots", 3, 4), ("grants of vfs", 2, 3)] and result.kilobytes == 100 and not result.good()


def test_a_stop_is_no_crash_of_the_kernel():
    for line, panic, halted in (("exception 14 in the kernel at 0xffff", True, False), ("rs (endpoint 2) got signal 6 and nobody manages it", False, True)):
        damaged = boots.Boot("##begin 1 0.00\na\n", 125, LOG + "[   10.0] kernel: panic: %s\n" % line)
        result = outcome.judge(rounds(("a\n", 0)), damaged, False)
        assert (result.panic, result.halted, result.hung, result.good()) == (panic, halted, False, False)


def test_the_same_difference_again_is_charged_once():
    log = LOG + "[   15.0] pm: fault 5 executed: wild-store, type 0x1\n"
    damaged = boots.Boot("".join("##begin %d %d.00\nb\n##end %d 0\n" % (n, 10 * n - 10, n) for n in (1, 2, 3)), 0, log)
    result = outcome.judge(rounds(("a\n", 0)), damaged, False)
    assert len(result.silent_rounds) == 3 and result.count("silent") == 1


def test_damage_that_lasts_is_charged_once_whatever_its_words_and_once_more_if_it_is_silent():
    log = LOG + "".join("[   %d.0] pm: fault %d executed: wild-store, type 0x1\n" % (n, n) for n in (11, 12, 21, 22, 31, 32, 41))
    texts = ["files: cannot open %d\n" % n for n in (1, 2)] + ["files: 77\n", "files: 78\n", "a\n", "files: cannot open 3\n"]
    damaged = boots.Boot("".join("##begin %d %d.00\n%s##end %d 0\n" % (n, 10 * n - 10, text, n) for n, text in enumerate(texts, 1)), 0, log)
    result = outcome.judge(rounds(("a\n", 0)), damaged, False)
    assert (len(result.degraded_rounds), len(result.silent_rounds)) == (3, 2)
    assert result.count("silent") == 1, result.faults
    assert [fault.number for fault in result.faults if fault.reason.startswith("round")] and result.count("degraded") == 3, result.faults


def test_a_call_is_found_by_its_name():
    assert options.call_type("read") == 31 << 16 and options.call_type("service.crash") == 2 << 16 | 4


def test_wrong_options_are_named():
    for words, name in ((["--faults", "x"], "--faults"), (["--seed"], "--seed"), (["--nothing"], "--nothing"), (["--smp", "0"], "--smp"), (["--call", "no.thing"], "--call"), (["a", "b"], "workload")):
        try:
            options.parse(words)
        except options.Usage as problem:
            assert name in str(problem), problem
        else:
            raise AssertionError(words)


def main():
    tests = [(name[5:], value) for name, value in globals().items() if name.startswith("test_")]
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, name))
        except AssertionError as problem:
            failed += 1
            print("# %r\nnot ok %d - %s" % (problem, number, name))
    print("1..%d" % len(tests))
    return failed > 0


sys.exit(main())
