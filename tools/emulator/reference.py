# SPDX-License-Identifier: MIT
"""Debian's Linux kernel in the same emulator, on the same root file system and with the same serial lines: the oracle for behaviour and the
other column of the benchmarks. It is downloaded on first use (70 MB) and kept in build/downloads."""
import glob
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOWNLOADS = os.path.join(ROOT, "build", "downloads")

sys.path.insert(0, os.path.join(ROOT, "tools", "image"))
import cpio  # noqa: E402

# The log is the second serial line, as with our own kernel.
WORDS = "console=ttyS1,115200 rdinit=/sbin/init panic=-1 mitigations=off"


def words(options):
    """The kernel command line. Under icount its calibration of the time stamp counter can hang: a tick is a nanosecond there."""
    parts = [WORDS, "tsc_early_khz=1000000" if options.icount else "", options.append]
    return " ".join(part for part in parts if part)


def kernel():
    """Path of the kernel image."""
    folder = os.path.join(DOWNLOADS, "linux-reference")
    found = sorted(glob.glob(os.path.join(folder, "boot", "vmlinuz-*")))
    return found[-1] if found else _download(folder)


def _download(folder):
    os.makedirs(folder, exist_ok=True)
    depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True).stdout
    package = next(word for word in depends.split() if word.startswith("linux-image-") and word != "linux-image-amd64")
    print("planaria: fetching %s" % package, file=sys.stderr)
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    archive = glob.glob(os.path.join(folder, package + "_*.deb"))[0]
    tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder, "./boot"], stdin=tar.stdout, check=True)
    tar.wait()
    os.unlink(archive)
    return sorted(glob.glob(os.path.join(folder, "boot", "vmlinuz-*")))[-1]


def adapt(entries):
    """Linux wants the first device nodes in the archive, and has no use for our services."""
    for path in [path for path in entries if path.startswith("boot/")]:
        del entries[path]
    entries["dev/console"] = cpio.character_device(5, 1)
    entries["dev/null"] = cpio.character_device(1, 3, 0o666)
