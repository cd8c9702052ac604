# SPDX-License-Identifier: MIT
"""A running guest for tests that type: boots to the shell's prompt on the console, sends lines, waits for what must come.

    from guest import Guest, main

    def test_shell_answers():
        with Guest(smp=2) as guest:
            assert guest.run("echo hello") == "hello"

    main(globals())

Every wait has an end: a Timeout carries what the console showed last and the end of the log. The emulator is killed when the block ends."""
import os
import re
import select
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "emulator"))
import cli  # noqa: E402
import machine  # noqa: E402
import reports  # noqa: E402

ROOT_FOLDER = machine.ROOT
PROMPT = re.compile(rb"(?:^|[\r\n])(?:\x1b\[[0-9;]*[a-zA-Z])*[~/][^\r\n]* # (?:\x1b\[[0-9;]*[a-zA-Z])*$")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
CONTROL_C, CONTROL_D, CONTROL_Z, CONTROL_BACKSLASH = b"\x03", b"\x04", b"\x1a", b"\x1c"


class Timeout(AssertionError):
    pass


class Guest:
    def __init__(self, arguments="", wait_for_prompt=True, boot_timeout=90, **settings):
        """arguments: options as of `planaria run`, in one string; settings: fields of machine.Options."""
        self.options, rest = cli.parse(arguments.split())
        assert not rest, rest
        for name, value in settings.items():
            assert hasattr(self.options, name), name
            setattr(self.options, name, value)
        self.wait_for_prompt = wait_for_prompt
        self.boot_timeout = boot_timeout
        self.log_path = machine.new_log_path()
        self.seen = b""
        self.image = None
        self.process = None

    def __enter__(self):
        self.image = tempfile.NamedTemporaryFile(prefix="planaria-", suffix=".cpio")
        initrd = machine.image_with(self.options, None, self.image.name)
        command = machine.qemu_command(self.options, initrd, "stdio,signal=off", self.log_path)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        if self.wait_for_prompt:
            try:
                self.expect(PROMPT, self.boot_timeout)
            except BaseException:
                self.__exit__(None, None, None)
                raise
            self.seen = b""
        return self

    def __exit__(self, *_):
        machine.stop(self.process)
        self.process.stdin.close()
        self.process.stdout.close()
        self.image.close()
        written = reports.collect(self.log_path)
        if _[0] is not None:
            print("# log: %s" % os.path.relpath(self.log_path, machine.ROOT))
            if written:
                print("# %s" % reports.hint(written))

    def log(self):
        return machine.read_log(self.log_path)

    def send(self, data):
        """Types bytes or text, a few at a time, as a person would: the serial line has a small buffer."""
        data = data.encode() if isinstance(data, str) else data
        for start in range(0, len(data), 8):
            self.process.stdin.write(data[start:start + 8])
            self.process.stdin.flush()

    def _read_more(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], max(seconds, 0))
        data = os.read(self.process.stdout.fileno(), 65536) if ready else None
        if data:
            self.seen += data
        return data

    def expect(self, pattern, timeout=30):
        """Waits until pattern (text or compiled, on bytes) is in what came since the last match; returns what stood before it."""
        if isinstance(pattern, str):
            pattern = re.compile(pattern.encode())
        end = time.monotonic() + timeout
        while True:
            match = pattern.search(self.seen)
            if match:
                before = self.seen[:match.start()]
                self.seen = self.seen[match.end():]
                return before
            data = self._read_more(end - time.monotonic())
            if data == b"":
                raise Timeout("the emulator ended (%s) while waiting for %r%s" % (self.process.wait(), pattern.pattern, self.report()))
            if time.monotonic() > end:
                raise Timeout("%r did not come within %g s%s" % (pattern.pattern, timeout, self.report()))

    def report(self):
        return "; console shows:\n%s\nend of the log:\n%s" % (self.seen[-2000:].decode("utf-8", "replace"), machine.log_tail(self.log_path, 30))

    def run(self, command, timeout=30):
        """Runs one line in the shell; returns its output without echo, prompt and the last line end."""
        self.send(command + "\n")
        output = self.expect(PROMPT, timeout).decode("utf-8", "replace").replace("\r", "")
        output = ESCAPES.sub("", output)
        return output.partition("\n")[2].rstrip("\n")

    def start(self, command, timeout=30):
        """Starts a command in the foreground and returns when it runs: what is typed before that belongs to the shell's line editor."""
        self.send("sh -c 'echo run\"\"ning; exec %s'\n" % command)
        self.expect("running\r\n", timeout)

    def status(self, command, timeout=30):
        """Runs one line; returns its exit status."""
        self.run(command, timeout)
        return int(self.run("echo $?", timeout))

    def wait_log(self, pattern, timeout=30):
        """Waits until the log matches; returns the match."""
        end = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.log())
            if match:
                return match
            if time.monotonic() > end:
                raise Timeout("the log has no %r after %g s%s" % (pattern, timeout, self.report()))
            self._read_more(0.1)
            if self.process.poll() is not None:
                end = time.monotonic()

    def wait_end(self, timeout=30):
        """Waits for the emulator to end by itself; returns its exit status (0: power off, 255: panic)."""
        end = time.monotonic() + timeout
        while self._read_more(end - time.monotonic()) != b"":
            if time.monotonic() > end:
                raise Timeout("the guest is still on after %g s%s" % (timeout, self.report()))
        return self.process.wait(timeout=10)

    def poweroff(self, timeout=30):
        self.send("poweroff -f\n")
        status = self.wait_end(timeout)
        assert status == 0, "emulator ended with %d%s" % (status, self.report())


def main(names):
    """Runs the functions test_* of a module and prints TAP; the behaviour is the name."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = [(name[5:], value) for name, value in names.items() if name.startswith("test_") and callable(value) and wanted in name]
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, name), flush=True)
        except Exception:  # a test may fail in any way
            failed += 1
            print("\n".join("# " + line for line in traceback.format_exc().splitlines()))
            print("not ok %d - %s" % (number, name), flush=True)
    print("1..%d" % len(tests))
    sys.exit(1 if failed else 0)
