# SPDX-License-Identifier: MIT
"""What a parsed protocol is: plain records, filled by parse.py and check.py.

The order of everything is the order in the file. Offsets of fields are set by
check.py, which refuses any layout that C would have padded.
"""

from dataclasses import dataclass, field

PAYLOAD_BYTES = 48
REPLY_BIT = 0x8000

# name -> (size, C type, field kind in traces)
SCALARS = {
    "u8": (1, "uint8_t", "U8"),
    "u16": (2, "uint16_t", "U16"),
    "u32": (4, "uint32_t", "U32"),
    "u64": (8, "uint64_t", "U64"),
    "i8": (1, "int8_t", "I8"),
    "i16": (2, "int16_t", "I16"),
    "i32": (4, "int32_t", "I32"),
    "i64": (8, "int64_t", "I64"),
    "char": (1, "char", "TEXT"),
    "endpoint": (4, "endpoint_t", "ENDPOINT"),
    "grant": (4, "grant_t", "GRANT"),
    "address": (8, "uint64_t", "ADDRESS"),
    "physical": (8, "uint64_t", "PHYSICAL"),
    "length": (8, "uint64_t", "LENGTH"),
}


@dataclass
class Field:
    name: str
    type: str               # a key of SCALARS or the name of an enum/flags
    line: int
    doc: list
    access: str = ""        # of a grant: read, write, readwrite
    size_text: str = ""     # of an array, as written: number or constant
    count: int = 0          # of an array; 0 for a scalar
    offset: int = 0
    element: int = 0        # bytes of one element
    c_type: str = ""
    kind: str = ""          # in traces
    set: object = None      # the Values, if the type is an enum or flags

    @property
    def size(self):
        return self.element * (self.count or 1)


@dataclass
class Values:
    """An enum or a flags type."""
    keyword: str
    name: str
    line: int
    doc: list
    values: list = field(default_factory=list)      # (name, number, line, doc)


@dataclass
class Constant:
    name: str
    value: int
    line: int
    doc: list


@dataclass
class Operation:
    keyword: str            # call, event, notify
    name: str
    number: int
    line: int
    doc: list
    allow: list = field(default_factory=list)       # ["any"], ["system"] or labels
    idempotent: bool = False
    may_park: bool = False
    optional: bool = False
    absent: str = "ENOSYS"   # what a server without the handler answers: an error symbol, or 0
    request: list = field(default_factory=list)
    reply: list = field(default_factory=list)
    errors: list = field(default_factory=list)      # (symbol, line)


@dataclass
class Protocol:
    file: str
    name: str = ""
    number: int = 0
    line: int = 1
    doc: list = field(default_factory=list)
    constants: list = field(default_factory=list)
    sets: list = field(default_factory=list)
    operations: list = field(default_factory=list)
    reserved: list = field(default_factory=list)    # (number, line)

    @property
    def prefix(self):
        return self.name.upper()

    def calls(self):
        return [o for o in self.operations if o.keyword == "call"]
