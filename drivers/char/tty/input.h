/* SPDX-License-Identifier: MIT */
/*
 * The way into a line: line editing, echo, signal characters, flow control; and taking finished input out.
 */
#pragma once

#include "state.h"

enum input_error { INPUT_BREAK, INPUT_PARITY };

/* One character from the device or the master side. The caller has looked at input_has_room. */
void input_receive(struct tty_line *line, uint8_t c);
/* A break, or a character with a framing or parity error. */
void input_receive_error(struct tty_line *line, enum input_error error, uint8_t c);
/* false: the sender must wait (the buffer holds finished input that nobody has read). */
bool input_has_room(const struct tty_line *line);

/* Bytes that a read would find now (FIONREAD). */
uint32_t input_available(const struct tty_line *line);
/* Would a read with this minimum return? */
bool input_is_ready(const struct tty_line *line, uint32_t minimum);

/* One step of a read of `want` bytes: copy `count` from `bytes`, then input_take it. */
struct input_piece {
    const uint8_t *bytes;
    uint32_t count;
    uint32_t consumed; /* count, or one more for an end-of-file mark */
    bool ends_read;
};
struct input_piece input_peek(const struct tty_line *line, uint64_t want);
void input_take(struct tty_line *line, const struct input_piece *piece);
/* The reader's buffer is full: an end-of-file mark that comes next belongs to the line just read. */
void input_skip_end_of_file(struct tty_line *line);

void input_flush(struct tty_line *line);
/* Settings changed from `old`. */
void input_settings_changed(struct tty_line *line, const struct linux_termios *old);
/* The signals of the terminal, with the flush that goes with them. */
void input_signal(struct tty_line *line, int signal);
