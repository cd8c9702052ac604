#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Command line of run, exec and debug. A wrong option is answered with its name and the rule it breaks, exit status 2."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine  # noqa: E402
import session  # noqa: E402

OPTIONS_WITH_VALUE = ("--smp", "--memory", "--machine", "--add", "--deb", "--timeout", "--append")
SWITCHES = ("--icount", "--log", "--linux")


class Usage(Exception):
    pass


def parse_smp(options, value):
    if not value.isdigit() or not 1 <= int(value) <= 64:
        raise Usage("--smp takes a number of processors from 1 to 64, not '%s'" % value)
    options.smp = int(value)


def parse_memory(options, value):
    match = re.fullmatch(r"(\d+)([MG]?)", value)
    megabytes = int(match[1]) * (1024 if match[2] == "G" else 1) if match else 0
    if not 128 <= megabytes <= 65536:
        raise Usage("--memory takes megabytes, or a number with M or G, from 128M to 64G, not '%s'" % value)
    options.memory = str(megabytes)


def parse_machine(options, value):
    if value not in machine.MACHINES:
        raise Usage("--machine takes %s, not '%s'" % (" or ".join(machine.MACHINES), value))
    options.machine = value


def parse_add(options, value):
    host, _, guest = value.partition(":")
    if not os.path.exists(host):
        raise Usage("--add takes HOSTFILE[:GUESTPATH]; there is no file '%s'" % host)
    if guest and not guest.startswith("/"):
        raise Usage("--add takes HOSTFILE[:GUESTPATH] with a guest path that starts with /, not '%s'" % guest)
    options.add.append((host, guest or "/" + os.path.basename(os.path.abspath(host))))


def parse_deb(options, value):
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", value):
        raise Usage("--deb takes the name of a Debian package, not '%s'" % value)
    try:
        machine.deb.closure(value)
    except machine.deb.Unknown as problem:
        raise Usage("--deb: %s" % problem)
    options.deb.append(value)


def parse_timeout(options, value):
    try:
        options.timeout = float(value)
    except ValueError:
        options.timeout = 0
    if not 0 < options.timeout <= 86400:
        raise Usage("--timeout takes seconds, more than 0 and at most 86400, not '%s'" % value)


def parse_append(options, value):
    options.append = (options.append + " " + value).strip()


def parse(arguments):
    """Returns (Options, remaining arguments). Options may stand before and after the remaining ones, up to `--`."""
    options = machine.Options(linux=bool(os.environ.get("PLANARIA_LINUX")))
    rest = []
    index = 0
    while index < len(arguments):
        name, equals, value = arguments[index].partition("=")
        index += 1
        if name == "--" and not equals:
            rest += arguments[index:]
            break
        if name in SWITCHES:
            if equals:
                raise Usage("%s takes no value" % name)
            setattr(options, name[2:], True)
        elif name in OPTIONS_WITH_VALUE:
            if not equals:
                if index == len(arguments):
                    raise Usage("%s needs a value" % name)
                value = arguments[index]
                index += 1
            globals()["parse_" + name[2:]](options, value)
        elif name.startswith("-"):
            raise Usage("unknown option %s; there are %s" % (name, " ".join(OPTIONS_WITH_VALUE + SWITCHES)))
        else:
            rest.append(arguments[index - 1])
    return options, rest


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    try:
        options, rest = parse(arguments)
        if command == "exec":
            if len(rest) != 1:
                raise Usage("exec takes one shell command, in quotes; got %d arguments" % len(rest))
        elif rest:
            raise Usage("%s takes options only, not '%s'" % (command, rest[0]))
        if os.environ.get("PLANARIA_PARSE_ONLY"):
            return 0
    except Usage as problem:
        print("planaria %s: %s" % (command, problem), file=sys.stderr)
        return 2
    if command == "exec":
        return session.execute(options, rest[0])
    if command == "run":
        return session.interactive(options)
    return session.debug(options)


if __name__ == "__main__":
    sys.exit(main())
