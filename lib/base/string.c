/* SPDX-License-Identifier: MIT */
/*
 * Copies use the string instructions: one instruction per eight bytes is the best that works without SSE, and the
 * direction flag is clear by ABI.
 */
#include "base/string.h"

#include <stdint.h>

#if !defined(PLANARIA_HOST) && !defined(PLANARIA_PROGRAM)

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    void *result = to;
    size_t words = length >> 3, rest = length & 7;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t length)
{
    if ((uintptr_t)to - (uintptr_t)from >= length)
        return memcpy(to, from, length);
    uint8_t *t = to;
    const uint8_t *f = from;
    while (length--)
        t[length] = f[length];
    return to;
}

void *memset(void *to, int byte, size_t length)
{
    void *result = to;
    uint64_t pattern = (uint8_t)byte * 0x0101010101010101ull;
    size_t words = length >> 3, rest = length & 7;

    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
    return result;
}

int memcmp(const void *a, const void *b, size_t length)
{
    const uint8_t *x = a, *y = b;

    for (; length; length--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *memchr(const void *text, int byte, size_t length)
{
    const uint8_t *t = text;

    for (; length; length--, t++)
        if (*t == (uint8_t)byte)
            return (void *)(uintptr_t)t;
    return NULL;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

size_t strnlen(const char *text, size_t room)
{
    size_t length = 0;

    while (length < room && text[length])
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t length)
{
    for (; length; length--, a++, b++)
        if (*a != *b || !*a)
            return (unsigned char)*a - (unsigned char)*b;
    return 0;
}

char *strchr(const char *text, int c)
{
    for (;; text++) {
        if (*text == (char)c)
            return (char *)(uintptr_t)text;
        if (!*text)
            return NULL;
    }
}

char *strrchr(const char *text, int c)
{
    const char *found = NULL;

    for (;; text++) {
        if (*text == (char)c)
            found = text;
        if (!*text)
            return (char *)(uintptr_t)found;
    }
}

char *strstr(const char *text, const char *part)
{
    size_t length = strlen(part);

    for (; *text; text++)
        if (!strncmp(text, part, length))
            return (char *)(uintptr_t)text;
    return length ? NULL : (char *)(uintptr_t)text;
}

#endif

size_t string_copy(char *to, size_t room, const char *from)
{
    size_t length = 0;

    if (!room)
        return 0;
    for (; length + 1 < room && from[length]; length++)
        to[length] = from[length];
    to[length] = 0;
    return length;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

_Bool string_to_number(const char *text, unsigned long long *value)
{
    int base = 10;
    unsigned long long number = 0;

    if (text[0] == '0' && (text[1] | 0x20) == 'x') {
        base = 16;
        text += 2;
    }
    if (!*text)
        return 0;
    for (; *text; text++) {
        int digit = digit_value(*text);
        if (digit >= base)
            return 0;
        number = number * (unsigned)base + (unsigned)digit;
    }
    *value = number;
    return 1;
}
