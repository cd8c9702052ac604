# SPDX-License-Identifier: MIT
"""The terminal driver crashes inside its calls: nobody at the terminal notices, no byte is lost or doubled."""
from guest import CONTROL_D, PROMPT, Guest, main

ROUNDS = 6
CALLS = ["char.open", "char.close", "char.read", "char.write", "char.ioctl", "char.poll"]


def script(guest, name, *lines):
    """Lines of a script, short ones: a line wider than the terminal is echoed in pieces."""
    for line in lines:
        guest.run("echo '%s' >> /tmp/%s" % (line, name))


def restarts(guest):
    return int(guest.run("service list | awk '/^tty / {print $5}'"))


def test_output_is_whole_when_the_driver_crashes_while_writing():
    with Guest("--smp 2") as guest:
        script(guest, "s", "for i in $(seq %d); do" % ROUNDS, "service crash tty --in char.write", "seq ${i}000 ${i}099", "sleep 0.3", "done")
        expected = "\n".join(str(i * 1000 + n) for i in range(1, ROUNDS + 1) for n in range(100))
        output = guest.run("sh /tmp/s", 60)
        assert output == expected, output
        assert restarts(guest) >= ROUNDS


def test_a_waiting_reader_gets_what_is_typed_after_a_crash():
    with Guest() as guest:
        script(guest, "s", "(sleep 1; service crash tty; echo crashed) &", "exec cat")
        guest.start("sh /tmp/s")
        guest.expect("crashed\r\n", 15)
        guest.send("word\n")
        guest.expect("word\r\nword\r\n")
        guest.send(CONTROL_D)
        guest.expect(PROMPT, 10)


def test_what_is_typed_during_crashes_arrives():
    with Guest() as guest:
        script(guest, "c", "for i in 1 2 3 4; do", "service crash tty", "sleep 0.5", "done", "echo done")
        script(guest, "s", "sh /tmp/c &", "exec cat > /tmp/typed")
        guest.start("sh /tmp/s")
        text = "".join("line %d of what a person types\n" % n for n in range(60))
        for start in range(0, len(text), 31):
            guest.send(text[start:start + 31])
            guest._read_more(0.05)
        guest.expect("done\r\n", 20)
        guest.send(CONTROL_D)
        guest.expect(PROMPT, 10)
        output = guest.run("cat /tmp/typed", 20)
        assert output == text.rstrip("\n"), output


def test_pseudo_terminals_work_through_crashes():
    with Guest("--smp 2") as guest:
        script(guest, "s", "service crash tty --in $1", "/tests/linux/$2 | grep -v ^ok", "sleep 0.3")
        for call in CALLS:
            for program in ("tty_pairs", "tty_input", "tty_jobs"):
                output = guest.run("sh /tmp/s %s %s" % (call, program), 120)
                assert output.startswith("1.."), "%s %s: %s" % (call, program, output)


main(globals())
