/* SPDX-License-Identifier: MIT */
/*
 * Output processing. Plain text, nearly all there is, is found in runs and copied in runs.
 */
#include "output.h"

#include "base/string.h"

enum { TAB = 8, EXPANSION_MAX = TAB, PIECE = 512 };

static bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_continuation(const struct tty_line *line, uint8_t c)
{
    return (line->termios.iflag & IUTF8) && (c & 0xc0) == 0x80;
}

static void queue(struct tty_line *line, const uint8_t *bytes, uint32_t count)
{
    uint32_t at = line->output_head & TTY_BUFFER_MASK;
    uint32_t first = count < TTY_BUFFER - at ? count : TTY_BUFFER - at;

    memcpy(line->output + at, bytes, first);
    memcpy(line->output, bytes + first, count - first);
    line->output_head += count;
}

static uint32_t expand_tab(struct tty_line *line, uint8_t *to)
{
    uint32_t spaces = TAB - (line->column & (TAB - 1));

    line->column += spaces;
    if ((line->termios.oflag & TABDLY) != XTABS) {
        to[0] = '\t';
        return 1;
    }
    memset(to, ' ', spaces);
    return spaces;
}

static uint32_t expand_newline(struct tty_line *line, uint8_t *to)
{
    if (line->termios.oflag & ONLRET)
        line->column = 0;
    if (line->termios.oflag & ONLCR) {
        line->canon_column = line->column = 0;
        to[0] = '\r';
        to[1] = '\n';
        return 2;
    }
    line->canon_column = line->column;
    to[0] = '\n';
    return 1;
}

static uint32_t expand_return(struct tty_line *line, uint8_t *to)
{
    if ((line->termios.oflag & ONOCR) && line->column == 0)
        return 0;
    if (line->termios.oflag & OCRNL) {
        if (line->termios.oflag & ONLRET)
            line->canon_column = line->column = 0;
        to[0] = '\n';
        return 1;
    }
    line->canon_column = line->column = 0;
    to[0] = '\r';
    return 1;
}

/* What one character becomes: at most EXPANSION_MAX bytes. */
static uint32_t expand(struct tty_line *line, uint8_t c, uint8_t *to)
{
    switch (c) {
    case '\n':
        return expand_newline(line, to);
    case '\r':
        return expand_return(line, to);
    case '\t':
        return expand_tab(line, to);
    case '\b':
        if (line->column > 0)
            line->column--;
        break;
    default:
        if (is_control(c))
            break;
        if ((line->termios.oflag & OLCUC) && c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 'a' + 'A');
        if (!is_continuation(line, c))
            line->column++;
    }
    to[0] = c;
    return 1;
}

/* Length of the text in front that goes out as it is: no control characters, nothing that IUTF8 or OLCUC look at. */
static uint32_t plain_run(const struct tty_line *line, const uint8_t *bytes, uint32_t count)
{
    uint32_t run = 0;

    if (line->termios.oflag & OLCUC)
        return 0;
    while (run < count && bytes[run] >= 0x20 && bytes[run] < 0x7f)
        run++;
    return run;
}

static uint32_t process(struct tty_line *line, const uint8_t *bytes, uint32_t count, uint32_t room)
{
    uint8_t piece[PIECE + EXPANSION_MAX];
    uint32_t filled = 0, taken = 0;

    while (taken < count && filled + EXPANSION_MAX <= room) {
        uint32_t most = (room < PIECE ? room : PIECE) - filled;
        uint32_t run = plain_run(line, bytes + taken, count - taken < most ? count - taken : most);

        if (run > 0) {
            memcpy(piece + filled, bytes + taken, run);
            line->column += run;
            filled += run;
            taken += run;
        } else {
            filled += expand(line, bytes[taken++], piece + filled);
        }
        if (filled >= PIECE) {
            queue(line, piece, filled);
            room -= filled;
            filled = 0;
        }
    }
    queue(line, piece, filled);
    return taken;
}

uint32_t output_write(struct tty_line *line, const uint8_t *bytes, uint32_t count)
{
    uint32_t room = output_room(line);

    if (room <= TTY_ECHO_RESERVE)
        return 0;
    room -= TTY_ECHO_RESERVE;
    if (line->termios.oflag & OPOST)
        return process(line, bytes, count, room);
    if (count > room)
        count = room;
    queue(line, bytes, count);
    return count;
}

void output_raw(struct tty_line *line, uint8_t c)
{
    if (output_room(line) > 0)
        queue(line, &c, 1);
}

void output_character(struct tty_line *line, uint8_t c)
{
    uint8_t piece[EXPANSION_MAX];

    if (output_room(line) < EXPANSION_MAX)
        return;
    if (line->termios.oflag & OPOST)
        queue(line, piece, expand(line, c, piece));
    else
        queue(line, &c, 1);
}

uint32_t output_peek(const struct tty_line *line, const uint8_t **bytes)
{
    uint32_t at = line->output_tail & TTY_BUFFER_MASK;
    uint32_t used = output_used(line);

    *bytes = line->output + at;
    return used < TTY_BUFFER - at ? used : TTY_BUFFER - at;
}

static void packet(struct tty_line *line, uint8_t set, uint8_t clear)
{
    if (line->is_packet)
        line->packet_status = (uint8_t)((line->packet_status & ~clear) | set);
}

void output_stop(struct tty_line *line)
{
    if (line->is_stopped)
        return;
    line->is_stopped = 1;
    packet(line, TIOCPKT_STOP, TIOCPKT_START);
}

void output_start(struct tty_line *line)
{
    if (!line->is_stopped)
        return;
    line->is_stopped = 0;
    packet(line, TIOCPKT_START, TIOCPKT_STOP);
}
