# SPDX-License-Identifier: MIT
"""errors.def against the host's numbers, its refusals, and the generated C."""

import errno
import os

from common import ROOT, GeneratorTest
from errors import parse_errors
from output import Refused

OURS = {"EDEADSRCDST": 1001, "ECALLDENIED": 1002, "ETRAPDENIED": 1003, "EBADCALL": 1004, "ELOCKED": 1005,
        "ENOTREADY": 1006, "ESRVRESTART": 1007, "EBADREQUEST": 1008, "EDONTREPLY": 1009, "EDEADEPT": 1010,
        "EDSTDIED": 1011, "EGENERIC": 1012, "ESUSPEND": 1013,
        "ERESTARTSYS": 512, "ERESTARTNOINTR": 513, "ERESTARTNOHAND": 514, "ERESTART_RESTARTBLOCK": 516}

PROGRAM = """
%s
#include <stdio.h>
#include <string.h>
#include "errors.h"
int main(void)
{
    if (strcmp(error_name(-ENOENT), "ENOENT") || strcmp(error_name(ESRVRESTART), "ESRVRESTART"))
        return 1;
    if (strcmp(error_text(ENOENT), "no such file or directory") || strcmp(error_name(9999), "?"))
        return 2;
    return strcmp(error_name(0), "OK") || EWOULDBLOCK != EAGAIN || ENOTSUP != 95 || ERESTART != 85;
}
"""


class Errors(GeneratorTest):
    def setUp(self):
        super().setUp()
        self.errors = parse_errors(os.path.join(ROOT, "abi", "errors.def"))

    def test_linux_numbers_are_those_of_the_host(self):
        numbers = {symbol: number for symbol, number, _ in self.errors.entries}
        for number, symbol in errno.errorcode.items():
            if number <= 133 and symbol in numbers:
                self.assertEqual(numbers[symbol], number, symbol)
        linux = {number for number in numbers.values() if number <= 133}
        self.assertEqual(linux, set(range(1, 134)) - {41, 58})

    def test_our_numbers(self):
        numbers = {symbol: number for symbol, number, _ in self.errors.entries if number > 133}
        self.assertEqual(numbers, OURS)

    def test_names_and_texts(self):
        self.must_idlc("errors", "-o", self.directory)
        for include in ("", "#include <errno.h>"):
            objects = [self.must_compile(self.path("error_names.c")),
                       self.must_compile(self.write("main.c", PROGRAM % include))]
            self.must_run(objects)

    def test_errors_def_is_an_x_macro_file(self):
        text = ("#include <stdio.h>\nint main(void)\n{\n    int count = 0;\n#define ERROR(symbol, number, text) count++;\n"
                "#define ERROR_ALIAS(symbol, other)\n#include \"errors.def\"\n    return count != %d;\n}\n")
        self.must_run([self.must_compile(self.write("main.c", text % len(self.errors.entries)))])

    def refused(self, text, reason):
        with self.assertRaisesRegex(Refused, reason):
            parse_errors(self.write("errors.def", text))

    def test_refusals(self):
        self.refused('ERROR(EA, 1, "a")\nERROR(EA, 2, "b")\n', "errors.def:2: EA is already there")
        self.refused('ERROR(EA, 1, "a")\nERROR(EB, 1, "b")\n', "errors.def:2: EB: number 1 is EA")
        self.refused('ERROR(EA 1, "a")\n', "errors.def:1: not understood")
        self.refused('ERROR_ALIAS(EA, EB)\n', "errors.def:1: unknown error EB")
