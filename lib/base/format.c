/* SPDX-License-Identifier: MIT */
/*
 * A formatter without state or allocation. A conversion is parsed into a struct, its digits are made backwards in a small buffer,
 * and one function does all padding.
 */
#include "base/format.h"

#include "base/string.h"

#include <stdbool.h>
#include <stdint.h>

struct output {
    char *to;
    size_t room;
    size_t length;
};

struct conversion {
    bool left, zero, plus, alternate;
    int width;
    int precision; /* -1: none */
    int size;      /* bytes of the argument */
    char kind;
};

static void put(struct output *out, char c)
{
    if (out->length + 1 < out->room)
        out->to[out->length] = c;
    out->length++;
}

static void put_padded(struct output *out, const struct conversion *c, const char *prefix, const char *text, int length, int zeros)
{
    int prefix_length = (int)strlen(prefix);
    int pad = c->width - prefix_length - zeros - length;

    for (; !c->left && pad > 0; pad--)
        put(out, ' ');
    while (*prefix)
        put(out, *prefix++);
    for (; zeros > 0; zeros--)
        put(out, '0');
    for (int i = 0; i < length; i++)
        put(out, text[i]);
    for (; c->left && pad > 0; pad--)
        put(out, ' ');
}

static void put_number(struct output *out, const struct conversion *c, uint64_t value, bool negative)
{
    char digits[24];
    int at = sizeof(digits);
    unsigned base = c->kind == 'x' || c->kind == 'X' || c->kind == 'p' ? 16 : c->kind == 'o' ? 8 : 10;
    const char *alphabet = c->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    const char *prefix = negative ? "-" : c->plus && (c->kind == 'd') ? "+" : "";

    if ((c->alternate && base == 16 && value) || c->kind == 'p')
        prefix = "0x";
    if (!value && c->precision != 0)
        digits[--at] = '0';
    for (; value; value /= base)
        digits[--at] = alphabet[value % base];
    int length = (int)sizeof(digits) - at;
    int zeros = c->precision > length ? c->precision - length : 0;
    if (c->zero && !c->left && c->precision < 0) {
        zeros = c->width - (int)strlen(prefix) - length;
        zeros = zeros > 0 ? zeros : 0;
    }
    put_padded(out, c, prefix, digits + at, length, zeros);
}

static const char *parse_number(const char *format, va_list *arguments, int *number)
{
    if (*format == '*') {
        *number = va_arg(*arguments, int);
        return format + 1;
    }
    for (*number = 0; *format >= '0' && *format <= '9'; format++)
        *number = *number * 10 + (*format - '0');
    return format;
}

static const char *parse(const char *format, struct conversion *c, va_list *arguments)
{
    *c = (struct conversion){ .precision = -1, .size = sizeof(int) };
    for (;; format++) {
        if (*format == '-')
            c->left = true;
        else if (*format == '0')
            c->zero = true;
        else if (*format == '+')
            c->plus = true;
        else if (*format == '#')
            c->alternate = true;
        else if (*format != ' ')
            break;
    }
    format = parse_number(format, arguments, &c->width);
    if (c->width < 0) {
        c->left = true;
        c->width = -c->width;
    }
    if (*format == '.')
        format = parse_number(format + 1, arguments, &c->precision);
    for (;; format++) {
        if (*format == 'l' || *format == 'z' || *format == 'j' || *format == 't')
            c->size = 8;
        else if (*format == 'h')
            c->size = c->size == 2 ? 1 : 2;
        else
            break;
    }
    c->kind = *format;
    return *format ? format + 1 : format;
}

static void convert_signed(struct output *out, struct conversion *c, va_list *arguments)
{
    int64_t value = c->size == 8 ? va_arg(*arguments, int64_t) : va_arg(*arguments, int);

    c->kind = 'd';
    if (c->size < 4)
        value = c->size == 1 ? (int8_t)value : (int16_t)value;
    put_number(out, c, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0);
}

static void convert_unsigned(struct output *out, struct conversion *c, va_list *arguments)
{
    uint64_t value = c->size == 8 ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned);

    if (c->size < 4)
        value = c->size == 1 ? (uint8_t)value : (uint16_t)value;
    put_number(out, c, value, false);
}

static void convert(struct output *out, struct conversion *c, va_list *arguments)
{
    char character;
    const char *text;

    switch (c->kind) {
    case 'd':
    case 'i':
        convert_signed(out, c, arguments);
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        convert_unsigned(out, c, arguments);
        break;
    case 'p':
        put_number(out, c, (uintptr_t)va_arg(*arguments, void *), false);
        break;
    case 'c':
        character = (char)va_arg(*arguments, int);
        put_padded(out, c, "", &character, 1, 0);
        break;
    case 's':
        text = va_arg(*arguments, const char *);
        text = text ? text : "(null)";
        put_padded(out, c, "", text, (int)(c->precision < 0 ? strlen(text) : strnlen(text, (size_t)c->precision)), 0);
        break;
    default:
        put(out, c->kind ? c->kind : '%');
    }
}

int format_list(char *to, size_t room, const char *format, va_list arguments)
{
    struct output out = { to, room, 0 };
    struct conversion c;
    va_list list;

    va_copy(list, arguments);
    while (*format) {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format = parse(format + 1, &c, &list);
        convert(&out, &c, &list);
    }
    va_end(list);
    if (room)
        to[out.length < room ? out.length : room - 1] = 0;
    return (int)out.length;
}

int format_string(char *to, size_t room, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = format_list(to, room, format, arguments);
    va_end(arguments);
    return length;
}
