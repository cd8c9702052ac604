# SPDX-License-Identifier: MIT
"""Parsing details and what the ABI hash depends on."""

import glob
import os

from common import ROOT, GeneratorTest
from check import check_protocol
from layout import abi_hash, layout_text
from parse import Parser

BASE = """// About demo.
protocol demo = 1000;

// ---- a section ----
// Doc of a.
call a = 1 { allow any; idempotent; in u32 x; // behind
    in u32 y; }
"""


def compiled(text):
    protocol = Parser("demo.idl", text).parse()
    check_protocol(protocol, {"ENOENT", "ESRVRESTART"})
    return protocol


class Layout(GeneratorTest):
    def test_comments_become_documentation(self):
        protocol = compiled(BASE)
        self.assertEqual(protocol.doc, ["About demo."])
        self.assertEqual(protocol.operations[0].doc, ["Doc of a."])
        self.assertEqual(protocol.operations[0].request[0].doc, ["behind"])
        self.assertEqual(protocol.operations[0].request[1].doc, [])

    def test_first_comment_documents_the_protocol_across_a_blank_line(self):
        self.assertEqual(compiled("// About.\n// More.\n\nprotocol demo = 1000;\n").doc, ["About.", "More."])

    def test_offsets_follow_c(self):
        text = BASE.replace("in u32 y;", "in u16 y; in u8 z[2]; in u64 w;")
        offsets = [field.offset for field in compiled(text).operations[0].request]
        self.assertEqual(offsets, [0, 4, 6, 8])

    def test_hash_ignores_comments_and_callers(self):
        changed = BASE.replace("Doc of a", "Other words").replace("allow any", "allow vfs")
        self.assertEqual(abi_hash(compiled(BASE)), abi_hash(compiled(changed)))

    def test_hash_sees_every_wire_change(self):
        hashes = {abi_hash(compiled(BASE))}
        for old, new in (("u32 y", "i32 y"), ("u32 x", "u64 x"), ("a = 1", "a = 2"), ("in u32 y", "out u32 y"),
                         ("= 1000", "= 1001"), ("u32 y", "u32 z"), ("call a = 1 {", "call a = 1 { may_park;")):
            hashes.add(abi_hash(compiled(BASE.replace(old, new))))
        self.assertEqual(len(hashes), 7)     # may_park is not on the wire

    def test_layout_text(self):
        self.assertEqual(layout_text(compiled(BASE)),
                         "protocol demo = 1000\ncall a = 1\n    in   0  4 u32 x\n    in   4  4 u32 y\n")

    def test_protocols_of_the_system_are_accepted(self):
        files = sorted(glob.glob(os.path.join(ROOT, "abi", "protocols", "*.idl")))
        self.assertTrue(files)
        self.must_idlc("check", *files)

    def test_protocols_of_the_system_compile(self):
        files = sorted(glob.glob(os.path.join(ROOT, "abi", "protocols", "*.idl")))
        self.must_idlc("errors", "-o", self.directory)
        for command in ("headers", "client", "server", "trace"):
            self.must_idlc(command, "-o", self.directory, *files)
        for source in sorted(glob.glob(self.path("*.c"))):
            self.must_compile(source)
