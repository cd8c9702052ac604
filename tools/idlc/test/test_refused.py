# SPDX-License-Identifier: MIT
"""Every sample in refused/ is refused, for the reason and the line in its first line."""

import glob
import os
import re

from common import HERE, GeneratorTest


class Refused(GeneratorTest):
    def check(self, file, first):
        match = re.match(r"// refused: (\d+): (.*)$", first)
        self.assertTrue(match, f"{file}: the first line does not say what is expected")
        result = self.idlc("headers", "-o", self.directory, file)
        self.assertEqual(result.returncode, 1, f"{file} was accepted")
        self.assertRegex(result.stderr, "^" + re.escape(f"{file}:{match.group(1)}: ") + match.group(2))
        self.assertEqual(os.listdir(self.directory), [], "a refused file left outputs")

    def test_two_protocols_with_one_number(self):
        one = self.write("one.idl", "protocol one = 1000;\n")
        two = self.write("two.idl", "protocol two = 1000;\n")
        result = self.idlc("check", one, two)
        self.assertEqual(result.returncode, 1)
        self.assertIn("two.idl:1: protocol two = 1000: number already used by", result.stderr)

    def test_two_protocols_with_one_name(self):
        one = self.write("one.idl", "protocol one = 1000;\n")
        two = self.write("two.idl", "\nprotocol one = 1001;\n")
        result = self.idlc("check", one, two)
        self.assertEqual(result.returncode, 1)
        self.assertIn("two.idl:2: protocol one = 1001: name already used by", result.stderr)


def sample_test(file):
    with open(file, encoding="utf-8") as opened:
        first = opened.readline().rstrip()
    return lambda self: self.check(file, first)


for sample in sorted(glob.glob(os.path.join(HERE, "refused", "*.idl"))):
    setattr(Refused, "test_" + os.path.basename(sample)[:-4], sample_test(sample))
