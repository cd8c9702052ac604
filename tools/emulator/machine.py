# SPDX-License-Identifier: MIT
"""One virtual machine: its options, its boot image with what this run adds, and the QEMU command line that makes it.

Serial lines, the same on every machine type: first = console (/dev/ttyS0), second = log of kernel and services, third = /dev/ttyS2, the
standard error of `planaria exec`, fourth = crash reports (reports.py). Writing to port 0xf4 ends QEMU with an odd exit status; the kernel does that when it panics."""
import itertools
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
LOGS = os.path.join(BUILD, "log")
KEPT_LOGS = 60
_log_number = itertools.count()

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools", "image"))
import cpio  # noqa: E402
import deb  # noqa: E402
import reference  # noqa: E402
import reports  # noqa: E402
import symbols  # noqa: E402

QEMU = "qemu-system-x86_64"
PANIC_EXIT = 255
MACHINES = {
    "q35": ["-machine", "q35", "-nodefaults", "-no-user-config"],
    "microvm": ["-machine", "microvm,acpi=on,pit=on,pic=on,rtc=on", "-nodefaults", "-no-user-config"],
}
# The coroner has no terminal: init would set that one back to its defaults when it starts it.
EXEC_INITTAB = "::sysinit:/etc/rc\nnull::respawn:/usr/sbin/coroner\n::once:/etc/exec.run\n"


@dataclass
class Options:
    smp: int = 1
    memory: str = "512"
    cpu: str = "max"                               # QEMU's name of the processor, under TCG
    machine: str = "q35"
    icount: bool = False
    timeout: float = 120
    log: bool = False
    add: list = field(default_factory=list)       # (path on the host, path in the guest)
    deb: list = field(default_factory=list)       # Debian packages, with what they depend on
    append: str = ""                               # more words for the kernel's command line
    qemu: list = field(default_factory=list)       # more arguments for QEMU
    kernel: str = os.path.join(BUILD, "kernel.elf")
    initrd: str = os.environ.get("PLANARIA_INITRD", os.path.join(BUILD, "initrd.cpio"))
    debug: int = 0                                 # TCP port for gdb; the machine then starts stopped
    linux: bool = False                            # boot Debian's Linux kernel instead, on the same root file system


def new_log_path():
    """A fresh name below build/log; the oldest logs go."""
    os.makedirs(LOGS, exist_ok=True)
    names = [name for name in os.listdir(LOGS) if name.startswith("run-")]
    runs = sorted({reports.run_of(name) for name in names}, reverse=True)
    for name in names:
        if reports.run_of(name) in runs[KEPT_LOGS:]:
            try:
                os.unlink(os.path.join(LOGS, name))
            except FileNotFoundError:
                pass
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return os.path.join(LOGS, "run-%s-%d-%d.log" % (stamp, os.getpid(), next(_log_number)))


def add_host_path(entries, host, guest):
    if os.path.isdir(host):
        for name in sorted(os.listdir(host)):
            add_host_path(entries, os.path.join(host, name), guest.rstrip("/") + "/" + name)
        return
    with open(host, "rb") as handle:
        data = handle.read()
    path = guest.lstrip("/")
    cpio.add_parents(entries, path)
    entries[path] = cpio.file(data, 0o755 if os.access(host, os.X_OK) else 0o644)


def image_with(options, command, target):
    """Writes the boot image plus the added files (and the command of exec) to target; returns the path to use."""
    if not options.add and not options.deb and command is None and not options.linux:
        return options.initrd
    with open(options.initrd, "rb") as handle:
        entries = cpio.unpack(handle.read())
    if options.linux:
        reference.adapt(entries)
    for package in options.deb:
        deb.add(entries, package)
    for host, guest in options.add:
        add_host_path(entries, host, guest)
    if command is not None:
        entries["etc/exec"] = cpio.file(command + "\n", 0o755)
        entries["etc/inittab"] = cpio.file(EXEC_INITTAB)
    with open(target, "wb") as handle:
        handle.write(cpio.pack(entries))
    return target


def has_virtualization():
    """True if the processor says that it virtualizes; a /dev/kvm without that is an emulation slower than QEMU's own."""
    try:
        with open("/proc/cpuinfo") as handle:
            flags = next((line.split() for line in handle if line.startswith("flags")), [])
    except OSError:
        return False
    return "vmx" in flags or "svm" in flags


def kvm_works():
    """True if this machine can run us under KVM; PLANARIA_ACCEL=kvm or tcg decides without asking. The answer is kept in build/accelerator."""
    choice = os.environ.get("PLANARIA_ACCEL")
    if choice:
        return choice == "kvm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or not has_virtualization():
        return False
    note = os.path.join(BUILD, "accelerator")
    try:
        with open(note) as handle:
            return handle.read().strip() == "kvm"
    except FileNotFoundError:
        pass
    import kvm_probe
    works = kvm_probe.probe(QEMU, BUILD)
    with open(note, "w") as handle:
        handle.write("kvm\n" if works else "tcg\n")
    return works


def qemu_command(options, initrd, console, log_path, errors="null"):
    """console and errors are QEMU chardev back ends, such as "stdio,signal=off" or "file,path=..."."""
    command = [QEMU] + MACHINES[options.machine]
    if kvm_works() and not options.icount:
        command += ["-accel", "kvm", "-cpu", "host"]
    else:
        # One host thread for all processors: with several, a processor that the host does not run holds the kernel's lock and the others spin.
        # PLANARIA_TCG_THREADS=multi: true concurrency, for hosts with processors to spare.
        threads = os.environ.get("PLANARIA_TCG_THREADS", "single")
        command += ["-accel", "tcg,thread=" + threads, "-cpu", options.cpu]
    if options.icount:
        command += ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01T00:00:00,clock=vm", "-seed", "1"]  # all of the run follows from the image
    command += ["-smp", str(options.smp), "-m", str(options.memory), "-display", "none", "-no-reboot",
                "-kernel", reference.kernel() if options.linux else options.kernel, "-initrd", initrd,
                "-append", reference.words(options) if options.linux else options.append,
                "-chardev", console.replace(",", ",id=console,", 1) if "," in console else console + ",id=console",
                "-serial", "chardev:console",
                "-chardev", "file,id=log,path=" + log_path,
                "-device", "isa-serial,chardev=log,iobase=0x2f8,irq=3,index=1",
                "-chardev", errors.replace(",", ",id=errors,", 1) if "," in errors else errors + ",id=errors",
                "-device", "isa-serial,chardev=errors,iobase=0x3e8,irq=5,index=2",
                "-chardev", "file,id=reports,path=" + reports.stream(log_path),
                "-device", "isa-serial,chardev=reports,iobase=0x2e8,irq=7,index=3",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    if options.debug:
        command += ["-S", "-gdb", "tcp:127.0.0.1:%d" % options.debug]
    return command + list(options.qemu)


def panic_text(log_path):
    """The part of the log from the kernel's panic on, or the last lines if it says nothing of a panic."""
    lines = read_log(log_path).splitlines()
    for number, line in enumerate(lines):
        if "panic" in line.lower():
            return symbols.Symbols().annotate("\n".join(lines[number:number + 40]))
    return log_tail(log_path)


def read_log(log_path):
    try:
        with open(log_path, "rb") as handle:
            return handle.read().decode("utf-8", "replace").replace("\r\n", "\n")
    except FileNotFoundError:
        return ""


def log_tail(log_path, count=40):
    return symbols.Symbols().annotate("\n".join(read_log(log_path).splitlines()[-count:]))


def stop(process):
    """Ends an emulator that this program started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
