#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Describes the state of a linked service for live update: `layout.py SERVICE -o FILE.S`.

Names, types and offsets of all variables in .state, .outbox, .derived and .journal, and the tables in arenas (SERVICE_TABLE), come from the
debug information (readelf). The result is an
assembler source for section .layout; its format is lib/layout/layout.h."""

import argparse
import re
import subprocess
import sys
import zlib

SECTIONS = ('.state', '.outbox', '.derived', '.journal', '.arenas')
ARENAS = 4
UNSIGNED, SIGNED, POINTER, ARRAY, STRUCT, OPAQUE = range(1, 7)
NONE = 0xffffffff
MAGIC = 0x4c415931
SIGNED_ENCODINGS = (5, 6)
UNSIGNED_ENCODINGS = (2, 7, 8, 16)

DIE = re.compile(r' <([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)')
ATTRIBUTE = re.compile(r'    <[0-9a-f]+>   DW_AT_(name|type|byte_size|encoding|data_member_location|upper_bound|count|location|specification|'
                       r'abstract_origin|bit_size|data_bit_offset)\s*: (.*)')


class Entry:
    def __init__(self, tag, parent):
        self.tag = tag
        self.parent = parent
        self.children = []
        self.attributes = {}

    def reference(self, name):
        text = self.attributes.get(name)
        match = re.search(r'<(?:0x)?([0-9a-f]+)>', text) if text else None
        return int(match[1], 16) if match else None

    def number(self, name, default=0):
        text = self.attributes.get(name)
        if text is None:
            return default
        word = re.sub(r'^\(\w+\) ', '', text.strip()).split()[0]
        return int(word, 0) if re.fullmatch(r'-?(0x[0-9a-f]+|\d+)', word) else default

    def name(self):
        text = self.attributes.get('name')
        if text is None:
            return None
        text = text.strip()
        return re.sub(r'^\(\w+\) ', '', text.rsplit('): ', 1)[-1]) if text.startswith('(') else text


def read_entries(path):
    """All entries of the debug information by their offset."""
    entries = {}
    stack = []
    current = None
    output = subprocess.run(['readelf', '--wide', '--debug-dump=info', path], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        if line.startswith(' <'):
            match = DIE.match(line)
            if not match:
                continue
            depth = int(match[1], 16)
            del stack[depth:]
            current = Entry(match[3], stack[-1] if stack else None)
            if stack:
                stack[-1].children.append(current)
            stack.append(current)
            entries[int(match[2], 16)] = current
        elif current is not None:
            match = ATTRIBUTE.match(line)
            if match:
                current.attributes[match[1]] = match[2]
    return entries


def read_symbol(path, name, default):
    output = subprocess.run(['readelf', '--wide', '--symbols', path], check=True, capture_output=True, text=True).stdout
    match = re.search(r': ([0-9a-f]+) .* ABS +' + name + '$', output, re.MULTILINE)
    return int(match[1], 16) if match else default


def read_sections(path):
    found = {}
    output = subprocess.run(['readelf', '--wide', '--sections', path], check=True, capture_output=True, text=True).stdout
    for match in re.finditer(r'\] (\.\w+)\s+\w+\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)', output):
        if match[1] in SECTIONS:
            found[match[1]] = (int(match[2], 16), int(match[3], 16))
    return found


class Layout:
    def __init__(self, entries, version=1, upgrades_from=1):
        self.entries = entries
        self.version = version
        self.upgrades_from = upgrades_from
        self.strings = {}
        self.string_bytes = b''
        self.types = []  # (kind, size, element, count, first member, signature)
        self.members = []
        self.variables = []
        self.known = {}  # canonical description -> index
        self.texts = []

    def string(self, text):
        if text not in self.strings:
            self.strings[text] = len(self.string_bytes)
            self.string_bytes += text.encode() + b'\0'
        return self.strings[text]

    def add(self, kind, size, element=NONE, count=0, members=(), text=''):
        canonical = f'{kind} {size} {count} {self.texts[element] if element != NONE else ""} {text}'
        for name, offset, index in members:
            canonical += f'; {name} {offset} {self.texts[index]}'
        canonical = f'{zlib.crc32(canonical.encode()):x}/{zlib.adler32(canonical.encode()):x}'
        if canonical in self.known:
            return self.known[canonical]
        index = len(self.types)
        self.types.append((kind, size, element, count, len(self.members), zlib.crc32(canonical.encode())))
        self.members += [(self.string(name), offset, member) for name, offset, member in members]
        self.texts.append(canonical)
        self.known[canonical] = index
        return index

    def strip(self, offset):
        entry = self.entries.get(offset)
        while entry is not None and entry.tag in ('typedef', 'const_type', 'volatile_type', 'atomic_type', 'restrict_type'):
            entry = self.entries.get(entry.reference('type'))
        return entry

    def type_of(self, offset, follow):
        """Index of a type. follow: pointers say what they point to (tables in arenas); only one step, so that this ends."""
        entry = self.strip(offset)
        if entry is None:
            return self.add(OPAQUE, 0)
        size = entry.number('byte_size')
        if entry.tag == 'pointer_type':
            target = self.strip(entry.reference('type')) if follow and entry.reference('type') is not None else None
            if target is not None and target.tag != 'subroutine_type' and not (target.tag == 'structure_type' and not target.children):
                return self.add(POINTER, 8, element=self.type_of(entry.reference('type'), False))
            return self.add(POINTER, 8)
        if entry.tag == 'base_type':
            encoding = entry.number('encoding')
            kind = SIGNED if encoding in SIGNED_ENCODINGS else UNSIGNED if encoding in UNSIGNED_ENCODINGS else OPAQUE
            return self.add(kind if size <= 8 else OPAQUE, size)
        if entry.tag == 'enumeration_type':
            return self.add(SIGNED if entry.number('encoding', 7) in SIGNED_ENCODINGS else UNSIGNED, size)
        if entry.tag == 'array_type':
            return self.array(entry, follow)
        if entry.tag in ('structure_type', 'union_type'):
            return self.structure(entry, size, follow)
        return self.add(OPAQUE, size, text=entry.tag)

    def array(self, entry, follow):
        counts = []
        for child in entry.children:
            if child.tag == 'subrange_type':
                counts.append(child.number('count', child.number('upper_bound', -1) + 1))
        index = self.type_of(entry.reference('type'), follow)
        for count in reversed(counts):
            index = self.add(ARRAY, self.types[index][1] * count, element=index, count=count)
        return index

    def structure(self, entry, size, follow):
        members = []
        plain = entry.tag == 'structure_type'
        bits = ''
        for number, child in enumerate(entry.children):
            if child.tag != 'member':
                continue
            if 'bit_size' in child.attributes:
                plain = False
                bits += f'{child.name()}:{child.number("bit_size")}@{child.number("data_bit_offset")} '
            members.append((child.name() or f'(member {number})', child.number('data_member_location'),
                            self.type_of(child.reference('type'), follow)))
        if plain:
            return self.add(STRUCT, size, count=len(members), members=members)
        return self.add(OPAQUE, size, text=f'{entry.tag} {bits}' + ' '.join(f'{n} {o} {self.texts[t]}' for n, o, t in members))

    def collect(self, sections):
        found = []
        for entry in self.entries.values():
            match = re.search(r'DW_OP_addr: ([0-9a-f]+)\)', entry.attributes.get('location', '')) if entry.tag == 'variable' else None
            if not match:
                continue
            address = int(match[1], 16)
            for number, section in enumerate(SECTIONS):
                start, length = sections.get(section, (0, 0))
                if start <= address < start + length:
                    declared = self.entries.get(entry.reference('specification')) or self.entries.get(entry.reference('abstract_origin')) or entry
                    found.append((number, address - start, entry.name() or declared.name(),
                                  entry.reference('type') or declared.reference('type'), entry))
        found.sort(key=lambda row: row[:2])
        names = [row[2] for row in found]
        seen = set()
        for number, offset, name, type_offset, entry in found:
            if (number, offset) in seen:
                continue
            seen.add((number, offset))
            if number == ARENAS:
                name = name.removesuffix('_table')
                offset = 0
            if names.count(name) > 1:  # statics of several files: the file tells them apart
                unit = entry
                while unit.parent is not None:
                    unit = unit.parent
                name += '@' + (unit.name() or '').rsplit('/', 1)[-1]
            index = self.type_of(type_offset, number == SECTIONS.index('.derived'))
            if self.types[index][1] == 0:
                sys.exit(f'{name}: its size is not known')
            self.variables.append((self.string(name), number, offset, index))

    def assembler(self):
        head = 8 * 4
        strings = head + 16 * len(self.variables) + 24 * len(self.types) + 12 * len(self.members)
        rows = [row for table in (self.variables, self.types, self.members) for row in table]
        words = [word for row in rows for word in row]
        code = zlib.crc32(repr((words, self.version)).encode() + self.string_bytes)
        head_words = [MAGIC, strings + len(self.string_bytes), code, len(self.variables), len(self.types), len(self.members), strings,
                      self.version | self.upgrades_from << 16]
        out = ['/* Generated by tools/layout. */', '    .section .layout, "a", @progbits', '    .balign 8']
        out += ['    .long ' + ', '.join(str(word) for word in row) for row in [head_words] + rows]
        out += [f'    .byte {", ".join(str(byte) for byte in self.string_bytes)}'] if self.string_bytes else []
        return '\n'.join(out) + '\n    .section .note.GNU-stack, "", @progbits\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('service')
    parser.add_argument('-o', dest='output', required=True)
    options = parser.parse_args()
    layout = Layout(read_entries(options.service), read_symbol(options.service, 'service_state_version', 1),
                    read_symbol(options.service, 'service_upgrades_from', 1))
    layout.collect(read_sections(options.service))
    if not layout.variables:
        sys.exit(f'{options.service}: no state found; is there debug information?')
    with open(options.output, 'w', encoding='ascii') as out:
        out.write(layout.assembler())


if __name__ == '__main__':
    main()
