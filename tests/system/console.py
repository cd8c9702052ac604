# SPDX-License-Identifier: MIT
"""A person at the console: prompt, echo, editing keys, interrupt, end of file, job control."""
from guest import CONTROL_C, CONTROL_D, CONTROL_Z, PROMPT, Guest, main


def test_shell_prompts_and_answers_on_two_processors():
    with Guest("--smp 2") as guest:
        assert guest.run("echo hello") == "hello"
        assert guest.run("pwd") == "/root"
        assert guest.status("false") == 1
        guest.poweroff()


def test_control_c_interrupts_the_foreground_command_only():
    with Guest() as guest:
        guest.start("sleep 1000")
        guest.send(CONTROL_C)
        guest.expect(PROMPT, 10)
        assert guest.run("echo $?") == "130"


def test_control_z_stops_and_fg_continues():
    with Guest() as guest:
        guest.start("cat")
        guest.send(CONTROL_Z)
        guest.expect("Stopped", 10)
        guest.expect(PROMPT, 10)
        guest.send("fg\n")
        guest.expect("cat.*\r\n")
        guest.send("word\n")
        guest.expect("word\r\nword\r\n")
        guest.send(CONTROL_D)
        guest.expect(PROMPT, 10)


def test_cooked_line_can_be_erased():
    with Guest() as guest:
        guest.start("cat")
        guest.send(b"wrong\x15rihgt\x7f\x7f\x7fght\n")
        guest.expect("right\r\n", 10)
        guest.send(CONTROL_C)
        guest.expect(PROMPT, 10)


main(globals())
