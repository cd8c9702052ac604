# SPDX-License-Identifier: MIT
"""A machine that cannot work says why and stops: no boot image, a damaged one, one without a part that is needed, too little memory."""
import os
import re
import subprocess
import tempfile
import time

import machine
from guest import main
from machine import cpio

SECONDS = 40
READY = "services are ready"


def boot(data, memory="256"):
    """Boots an image (None: without any); returns (exit status of the emulator, log). Ends when all services are up, or the machine stops."""
    log_path = machine.new_log_path()
    with tempfile.NamedTemporaryFile(prefix="planaria-", suffix=".cpio") as image:
        image.write(data or b"")
        image.flush()
        command = machine.qemu_command(machine.Options(memory=memory), image.name, "null", log_path)
        if data is None:
            at = command.index("-initrd")
            del command[at:at + 2]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end and READY not in machine.read_log(log_path):
            time.sleep(0.05)
        status = process.poll()
        machine.stop(process)
    return status, machine.read_log(log_path)


def whole():
    with open(machine.Options().initrd, "rb") as handle:
        return handle.read()


def changed(name, entry=None):
    """The boot image with another entry of this name, or without it."""
    entries = cpio.unpack(whole())
    assert name in entries, name
    if entry is None:
        del entries[name]
    else:
        entries[name] = entry
    return cpio.pack(entries)


def stops_with(text, data, memory="256"):
    status, log = boot(data, memory)
    assert status == machine.PANIC_EXIT, "the machine ended with %s:\n%s" % (status, log[-3000:])
    assert text in log, "no '%s' in the log:\n%s" % (text, log[-3000:])
    return log


def test_no_boot_image_is_named_with_the_option_that_gives_one():
    stops_with("no boot image: give one to the boot loader as initrd", None)


def test_a_damaged_boot_image_is_refused_with_the_place():
    stops_with("the boot image is damaged: no cpio entry at byte 0 of 8192", os.urandom(8192))
    data = whole()
    stops_with("the boot image is damaged: no cpio entry at byte", data[:len(data) // 2])
    stops_with("the boot image is damaged: no cpio entry at byte", data[:300000])


def test_parts_that_are_missing_are_named():
    stops_with("the boot image has no service rs", changed("boot/services/rs"))
    stops_with("the boot image has no service vm", changed("boot/services/vm"))
    stops_with("the boot archive has no boot/system.conf", changed("boot/system.conf"))


def without_entry(label):
    """system.conf of the boot image without the entry of one service."""
    text = cpio.unpack(whole())["boot/system.conf"].data.decode()
    return re.sub(r"^service %s \{.*?^\}\n" % label, "", text, flags=re.M | re.S)


# covers: RS-5 RS-12
def test_tables_that_do_not_agree_stop_the_boot_with_the_entry_that_is_missing():
    stops_with("the boot image has no service pm, without which there is no system", changed("boot/services/pm"))
    stops_with("the boot image has no service tmpfs, without which there is no system", changed("boot/services/tmpfs"))
    stops_with("system.conf has no entry for the boot service hello", changed("boot/system.conf", cpio.file(without_entry("hello"))))
    twice = without_entry("nothing") + "service hello { }\n"
    stops_with("system.conf has two entries for hello", changed("boot/system.conf", cpio.file(twice)))


def test_a_service_that_is_no_program_is_named():
    stops_with("boot service ds: not an ELF file", changed("boot/services/ds", cpio.file(b"text" * 100, 0o755)))


def test_a_wrong_manifest_is_named_with_line_and_word():
    stops_with("system.conf:1:14: expected a key, not 'fly'", changed("boot/system.conf", cpio.file("service pm { fly 1; }\n")))
    stops_with("system.conf:2:19: level: expected a number from 0 to 9, not '10'",
               changed("boot/system.conf", cpio.file("service rs { }\nservice pm {level 10; }\n")))


def test_too_little_memory_is_said_with_what_is_needed():
    stops_with("too little memory: this machine has 31 MiB of RAM, planaria needs at least", whole(), "32")


def test_memory_that_is_not_enough_for_the_root_file_system_is_said_too():
    stops_with("too little memory", whole(), "64")


def test_a_panic_has_a_backtrace_with_names():
    log = stops_with("panic: the boot image has no service vm", changed("boot/services/vm"))
    assert "panic+0x" in log and "boot_main+0x" in log, log
    log = stops_with("rs: panic: the boot archive has no boot/system.conf", changed("boot/system.conf"))
    assert "<rs: main" in machine.symbols.Symbols().annotate(log), log


main(globals())
