# SPDX-License-Identifier: MIT
"""Debian's cloud kernel of Linux in the same emulator, on the same root file system and with the same serial lines: the oracle for behaviour and the
other column of the benchmarks. It is downloaded on first use (27 MB) and kept in build/downloads, never in the
repository."""
import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

sys.path.insert(0, os.path.join(os.path.dirname(HERE), "image"))
import cpio  # noqa: E402
import packages  # noqa: E402

# The log is the second serial line, as with our own kernel.
WORDS = "console=ttyS1,115200 rdinit=/sbin/init panic=-1 mitigations=off edd=off"


def words(options):
    """The kernel command line. Under icount its calibration of the time stamp counter can hang: a tick is a nanosecond there."""
    parts = [WORDS, "tsc_early_khz=1000000" if options.icount else "", options.append]
    return " ".join(part for part in parts if part)


def kernel():
    """Path of the kernel image."""
    (package,) = packages.locked(os.path.join(HERE, "reference.lock"))
    return glob.glob(os.path.join(packages.unpack(*package), "boot", "vmlinuz-*"))[0]


def adapt(entries):
    """Linux wants the first device nodes in the archive, and has no use for our services."""
    for path in [path for path in entries if path.startswith("boot/")]:
        del entries[path]
    entries["dev/console"] = cpio.character_device(5, 1)
    entries["dev/null"] = cpio.character_device(1, 3, 0o666)
