#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the archive writer: what it writes, the host's cpio reads; what it reads, it writes back byte for byte."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import cpio  # noqa: E402

RESULTS = []


def check(name, condition):
    RESULTS.append(bool(condition))
    print("%s %d - %s" % ("ok" if condition else "not ok", len(RESULTS), name))


def sample():
    entries = {}
    cpio.add_parents(entries, "a/b/data")
    entries["a/b/data"] = cpio.file(bytes(range(256)) * 3 + b"x", 0o755)
    entries["a/empty"] = cpio.file("")
    entries["l"] = cpio.link("a/b/data")
    entries["t"] = cpio.folder(0o1777)
    return entries


def extracted(data):
    """Content, link target and mode as the host's own cpio sees it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cpio", "-i", "--quiet", "--make-directories"], input=data, cwd=folder, check=True)
        with open(os.path.join(folder, "a/b/data"), "rb") as handle:
            content = handle.read()
        return content, os.readlink(os.path.join(folder, "l")), os.stat(os.path.join(folder, "a/b/data")).st_mode & 0o7777


def main():
    data = cpio.pack(sample())
    check("same_entries_give_same_bytes", data == cpio.pack(sample()))
    check("archive_is_a_multiple_of_512_bytes", len(data) % 512 == 0)
    check("unpack_reads_what_pack_wrote", cpio.unpack(data) == sample())
    check("parents_come_before_children", list(sample())[:3] == ["a", "a/b", "a/b/data"])
    device = {"dev/console": cpio.character_device(5, 1)}
    check("device_numbers_survive", cpio.unpack(cpio.pack(device))["dev/console"].device == (5, 1))
    try:
        content, target, mode = extracted(data)
        check("host_cpio_reads_it", content == bytes(range(256)) * 3 + b"x" and target == "a/b/data" and mode == 0o755)
    except FileNotFoundError:
        print("ok %d - host_cpio_reads_it # SKIP no cpio on this host" % (len(RESULTS) + 1))
        RESULTS.append(True)
    print("1..%d" % len(RESULTS))
    sys.exit(0 if all(RESULTS) else 1)


if __name__ == "__main__":
    main()
