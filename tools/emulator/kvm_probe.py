# SPDX-License-Identifier: MIT
"""Does KVM really run guests here? Some nested machines offer /dev/kvm and then cannot. The probe boots a 32-byte PVH kernel that writes
one number to the exit port of QEMU; only the right exit status in time counts as yes."""
import os
import struct
import subprocess

LOAD = 0x100000
# mov $0x21, %eax; out %eax, $0xf4; 1: hlt; jmp 1b   (32-bit protected mode, as PVH enters)
CODE = b"\xb8\x21\x00\x00\x00\xe7\xf4\xf4\xeb\xfd"
EXPECTED = 0x21 << 1 | 1


def probe_elf():
    """An ELF with one loaded segment and the PVH entry note (XEN_ELFNOTE_PHYS32_ENTRY, 18)."""
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", LOAD)
    headers = 64 + 2 * 56
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01" + b"\0" * 9, 2, 62, 1, LOAD, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 4096, LOAD, LOAD, len(CODE), len(CODE), 4096)
    notes = struct.pack("<IIQQQQQQ", 4, 4, headers, 0, 0, len(note), len(note), 4)
    data = header + load + notes + note
    return data + b"\0" * (4096 - len(data)) + CODE


def probe(qemu, folder):
    path = os.path.join(folder, "kvm-probe.elf")
    with open(path, "wb") as handle:
        handle.write(probe_elf())
    command = [qemu, "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "64", "-display", "none", "-no-reboot", "-nodefaults",
               "-kernel", path, "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return result.returncode == EXPECTED
