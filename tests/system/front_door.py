# SPDX-License-Identifier: MIT
"""The contract of `./planaria exec`: what the command printed, byte for byte and apart, its exit status, and a clear word for a wrong option."""
import os
import subprocess
import tempfile

from guest import ROOT_FOLDER, main

BYTES = bytes(range(256))


def planaria(*arguments, timeout=180):
    result = subprocess.run([os.path.join(ROOT_FOLDER, "planaria")] + list(arguments), capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout)
    return result.returncode, result.stdout, result.stderr


def test_exec_keeps_output_errors_and_status_apart():
    status, output, errors = planaria("exec", "echo out; echo err >&2; exit 7")
    assert (status, output, errors) == (7, b"out\n", b"err\n"), (status, output, errors)


def test_exec_passes_every_byte_in_and_out():
    with tempfile.NamedTemporaryFile() as handle:
        handle.write(BYTES * 64)
        handle.flush()
        status, output, errors = planaria("exec", "--add", handle.name + ":/tmp/in/bytes", "cat /tmp/in/bytes; cat /tmp/in/bytes >&2")
    assert status == 0
    assert output == BYTES * 64, "%d bytes came" % len(output)
    assert errors == BYTES * 64, "%d bytes came" % len(errors)


def test_exec_says_when_the_time_is_over():
    status, output, errors = planaria("exec", "--timeout", "12", "echo before; sleep 1000")
    assert status == 124 and output == b"before\n" and b"--timeout" in errors, (status, output, errors)


def test_exec_keeps_quotes_and_lines_of_the_command():
    status, output, _ = planaria("exec", "printf '%s|' \"a  b\" 'c\"d' $((6 * 7))\necho \"$0\" | wc -l")
    assert (status, output) == (0, b"a  b|c\"d|42|1\n"), (status, output)


def test_exec_gives_the_status_of_a_signal_as_the_shell_does():
    status, _, _ = planaria("exec", "sh -c 'kill -TERM $$'")
    assert status == 143, status


def refused(*arguments):
    status, output, errors = planaria(*arguments)
    return status == 2 and output == b"" and errors.decode()


def test_wrong_options_are_named_with_their_rule():
    assert "--smp takes a number" in refused("exec", "--smp", "none", "true")
    assert "--memory takes" in refused("exec", "--memory", "12", "true")
    assert "q35 or microvm" in refused("exec", "--machine", "i440fx", "true")
    assert "no file '/not/there'" in refused("exec", "--add", "/not/there", "true")
    assert "unknown option --color" in refused("run", "--color")
    assert "--timeout needs a value" in refused("exec", "true", "--timeout")
    assert "exec takes one shell command" in refused("exec")
    assert "unknown command 'fly'" in refused("fly")


main(globals())
