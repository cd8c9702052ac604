# SPDX-License-Identifier: MIT
"""--deb PACKAGE: the files of a Debian package and of everything that it depends on, for the guest's root. Fetched by apt-get (which checks the
archive's signature) into build/downloads; no package scripts are run. Documentation and translations are left out."""
import os
import re
import subprocess
import sys

import cpio
import packages

STORE = os.path.join(packages.DOWNLOADS, "deb")
LEFT_OUT = re.compile(r"^usr/share/(doc|man|info|locale|lintian|bash-completion)/")
ONLY_DEPENDENCIES = ["--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"]


class Unknown(Exception):
    """There is no such package."""


def closure(package):
    """Names of the package and of what it needs, virtual packages left out."""
    result = subprocess.run(["apt-cache", "depends"] + ONLY_DEPENDENCIES + [package], capture_output=True, text=True)
    names = [line.strip() for line in result.stdout.splitlines() if re.match(r"[a-z0-9]", line)]
    if package not in names:
        raise Unknown("there is no Debian package '%s' (apt-get update brings new lists)" % package)
    return names


def unpack(package):
    """The folder with the files of one package."""
    target = os.path.join(STORE, package)
    if not os.path.exists(os.path.join(target, ".unpacked")):
        print("  fetching %s" % package, file=sys.stderr)
        os.makedirs(target, exist_ok=True)
        result = subprocess.run(["apt-get", "download", package], cwd=target, capture_output=True, text=True)
        if result.returncode != 0:
            raise Unknown("cannot download %s: %s" % (package, result.stderr.strip()))
        (archive,) = [name for name in os.listdir(target) if name.endswith(".deb")]
        subprocess.run(["dpkg", "-x", os.path.join(target, archive), target], check=True)
        os.unlink(os.path.join(target, archive))
        open(os.path.join(target, ".unpacked"), "w").close()
    return target


def add_tree(entries, top):
    for current, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files + [one for one in folders if os.path.islink(os.path.join(current, one))]):
            path = os.path.join(current, name)
            guest = os.path.relpath(path, top)
            if guest == ".unpacked" or LEFT_OUT.match(guest):
                continue
            cpio.add_parents(entries, guest)
            if os.path.islink(path):
                entries[guest] = cpio.link(os.readlink(path))
            else:
                with open(path, "rb") as handle:
                    entries[guest] = cpio.file(handle.read(), os.stat(path).st_mode & 0o7777)


def add(entries, package):
    for name in closure(package):
        add_tree(entries, unpack(name))
