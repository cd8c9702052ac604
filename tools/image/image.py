#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the boot image: one cpio archive with boot/ (service binaries in the order of boot/services.list, boot/system.conf) first and the
root file system behind it. The kernel reads boot/, tmpfs takes all of it as /."""
import argparse
import os
import subprocess
import sys

import cpio
import packages

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDERS = ["bin", "sbin", "dev", "proc", "sys", "tmp", "root", "var", "var/run", "var/log", "var/crash", "run", "home", "mnt", "etc", "usr",
           "usr/bin", "usr/sbin", "lib", "lib64", "service", "tests", "opt"]


def read(path):
    with open(path, "rb") as handle:
        return handle.read()


def service_list(path):
    """Yields (label, place) in file order."""
    with open(path) as handle:
        for line in handle:
            fields = line.split("#")[0].split()
            if fields:
                yield fields[0], fields[2]


def stripped(path):
    """A service without its debug information; symbols stay, crash reports name them."""
    target = path + ".stripped"
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(path):
        subprocess.run(["objcopy", "--strip-debug", path, target], check=True)
    return read(target)


def add(entries, path, entry):
    path = path.lstrip("/")
    cpio.add_parents(entries, path)
    entries[path] = entry


def add_services(entries, options):
    built = {os.path.basename(path): path for path in options.service}
    rest = []
    for label, place in service_list(options.services):
        if label not in built:
            continue
        entry = cpio.file(stripped(built[label]), 0o755)
        if place in ("boot", "both"):
            add(entries, "boot/services/" + label, entry)
        if place in ("root", "both"):
            rest.append(("service/" + label, entry))
    manifest = "".join(read(path).decode().rstrip("\n") + "\n\n" for path in options.conf)
    add(entries, "boot/system.conf", cpio.file(manifest))
    for path, entry in rest:
        add(entries, path, entry)
    add(entries, "etc/system.conf", cpio.file(manifest))


def add_busybox(entries, folder):
    binary = os.path.join(folder, "bin", "busybox")
    add(entries, "bin/busybox", cpio.file(read(binary), 0o755))
    applets = subprocess.run([binary, "--list-full"], capture_output=True, text=True, check=True).stdout.split()
    for applet in sorted(applets):
        if applet not in entries:
            add(entries, applet, cpio.link("/bin/busybox"))


def add_tree(entries, top):
    for current, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(current, name)
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            add(entries, os.path.relpath(path, top), cpio.file(read(path), mode))


def add_root(entries, options):
    for name in FOLDERS:
        entries.setdefault(name, cpio.folder(0o1777 if name == "tmp" else 0o755))
    unpacked = packages.unpack_all()
    add_tree(entries, os.path.join(HERE, "root"))
    for item in options.program:
        path, guest_path = item.split(":")
        add(entries, guest_path, cpio.file(read(path), 0o755))
    for path in options.linux_test:
        guest_path = "tests/" + "/".join(path.split("/")[-2:])
        add(entries, guest_path, cpio.file(read(path), 0o755))
    add(entries, "bin/bash-static", cpio.file(read(os.path.join(unpacked["bash-static"], "bin", "bash-static")), 0o755))
    add_busybox(entries, unpacked["busybox-static"])
    add(entries, "init", cpio.link("/bin/busybox"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True)
    parser.add_argument("--services")
    parser.add_argument("--only", help="BINARY:LABEL,LABEL: an image with this one service, under each of the labels, and nothing else")
    parser.add_argument("--service", action="append", default=[])
    parser.add_argument("--conf", action="append", default=[])
    parser.add_argument("--program", action="append", default=[])
    parser.add_argument("--linux-test", action="append", default=[])
    options = parser.parse_args()
    entries = {}
    if options.only:
        path, labels = options.only.split(":")
        for label in labels.split(","):
            add(entries, "boot/services/" + label, cpio.file(stripped(path), 0o755))
    else:
        add_services(entries, options)
        add_root(entries, options)
    with open(options.output, "wb") as handle:
        handle.write(cpio.pack(entries))


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    main()
