# SPDX-License-Identifier: MIT
"""More of the console: a shell that ends is started again, output can be held and interrupted."""
from guest import CONTROL_BACKSLASH, CONTROL_C, CONTROL_D, CONTROL_Z, PROMPT, Guest, main

CONTROL_Q, CONTROL_S, CONTROL_U, CONTROL_V = b"\x11", b"\x13", b"\x15", b"\x16"


def test_a_shell_that_ends_is_started_again_with_job_control():
    with Guest() as guest:
        for end in (b"exit\n", CONTROL_D):
            guest.send(end)
            guest.expect("built-in shell", 20)
            guest.expect(PROMPT, 20)
            guest.start("cat")
            guest.send(CONTROL_Z)
            guest.expect("Stopped", 10)
            guest.expect(PROMPT, 10)
            guest.run("kill -9 %1; wait")
            assert guest.run("echo still here") == "still here"


def test_background_jobs_of_an_ended_shell_are_hung_up():
    with Guest() as guest:
        guest.run("sleep 1000 &")
        guest.send("exit\n")
        guest.expect("built-in shell", 20)
        guest.expect(PROMPT, 20)
        assert guest.run("ls /dev/ttyS0") == "/dev/ttyS0"


def test_output_is_held_and_goes_on():
    with Guest() as guest:
        guest.start("cat")
        guest.send(CONTROL_S)
        guest.send("held\n")
        try:
            guest.expect("held", 1)
            held = False
        except AssertionError:
            held = True
        assert held
        guest.send(CONTROL_Q)
        guest.expect("held\r\nheld\r\n", 10)
        guest.send(CONTROL_D)
        guest.expect(PROMPT, 10)


def test_endless_output_is_interrupted():
    with Guest("--smp 2") as guest:
        guest.start("yes")
        guest.expect("y\r\ny\r\n", 10)
        guest.send(CONTROL_C)
        guest.expect("# ", 20)
        guest.send("\n")
        guest.expect(PROMPT, 10)
        assert guest.run("echo $((6 * 7))") == "42"
        guest.start("cat")
        guest.send(CONTROL_BACKSLASH)
        guest.expect("Quit", 10)
        guest.expect(PROMPT, 10)


def test_a_literal_key_and_a_killed_line():
    with Guest() as guest:
        guest.start("cat -v")
        guest.send(b"gone" + CONTROL_U + b"a" + CONTROL_V + CONTROL_C + b"b\n")
        guest.expect("a\\^\b\\^Cb\r\na\\^Cb\r\n", 10)
        guest.send(CONTROL_C)
        guest.expect(PROMPT, 10)


def test_settings_and_ports():
    with Guest() as guest:
        assert guest.run("stty rows 30 cols 100; stty size") == "30 100"
        assert guest.run("stty sane; stty -g | wc -w") == "1"
        assert "No such device" in guest.run("echo x 2>&1 >/dev/ttyS1")
        assert guest.run("stty -a < /dev/null 2>&1 | head -n 1").startswith("stty:")
        assert guest.run("echo x > /dev/tty") == "x"
        assert guest.run("setsid sh -c 'echo x > /dev/tty' 2>&1 </dev/null | grep -c 'No such device'") == "1"


main(globals())
