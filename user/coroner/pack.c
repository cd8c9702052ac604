/* SPDX-License-Identifier: MIT */
/*
 * A small greedy compressor and base64 (pack.h).
 */
#include "pack.h"

#include <string.h>

enum { HASH_BITS = 13, MATCH_MIN = 4, LAST_LITERALS = 12, NIBBLE = 15, BYTE = 255 };

static uint32_t word_at(const uint8_t *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

static uint8_t *put_length(uint8_t *to, size_t length)
{
    for (; length >= BYTE; length -= BYTE)
        *to++ = BYTE;
    *to++ = (uint8_t)length;
    return to;
}

/* Literals, then a match (length 0: none, the end). */
static uint8_t *put_sequence(uint8_t *to, const uint8_t *literals, size_t count, size_t offset, size_t length)
{
    size_t rest = length > 0 ? length - MATCH_MIN : 0;

    *to++ = (uint8_t)((count < NIBBLE ? count : NIBBLE) << 4 | (rest < NIBBLE ? rest : NIBBLE));
    if (count >= NIBBLE)
        to = put_length(to, count - NIBBLE);
    memcpy(to, literals, count);
    to += count;
    if (length == 0)
        return to;
    *to++ = (uint8_t)offset;
    *to++ = (uint8_t)(offset >> 8);
    return rest >= NIBBLE ? put_length(to, rest - NIBBLE) : to;
}

static size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    const uint8_t *start = b;

    while (b < end && *a == *b) {
        a++;
        b++;
    }
    return (size_t)(b - start);
}

size_t pack(const uint8_t *from, size_t length, uint8_t *to)
{
    static uint32_t last[1 << HASH_BITS]; /* position + 1 of a word with this hash */
    const uint8_t *p = from, *literals = from, *end = from + length;
    uint8_t *out = to;

    memset(last, 0, sizeof(last));
    while (p + LAST_LITERALS < end) {
        uint32_t hash = word_at(p) * 2654435761u >> (32 - HASH_BITS);
        uint32_t found = last[hash];
        size_t matched = 0;

        last[hash] = (uint32_t)(p - from) + 1;
        if (found != 0 && (size_t)(p - from) - (found - 1) < PACK_BLOCK)
            matched = match_length(from + found - 1, p, end - LAST_LITERALS);
        if (matched < MATCH_MIN) {
            p++;
            continue;
        }
        out = put_sequence(out, literals, (size_t)(p - literals), (size_t)(p - from) - (found - 1), matched);
        p += matched;
        literals = p;
    }
    out = put_sequence(out, literals, (size_t)(end - literals), 0, 0);
    return (size_t)(out - to);
}

void base64(const uint8_t *from, size_t length, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < length; i += 3) {
        uint32_t bits = (uint32_t)from[i] << 16;

        if (i + 1 < length)
            bits |= (uint32_t)from[i + 1] << 8;
        if (i + 2 < length)
            bits |= from[i + 2];
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = i + 1 < length ? digits[bits >> 6 & 63] : '=';
        *to++ = i + 2 < length ? digits[bits & 63] : '=';
    }
    *to = '\0';
}
