/* SPDX-License-Identifier: MIT */
/*
 * The way out of a line: output processing (OPOST and its flags, column) into the output ring.
 */
#pragma once

#include "state.h"

static inline uint32_t output_used(const struct tty_line *line)
{
    return line->output_head - line->output_tail;
}

static inline uint32_t output_room(const struct tty_line *line)
{
    return TTY_BUFFER - output_used(line);
}

/* Process and queue bytes of a program, as far as there is room outside of the echo reserve. Returns how many bytes were taken. */
uint32_t output_write(struct tty_line *line, const uint8_t *bytes, uint32_t count);
/* One character with output processing (echo), or dropped if there is no room at all. */
void output_character(struct tty_line *line, uint8_t c);
/* One byte as it is. */
void output_raw(struct tty_line *line, uint8_t c);
/* The first contiguous piece of the queue; the number of its bytes is returned. */
uint32_t output_peek(const struct tty_line *line, const uint8_t **bytes);
static inline void output_consume(struct tty_line *line, uint32_t count)
{
    line->output_tail += count;
}
static inline void output_flush(struct tty_line *line)
{
    line->output_tail = line->output_head;
}
void output_stop(struct tty_line *line);
void output_start(struct tty_line *line);
