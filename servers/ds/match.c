/* SPDX-License-Identifier: MIT */
/*
 * A backtracking matcher. Keys and patterns have at most 80 characters; the number of steps is bounded, so that no pattern can hold DS up.
 */
#include "match.h"

#include <stddef.h>

enum { MATCH_STEPS = 20000 };

struct position {
    const char *end; /* of the alternative */
    int steps;
};

/* Length of the atom at `pattern` in characters, 0 if it is broken. */
static size_t atom_length(const char *pattern)
{
    size_t i = 1;

    if (*pattern == '\\')
        return pattern[1] != '\0' ? 2 : 0;
    if (*pattern != '[')
        return *pattern == '*' || *pattern == '+' || *pattern == '?' || *pattern == '(' || *pattern == ')' ? 0 : 1;
    if (pattern[i] == '^')
        i++;
    if (pattern[i] == ']')
        i++;
    while (pattern[i] != ']') {
        if (pattern[i] == '\0')
            return 0;
        i++;
    }
    return i + 1;
}

static bool is_quantifier(char c)
{
    return c == '*' || c == '+' || c == '?';
}

bool match_is_valid(const char *pattern)
{
    while (*pattern != '\0') {
        size_t length;

        if (*pattern == '|') {
            pattern++;
            continue;
        }
        length = atom_length(pattern);
        if (length == 0)
            return false;
        pattern += length;
        if (is_quantifier(*pattern))
            pattern++;
    }
    return true;
}

static bool in_set(const char *set, size_t length, char c)
{
    bool inverted = set[1] == '^';
    bool found = false;

    for (size_t i = inverted ? 2 : 1; i + 1 < length; i++) {
        if (i + 3 < length && set[i + 1] == '-') {
            found |= c >= set[i] && c <= set[i + 2];
            i += 2;
        } else {
            found |= c == set[i];
        }
    }
    return found != inverted;
}

static bool atom_matches(const char *atom, size_t length, char c)
{
    if (c == '\0')
        return false;
    if (*atom == '.')
        return true;
    if (*atom == '\\')
        return atom[1] == c;
    if (*atom == '[')
        return in_set(atom, length, c);
    return *atom == c;
}

static bool match_here(struct position *at, const char *pattern, const char *text)
{
    size_t length, least, most, count = 0;
    const char *rest;
    char quantifier;

    if (++at->steps > MATCH_STEPS)
        return false;
    if (pattern == at->end)
        return *text == '\0';
    length = atom_length(pattern);
    if (length == 0)
        return false;
    rest = pattern + length;
    quantifier = rest < at->end && is_quantifier(*rest) ? *rest++ : '\0';
    least = quantifier == '*' || quantifier == '?' ? 0 : 1;
    most = quantifier == '*' || quantifier == '+' ? (size_t)-1 : 1;
    while (count < most && atom_matches(pattern, length, text[count]))
        count++;
    for (;; count--) {
        if (count < least)
            return false;
        if (match_here(at, rest, text + count))
            return true;
        if (count == 0)
            return false;
    }
}

static const char *end_of_alternative(const char *pattern)
{
    while (*pattern != '\0' && *pattern != '|') {
        size_t length = atom_length(pattern);

        pattern += length != 0 ? length : 1;
    }
    return pattern;
}

bool match_text(const char *pattern, const char *text)
{
    for (;;) {
        struct position at = { .end = end_of_alternative(pattern) };

        if (match_here(&at, pattern, text))
            return true;
        if (*at.end == '\0')
            return false;
        pattern = at.end + 1;
    }
}
