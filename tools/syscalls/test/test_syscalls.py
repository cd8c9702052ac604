# SPDX-License-Identifier: MIT
"""The table of Linux system calls, its refusals, and the C made from it."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "idlc", "test"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from common import ROOT, GeneratorTest  # noqa: E402
from output import Refused  # noqa: E402
from syscalls import parse_table  # noqa: E402

TABLE = os.path.join(ROOT, "abi", "linux", "syscalls.tbl")
TOOL = os.path.join(ROOT, "tools", "syscalls", "syscalls.py")
HOST_HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"

SMALL = """# three rows
1 write vfs full "fd:fd buffer:in(count) count:size"
3 close vfs none "fd:fd"
39 getpid kernel full ""
40 sendfile vfs partial "out:fd in:fd" files only
"""

PROGRAM = """
#include "linux_vfs_dispatch.h"
#include "errors.h"
#include "linux_route.h"
#include "linux_syscall_names.h"
#include <string.h>
#include "sys/call.h"

struct vfs_state { int calls; };

int vfs_linux_write(struct vfs_state *state, struct call *call)
{
    state->calls++;
    call_result(call, (int64_t)linux_argument(call, 2));
    return 0;
}

%s
static int dispatch(struct vfs_state *state, uint32_t number, struct message *reply)
{
    struct message request = { .type = (uint32_t)PROTOCOL_LINUX << 16 | number, .word = { [2] = 5 } };
    struct call call = { .request = &request, .reply = reply };
    return vfs_linux_dispatch(state, &call);
}

int main(void)
{
    struct vfs_state state = { 0 };
    struct message reply = { 0 };
    if (dispatch(&state, 1, &reply) != 0 || state.calls != 1 || reply.word[0] != 5)
        return 1;
    if (dispatch(&state, 3, &reply) != -ENOSYS || dispatch(&state, 39, &reply) != -ENOSYS)
        return 2;
    if (linux_route[1] != ROUTE_VFS || linux_route[3] != ROUTE_NONE || linux_route[39] != ROUTE_KERNEL)
        return 3;
    if (strcmp(linux_syscall_name(3), "close") || strcmp(linux_syscall_name(4), "?") || strcmp(linux_syscall_name(9999), "?"))
        return 4;
    return strcmp(linux_syscall_arguments(3), "fd:fd") || strcmp(linux_syscall_arguments(39), "") || LINUX_SYSCALL_COUNT != 41;
}
"""

SENDFILE = "int vfs_linux_sendfile(struct vfs_state *s, struct call *c)\n{\n    (void)s;\n    (void)c;\n    return 0;\n}\n"


class Syscalls(GeneratorTest):
    def code(self, table):
        result = self.run_tool(TOOL, "code", "-o", self.directory, table)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.must_idlc("errors", "-o", self.directory)

    def small(self, program):
        self.code(self.write("small.tbl", SMALL))
        sources = [self.path(name) for name in sorted(os.listdir(self.directory)) if name.endswith(".c")]
        sources.append(self.write("main.c", program))
        return [self.must_compile(source) for source in sources]

    def test_table_has_every_call_with_the_number_of_the_host(self):
        if not os.path.exists(HOST_HEADER):
            self.skipTest("no Linux headers here")
        host = re.findall(r"#define __NR_(\w+) (\d+)", self.read(HOST_HEADER))
        ours = {row.name: row.number for row in parse_table(TABLE)}
        for name, number in host:
            if int(number) <= 450:
                self.assertEqual(ours.get(name), int(number), name)

    def test_table_covers_all_numbers_of_linux_6_1(self):
        numbers = [row.number for row in parse_table(TABLE)]
        self.assertEqual(numbers, list(range(0, 335)) + list(range(424, 451)))

    def test_code_of_the_system_compiles(self):
        self.code(TABLE)
        for name in sorted(os.listdir(self.directory)):
            if name.endswith(".c"):
                self.must_compile(self.path(name))

    def test_dispatch_route_and_names(self):
        self.must_run(self.small(PROGRAM % SENDFILE))

    def test_supported_call_without_handler_does_not_link(self):
        result = self.link(self.small(PROGRAM % ""))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("vfs_linux_sendfile", result.stderr)

    def test_page_counts_support(self):
        table = self.write("small.tbl", SMALL)
        self.assertEqual(self.run_tool(TOOL, "docs", "-o", self.directory, table).returncode, 0)
        page = self.read(self.path("linux-syscalls.md"))
        self.assertIn("Of 4 calls of Linux x86-64: 2 full, 1 partial, 1 not supported", page)
        self.assertIn("| 40 | `sendfile(out, in)` | vfs | partial | files only |", page)

    def test_refusals(self):
        good = '0 read vfs full "fd:fd"\n'
        for text, line, reason in (
                ('0 read vfs full\n', 1, "expected: number name"),
                ('0 read fs full ""\n', 1, "unknown owner fs"),
                ('0 read vfs some ""\n', 1, "unknown support some"),
                ('0 read vfs partial ""\n', 1, "read: partial without a note"),
                ('0 read none full ""\n', 1, "read: full support by nobody"),
                ('0 read vfs full "fd"\n', 1, "argument 'fd' is not name:kind"),
                ('0 read vfs full "fd:file"\n', 1, "argument 'fd:file': unknown kind"),
                ('0 read vfs full "b:out(count)"\n', 1, "argument 'b:out(count)': expected in"),
                ('0 read vfs full "a:fd b:fd c:fd d:fd e:fd f:fd g:fd"\n', 1, "7 arguments"),
                ('512 read vfs full ""\n', 1, "read: number 512 is not below 512"),
                (good + good, 2, "read is already in line 1"),
                (good + '0 write vfs full ""\n', 2, "number 0 after 0"),
                ("# nothing\n", 1, "no rows")):
            with self.assertRaisesRegex(Refused, f"bad.tbl:{line}: {re.escape(reason)}"):
                parse_table(self.write("bad.tbl", text))
