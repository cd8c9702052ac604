/* SPDX-License-Identifier: MIT */
/*
 * Words of a manifest: runs of characters between spaces, `{`, `}` and `;`; `#` to the end of the line is a comment.
 */
#include "manifest_reader.h"

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "manifest.h"

int reader_fail(struct reader *reader, const char *expected)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < reader->word_at; i++) {
        column = reader->text[i] == '\n' ? 1 : column + 1;
        line += reader->text[i] == '\n';
    }
    format_string(reader->error, MANIFEST_ERROR_BYTES, "%lu:%lu: %s%sexpected %s, not '%.40s'", line, column,
                  reader->key != NULL ? reader->key : "", reader->key != NULL ? ": " : "", expected,
                  reader->word[0] != '\0' ? reader->word : "the end");
    return -EINVAL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct reader *reader)
{
    bool comment = false;

    for (; reader->at < reader->length; reader->at++) {
        char c = reader->text[reader->at];

        comment = c == '#' || (comment && c != '\n');
        if (!comment && !is_space(c))
            return;
    }
}

bool reader_next(struct reader *reader)
{
    size_t length = 0;

    skip_space(reader);
    reader->word_at = reader->at;
    while (reader->at < reader->length) {
        char c = reader->text[reader->at];
        bool alone = c == '{' || c == '}' || c == ';';

        if (is_space(c) || c == '#' || (alone && length > 0))
            break;
        reader->at++;
        /* What is cut off here is longer than any value may be: the last place tells. */
        if (length + 1 < MANIFEST_WORD_BYTES)
            reader->word[length++] = c;
        if (alone)
            break;
    }
    reader->word[length] = '\0';
    return length > 0;
}

bool reader_next_value(struct reader *reader)
{
    size_t before;

    skip_space(reader);
    before = reader->at;
    if (!reader_next(reader))
        return false;
    if (reader_is(reader, ";") || reader_is(reader, "}")) {
        reader->at = before;
        return false;
    }
    return true;
}

bool reader_is(const struct reader *reader, const char *text)
{
    return strcmp(reader->word, text) == 0;
}

static bool digit_value(char c, uint32_t base, uint32_t *value)
{
    if (c >= '0' && c <= '9')
        *value = (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *value = (uint32_t)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
        *value = (uint32_t)(c - 'A' + 10);
    else
        return false;
    return *value < base;
}

bool word_number(const char **text, uint32_t base, uint64_t *value)
{
    uint32_t digit;

    if (!digit_value(**text, base, &digit))
        return false;
    *value = 0;
    while (digit_value(**text, base, &digit)) {
        if (*value > (UINT64_MAX - digit) / base)
            return false;
        *value = *value * base + digit;
        (*text)++;
    }
    return true;
}

bool word_pair(const char *word, uint32_t base, char separator, uint64_t *first, uint64_t *second)
{
    if (!word_number(&word, base, first))
        return false;
    if (*word == '\0')
        return true;
    return *word++ == separator && word_number(&word, base, second) && *word == '\0';
}
