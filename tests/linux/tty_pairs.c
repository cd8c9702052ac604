/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals: bytes both ways, closing, polling, packet mode. */
#include <sys/stat.h>

#include "terminal.h"

TEST(bytes_go_both_ways)
{
    struct pair pair;

    pair_open(&pair);
    set_raw(pair.slave, 1, 0);
    put(pair.master, "to the slave");
    expect(pair.slave, "to the slave");
    put(pair.slave, "to the master");
    expect(pair.master, "to the master");
    pair_close(&pair);
}

TEST(the_slave_edits_and_echoes_lines)
{
    struct pair pair;
    char text[16];

    pair_open(&pair);
    put(pair.master, "helo\177lo\r");
    expect(pair.master, "helo\b \blo\r\n");
    CHECK_EQ(read(pair.slave, text, sizeof(text)), 6);
    CHECK_EQ(memcmp(text, "hello\n", 6), 0);
    put(pair.slave, "a\n");
    expect(pair.master, "a\r\n");
    pair_close(&pair);
}

TEST(a_locked_slave_cannot_be_opened)
{
    struct pair pair;
    int locked = 1, value = 7;

    pair_open_master(&pair);
    CHECK_EQ(ioctl(pair.master, TIOCSPTLCK, &locked), 0);
    CHECK_EQ(ioctl(pair.master, TIOCGPTLCK, &value), 0);
    CHECK_EQ(value, 1);
    CHECK_ERROR(open(pair.name, O_RDWR | O_NOCTTY), EIO);
    locked = 0;
    CHECK_EQ(ioctl(pair.master, TIOCSPTLCK, &locked), 0);
    pair.slave = open(pair.name, O_RDWR | O_NOCTTY);
    CHECK(pair.slave >= 0);
    pair_close(&pair);
}

TEST(the_node_is_a_character_device_136_and_goes_with_the_master)
{
    struct pair pair;
    struct stat status;

    pair_open(&pair);
    CHECK_EQ(stat(pair.name, &status), 0);
    CHECK(S_ISCHR(status.st_mode));
    CHECK_EQ(status.st_rdev >> 8, 136);
    CHECK_EQ(status.st_uid, getuid());
    CHECK_EQ(status.st_mode & 0717, 0600); /* the group's part is up to the mount */
    CHECK(isatty(pair.slave));
    CHECK(isatty(pair.master));
    pair_close(&pair);
    for (int i = 0; i < 200 && stat(pair.name, &status) == 0; i++)
        usleep(10000); /* docs/CAVEATS.md: here it goes a moment later */
    CHECK_ERROR(stat(pair.name, &status), ENOENT);
}

TEST(two_pairs_are_independent)
{
    struct pair one, two;

    pair_open(&one);
    pair_open(&two);
    CHECK(strcmp(one.name, two.name) != 0);
    set_raw(one.slave, 1, 0);
    set_raw(two.slave, 1, 0);
    put(one.master, "1");
    put(two.master, "2");
    expect(two.slave, "2");
    expect(one.slave, "1");
    pair_close(&one);
    put(two.slave, "x");
    expect(two.master, "x");
    pair_close(&two);
}

TEST(the_master_reads_the_rest_then_an_error_when_the_slave_is_closed)
{
    struct pair pair;
    struct pollfd wait;
    char text[8];

    pair_open(&pair);
    put(pair.slave, "rest");
    close(pair.slave);
    expect(pair.master, "rest");
    CHECK_ERROR(read(pair.master, text, 8), EIO);
    wait.fd = pair.master;
    wait.events = POLLIN;
    CHECK_EQ(poll(&wait, 1, 0), 1);
    CHECK(wait.revents & POLLHUP);
    pair.slave = open(pair.name, O_RDWR | O_NOCTTY);
    CHECK(pair.slave >= 0);
    put(pair.slave, "again");
    expect(pair.master, "again");
    pair_close(&pair);
}

TEST(the_slave_is_dead_when_the_master_is_closed)
{
    struct pair pair;
    struct termios settings;
    struct pollfd wait;
    char text[8];

    pair_open(&pair);
    put(pair.master, "lost\n");
    close(pair.master);
    pair.master = -1;
    CHECK_EQ(read(pair.slave, text, 8), 0);
    CHECK_ERROR(write(pair.slave, "x", 1), EIO);
    CHECK_ERROR(tcgetattr(pair.slave, &settings), EIO);
    wait.fd = pair.slave;
    wait.events = POLLIN | POLLOUT;
    CHECK_EQ(poll(&wait, 1, 0), 1);
    CHECK(wait.revents & POLLHUP);
    CHECK(wait.revents & POLLIN);
    pair_close(&pair);
}

TEST(a_sleeping_reader_wakes_when_the_other_side_closes)
{
    struct pair pair;
    char text[8];
    pid_t child;

    pair_open(&pair);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        close(pair.master);
        _exit(read(pair.slave, text, 8) <= 0 ? 0 : 1); /* nothing, or EIO: Linux has both */
    }
    close(pair.slave);
    pair.slave = -1;
    pause_ms(50);
    close(pair.master);
    pair.master = -1;
    CHECK_EQ(exit_status(child), 0);
}

TEST(poll_tells_what_can_be_done)
{
    struct pair pair;
    struct pollfd wait[2];

    pair_open(&pair);
    wait[0] = (struct pollfd){ .fd = pair.master, .events = POLLIN | POLLOUT };
    wait[1] = (struct pollfd){ .fd = pair.slave, .events = POLLIN | POLLOUT };
    CHECK_EQ(poll(wait, 2, 0), 2);
    CHECK_EQ(wait[0].revents, POLLOUT);
    CHECK_EQ(wait[1].revents, POLLOUT);
    put(pair.master, "abc");
    CHECK(is_readable(pair.master, 1000)); /* the echo */
    CHECK(!is_readable(pair.slave, 50));   /* no line yet */
    put(pair.master, "\n");
    CHECK(is_readable(pair.slave, 1000));
    pair_close(&pair);
}

TEST(poll_wakes_for_input)
{
    struct pair pair;
    pid_t child;
    long start;

    pair_open(&pair);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        pause_ms(100);
        put(pair.master, "line\n");
        _exit(0);
    }
    start = milliseconds();
    CHECK(is_readable(pair.slave, 5000));
    CHECK(milliseconds() - start >= 90);
    CHECK(milliseconds() - start < 4000);
    CHECK_EQ(exit_status(child), 0);
    pair_close(&pair);
}

TEST(without_waiting_there_is_eagain)
{
    struct pair pair;
    char text[8];

    pair_open(&pair);
    fcntl(pair.master, F_SETFL, O_RDWR | O_NONBLOCK);
    fcntl(pair.slave, F_SETFL, O_RDWR | O_NONBLOCK);
    CHECK_ERROR(read(pair.master, text, 8), EAGAIN);
    CHECK_ERROR(read(pair.slave, text, 8), EAGAIN);
    pair_close(&pair);
}

TEST(a_writer_waits_for_the_reader_and_nothing_is_lost)
{
    enum { TOTAL = 200000, PIECE = 1000 };
    struct pair pair;
    unsigned char text[PIECE];
    unsigned long count = 0;
    int is_good = 1;
    pid_t child;

    pair_open(&pair);
    set_raw(pair.slave, 1, 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        unsigned long sent = 0;

        close(pair.master);
        while (sent < TOTAL) {
            for (int i = 0; i < PIECE; i++)
                text[i] = (unsigned char)((sent + (unsigned long)i) % 251);
            if (write(pair.slave, text, PIECE) != PIECE)
                _exit(1);
            sent += PIECE;
        }
        _exit(0);
    }
    close(pair.slave);
    pair.slave = -1;
    for (;;) {
        ssize_t got = read(pair.master, text, sizeof(text));

        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            is_good &= text[i] == (count + (unsigned long)i) % 251;
        count += (unsigned long)got;
    }
    CHECK_EQ(errno, EIO);
    CHECK_EQ(count, TOTAL);
    CHECK(is_good);
    CHECK_EQ(exit_status(child), 0);
    pair_close(&pair);
}

TEST(a_lot_of_typing_arrives_whole)
{
    enum { TOTAL = 100000, PIECE = 500 };
    struct pair pair;
    unsigned char text[PIECE];
    unsigned long count = 0;
    int is_good = 1;
    pid_t child;

    pair_open(&pair);
    set_raw(pair.slave, 1, 0);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        for (unsigned long sent = 0; sent < TOTAL; sent += PIECE) {
            for (int i = 0; i < PIECE; i++)
                text[i] = (unsigned char)((sent + (unsigned long)i) % 241);
            for (int done = 0; done < PIECE;) {
                ssize_t put_now = write(pair.master, text + done, (size_t)(PIECE - done));

                if (put_now <= 0)
                    _exit(1);
                done += (int)put_now;
            }
        }
        _exit(0);
    }
    while (count < TOTAL) {
        ssize_t got = read(pair.slave, text, sizeof(text));

        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            is_good &= text[i] == (count + (unsigned long)i) % 241;
        count += (unsigned long)got;
    }
    CHECK_EQ(count, TOTAL);
    CHECK(is_good);
    CHECK_EQ(exit_status(child), 0);
    pair_close(&pair);
}

TEST(window_size_is_shared_and_kept)
{
    struct pair pair;
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    struct winsize got = { 0 };

    pair_open(&pair);
    CHECK_EQ(ioctl(pair.slave, TIOCGWINSZ, &got), 0);
    CHECK_EQ(got.ws_row, 0);
    CHECK_EQ(ioctl(pair.master, TIOCSWINSZ, &size), 0);
    CHECK_EQ(ioctl(pair.slave, TIOCGWINSZ, &got), 0);
    CHECK_EQ(got.ws_row, 24);
    CHECK_EQ(got.ws_col, 80);
    pair_close(&pair);
}

TEST(counts_of_waiting_bytes)
{
    struct pair pair;
    int count = -1;

    pair_open(&pair);
    put(pair.master, "line\npart");
    CHECK(is_readable(pair.slave, 1000));
    pause_ms(20);
    CHECK_EQ(ioctl(pair.slave, FIONREAD, &count), 0);
    CHECK_EQ(count, 5);
    CHECK_EQ(ioctl(pair.slave, TIOCOUTQ, &count), 0);
    CHECK_EQ(count, 0);
    CHECK_EQ(ioctl(pair.master, FIONREAD, &count), 0);
    CHECK_EQ(count, 10);
    pair_close(&pair);
}

TEST(packet_mode_puts_a_byte_in_front)
{
    struct pair pair;
    int on = 1;

    pair_open(&pair);
    CHECK_EQ(ioctl(pair.master, TIOCPKT, &on), 0);
    CHECK_EQ(ioctl(pair.master, TIOCGPKT, &on), 0);
    CHECK_EQ(on, 1);
    put(pair.slave, "x");
    {
        char text[8];

        CHECK(is_readable(pair.master, 1000));
        CHECK_EQ(read(pair.master, text, 8), 2);
        CHECK_EQ(text[0], TIOCPKT_DATA);
        CHECK_EQ(text[1], 'x');
        CHECK_EQ(tcflush(pair.slave, TCIFLUSH), 0);
        CHECK(is_readable(pair.master, 1000));
        CHECK_EQ(read(pair.master, text, 8), 1);
        CHECK_EQ(text[0], TIOCPKT_FLUSHREAD);
    }
    CHECK_ERROR(ioctl(pair.slave, TIOCPKT, &on), ENOTTY);
    pair_close(&pair);
}

TEST(stopped_output_waits)
{
    struct pair pair;

    pair_open(&pair);
    CHECK_EQ(tcflow(pair.slave, TCOOFF), 0);
    put(pair.master, "");
    fcntl(pair.slave, F_SETFL, O_RDWR | O_NONBLOCK);
    (void)!write(pair.slave, "held", 4);
    CHECK(!is_readable(pair.master, 50));
    CHECK_EQ(tcflow(pair.slave, TCOON), 0);
    put(pair.slave, "on");
    CHECK(is_readable(pair.master, 1000));
    CHECK_ERROR(ioctl(pair.slave, TCXONC, 9), EINVAL);
    pair_close(&pair);
}

TEST(a_second_open_of_an_exclusive_terminal_is_for_root)
{
    struct pair pair;
    int fd;

    pair_open(&pair);
    CHECK_EQ(ioctl(pair.slave, TIOCEXCL), 0);
    fd = open(pair.name, O_RDWR | O_NOCTTY);
    if (getuid() == 0)
        CHECK(fd >= 0);
    else
        CHECK_EQ(fd, -1);
    if (fd >= 0)
        close(fd);
    CHECK_EQ(ioctl(pair.slave, TIOCNXCL), 0);
    pair_close(&pair);
}

TEST(unknown_requests_are_enotty)
{
    struct pair pair;
    int value;

    pair_open(&pair);
    CHECK_ERROR(ioctl(pair.slave, 0x5499, &value), ENOTTY);
    CHECK_ERROR(ioctl(pair.slave, TIOCGPTN, &value), ENOTTY);
    CHECK_ERROR(ioctl(pair.slave, TIOCMGET, &value), ENOTTY);
    CHECK_ERROR(ioctl(pair.slave, TIOCGWINSZ, (void *)8), EFAULT);
    CHECK_ERROR(lseek(pair.slave, 0, SEEK_SET), ESPIPE);
    pair_close(&pair);
}

TAP_MAIN
