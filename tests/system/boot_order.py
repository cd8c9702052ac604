# SPDX-License-Identifier: MIT
"""The four steps of RS at boot, by what it says with rs_verbose=1; what it does with a service that cannot initialise; what may run before RS."""
import os
import re

import machine
from guest import Guest, main
from machine import cpio

SERVICES = ["pm", "vfs", "rs", "vm", "ds", "sched", "tmpfs", "devfs", "procfs", "tty", "memory", "random", "hello"]
FIRST = ["rs", "vm"]
NO_PRIVILEGES = 0x80


def said(log, what):
    """{service: place in the log} of what RS says about services."""
    return {match[1]: match.start() for match in re.finditer(r"rs: (\w+) %s\n" % what, log)}


# covers: RS-3 RS-6 RS-7 RS-8 RS-10 SEF-26
def test_boot_takes_its_four_steps_in_order():
    with Guest(append="rs_verbose=1") as guest:
        log = machine.read_log(guest.log_path)
        rows = [row.split() for row in guest.run("service list").splitlines()[1:]]
    prepared, runs, ready = said(log, "has its privileges"), said(log, "runs"), said(log, "is ready")
    others = [name for name in SERVICES if name not in FIRST]
    for steps in (prepared, runs, ready):
        assert sorted(steps) == sorted(others), (sorted(steps), log)
    assert max(prepared.values()) < min(runs.values()), log
    assert all(runs[name] < ready[name] for name in others), log
    # DS says synch_boot in its manifest: everybody else waits for it.
    assert all(ready["ds"] < runs[name] for name in others if name != "ds"), log
    assert max(ready.values()) < log.index("13 services are ready"), log
    found = {row[0]: row for row in rows if row[3] == "running"}
    assert sorted(found) == sorted(SERVICES), rows
    pids = [int(row[2]) for row in found.values()]
    assert len(set(pids)) == len(pids) and min(pids) > 1, rows
    assert [found[name][1] for name in SERVICES] == [str(number) for number in range(len(SERVICES))], rows


# covers: RS-3
def test_without_the_parameter_boot_says_only_its_end():
    with Guest() as guest:
        log = machine.read_log(guest.log_path)
    assert "13 services are ready" in log and not said(log, "runs") and not said(log, "is ready"), log


def boot_image(replace):
    """The boot image with some entries replaced by others: {name: name of the entry that takes its place, or None}."""
    with open(machine.Options().initrd, "rb") as handle:
        entries = cpio.unpack(handle.read())
    for name, other in replace.items():
        if other is None:
            del entries[name]
        else:
            entries[name] = entries[other]
    path = os.path.join(machine.BUILD, "boot_order.cpio")
    with open(path, "wb") as handle:
        handle.write(cpio.pack(entries))
    return path


def log_until(pattern, initrd):
    """Boots without waiting for a prompt; the log when the pattern is in it."""
    with Guest(initrd=initrd, wait_for_prompt=False) as guest:
        guest.wait_log(pattern, 60)
        return machine.read_log(guest.log_path)


# covers: RS-9
def test_a_core_service_whose_init_fails_stops_the_boot_and_is_named():
    log = log_until("unable to complete init for service sched", boot_image({"boot/services/sched": "service/warden"}))
    assert "rs: sched: init failed: error -5" in log, log
    assert "services are ready" not in log, log


def test_another_service_whose_init_fails_is_left_out():
    log = log_until("12 services are ready", boot_image({"boot/services/hello": "service/warden"}))
    assert "rs: unable to complete init for service hello" in log, log


# covers: RS-1
def test_only_rs_and_vm_run_before_rs_allows_the_others():
    log = log_until("12 hello +space.*\\n", boot_image({"boot/system.conf": None}))
    assert "panic: the boot archive has no boot/system.conf" in log, log
    flags = {match[1]: int(match[2], 16) for match in re.finditer(r"kernel: +\d+ (\w+) +space +\d+ prio +\d+ cpu +\d+\*? +flags +([0-9a-f]+)", log)}
    assert sorted(flags) == sorted(SERVICES), (sorted(flags), log)
    for name in SERVICES:
        assert bool(flags[name] & NO_PRIVILEGES) == (name not in FIRST), (name, flags)


main(globals())
