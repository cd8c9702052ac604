/* SPDX-License-Identifier: MIT */
/*
 * Initial settings (Linux's tty_std_termios) and the invariants of the state.
 */
#include "state.h"

#include "base/string.h"
#include "errors.h"
#include "sys/waiters.h"

static const struct linux_termios standard = {
    .iflag = ICRNL | IXON,
    .oflag = OPOST | ONLCR,
    .cflag = B38400 | CS8 | CREAD | HUPCL,
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .cc = {
        [VINTR] = 3, [VQUIT] = 034, [VERASE] = 0177, [VKILL] = 025, [VEOF] = 4, [VMIN] = 1, [VSTART] = 021, [VSTOP] = 023,
        [VSUSP] = 032, [VREPRINT] = 022, [VDISCARD] = 017, [VWERASE] = 027, [VLNEXT] = 026,
    },
    .ispeed = 38400,
    .ospeed = 38400,
};

void tty_line_reset(struct tty_line *line, enum line_kind kind)
{
    memset(line, 0, sizeof(*line));
    line->kind = (uint8_t)kind;
    line->termios = standard;
    if (kind == LINE_SERIAL) {
        line->termios.cflag = B9600 | CS8 | CREAD | HUPCL | CLOCAL;
        line->termios.ispeed = line->termios.ospeed = 9600;
    } else {
        line->termios.cflag &= ~(uint32_t)HUPCL;
    }
}

void tty_state_init(struct tty_state *tty)
{
    for (uint32_t i = 0; i < SERIAL_LINES; i++)
        tty_line_reset(&tty->line[i], LINE_SERIAL);
    for (uint32_t i = SERIAL_LINES; i < TTY_LINES; i++)
        tty_line_reset(&tty->line[i], LINE_PTY);
}

static const char *line_check(const struct tty_line *line)
{
    if (line->kind != LINE_SERIAL && line->kind != LINE_PTY)
        return "line of no kind";
    if (line->input_head - line->input_tail > TTY_BUFFER)
        return "more input than room";
    if (line->canon_head - line->input_tail > line->input_head - line->input_tail)
        return "complete lines end outside of the input";
    if (line->output_head - line->output_tail > TTY_BUFFER)
        return "more output than room";
    if (line->has_master && line->kind != LINE_PTY)
        return "master of a serial port";
    return NULL;
}

const char *tty_state_check(const void *state)
{
    const struct tty_state *tty = state;
    const char *problem = NULL;

    for (uint32_t i = 0; i < TTY_LINES && problem == NULL; i++) {
        if (tty->line[i].is_present)
            problem = line_check(&tty->line[i]);
    }
    for (uint32_t i = 0; i < TTY_WAITERS && problem == NULL; i++) {
        if (tty->waiter[i].kind > WAITER_OPEN || tty->waiter[i].line >= TTY_LINES)
            problem = "waiter of no kind or line";
    }
    return problem;
}

void tty_mark_waiters(const void *state, struct waiters *waiters)
{
    const struct tty_state *tty = state;

    for (uint32_t i = 0; i < TTY_WAITERS; i++) {
        if (tty->waiter[i].kind != WAITER_FREE)
            waiters_mark(waiters, tty->waiter[i].granter);
    }
}
