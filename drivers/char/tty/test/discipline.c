/* SPDX-License-Identifier: MIT */
/*
 * The line discipline against what Linux does: editing, echo, canonical and raw input, output processing.
 */
#include "../input.h"
#include "../output.h"
#include "../state.h"
#include "testing/testing.h"

static struct tty_line line;
static char text[8192];

static void reset(void)
{
    tty_line_reset(&line, LINE_SERIAL);
    line.is_present = 1;
}

static void type(const char *keys)
{
    while (*keys != '\0')
        input_receive(&line, (uint8_t)*keys++);
}

/* Everything on the screen since the last call. */
static const char *screen(void)
{
    size_t length = 0;

    while (output_used(&line) > 0) {
        const uint8_t *bytes;
        uint32_t count = output_peek(&line, &bytes);

        memcpy(text + length, bytes, count);
        length += count;
        output_consume(&line, count);
    }
    text[length] = '\0';
    return text;
}

static int last_length;

static const char *read_bytes(size_t want)
{
    size_t length = 0;
    bool is_ended = false;

    while (length < want && !is_ended) {
        struct input_piece piece = input_peek(&line, want - length);

        if (piece.consumed == 0)
            break;
        memcpy(text + length, piece.bytes, piece.count);
        length += piece.count;
        input_take(&line, &piece);
        is_ended = piece.ends_read;
    }
    if (!is_ended && length == want)
        input_skip_end_of_file(&line);
    text[length] = '\0';
    last_length = (int)length;
    return text;
}

static const char *write_text(const char *bytes)
{
    output_write(&line, (const uint8_t *)bytes, (uint32_t)strlen(bytes));
    return screen();
}

TEST(a_line_is_readable_when_it_is_complete_and_comes_alone)
{
    reset();
    type("one");
    CHECK(!input_is_ready(&line, 1));
    type("\rtwo\n");
    CHECK(input_is_ready(&line, 1));
    CHECK_EQ(input_available(&line), 8);
    CHECK_STR(screen(), "one\r\ntwo\r\n");
    CHECK_STR(read_bytes(100), "one\n");
    CHECK_STR(read_bytes(2), "tw");
    CHECK_STR(read_bytes(100), "o\n");
    CHECK(!input_is_ready(&line, 1));
}

TEST(end_of_file_ends_a_read_and_is_not_seen)
{
    reset();
    type("abc\004def\n\004");
    CHECK_STR(read_bytes(100), "abc");
    CHECK_STR(read_bytes(100), "def\n");
    CHECK(input_is_ready(&line, 1));
    CHECK_STR(read_bytes(100), "");
    CHECK(!input_is_ready(&line, 1));
    type("xyz\004");
    CHECK_STR(read_bytes(3), "xyz");
    CHECK(!input_is_ready(&line, 1));
}

TEST(erase_takes_back_characters_and_stops_at_the_start)
{
    reset();
    type("ab\177\177\177c\n");
    CHECK_STR(screen(), "ab\b \b\b \bc\r\n");
    CHECK_STR(read_bytes(9), "c\n");
}

TEST(erase_of_a_control_character_takes_two_columns)
{
    reset();
    type("a\001\177b\n");
    CHECK_STR(screen(), "a^A\b \b\b \bb\r\n");
    CHECK_STR(read_bytes(9), "ab\n");
}

TEST(erase_of_a_tab_goes_back_to_where_it_started)
{
    reset();
    write_text("$ ");
    type("abc\t\177");
    CHECK_STR(screen(), "abc\t\b\b\b");
    CHECK_EQ(line.column, 5);
}

TEST(erase_takes_a_whole_utf8_character)
{
    reset();
    line.termios.iflag |= IUTF8;
    type("a\303\244\177b\n");
    CHECK_STR(screen(), "a\303\244\b \bb\r\n");
    CHECK_STR(read_bytes(9), "ab\n");
}

TEST(word_erase_takes_blanks_and_a_word)
{
    reset();
    type("one two  \027x\n");
    CHECK_STR(read_bytes(20), "one x\n");
}

TEST(kill_takes_the_line)
{
    reset();
    type("abc\025d\n");
    CHECK_STR(screen(), "abc\b \b\b \b\b \bd\r\n");
    CHECK_STR(read_bytes(9), "d\n");
    line.termios.lflag &= ~(uint32_t)ECHOKE;
    type("abc\025d\n");
    CHECK_STR(screen(), "abc^U\r\nd\r\n");
    CHECK_STR(read_bytes(9), "d\n");
}

TEST(literal_next_takes_meaning_away)
{
    reset();
    type("a\026\003\026\n\n");
    CHECK_EQ(line.signals, 0);
    CHECK_STR(read_bytes(9), "a\003\n\n");
    reset();
    type("\026\004\n");
    CHECK_STR(screen(), "^\b^D\r\n");
    CHECK_STR(read_bytes(9), "\004\n");
}

TEST(reprint_shows_the_line_again)
{
    reset();
    type("ab\022c\n");
    CHECK_STR(screen(), "ab^R\r\nabc\r\n");
}

TEST(interrupt_signals_flushes_and_echoes)
{
    reset();
    type("abc");
    screen();
    type("\003");
    CHECK_EQ(line.signals, 1 << SIGINT);
    CHECK_STR(screen(), "^C");
    type("x\n");
    CHECK_STR(read_bytes(9), "x\n");
    line.signals = 0;
    line.termios.lflag |= NOFLSH;
    type("keep\032\034\n");
    CHECK_EQ(line.signals, 1 << SIGTSTP | 1 << SIGQUIT);
    CHECK_STR(read_bytes(9), "keep\n");
}

TEST(without_isig_signal_characters_are_text)
{
    reset();
    line.termios.lflag &= ~(uint32_t)ISIG;
    type("\003\n");
    CHECK_EQ(line.signals, 0);
    CHECK_STR(read_bytes(9), "\003\n");
}

TEST(stop_and_start_control_output_and_are_not_read)
{
    reset();
    type("\023");
    CHECK(line.is_stopped);
    type("a");
    CHECK(line.is_stopped);
    type("\021\n");
    CHECK(!line.is_stopped);
    CHECK_STR(read_bytes(9), "a\n");
    type("\023");
    line.termios.iflag |= IXANY;
    type("b");
    CHECK(!line.is_stopped);
}

TEST(returns_and_newlines_are_mapped_as_asked)
{
    reset();
    line.termios.iflag = IGNCR;
    type("a\rb\n");
    CHECK_STR(read_bytes(9), "ab\n");
    line.termios.iflag = INLCR;
    line.termios.lflag &= ~(uint32_t)ICANON;
    type("a\n");
    CHECK_STR(read_bytes(9), "a\r");
    line.termios.iflag = ISTRIP;
    type("\341");
    CHECK_STR(read_bytes(9), "a");
}

TEST(other_line_ends_count_as_line_ends)
{
    reset();
    line.termios.cc[VEOL] = ';';
    line.termios.cc[VEOL2] = '.';
    type("a;b.c\n");
    CHECK_STR(read_bytes(9), "a;");
    CHECK_STR(read_bytes(9), "b.");
    CHECK_STR(read_bytes(9), "c\n");
}

TEST(echo_follows_its_flags)
{
    reset();
    line.termios.lflag &= ~(uint32_t)ECHO;
    type("secret\n");
    CHECK_STR(screen(), "");
    line.termios.lflag |= ECHONL;
    type("secret\n");
    CHECK_STR(screen(), "\r\n");
    line.termios.lflag |= ECHO | ECHOPRT;
    type("ab\177c\n");
    CHECK_STR(screen(), "ab\\b/c\r\n");
}

TEST(raw_input_is_readable_at_once_and_unedited)
{
    reset();
    line.termios.lflag = 0;
    line.termios.iflag = 0;
    type("a\177\r\003");
    CHECK(input_is_ready(&line, 4));
    CHECK(!input_is_ready(&line, 5));
    CHECK_STR(read_bytes(100), "a\177\r\003");
    CHECK_STR(screen(), "");
}

TEST(a_line_of_4096_bytes_can_always_be_ended)
{
    reset();
    line.termios.lflag &= ~(uint32_t)ECHO;
    for (int i = 0; i < 5000; i++) {
        CHECK(input_has_room(&line));
        input_receive(&line, 'x');
    }
    type("\n");
    read_bytes(8000);
    CHECK_EQ(last_length, 4096);
    CHECK_EQ(text[4095], '\n');
}

TEST(input_of_finished_lines_makes_the_sender_wait_when_full)
{
    int count = 0;

    reset();
    line.termios.lflag &= ~(uint32_t)ECHO;
    type("first\n");
    while (input_has_room(&line) && count < 10000) {
        input_receive(&line, 'y');
        count++;
    }
    CHECK_EQ(count, 4096 - 6 - 1);
    CHECK_STR(read_bytes(100), "first\n");
    CHECK(input_has_room(&line));
}

TEST(switching_modes_keeps_what_was_typed)
{
    struct linux_termios old;

    reset();
    type("abc");
    old = line.termios;
    line.termios.lflag &= ~(uint32_t)ICANON;
    input_settings_changed(&line, &old);
    CHECK_STR(read_bytes(2), "ab");
    old = line.termios;
    line.termios.lflag |= ICANON;
    input_settings_changed(&line, &old);
    CHECK_STR(read_bytes(10), "c");
    CHECK_EQ(input_available(&line), 0);
}

TEST(output_newlines_get_a_return)
{
    reset();
    CHECK_STR(write_text("a\nb\r\n"), "a\r\nb\r\r\n");
    line.termios.oflag = 0;
    CHECK_STR(write_text("a\n"), "a\n");
    line.termios.oflag = OPOST | OCRNL;
    CHECK_STR(write_text("a\r"), "a\n");
    line.termios.oflag = OPOST | OLCUC;
    CHECK_STR(write_text("aZ"), "AZ");
}

TEST(output_tabs_expand_to_the_next_stop)
{
    reset();
    line.termios.oflag |= XTABS;
    CHECK_STR(write_text("abc\tx"), "abc     x");
    CHECK_STR(write_text("\n\t"), "\r\n        ");
    CHECK_STR(write_text("\b\ty"), "\b y");
    line.termios.oflag |= ONOCR;
    CHECK_STR(write_text("\r\r"), "\r");
}

TEST(output_stops_at_the_echo_reserve)
{
    static uint8_t big[TTY_BUFFER * 2];
    uint32_t taken;

    reset();
    memset(big, '\n', sizeof(big));
    taken = output_write(&line, big, sizeof(big));
    CHECK(taken > 1800 && taken * 2 <= TTY_BUFFER - TTY_ECHO_RESERVE);
    CHECK_EQ(output_write(&line, big, 100), 0);
    type("e");
    CHECK_EQ(output_used(&line), taken * 2 + 1);
}

TEST(rings_wrap_without_loss)
{
    reset();
    line.termios.lflag &= ~(uint32_t)ECHO;
    for (int i = 0; i < 3000; i++) {
        type("12345\n");
        CHECK_EQ(input_available(&line), 6);
        CHECK_STR(read_bytes(4096), "12345\n");
        CHECK_EQ(input_available(&line), 0);
        CHECK_STR(write_text("hello\n"), "hello\r\n");
    }
}
