# SPDX-License-Identifier: MIT
"""Differential test: each command of shell_commands.txt gives byte for byte the same output, error output and exit status on Planaria as on
Debian's Linux in the same emulator, with the same busybox binary and the same root file system. One result per command and configuration.

    python3 tests/linux/shell_commands.py [WORD...]     only the commands that contain one of the words"""
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "emulator"))
import machine  # noqa: E402
import session  # noqa: E402

CONFIGURATIONS = [("q35", 1), ("q35", 2), ("q35", 4), ("microvm", 2)]
GUEST_TIMEOUT = 400
SCRIPT = r"""
mount -t tmpfs none /mnt
n=0
while IFS= read -r line; do
    n=$((n+1))
    mkdir /mnt/w$n
    cd /mnt/w$n
    setsid timeout 20 sh -c "$line" </dev/null >/tmp/out 2>/tmp/err
    status=$?
    out=$(wc -c </tmp/out)
    err=$(wc -c </tmp/err)
    echo "@@ $n $status $out $err"
    head -c $out /tmp/out
    head -c $err /tmp/err
done </tests/shell_commands
echo "@@ end"
"""
HEAD = re.compile(rb"@@ (\d+) (\d+) (\d+) (\d+)\n")


def commands(words):
    with open(os.path.join(HERE, "shell_commands.txt")) as handle:
        lines = [line.rstrip("\n") for line in handle if line.strip() and not line.startswith("#")]
    return [line for line in lines if not words or any(word in line for word in words)]


def run(options, lines):
    """Returns {number: (status, output, errors)} and the boot's exit status."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed, tempfile.TemporaryFile() as output:
        listed.write("".join(line + "\n" for line in lines))
        listed.flush()
        options.add.append((listed.name, "/tests/shell_commands"))
        status = session.execute(options, SCRIPT, output.fileno(), 2)
        output.seek(0)
        text = output.read()
    results, at = {}, 0
    while True:
        head = HEAD.match(text, at)
        if not head:
            return results, status
        number, result, length, errors = (int(value) for value in head.groups())
        middle = head.end() + length
        results[number] = (result, text[head.end():middle], text[middle:middle + errors])
        at = middle + errors


def describe(label, result):
    if result is None:
        return "%s: nothing (it hung or the system stopped)" % label
    return "%s: status %d\n  output %r\n  errors %r" % (label, result[0], result[1][-600:], result[2][-600:])


def main():
    lines = commands(sys.argv[1:])
    expected, _ = run(machine.Options(linux=True, timeout=GUEST_TIMEOUT), lines)
    count = 0
    failed = 0
    for name, processors in CONFIGURATIONS:
        options = machine.Options(machine=name, smp=processors, timeout=GUEST_TIMEOUT)
        found, _ = run(options, lines)
        for number, line in enumerate(lines, 1):
            count += 1
            same = number in expected and expected[number] == found.get(number)
            failed += not same
            if not same:
                detail = describe("linux", expected.get(number)) + "\n" + describe("planaria", found.get(number))
                print("\n".join("# " + part for part in detail.splitlines()))
            print("%s %d - %s with %d processors: %s" % ("ok" if same else "not ok", count, name, processors, line.replace("#", "\\#")), flush=True)
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
