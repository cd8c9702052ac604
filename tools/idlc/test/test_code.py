# SPDX-License-Identifier: MIT
"""The generated C compiles without a warning and does what README.md says: client, dispatcher and trace tables in one program."""

import os

from common import HERE, GeneratorTest

DEMO = os.path.join(HERE, "accepted", "demo.idl")
SERVER = os.path.join(HERE, "demo_handlers.c")
PROGRAM = os.path.join(HERE, "demo_program.c")
SOURCES = ("demo_client.c", "demo_server.c", "demo_trace.c", "protocol_names.c", "error_names.c")


class Code(GeneratorTest):
    def setUp(self):
        super().setUp()
        self.generate(DEMO, "headers", "client", "server", "trace")
        self.must_idlc("errors", "-o", self.directory)

    def objects(self):
        return [self.must_compile(self.path(source)) for source in SOURCES]

    def test_round_trip(self):
        output = self.must_run(self.objects() + [self.must_compile(SERVER), self.must_compile(PROGRAM)])
        self.assertIn("all checks passed", output)

    def test_headers_stand_alone(self):
        for name in sorted(os.listdir(self.directory)):
            if name.endswith(".h"):
                source = self.write(f"alone_{name[:-2]}.c", f"#include \"{name}\"\n#include \"{name}\"\nextern int x;\n")
                self.must_compile(source)

    def test_analyzer_is_silent(self):
        for source in SOURCES:
            _, result = self.compile(self.path(source), flags=["-fanalyzer", "-O2"])
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_missing_handler_does_not_link(self):
        text = self.read(SERVER).replace("demo_handle_publish", "demo_handle_publish_not")
        text = text.replace("#include \"demo_server.h\"", "#include \"demo_server.h\"\nint demo_handle_publish_not("
                            "struct demo_state *, struct call *, const struct demo_publish_request *, "
                            "struct demo_publish_reply *);")
        handlers = self.must_compile(self.write("handlers.c", text))
        result = self.link(self.objects() + [handlers, self.must_compile(PROGRAM)])
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("demo_handle_publish", result.stderr)

    def test_wrong_handler_signature_does_not_compile(self):
        text = self.read(SERVER).replace("const struct demo_publish_request *request", "struct demo_publish_request *request")
        _, result = self.compile(self.write("handlers.c", text))
        self.assertIn("conflicting types", result.stderr)

    def test_service_with_another_name(self):
        self.must_idlc("server", "--service", "tmpfs", "-o", self.directory, DEMO)
        self.must_compile(self.path("tmpfs_demo_server.c"))
        header = self.read(self.path("tmpfs_demo_server.h"))
        self.assertIn("int demo_handle_touch(struct tmpfs_state *state, struct call *call);", header)

    def test_state_with_another_name(self):
        self.must_idlc("server", "--service", "tmpfs", "--state", "tree", "-o", self.directory, DEMO)
        self.assertIn("int demo_handle_touch(struct tree *state", self.read(self.path("tmpfs_demo_server.h")))

    def test_empty_protocol_compiles(self):
        empty = self.write("empty.idl", "protocol empty = 1002;\n")
        self.generate(empty, "headers", "client", "server", "trace")
        for name in ("empty_client.c", "empty_server.c", "empty_trace.c"):
            self.must_compile(self.path(name))

    def test_calls_without_idempotent_ones_compile(self):
        only = self.write("only.idl", "protocol only = 1003;\ncall a = 1 { allow any; errors ESRVRESTART; }\n")
        self.generate(only, "headers", "client", "server")
        self.must_compile(self.path("only_client.c"))
        self.must_compile(self.path("only_server.c"))
