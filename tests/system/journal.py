# SPDX-License-Identifier: MIT
"""The journal covers every store: a build in which each service compares its state with a copy that follows the undo log (DEBUG_JOURNAL=1, docs/building.md)
finds no word written without an entry while test programs run; and it does find words that wild stores change."""
import os
import re
import subprocess
import tempfile

import machine
import session
from guest import main

FOLDER = os.path.join("build", "journal-debug")
IMAGE = os.path.join(FOLDER, "initrd.cpio")
FOUND = re.compile(r"journal: (\S+)\+(?:0x)?([0-9a-f]+) was written without an entry.*")
TROUBLE = re.compile(r"journal: (?:no memory|a handler forgoes|the copy has not followed).*")
MARK = "the wild store is next"
COMMANDS = """for test in pipes_basic files_io rename_rules signals_delivery wait_status; do
    /tests/linux/$test > /tmp/result || { cat /tmp/result; exit 1; }
done
cat /proc/meminfo /proc/self/status /proc/mounts > /dev/null
ls -lR /proc/self > /dev/null 2>&1
echo %s > /dev/kmsg
chaos-driver --services tty --faults wild-store --every 10 --count 5 --seed 5
i=0
while [ $i -lt 80 ]; do echo > /dev/console; i=$((i + 1)); done
""" % MARK


def test_no_word_is_written_without_an_entry_and_a_wild_store_is_noticed():
    subprocess.run(["make", "-s", "--no-print-directory", "-j2", "B=" + FOLDER, "DEBUG_JOURNAL=1", IMAGE], cwd=machine.ROOT, check=True)
    options = machine.Options(initrd=os.path.join(machine.ROOT, IMAGE), memory="1024", timeout=200)
    log_path = machine.new_log_path()
    with tempfile.TemporaryFile() as output:
        status = session.execute(options, COMMANDS, stdout=output.fileno(), log_path=log_path)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    log = machine.read_log(log_path)
    assert status == 0, "status %d\n%s\n%s" % (status, said[-2000:], log[-3000:])
    assert MARK in log, log[-3000:]
    before, after = log.split(MARK, 1)
    assert not TROUBLE.search(log), TROUBLE.search(log)[0]
    found = [match[0] for match in FOUND.finditer(before)]
    assert not found, "\n".join(found)
    assert FOUND.search(after), "the wild store was not noticed:\n%s" % after[-3000:]


main(globals())
