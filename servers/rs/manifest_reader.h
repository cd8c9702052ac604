/* SPDX-License-Identifier: MIT */
/*
 * Words of a manifest, with their places.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MANIFEST_WORD_BYTES = 272 };

struct reader {
    const char *text;
    size_t length;
    size_t at;
    size_t word_at;  /* where the last word began */
    const char *key; /* being read, NULL: none */
    char *error;     /* MANIFEST_ERROR_BYTES */
    char word[MANIFEST_WORD_BYTES];
};

/* -EINVAL; the error says where the last word began, the key, what is expected, and the word. */
int reader_fail(struct reader *reader, const char *expected);
/* Next word into reader->word: a run of other characters, or one of { } ; alone. false at the end. */
bool reader_next(struct reader *reader);
/* The next word up to the `;` (or `}`), which stays. */
bool reader_next_value(struct reader *reader);
bool reader_is(const struct reader *reader, const char *text);

/* Digits from *text on; moves it behind them. false: none, or more than 64 bits. */
bool word_number(const char **text, uint32_t base, uint64_t *value);
/* "first<separator>second" in one word; the second part may be missing (then it stays as it is). */
bool word_pair(const char *word, uint32_t base, char separator, uint64_t *first, uint64_t *second);
