# SPDX-License-Identifier: MIT
"""Debian's Linux in the same emulator, with the same root file system, the same programs and the same way to run a command (`exec`):
the oracle of the differential test and the other column of the benchmark."""
import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TOOLS, "image"), os.path.join(TOOLS, "emulator")]
import cpio  # noqa: E402
import machine  # noqa: E402
import packages  # noqa: E402
import session  # noqa: E402

INIT = """#!/bin/sh
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
hostname planaria
exec setsid sh /etc/exec.run
"""
# The log goes to the second serial line, as ours does. Without the TSC's frequency Linux's own calibration can hang under the emulator.
APPEND = "console=ttyS1 loglevel=6 rdinit=/init mitigations=off tsc_early_khz=%d"

TSC_KHZ = 1000000  # exact under -icount shift=0: a tick is an instruction is a nanosecond


def kernel():
    """Path of Debian's kernel; fetched the first time."""
    folders = packages.unpack_all(os.path.join(HERE, "packages.lock"))
    (folder,) = folders.values()
    return glob.glob(os.path.join(folder, "boot", "vmlinuz-*"))[0]


def initrd():
    """Our root file system without our services, with a first program for Linux."""
    target = os.path.join(machine.BUILD, "linux-initrd.cpio")
    source = machine.Options().initrd
    if os.path.exists(target) and os.path.getmtime(target) > max(os.path.getmtime(source), os.path.getmtime(__file__)):
        return target
    with open(source, "rb") as handle:
        entries = cpio.unpack(handle.read())
    entries = {name: entry for name, entry in entries.items() if not (name + "/").startswith("boot/")}
    entries["init"] = cpio.file(INIT, 0o755)
    with open(target, "wb") as handle:
        handle.write(cpio.pack(entries))
    return target


def options(**changes):
    """Options of a machine that runs Linux."""
    result = machine.Options(**changes)
    result.kernel = kernel()
    result.initrd = initrd()
    result.append = (APPEND % TSC_KHZ + " " + result.append).strip()
    return result


def execute(linux_options, command, stdout, stderr):
    """Runs one shell command on Linux; output to the two descriptors; its exit status."""
    return session.execute(linux_options, command, stdout, stderr)
