# SPDX-License-Identifier: MIT
"""A service dies and leaves a state, and a copy of it, that nobody can use. What depends on that state starts afresh with it, programs included: init runs again, nothing hangs
and nothing leaks. Files outlive it, except in the tmpfs that is lost itself.
covers: RS-54"""
from guest import PROMPT, Guest, main

STORE = 30      # seconds
LOSSES = (("vfs", "openat", "cat /tmp/kept"), ("pm", "clone", "/bin/true"), ("tmpfs", "fs.lookup", "ls /nonexistent"))
GROUP = ("pm", "vfs", "tty", "devfs", "procfs")


def lose(guest, service, call, use):
    """Crash and wait for the shell of the next init."""
    guest.send("service crash %s --in %s --fault lost-state & sleep 0.5; %s\n" % (service, call, use))
    guest.wait_log(r"rs: [1-9]\d* threads of programs end, and init begins anew(?s:.*)rs: %s is back with a new state" % service, STORE)
    guest.expect(PROMPT, STORE)
    assert guest.run("sleep 1; service list | awk 'NR > 1 && $4 != \"running\"'") == "", guest.report()


def free_kilobytes(guest):
    """Dead instances are kept until their reports are written, and those are files in memory."""
    guest.run("sleep 3; rm -rf /var/crash/*")
    return int(guest.run("awk '/^MemFree/ {print $2}' /proc/meminfo"))


def survives(guest):
    """Each loss in turn, with a program that runs and files of which one has lost its name."""
    guest.run("seq 1 1000 >/tmp/kept; mkdir /tmp/m; mount -t tmpfs none /tmp/m; seq 1 9999 >/tmp/m/gone; sync")
    for service, call, use in LOSSES:
        guest.run("sleep 1000 & exec 3>/tmp/open; rm -f /tmp/open; seq 1 100000 >&3; sync")
        lose(guest, service, call, use)
        assert guest.run("ps | grep -c 'sleep 100[0]'") == "0"
        assert guest.run("seq 1 2000 | sort -rn | md5sum") == "1fd3c981e66b7eb0c08e95857967e70d  -"
        there = guest.run("cat /tmp/kept | md5sum")
        assert (there == guest.run("seq 1 1000 | md5sum")) == (service != "tmpfs"), (service, there)
        assert guest.run("mount | grep -c /tmp/m") == "0"
    assert guest.run("ls /tmp") == ""


def test_programs_begin_anew_when_the_state_they_depend_on_is_lost():
    with Guest("--smp 2") as guest:
        survives(guest)
        for service in GROUP:
            guest.run("service update self -label %s" % service)
        assert guest.run("service list | awk '$NF == 1' | wc -l") == str(len(GROUP)), guest.run("service list")


def test_nothing_leaks_when_programs_begin_anew():
    free = []
    with Guest() as guest:
        for _ in range(3):
            survives(guest)
            free.append(free_kilobytes(guest))
    assert free[1] - free[2] < 128, free


main(globals())
