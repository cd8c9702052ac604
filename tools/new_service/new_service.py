#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./planaria new-service NAME`: a new character driver in drivers/NAME, made from tools/new_service/template, with an address and a device number of its own."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIST = os.path.join(ROOT, "boot", "services.list")
STEP = 0x10000000
MAJOR = 240


class Refused(Exception):
    pass


def listed():
    """{label: address}"""
    with open(LIST) as handle:
        rows = [line.split() for line in handle if line.strip() and not line.startswith("#")]
    return {row[0]: int(row[1], 16) for row in rows}


def next_minor():
    taken = {0}
    for folder, _, files in os.walk(ROOT):
        if "service.conf" in files and os.sep + "build" not in folder:
            text = open(os.path.join(folder, "service.conf")).read()
            taken.update(int(minor) for minor in re.findall(r"device %d (\d+)" % MAJOR, text))
    return max(taken) + 1


def check(name):
    if not re.fullmatch(r"[a-z][a-z0-9]{1,14}", name):
        raise Refused("'%s': a name is a small letter, then 1 to 14 small letters and digits" % name)
    if name in listed():
        raise Refused("there is a service '%s' already" % name)
    if os.path.exists(os.path.join(ROOT, "drivers", name)):
        raise Refused("drivers/%s is there already" % name)


def make(name):
    """Returns the paths that were made."""
    minor, made = next_minor(), []
    template = os.path.join(HERE, "template")
    for folder, _, files in os.walk(template):
        for file in sorted(files):
            text = open(os.path.join(folder, file)).read().replace("sample", name).replace("MINOR", str(minor))
            inside = os.path.relpath(os.path.join(folder, file), template).replace("sample", name)
            path = os.path.join("drivers", name, re.sub(r"\.in$", "", inside))
            os.makedirs(os.path.dirname(os.path.join(ROOT, path)), exist_ok=True)
            with open(os.path.join(ROOT, path), "w") as handle:
                handle.write(text)
            made.append(path)
    address = max(listed().values()) + STEP
    with open(LIST, "a") as handle:
        handle.write("%-14s 0x%-9x   root\n" % (name, address))
    return sorted(made), minor


def main():
    if len(sys.argv) != 2:
        print("usage: ./planaria new-service NAME", file=sys.stderr)
        return 2
    name = sys.argv[1]
    try:
        check(name)
    except Refused as problem:
        print("planaria new-service: %s" % problem, file=sys.stderr)
        return 2
    made, minor = make(name)
    print("\n".join(made))
    print("boot/services.list has its address. Its device is %d:%d; its program will be /service/%s." % (MAJOR, minor, name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
