# SPDX-License-Identifier: MIT
"""`./planaria debug`: gdb has the symbols of kernel and services before the first instruction."""
import os
import shutil
import subprocess

from guest import ROOT_FOLDER, main

COMMANDS = "info line panic\ninfo symbol 0x40000000\nbreak panic\nkill\nquit\n"


def test_debug_attaches_with_symbols_of_kernel_and_services():
    if not shutil.which("gdb"):
        return
    result = subprocess.run([os.path.join(ROOT_FOLDER, "planaria"), "debug"], input=COMMANDS, capture_output=True, text=True, timeout=120)
    assert "panic.c" in result.stdout, result.stdout + result.stderr
    assert "_start" in result.stdout or "image_start" in result.stdout or "service_base" in result.stdout, result.stdout
    assert "Breakpoint 1" in result.stdout, result.stdout


main(globals())
