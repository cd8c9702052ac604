# SPDX-License-Identifier: MIT
"""Paths and small helpers for the tests of the generators."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
ROOT = os.path.dirname(os.path.dirname(TOOL))
FLAGS = ("-std=c17 -pedantic -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wundef "
         "-Wpadded").split()

sys.path.insert(0, TOOL)


def include_flags(directory):
    """Hand-written headers are not under test: their padding is their own business."""
    return ["-I", directory, "-I", HERE, "-isystem", os.path.join(ROOT, "abi"), "-isystem", os.path.join(ROOT, "lib")]


class GeneratorTest(unittest.TestCase):
    """A test with an empty output directory, a compiler and idlc."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = temporary.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def run_tool(self, tool, *arguments):
        return subprocess.run([sys.executable, tool, *arguments], capture_output=True, text=True, check=False)

    def idlc(self, *arguments):
        return self.run_tool(os.path.join(TOOL, "idlc.py"), *arguments)

    def must_idlc(self, *arguments):
        result = self.idlc(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)

    def generate(self, file, *commands):
        for command in commands:
            self.must_idlc(command, "-o", self.directory, file)

    def compile(self, source, output=None, flags=()):
        """Compiles one generated file with all warnings as errors; returns the object."""
        output = output or self.path(os.path.basename(source)[:-2] + ".o")
        command = ["gcc", *FLAGS, *flags, *include_flags(self.directory), "-c", source, "-o", output]
        return output, subprocess.run(command, capture_output=True, text=True, check=False)

    def must_compile(self, source):
        output, result = self.compile(source)
        self.assertEqual(result.returncode, 0, result.stderr)
        return output

    def link(self, objects):
        return subprocess.run(["gcc", "-o", self.path("program"), *objects], capture_output=True, text=True, check=False)

    def must_run(self, objects):
        result = self.link(objects)
        self.assertEqual(result.returncode, 0, result.stderr)
        result = subprocess.run([self.path("program")], capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout
