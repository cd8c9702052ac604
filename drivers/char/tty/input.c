/* SPDX-License-Identifier: MIT */
/*
 * The line discipline's receiving half, with the semantics of Linux's n_tty: which character is special is asked in the same order, because
 * settings may give one character two meanings.
 */
#include "input.h"

#include "base/string.h"
#include "edit.h"
#include "output.h"

/* An end-of-file character in the buffer: a marked 0. A control character that is 0 is switched off. */
enum { DISABLED = 0 };

static bool is_key(const struct tty_line *line, uint8_t c, enum control_character index)
{
    return c != DISABLED && line->termios.cc[index] == c;
}

static void mark(struct tty_line *line, uint32_t position)
{
    position &= TTY_BUFFER_MASK;
    line->marks[position / 8] |= (uint8_t)(1u << (position % 8));
}

static void unmark(struct tty_line *line, uint32_t position)
{
    position &= TTY_BUFFER_MASK;
    line->marks[position / 8] &= (uint8_t) ~(1u << (position % 8));
}

static bool is_marked(const struct tty_line *line, uint32_t position)
{
    position &= TTY_BUFFER_MASK;
    return line->marks[position / 8] >> (position % 8) & 1;
}

/* A full buffer without a complete line: the last character gives way, so that the line can be ended. */
static void put(struct tty_line *line, uint8_t c)
{
    if (line->input_head - line->input_tail == TTY_BUFFER)
        line->input_head--;
    line->input[line->input_head++ & TTY_BUFFER_MASK] = c;
}

static void put_text(struct tty_line *line, uint8_t c)
{
    if (c == 0377 && (line->termios.iflag & PARMRK))
        put(line, c);
    put(line, c);
}

static void end_line(struct tty_line *line, uint8_t c)
{
    put(line, c);
    mark(line, line->input_head - 1);
    line->canon_head = line->input_head;
}

void input_flush(struct tty_line *line)
{
    line->input_tail = line->canon_head = line->input_head;
    memset(line->marks, 0, sizeof(line->marks));
    line->is_pushed = line->is_erasing = line->is_literal = 0;
    if (line->is_packet)
        line->packet_status |= TIOCPKT_FLUSHREAD;
}

void input_signal(struct tty_line *line, int signal)
{
    if (!(line->termios.lflag & NOFLSH)) {
        input_flush(line);
        output_flush(line);
        if (line->is_packet)
            line->packet_status |= TIOCPKT_FLUSHWRITE;
    }
    line->signals |= 1u << signal;
}

static bool receive_signal(struct tty_line *line, uint8_t c)
{
    int signal;

    if (!(line->termios.lflag & ISIG))
        return false;
    if (is_key(line, c, VINTR))
        signal = SIGINT;
    else if (is_key(line, c, VQUIT))
        signal = SIGQUIT;
    else if (is_key(line, c, VSUSP))
        signal = SIGTSTP;
    else
        return false;
    input_signal(line, signal);
    if (line->termios.iflag & IXON)
        output_start(line);
    if (line->termios.lflag & ECHO)
        edit_echo(line, c);
    return true;
}

static bool receive_flow(struct tty_line *line, uint8_t c)
{
    if (!(line->termios.iflag & IXON))
        return false;
    if (is_key(line, c, VSTART)) {
        output_start(line);
        return true;
    }
    if (is_key(line, c, VSTOP)) {
        output_stop(line);
        return true;
    }
    return false;
}

/* Line editing and line ends of canonical mode. */
static bool receive_canonical(struct tty_line *line, uint8_t c)
{
    uint32_t lflag = line->termios.lflag;
    bool extended = (lflag & IEXTEN) != 0;

    if (is_key(line, c, VERASE) || is_key(line, c, VKILL) || (extended && is_key(line, c, VWERASE))) {
        edit_erase(line, c);
    } else if (extended && is_key(line, c, VLNEXT)) {
        line->is_literal = 1;
        edit_echo_literal(line);
    } else if (extended && (lflag & ECHO) && is_key(line, c, VREPRINT)) {
        edit_reprint(line, c);
    } else if (c == '\n') {
        if (lflag & (ECHO | ECHONL))
            output_character(line, '\n');
        end_line(line, c);
    } else if (is_key(line, c, VEOF)) {
        end_line(line, DISABLED);
    } else if (is_key(line, c, VEOL) || (extended && is_key(line, c, VEOL2))) {
        if (lflag & ECHO)
            edit_echo_text(line, c);
        if (c == 0377 && (line->termios.iflag & PARMRK))
            put(line, c);
        end_line(line, c);
    } else {
        return false;
    }
    return true;
}

static void receive_text(struct tty_line *line, uint8_t c)
{
    if (line->termios.lflag & ECHO) {
        edit_finish_erasing(line);
        if (c == '\n')
            output_character(line, '\n');
        else
            edit_echo_text(line, c);
    }
    put_text(line, c);
}

void input_receive(struct tty_line *line, uint8_t c)
{
    uint32_t iflag = line->termios.iflag;

    if (iflag & ISTRIP)
        c &= 0x7f;
    if ((iflag & IUCLC) && (line->termios.lflag & IEXTEN) && c >= 'A' && c <= 'Z')
        c = (uint8_t)(c - 'A' + 'a');
    if (line->is_literal) {
        line->is_literal = 0;
        receive_text(line, c);
        return;
    }
    if (receive_flow(line, c) || receive_signal(line, c))
        return;
    if (line->is_stopped && (iflag & IXON) && (iflag & IXANY))
        output_start(line);
    if (c == '\r') {
        if (iflag & IGNCR)
            return;
        if (iflag & ICRNL)
            c = '\n';
    } else if (c == '\n' && (iflag & INLCR)) {
        c = '\r';
    }
    if ((line->termios.lflag & ICANON) && receive_canonical(line, c))
        return;
    receive_text(line, c);
}

void input_receive_error(struct tty_line *line, enum input_error error, uint8_t c)
{
    uint32_t iflag = line->termios.iflag;

    if (error == INPUT_BREAK) {
        if (iflag & IGNBRK)
            return;
        if (iflag & BRKINT) {
            input_signal(line, SIGINT);
            return;
        }
        c = 0;
    } else {
        if (!(iflag & INPCK)) {
            input_receive(line, c);
            return;
        }
        if (iflag & IGNPAR)
            return;
    }
    if (iflag & PARMRK) {
        put(line, 0377);
        put(line, 0);
        put(line, error == INPUT_BREAK ? 0 : c);
    } else {
        put(line, 0);
    }
}

bool input_has_room(const struct tty_line *line)
{
    uint32_t used = line->input_head - line->input_tail;
    uint32_t room = TTY_BUFFER - used;

    if (line->termios.iflag & PARMRK)
        room = (room + 2) / 3;
    /* One place is kept for the end of the line. */
    return room > 1 || ((line->termios.lflag & ICANON) && line->canon_head == line->input_tail);
}

uint32_t input_available(const struct tty_line *line)
{
    uint32_t count = 0;

    if (!(line->termios.lflag & ICANON))
        return line->input_head - line->input_tail;
    for (uint32_t at = line->input_tail; at != line->canon_head; at++)
        count += !(is_marked(line, at) && line->input[at & TTY_BUFFER_MASK] == DISABLED);
    return count;
}

bool input_is_ready(const struct tty_line *line, uint32_t minimum)
{
    if (line->termios.lflag & ICANON)
        return line->canon_head != line->input_tail;
    return line->input_head - line->input_tail >= minimum;
}

static struct input_piece peek_line(const struct tty_line *line, uint32_t room)
{
    struct input_piece piece = { .bytes = line->input + (line->input_tail & TTY_BUFFER_MASK) };
    uint32_t at = line->input_tail;

    while (at != line->canon_head && piece.count < room) {
        bool is_end = is_marked(line, at);

        piece.consumed++;
        if (is_end && line->input[at & TTY_BUFFER_MASK] == DISABLED && !line->is_pushed) {
            piece.ends_read = true;
            break;
        }
        piece.count++;
        if (is_end) {
            piece.ends_read = true;
            break;
        }
        at++;
    }
    return piece;
}

struct input_piece input_peek(const struct tty_line *line, uint64_t want)
{
    uint32_t room = TTY_BUFFER - (line->input_tail & TTY_BUFFER_MASK);
    struct input_piece piece = { .bytes = line->input + (line->input_tail & TTY_BUFFER_MASK) };
    uint32_t used = line->input_head - line->input_tail;

    if (want < room)
        room = (uint32_t)want;
    if (line->termios.lflag & ICANON)
        return peek_line(line, room);
    piece.count = piece.consumed = used < room ? used : room;
    return piece;
}

void input_take(struct tty_line *line, const struct input_piece *piece)
{
    if (piece->ends_read) {
        unmark(line, line->input_tail + piece->consumed - 1);
        line->is_pushed = 0;
    }
    line->input_tail += piece->consumed;
    if (!(line->termios.lflag & ICANON))
        line->canon_head = line->input_tail;
}

void input_skip_end_of_file(struct tty_line *line)
{
    if (!(line->termios.lflag & ICANON) || line->canon_head == line->input_tail)
        return;
    if (is_marked(line, line->input_tail) && line->input[line->input_tail & TTY_BUFFER_MASK] == DISABLED && !line->is_pushed) {
        unmark(line, line->input_tail);
        line->input_tail++;
    }
}

void input_settings_changed(struct tty_line *line, const struct linux_termios *old)
{
    if ((old->lflag ^ line->termios.lflag) & ICANON) {
        memset(line->marks, 0, sizeof(line->marks));
        line->is_erasing = line->is_literal = line->is_pushed = 0;
        if (!(line->termios.lflag & ICANON) || line->input_head == line->input_tail) {
            line->canon_head = line->input_tail;
        } else {
            mark(line, line->input_head - 1);
            line->canon_head = line->input_head;
            line->is_pushed = 1;
        }
    }
    if (!(line->termios.iflag & IXON) && (old->iflag & IXON))
        output_start(line);
    if (line->is_packet) {
        bool was = (old->iflag & IXON) && old->cc[VSTOP] == 023 && old->cc[VSTART] == 021;
        bool is = (line->termios.iflag & IXON) && line->termios.cc[VSTOP] == 023 && line->termios.cc[VSTART] == 021;

        if (was != is)
            line->packet_status = (uint8_t)((line->packet_status & ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP)) |
                                            (is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP));
    }
}
