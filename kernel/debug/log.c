/* SPDX-License-Identifier: MIT */
/*
 * The log ring. Positions are bytes since boot, so that a reader that was away too long sees that it lost something.
 */
#include "arch/x86_64/arch.h"
#include "base/format.h"
#include "base/string.h"
#include "debug/debug.h"

enum { LINE_BYTES = 1100 };

static char ring[LOG_RING_BYTES];
static uint64_t ring_position;
static bool line_is_open;

static void ring_write(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ring[(ring_position + i) % LOG_RING_BYTES] = text[i];
    ring_position += length;
    serial_write(text, length);
}

static void write_prefix(const char *name)
{
    char prefix[48];
    uint64_t micros = time_uptime_ns() / 1000;
    int length = format_string(prefix, sizeof(prefix), "[%5lu.%06lu] %s", micros / 1000000, micros % 1000000, name);

    ring_write(prefix, (size_t)length);
}

static void write_lines(const char *text, size_t length, const char *name)
{
    while (length) {
        const char *end = memchr(text, '\n', length);
        size_t part = end ? (size_t)(end - text) + 1 : length;
        if (!line_is_open)
            write_prefix(name);
        ring_write(text, part);
        line_is_open = !end;
        text += part;
        length -= part;
    }
}

void log_printf(const char *format, ...)
{
    static char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    int length = format_list(line, sizeof(line), format, arguments);
    va_end(arguments);
    write_lines(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1, "kernel: ");
}

void log_text(const char *text, size_t length)
{
    write_lines(text, length, "");
    if (line_is_open) {
        ring_write("\n", 1);
        line_is_open = false;
    }
}

uint64_t log_position(void)
{
    return ring_position;
}

const char *log_piece(uint64_t *position, size_t *length)
{
    uint64_t oldest = ring_position > LOG_RING_BYTES ? ring_position - LOG_RING_BYTES : 0;

    if (*position < oldest || *position > ring_position)
        *position = oldest;
    size_t offset = *position % LOG_RING_BYTES;
    uint64_t left = ring_position - *position;
    *length = left < LOG_RING_BYTES - offset ? left : LOG_RING_BYTES - offset;
    return ring + offset;
}
