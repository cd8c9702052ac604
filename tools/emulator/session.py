# SPDX-License-Identifier: MIT
"""The three ways to use a machine: interactive (run), one command (exec), and stopped under gdb (debug)."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

import machine
import reports

STATUS = re.compile(r"exec status=(\d+)")
EXIT_TIMEOUT = 124
EXIT_PANIC = 125
EXIT_EMULATOR = 126


class Copier(threading.Thread):
    """Copies what arrives at a pipe to a file descriptor, byte for byte, until the writer is gone."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.read_end, self.write_end = os.pipe()
        self.target = target

    def path(self):
        return "/dev/fd/%d" % self.write_end

    def begin(self):
        """Called when the emulator has opened its own end."""
        os.close(self.write_end)
        self.start()

    def run(self):
        while True:
            data = os.read(self.read_end, 65536)
            if not data:
                break
            while data:
                data = data[os.write(self.target, data):]
        os.close(self.read_end)


class LogFollower(threading.Thread):
    """Shows the log on standard error while it is written (--log)."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.ended = False

    def run(self):
        offset = 0
        while True:
            last_round = self.ended
            try:
                with open(self.path, "rb") as handle:
                    handle.seek(offset)
                    data = handle.read()
            except FileNotFoundError:
                data = b""
            offset += len(data)
            if data:
                sys.stderr.buffer.write(data)
                sys.stderr.flush()
            if last_round:
                return
            time.sleep(0.05)

    def finish(self):
        self.ended = True
        self.join(timeout=2)


def say(text):
    print("planaria: " + text, file=sys.stderr)


def start(command, **keywords):
    try:
        return subprocess.Popen(command, **keywords)
    except FileNotFoundError:
        say("%s is not installed" % command[0])
        sys.exit(EXIT_EMULATOR)


def outcome(process, timed_out, timeout, log_path):
    """Exit status of an exec whose emulator has ended; explains what went wrong."""
    if timed_out:
        say("no end within %g s (--timeout); end of the log:\n%s" % (timeout, machine.log_tail(log_path)))
        return EXIT_TIMEOUT
    if process.returncode == machine.PANIC_EXIT:
        say("kernel panic:\n%s" % machine.panic_text(log_path))
        return EXIT_PANIC
    found = STATUS.findall(machine.read_log(log_path))
    if not found:
        say("the emulator ended with %d and the log has no exit status; end of the log (%s):\n%s"
            % (process.returncode, log_path, machine.log_tail(log_path)))
        return EXIT_EMULATOR
    return int(found[-1])


def tell_reports(log_path):
    text = reports.hint(reports.collect(log_path))
    if text:
        say(text)


def execute(options, command, stdout=1, stderr=2, log_path=None):
    """Boots, runs one shell command in the guest, copies its output to the two descriptors, returns its exit status."""
    log_path = log_path or machine.new_log_path()
    options.append = ("exec " + options.append).strip()
    output, errors = Copier(stdout), Copier(stderr)
    follower = LogFollower(log_path) if options.log else None
    with tempfile.NamedTemporaryFile(prefix="planaria-", suffix=".cpio") as image, tempfile.TemporaryFile("w+") as emulator_says:
        machine.image_with(options, command, image.name)
        command_line = machine.qemu_command(options, image.name, "file,path=" + output.path(), log_path, "file,path=" + errors.path())
        process = start(command_line, stdin=subprocess.DEVNULL, stderr=emulator_says,
                        pass_fds=(output.write_end, errors.write_end))
        output.begin()
        errors.begin()
        if follower:
            follower.start()
        timed_out = False
        try:
            process.wait(timeout=options.timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        except KeyboardInterrupt:
            machine.stop(process)
            return 130
        machine.stop(process)
        output.join(timeout=5)
        errors.join(timeout=5)
        emulator_says.seek(0)
        complaint = emulator_says.read()
    if follower:
        follower.finish()
    tell_reports(log_path)
    status = outcome(process, timed_out, options.timeout, log_path)
    if status == EXIT_EMULATOR and complaint:
        say("the emulator says: " + complaint.strip())
    return status


def interactive(options):
    """Boots to a shell on this terminal. Control-A x leaves; every other key, Control-C too, goes to the guest."""
    log_path = machine.new_log_path()
    follower = LogFollower(log_path) if options.log else None
    with tempfile.NamedTemporaryFile(prefix="planaria-", suffix=".cpio") as image:
        initrd = machine.image_with(options, None, image.name)
        console = "stdio,mux=on,signal=off"
        extra = ["-mon", "chardev=console,mode=readline"]
        say("Control-A x ends the emulator; log in %s" % os.path.relpath(log_path))
        process = start(machine.qemu_command(options, initrd, console, log_path) + extra)
        if follower:
            follower.start()
        try:
            while True:
                try:
                    process.wait()
                    break
                except KeyboardInterrupt:
                    continue
        finally:
            machine.stop(process)
    if follower:
        follower.finish()
    tell_reports(log_path)
    if process.returncode == machine.PANIC_EXIT:
        say("kernel panic:\n%s" % machine.panic_text(log_path))
        return EXIT_PANIC
    return process.returncode


def service_symbols():
    """gdb commands that load the symbols of all services; each is linked at an address of its own."""
    folder = os.path.join(machine.BUILD, "service")
    with open(os.path.join(machine.ROOT, "boot", "services.list")) as handle:
        labels = [line.split()[0] for line in handle if line.strip() and not line.startswith("#")]
    paths = [os.path.join(folder, label) for label in labels]
    return ["add-symbol-file " + path for path in paths if os.path.exists(path)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def debug(options):
    """Boots stopped, with gdb attached; the console is in a file next to the log."""
    log_path = machine.new_log_path()
    options.debug = free_port()
    with tempfile.NamedTemporaryFile(prefix="planaria-", suffix=".cpio") as image, \
            tempfile.NamedTemporaryFile("w", prefix="planaria-", suffix=".gdb") as script:
        initrd = machine.image_with(options, None, image.name)
        console_path = log_path.replace(".log", ".console")
        process = start(machine.qemu_command(options, initrd, "file,path=" + console_path, log_path),
                        stdin=subprocess.DEVNULL, start_new_session=True)
        lines = ["set confirm off", "set pagination off", "file " + options.kernel] + service_symbols()
        lines += ["target remote 127.0.0.1:%d" % options.debug, "echo console: %s\\nlog: %s\\n" % (console_path, log_path)]
        script.write("\n".join(lines) + "\n")
        script.flush()
        try:
            return subprocess.call(["gdb", "-q", "-x", script.name])
        finally:
            machine.stop(process)
            tell_reports(log_path)
