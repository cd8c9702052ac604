/* SPDX-License-Identifier: MIT */
/*
 * The kernel's log has no levels and counts in bytes: every line is level 6, and its sequence number is its position.
 */
#include "record.h"

#include "base/format.h"
#include "base/string.h"

enum { LEVEL_MASK = 7, MICROS = 1000000 };

static size_t number(const char *text, size_t length, uint64_t *value)
{
    size_t i = 0;

    *value = 0;
    while (i < length && text[i] >= '0' && text[i] <= '9')
        *value = *value * 10 + (uint64_t)(text[i++] - '0');
    return i;
}

uint32_t record_level(const char *text, size_t length, size_t *taken)
{
    uint64_t value;
    size_t digits;

    *taken = 0;
    if (length < 3 || text[0] != '<')
        return RECORD_LEVEL_WRITTEN;
    digits = number(text + 1, length - 1, &value);
    if (digits == 0 || digits > 4 || digits + 1 >= length || text[digits + 1] != '>')
        return RECORD_LEVEL_WRITTEN;
    *taken = digits + 2;
    return value & LEVEL_MASK;
}

/* `[    1.234567] ` in front of a line: its length, 0 if it is not there. */
static size_t time_prefix(const char *line, size_t length, uint64_t *micros)
{
    uint64_t seconds, fraction;
    size_t i = 1;

    *micros = 0;
    if (length < 4 || line[0] != '[')
        return 0;
    while (i < length && line[i] == ' ')
        i++;
    i += number(line + i, length - i, &seconds);
    if (i >= length || line[i++] != '.')
        return 0;
    i += number(line + i, length - i, &fraction);
    if (i + 1 >= length || line[i] != ']' || line[i + 1] != ' ')
        return 0;
    *micros = seconds * MICROS + fraction;
    return i + 2;
}

size_t record_format(char *to, size_t room, const char *line, size_t length, uint64_t sequence)
{
    uint64_t micros;
    size_t prefix = time_prefix(line, length, &micros);
    int total = format_string(to, room, "%u,%lu,%lu,-;%.*s\n", RECORD_LEVEL_DEFAULT, sequence, micros, (int)(length - prefix),
                              line + prefix);

    return (size_t)total < room ? (size_t)total : room - 1;
}
