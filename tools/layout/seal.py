#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the checksum of a service's text into its `text_seal` (lib/sys/integrity.c), after the last link: the running instance compares."""
import struct
import sys

MASK = (1 << 64) - 1


def sections(image):
    """Section headers by name: (address, offset, size, link)."""
    first, = struct.unpack_from("<Q", image, 40)
    size, count, names = struct.unpack_from("<HHH", image, 58)
    rows = [struct.unpack_from("<IIQQQQII", image, first + index * size) for index in range(count)]
    text = rows[names][4]
    return {image[text + row[0]:image.index(b"\0", text + row[0])].decode(): (row[3], row[4], row[5]) for row in rows}


def symbols(image, table):
    _, offset, size = table[".symtab"]
    names = table[".strtab"][1]
    for at in range(offset, offset + size, 24):
        name, = struct.unpack_from("<I", image, at)
        value, = struct.unpack_from("<Q", image, at + 8)
        yield image[names + name:image.index(b"\0", names + name)].decode(), value


def checksum(words):
    return sum(words) & MASK


def main():
    path, = sys.argv[1:]
    with open(path, "r+b") as handle:
        image = handle.read()
        table = sections(image)
        known = dict(symbols(image, table))
        address, offset, _ = table[".text"]
        start, length = offset + known["__text_start"] - address, known["__text_end"] - known["__text_start"]
        address, offset, size = table[".rodata"]
        if not address <= known["text_seal"] < address + size:
            raise SystemExit("%s: text_seal is not in .rodata" % path)
        handle.seek(offset + known["text_seal"] - address)
        handle.write(struct.pack("<Q", checksum(struct.unpack_from("<%dQ" % (length // 8), image, start))))


main()
