#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests of tools/idlc and tools/syscalls and prints TAP.

`run.py WORD...` runs only tests whose name contains one of the words.
`run.py --update` rewrites test/golden/ from the present output first.
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDERS = (HERE, os.path.join(HERE, "..", "..", "syscalls", "test"))
sys.path[:0] = [HERE]


class TapResult(unittest.TestResult):
    def line(self, word, test, detail=""):
        print(f"{word} {self.testsRun} - {test.id()}", flush=True)
        for text in detail.rstrip().split("\n") if detail else []:
            print(f"#   {text}")

    def addSuccess(self, test):
        self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line("not ok", test, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.line("not ok", subtest, (self.failures + self.errors)[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"ok {self.testsRun} - {test.id()} # SKIP {reason}")


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main(arguments):
    if "--update" in arguments:
        import test_golden
        test_golden.update()
        arguments = [argument for argument in arguments if argument != "--update"]
    tests = []
    for folder in FOLDERS:
        tests += flatten(unittest.TestLoader().discover(folder, pattern="test_*.py", top_level_dir=folder))
    tests = [test for test in tests if not arguments or any(word in test.id() for word in arguments)]
    print(f"1..{len(tests)}")
    result = TapResult()
    unittest.TestSuite(tests).run(result)
    bad = len(result.failures) + len(result.errors)
    print(f"# {result.testsRun} tests, {bad} failed")
    return 1 if bad or not tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
