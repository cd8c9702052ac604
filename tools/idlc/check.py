# SPDX-License-Identifier: MIT
"""The rules of the IDL: everything idlc refuses once the shape is right.

Also resolves what later steps need: array sizes, field types, offsets. Each
rule has a sample that must be refused in test/refused/.
"""

from model import PAYLOAD_BYTES, SCALARS
from output import Refused

ERESTARTED = "ESRVRESTART"
NUMBER_MAX = 0x7fff
PROTOCOL_MAX = 0x7fff
LINUX_PROTOCOL = 31         # its "operations" are in abi/linux/syscalls.tbl
SCALAR_ONLY = ("endpoint", "grant", "address", "physical", "length")
C_WORDS = set("""auto break case char const continue default do double else enum extern float for
goto if inline int long register restrict return short signed sizeof static struct switch typedef
union unsigned void volatile while NULL bool true false""".split())


class Checker:
    def __init__(self, protocol, errors):
        self.protocol, self.errors = protocol, errors

    def refuse(self, line, reason):
        raise Refused(self.protocol.file, line, reason)

    def run(self):
        protocol = self.protocol
        if not 0 < protocol.number <= PROTOCOL_MAX:
            self.refuse(protocol.line, f"protocol number {protocol.number} is not in 1..{PROTOCOL_MAX}")
        if protocol.number == LINUX_PROTOCOL:
            self.refuse(protocol.line, f"protocol number {LINUX_PROTOCOL} belongs to the Linux system calls")
        self.constants = {constant.name: constant.value for constant in protocol.constants}
        self.sets = {one.name: one for one in protocol.sets}
        self.check_names()
        self.check_numbers()
        self.check_values()
        for operation in protocol.operations:
            self.check_operation(operation)

    # --- names and numbers ---

    def check_names(self):
        """No C symbol of this protocol may be made twice, whatever it is made from."""
        seen = {}

        def claim(symbol, line, what):
            if symbol in seen:
                self.refuse(line, f"{what}: name already used in line {seen[symbol]}")
            seen[symbol] = line

        prefix = self.protocol.prefix
        for symbol in ("PROTOCOL", "ABI_HASH"):
            claim(f"{prefix}_{symbol}", self.protocol.line, "protocol")
        for constant in self.protocol.constants:
            claim(f"{prefix}_{constant.name.upper()}", constant.line, f"const {constant.name}")
        for one in self.protocol.sets:
            if one.name in SCALARS:
                self.refuse(one.line, f"{one.keyword} {one.name}: this is a built-in type")
            claim(f"type {one.name}", one.line, f"{one.keyword} {one.name}")
            for name, _, line, _ in one.values:
                claim(f"{prefix}_{one.name.upper()}_{name.upper()}", line, f"{one.keyword} {one.name}: {name}")
        for operation in self.protocol.operations:
            claim(f"{prefix}_{operation.name.upper()}", operation.line, f"{operation.keyword} {operation.name}")
            claim(f"type {operation.name}_request", operation.line, f"{operation.keyword} {operation.name}")
            claim(f"type {operation.name}_reply", operation.line, f"{operation.keyword} {operation.name}")

    def check_numbers(self):
        seen = {}
        numbers = [(o.number, o.line, f"{o.keyword} {o.name}") for o in self.protocol.operations]
        numbers += [(number, line, f"reserved {number}") for number, line in self.protocol.reserved]
        for number, line, what in sorted(numbers, key=lambda entry: entry[1]):
            if not 0 < number <= NUMBER_MAX:
                self.refuse(line, f"{what}: number {number} is not in 1..{NUMBER_MAX}")
            if number in seen:
                self.refuse(line, f"{what}: number {number} is already used in line {seen[number]}")
            seen[number] = line

    def check_values(self):
        for one in self.protocol.sets:
            for name, number, line, _ in one.values:
                if not 0 <= number <= 0xffffffff:
                    self.refuse(line, f"{one.name}.{name}: {number} does not fit in u32")

    # --- operations ---

    def check_operation(self, operation):
        what = f"{operation.keyword} {operation.name}"
        if not operation.allow:
            self.refuse(operation.line, f"{what}: no 'allow' (any, system, or a list of services)")
        if len(operation.allow) > 1 and set(operation.allow) & {"any", "system"}:
            self.refuse(operation.line, f"{what}: 'any' and 'system' stand alone in 'allow'")
        if operation.keyword != "call":
            self.check_one_way(operation, what)
        if operation.absent not in ("0", "ENOSYS") and operation.absent not in [symbol for symbol, _ in operation.errors]:
            self.refuse(operation.line, f"{what}: optional {operation.absent} is not among its errors")
        for symbol, line in operation.errors:
            if symbol not in self.errors:
                self.refuse(line, f"{what}: unknown error {symbol} (not in abi/errors.def)")
        self.check_layout(operation.request, f"{what}: request")
        self.check_layout(operation.reply, f"{what}: reply")
        if operation.keyword == "call":
            self.check_restart(operation, what)

    def check_one_way(self, operation, what):
        if operation.reply or operation.errors or operation.idempotent or operation.may_park:
            self.refuse(operation.line, f"{what}: has no reply: out, errors, idempotent and may_park make no sense")
        if operation.keyword == "notify" and operation.request:
            self.refuse(operation.line, f"{what}: a notification carries no payload")

    def check_restart(self, operation, what):
        promised = any(symbol == ERESTARTED for symbol, _ in operation.errors)
        if not operation.idempotent and not promised:
            self.refuse(operation.line, f"{what}: neither idempotent nor {ERESTARTED} among its errors")
        for field in operation.request + operation.reply:
            if operation.idempotent and field.access == "readwrite":
                self.refuse(field.line, f"{what}: idempotent, but {field.name} is a grant(readwrite)")

    # --- fields ---

    def check_layout(self, fields, what):
        offset, names = 0, {}
        for field in fields:
            if field.name in names:
                self.refuse(field.line, f"{what}: name {field.name} already used in line {names[field.name]}")
            if field.name in C_WORDS or field.name == "unused":
                self.refuse(field.line, f"{what}: {field.name} cannot be a field name in C")
            names[field.name] = field.line
            self.resolve(field, what)
            hole = -offset % field.element
            if hole:
                self.refuse(field.line, f"{what}: hole of {hole} bytes before {field.name} at offset {offset}")
            field.offset = offset
            offset += field.size
            if offset > PAYLOAD_BYTES:
                self.refuse(field.line, f"{what}: {offset} bytes with {field.name}; a payload has {PAYLOAD_BYTES}")

    def resolve(self, field, what):
        """Finds the C type, the size and the trace kind of a field."""
        if field.type in SCALARS:
            field.element, field.c_type, field.kind = SCALARS[field.type]
        elif field.type in self.sets:
            field.set = self.sets[field.type]
            field.element, field.c_type = 4, "uint32_t"
            field.kind = field.set.keyword.upper()
        else:
            self.refuse(field.line, f"{what}: unknown type {field.type}")
        if field.type == "grant" and field.access not in ("read", "write", "readwrite"):
            self.refuse(field.line, f"{what}: grant({field.access}); expected read, write or readwrite")
        if field.size_text:
            self.resolve_count(field, what)
        elif field.type == "char":
            self.refuse(field.line, f"{what}: char {field.name} needs a size; one character is u8")

    def resolve_count(self, field, what):
        if field.type in SCALAR_ONLY or field.type in self.sets:
            self.refuse(field.line, f"{what}: no arrays of {field.type}")
        text = field.size_text
        if text[0].isdigit():
            field.count = int(text, 0)
        elif text in self.constants:
            field.count = self.constants[text]
        else:
            self.refuse(field.line, f"{what}: unknown constant {text}")
        if field.count <= 0:
            self.refuse(field.line, f"{what}: {field.name} has size {field.count}")
        if field.type == "u8" and field.kind == "U8":
            field.kind = "BYTES"


def check_protocol(protocol, errors):
    Checker(protocol, errors).run()


def check_together(protocols):
    """Rules between files: protocol names and numbers are unique."""
    names, numbers = {}, {}
    for protocol in protocols:
        for key, table, what in ((protocol.name, names, "name"), (protocol.number, numbers, "number")):
            if key in table:
                raise Refused(protocol.file, protocol.line,
                              f"protocol {protocol.name} = {protocol.number}: {what} already used by {table[key].file}")
            table[key] = protocol
