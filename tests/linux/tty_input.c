/* SPDX-License-Identifier: MIT */
/* Line editing and the ways to read: by lines, with MIN and TIME. */
#include "terminal.h"

static struct pair pair;
static char text[8192];

static long take(size_t room)
{
    long got = read(pair.slave, text, room);

    text[got > 0 ? got : 0] = '\0';
    return got;
}

static void begin(void)
{
    pair_open(&pair);
    set_local_flags(pair.slave, 0, ECHO);
}

static void check_line(const char *keys, const char *line)
{
    put(pair.master, keys);
    CHECK(is_readable(pair.slave, 1000));
    CHECK_EQ(take(sizeof(text) - 1), strlen(line));
    CHECK_EQ(strcmp(text, line), 0);
}

TEST(a_read_gives_one_line_at_most)
{
    begin();
    put(pair.master, "one\ntwo\n");
    CHECK_EQ(take(2), 2);
    CHECK_EQ(strcmp(text, "on"), 0);
    CHECK_EQ(take(100), 2);
    CHECK_EQ(strcmp(text, "e\n"), 0);
    CHECK_EQ(take(100), 4);
    CHECK_EQ(strcmp(text, "two\n"), 0);
    pair_close(&pair);
}

TEST(editing_keys)
{
    begin();
    check_line("abc\177d\n", "abd\n");
    check_line("one two\027three\n", "one three\n");
    check_line("wrong\025right\n", "right\n");
    check_line("a\026\003b\n", "a\003b\n");
    check_line("\177\177x\n", "x\n");
    check_line("ret\r", "ret\n");
    pair_close(&pair);
}

TEST(end_of_file_is_a_read_of_nothing)
{
    begin();
    put(pair.master, "\004");
    CHECK_EQ(take(100), 0);
    put(pair.master, "abc\004");
    CHECK_EQ(take(100), 3);
    put(pair.master, "xyz\004next\n");
    CHECK_EQ(take(3), 3);
    CHECK_EQ(take(100), 5);
    pair_close(&pair);
}

TEST(echo_shows_control_characters_and_erases_them)
{
    pair_open(&pair);
    put(pair.master, "a\001\177\177b\n");
    expect(pair.master, "a^A\b \b\b \b\b \bb\r\n");
    pair_close(&pair);
}

TEST(echo_of_kill_reprint_and_tab)
{
    pair_open(&pair);
    put(pair.master, "ab\025");
    expect(pair.master, "ab\b \b\b \b");
    put(pair.master, "xy\022");
    expect(pair.master, "xy^R\r\nxy");
    put(pair.master, "\t\177");
    expect(pair.master, "\t\b\b\b\b\b\b");
    pair_close(&pair);
}

TEST(utf8_characters_are_erased_whole)
{
    struct termios settings;

    begin();
    CHECK_EQ(tcgetattr(pair.slave, &settings), 0);
    settings.c_iflag |= IUTF8;
    CHECK_EQ(tcsetattr(pair.slave, TCSANOW, &settings), 0);
    check_line("a\303\244\177b\n", "ab\n");
    check_line("\342\202\254\177\n", "\n");
    pair_close(&pair);
}

TEST(a_line_has_room_for_4095_bytes_and_its_end)
{
    begin();
    memset(text, 'x', 5000);
    CHECK_EQ(write(pair.master, text, 3000), 3000);
    pause_ms(20);
    CHECK_EQ(write(pair.master, text, 2000), 2000);
    pause_ms(20);
    put(pair.master, "\n");
    CHECK(is_readable(pair.slave, 1000));
    CHECK_EQ(take(8000), 4096);
    CHECK_EQ(text[4095], '\n');
    pair_close(&pair);
}

TEST(minimum_without_time_waits_for_so_many)
{
    pid_t child;

    pair_open(&pair);
    set_raw(pair.slave, 5, 0);
    put(pair.master, "abc");
    CHECK(!is_readable(pair.slave, 100));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        pause_ms(50);
        put(pair.master, "de");
        _exit(0);
    }
    CHECK_EQ(take(100), 5);
    CHECK_EQ(exit_status(child), 0);
    put(pair.master, "12345678");
    CHECK_EQ(take(3), 3);
    pair_close(&pair);
}

TEST(time_without_minimum_is_a_deadline)
{
    long start;

    pair_open(&pair);
    set_raw(pair.slave, 0, 3);
    start = milliseconds();
    CHECK_EQ(take(100), 0);
    CHECK(milliseconds() - start >= 250);
    CHECK(milliseconds() - start < 3000);
    put(pair.master, "x");
    CHECK_EQ(take(100), 1);
    pair_close(&pair);
}

TEST(minimum_and_time_wait_between_bytes)
{
    long start;

    pair_open(&pair);
    set_raw(pair.slave, 10, 2);
    put(pair.master, "abc");
    start = milliseconds();
    CHECK_EQ(take(100), 3);
    CHECK(milliseconds() - start >= 150);
    CHECK(milliseconds() - start < 3000);
    pair_close(&pair);
}

TEST(neither_is_a_look)
{
    pair_open(&pair);
    set_raw(pair.slave, 0, 0);
    CHECK_EQ(take(100), 0);
    put(pair.master, "ab");
    CHECK(is_readable(pair.slave, 1000));
    CHECK_EQ(take(100), 2);
    pair_close(&pair);
}

TEST(switching_to_raw_gives_what_was_typed)
{
    begin();
    put(pair.master, "part");
    pause_ms(20);
    CHECK(!is_readable(pair.slave, 0));
    set_raw(pair.slave, 1, 0);
    CHECK_EQ(take(100), 4);
    pair_close(&pair);
}

TEST(a_flush_throws_input_away)
{
    begin();
    put(pair.master, "old\n");
    CHECK(is_readable(pair.slave, 1000));
    CHECK_EQ(tcflush(pair.slave, TCIFLUSH), 0);
    CHECK(!is_readable(pair.slave, 20));
    put(pair.master, "new\n");
    CHECK_EQ(take(100), 4);
    CHECK_EQ(strcmp(text, "new\n"), 0);
    put(pair.master, "old\n");
    CHECK(is_readable(pair.slave, 1000));
    {
        struct termios settings;

        CHECK_EQ(tcgetattr(pair.slave, &settings), 0);
        CHECK_EQ(tcsetattr(pair.slave, TCSAFLUSH, &settings), 0);
    }
    CHECK(!is_readable(pair.slave, 20));
    pair_close(&pair);
}

static void on_signal(int number)
{
    (void)number;
}

TEST(a_signal_ends_a_waiting_read)
{
    pid_t child;
    int status;

    begin();
    fflush(stdout);
    child = fork();
    if (child == 0) {
        struct sigaction action = { .sa_handler = on_signal };

        sigaction(SIGUSR1, &action, NULL);
        _exit(read(pair.slave, text, 1) == -1 && errno == EINTR ? 0 : 1);
    }
    pause_ms(100);
    kill(child, SIGUSR1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    pair_close(&pair);
}

TEST(settings_of_a_new_terminal)
{
    struct termios settings;

    pair_open(&pair);
    CHECK_EQ(tcgetattr(pair.slave, &settings), 0);
    CHECK_EQ(settings.c_iflag, ICRNL | IXON);
    CHECK_EQ(settings.c_oflag, OPOST | ONLCR);
    CHECK_EQ(settings.c_cflag, B38400 | CS8 | CREAD);
    CHECK_EQ(settings.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    CHECK_EQ(settings.c_cc[VINTR], 3);
    CHECK_EQ(settings.c_cc[VMIN], 1);
    CHECK_EQ(settings.c_cc[VEOF], 4);
    settings.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    settings.c_cc[VMIN] = 7;
    CHECK_EQ(tcsetattr(pair.slave, TCSADRAIN, &settings), 0);
    CHECK_EQ(tcgetattr(pair.master, &settings), 0); /* the master shows the slave's */
    CHECK_EQ(settings.c_cc[VMIN], 7);
    CHECK_EQ(settings.c_lflag & (ECHO | ICANON), 0);
    pair_close(&pair);
}

TEST(other_files_are_no_terminals)
{
    struct termios settings;
    int p[2];

    CHECK_EQ(pipe(p), 0);
    CHECK_ERROR(tcgetattr(p[0], &settings), ENOTTY);
    close(p[0]);
    close(p[1]);
    p[0] = open("/dev/null", O_RDONLY);
    CHECK_ERROR(tcgetattr(p[0], &settings), ENOTTY);
    close(p[0]);
}

TAP_MAIN
