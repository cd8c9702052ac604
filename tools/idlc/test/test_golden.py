# SPDX-License-Identifier: MIT
"""The outputs for accepted/small.idl are those in golden/: a change of the generator shows in review.

After a meant change: run.py --update, then read the diff.
"""

import os
import subprocess
import sys
import tempfile

from common import HERE, TOOL, GeneratorTest

SMALL = os.path.join(HERE, "accepted", "small.idl")
GOLDEN = os.path.join(HERE, "golden")
COMMANDS = ("headers", "client", "server", "trace", "docs", "golden", "recovery")


def outputs(directory):
    for command in COMMANDS:
        subprocess.run([sys.executable, os.path.join(TOOL, "idlc.py"), command, "-o", directory, SMALL], check=True)
    return sorted(os.listdir(directory))


def update():
    for name in os.listdir(GOLDEN):
        os.remove(os.path.join(GOLDEN, name))
    outputs(GOLDEN)


class Golden(GeneratorTest):
    def test_outputs_are_as_reviewed(self):
        names = outputs(self.directory)
        self.assertEqual(names, sorted(os.listdir(GOLDEN)))
        for name in names:
            self.assertEqual(self.read(self.path(name)), self.read(os.path.join(GOLDEN, name)), name)

    def test_a_second_run_gives_the_same(self):
        with tempfile.TemporaryDirectory() as other:
            names = outputs(self.directory)
            outputs(other)
            for name in names:
                self.assertEqual(self.read(self.path(name)), self.read(os.path.join(other, name)), name)

    def test_unchanged_outputs_are_not_written(self):
        outputs(self.directory)
        before = {name: os.stat(self.path(name)).st_mtime_ns for name in os.listdir(self.directory)}
        outputs(self.directory)
        after = {name: os.stat(self.path(name)).st_mtime_ns for name in os.listdir(self.directory)}
        self.assertEqual(before, after)

    def test_layout_check_sees_a_difference(self):
        self.must_idlc("golden", "-o", self.directory, SMALL)
        self.assertEqual(self.idlc("golden", "--check", "-o", self.directory, SMALL).returncode, 0)
        layout = self.path("small.layout")
        self.write("small.layout", self.read(layout).replace(" 8  8 ", " 0  8 ").replace("= 2", "= 9", 1))
        result = self.idlc("golden", "--check", "-o", self.directory, SMALL)
        self.assertEqual(result.returncode, 1)
        self.assertIn("differs from the reviewed one", result.stderr)

    def test_layout_check_sees_a_stale_file(self):
        self.must_idlc("golden", "-o", self.directory, SMALL)
        self.write("old.layout", "protocol old = 1\n")
        result = self.idlc("golden", "--check", "-o", self.directory, SMALL)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no such protocol any more", result.stderr)
