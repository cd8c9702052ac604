# SPDX-License-Identifier: MIT
"""Reads and writes cpio archives in the newc format, byte for byte reproducible: fixed times, owner root, inodes in order.

An archive is a dict from path (no leading slash) to Entry; insertion order is archive order."""
import stat
from dataclasses import dataclass

MAGIC = b"070701"
TRAILER = "TRAILER!!!"


@dataclass
class Entry:
    mode: int
    data: bytes = b""
    device: tuple = (0, 0)


def file(data, mode=0o644):
    return Entry(stat.S_IFREG | mode, data if isinstance(data, bytes) else data.encode())


def folder(mode=0o755):
    return Entry(stat.S_IFDIR | mode)


def link(target):
    return Entry(stat.S_IFLNK | 0o777, target.encode())


def character_device(major, minor, mode=0o600):
    return Entry(stat.S_IFCHR | mode, b"", (major, minor))


def add_parents(entries, path):
    """Makes sure that the folders above path are in the archive before it."""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        entries.setdefault("/".join(parts[:count]), folder())


def _record(number, path, entry):
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0) + entry.device + (len(name), 0)
    head = MAGIC + b"".join(b"%08X" % field for field in fields) + name
    head += b"\0" * (-len(head) % 4)
    return head + entry.data + b"\0" * (-len(entry.data) % 4)


def pack(entries):
    out = [_record(number + 1, path, entry) for number, (path, entry) in enumerate(entries.items())]
    out.append(_record(0, TRAILER, Entry(0)))
    data = b"".join(out)
    return data + b"\0" * (-len(data) % 512)


def unpack(data):
    entries = {}
    offset = 0
    while data[offset:offset + 6] == MAGIC:
        fields = [int(data[offset + 6 + 8 * i:offset + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[offset + 110:offset + 110 + name_size - 1].decode()
        start = (offset + 110 + name_size + 3) & ~3
        if name == TRAILER:
            break
        entries[name] = Entry(mode, data[start:start + size], (fields[9], fields[10]))
        offset = (start + size + 3) & ~3
    return entries
