/* SPDX-License-Identifier: MIT */
/*
 * Erasing takes characters from input_head back to canon_head. A tab is erased by the width that it had, which follows from the text before it.
 */
#include "edit.h"

#include "output.h"

enum erase_kind { ERASE_CHARACTER, ERASE_WORD, ERASE_LINE };

static bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_continuation(const struct tty_line *line, uint8_t c)
{
    return (line->termios.iflag & IUTF8) && (c & 0xc0) == 0x80;
}

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0xc0 || c == 0xaa || c == 0xb5 ||
           c == 0xba;
}

void edit_echo(struct tty_line *line, uint8_t c)
{
    if ((line->termios.lflag & ECHOCTL) && is_control(c) && c != '\t') {
        output_raw(line, '^');
        output_raw(line, c ^ 0100);
        line->column += 2;
    } else {
        output_character(line, c);
    }
}

void edit_echo_text(struct tty_line *line, uint8_t c)
{
    if (line->canon_head == line->input_head)
        line->canon_column = line->column;
    edit_echo(line, c);
}

void edit_echo_literal(struct tty_line *line)
{
    if (!(line->termios.lflag & ECHO))
        return;
    edit_finish_erasing(line);
    if (line->termios.lflag & ECHOCTL) {
        output_raw(line, '^');
        output_raw(line, '\b');
    }
}

void edit_finish_erasing(struct tty_line *line)
{
    if (!line->is_erasing)
        return;
    output_raw(line, '/');
    line->column++;
    line->is_erasing = 0;
}

void edit_reprint(struct tty_line *line, uint8_t c)
{
    edit_finish_erasing(line);
    edit_echo(line, c);
    output_character(line, '\n');
    for (uint32_t at = line->canon_head; at != line->input_head; at++)
        edit_echo(line, line->input[at & TTY_BUFFER_MASK]);
}

static uint8_t at(const struct tty_line *line, uint32_t position)
{
    return line->input[position & TTY_BUFFER_MASK];
}

/* How far to go back for the tab that stood at `position`. */
static uint32_t tab_width(const struct tty_line *line, uint32_t position)
{
    uint32_t count = 0;
    bool after_tab = false;

    while (position != line->canon_head) {
        uint8_t c = at(line, --position);

        if (c == '\t') {
            after_tab = true;
            break;
        }
        if (is_control(c)) {
            if (line->termios.lflag & ECHOCTL)
                count += 2;
        } else if (!is_continuation(line, c)) {
            count++;
        }
    }
    if (!after_tab)
        count += line->canon_column;
    return 8 - (count & 7);
}

static void backspace(struct tty_line *line)
{
    output_raw(line, '\b');
    if (line->column > 0)
        line->column--;
}

static void rub_out(struct tty_line *line)
{
    backspace(line);
    output_raw(line, ' ');
    output_raw(line, '\b');
}

static void show_printed(struct tty_line *line, uint32_t position, uint32_t count)
{
    if (!line->is_erasing) {
        output_raw(line, '\\');
        line->column++;
        line->is_erasing = 1;
    }
    for (uint32_t i = 0; i < count; i++)
        edit_echo(line, at(line, position + i));
}

/* The screen after `count` bytes at `position` (one character) were erased. */
static void show_erased(struct tty_line *line, uint32_t position, uint32_t count, enum erase_kind kind)
{
    uint32_t lflag = line->termios.lflag;
    uint8_t c = at(line, position);

    if (lflag & ECHOPRT) {
        show_printed(line, position, count);
    } else if (kind == ERASE_CHARACTER && !(lflag & ECHOE)) {
        edit_echo(line, line->termios.cc[VERASE]);
    } else if (c == '\t') {
        for (uint32_t width = tab_width(line, position); width > 0; width--)
            backspace(line);
    } else {
        if (is_control(c) && (lflag & ECHOCTL))
            rub_out(line);
        if (!is_control(c) || (lflag & ECHOCTL))
            rub_out(line);
    }
}

static void kill_plainly(struct tty_line *line)
{
    line->input_head = line->canon_head;
    if (!(line->termios.lflag & ECHO))
        return;
    edit_finish_erasing(line);
    edit_echo(line, line->termios.cc[VKILL]);
    if (line->termios.lflag & ECHOK)
        output_character(line, '\n');
}

/* Start of the character that ends at `end`, or `end` if it is not whole. */
static uint32_t character_before(const struct tty_line *line, uint32_t end)
{
    uint32_t start = end;

    do {
        start--;
    } while (is_continuation(line, at(line, start)) && start != line->canon_head);
    return is_continuation(line, at(line, start)) ? end : start;
}

void edit_erase(struct tty_line *line, uint8_t c)
{
    uint32_t lflag = line->termios.lflag;
    enum erase_kind kind = ERASE_CHARACTER;
    bool in_word = false;

    if (line->input_head == line->canon_head)
        return;
    if (c != line->termios.cc[VERASE])
        kind = c == line->termios.cc[VKILL] ? ERASE_LINE : ERASE_WORD;
    if (kind == ERASE_LINE && (lflag & (ECHO | ECHOK | ECHOKE | ECHOE)) != (ECHO | ECHOK | ECHOKE | ECHOE)) {
        kill_plainly(line);
        return;
    }
    while (line->input_head != line->canon_head) {
        uint32_t end = line->input_head;
        uint32_t start = character_before(line, end);

        if (start == end)
            break;
        if (kind == ERASE_WORD) {
            if (is_word(at(line, start)))
                in_word = true;
            else if (in_word)
                break;
        }
        line->input_head = start;
        if (lflag & ECHO)
            show_erased(line, start, end - start, kind);
        if (kind == ERASE_CHARACTER)
            break;
    }
    if (line->input_head == line->canon_head && (lflag & ECHO))
        edit_finish_erasing(line);
}
