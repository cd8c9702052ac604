/* SPDX-License-Identifier: MIT */
/*
 * The parser of manifests: words, and a table of keys.
 */
#include "manifest.h"

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/protocol_trace.h"

enum { WORD_BYTES = 32 };

struct reader {
    const char *text;
    size_t length;
    size_t at;
    char *error;
    char word[WORD_BYTES];
};

extern const struct protocol_trace kernel_trace;

static int fail(struct reader *reader, const char *what, const char *detail)
{
    int line = 1;

    for (size_t i = 0; i < reader->at && i < reader->length; i++)
        line += reader->text[i] == '\n';
    format_string(reader->error, MANIFEST_ERROR_BYTES, "line %d: %s '%s'", line, what, detail);
    return -EINVAL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->length) {
        char c = reader->text[reader->at];

        if (c == '#') {
            while (reader->at < reader->length && reader->text[reader->at] != '\n')
                reader->at++;
        } else if (is_space(c)) {
            reader->at++;
        } else {
            return;
        }
    }
}

/* Next word into reader->word: a run of other characters, or one of { } ; alone. false at the end. */
static bool next(struct reader *reader)
{
    size_t length = 0;

    skip_space(reader);
    while (reader->at < reader->length) {
        char c = reader->text[reader->at];
        bool alone = c == '{' || c == '}' || c == ';';

        if (is_space(c) || c == '#' || (alone && length > 0))
            break;
        reader->at++;
        if (length + 1 < WORD_BYTES)
            reader->word[length++] = c;
        if (alone)
            break;
    }
    reader->word[length] = '\0';
    return length > 0;
}

static bool is_word(const struct reader *reader, const char *text)
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

/* Digits from *text on; moves it behind them. */
static bool number(const char **text, uint32_t base, uint64_t *value)
{
    uint32_t digit;

    if (!digit_value(**text, base, &digit))
        return false;
    *value = 0;
    while (digit_value(**text, base, &digit)) {
        *value = *value * base + digit;
        (*text)++;
    }
    return true;
}

/* "first<separator>second" in one word; the second part may be missing (then it is `otherwise`). */
static bool pair(const char *word, uint32_t base, char separator, uint64_t *first, uint64_t *second)
{
    if (!number(&word, base, first))
        return false;
    if (*word == '\0')
        return true;
    return *word++ == separator && number(&word, base, second) && *word == '\0';
}

/* ---- values of the keys: each reads up to the `;` ---- */

static int read_number(struct reader *reader, uint32_t *value)
{
    uint64_t wide;
    const char *word = reader->word;

    if (!next(reader) || !number(&word, 10, &wide) || *word != '\0')
        return fail(reader, "number expected, not", reader->word);
    *value = (uint32_t)wide;
    return 0;
}

static int read_uid(struct reader *reader, struct manifest *manifest)
{
    return read_number(reader, &manifest->uid);
}

static int read_level(struct reader *reader, struct manifest *manifest)
{
    return read_number(reader, &manifest->level);
}

static int read_heartbeat(struct reader *reader, struct manifest *manifest)
{
    return read_number(reader, &manifest->heartbeat_ms);
}

static int read_priority(struct reader *reader, struct manifest *manifest)
{
    return read_number(reader, &manifest->priority);
}

static int read_quantum(struct reader *reader, struct manifest *manifest)
{
    return read_number(reader, &manifest->quantum_ms);
}

static int read_copy(struct reader *reader, struct manifest *manifest)
{
    (void)reader;
    manifest->keep_copy = 1;
    return 0;
}

static int read_restart(struct reader *reader, struct manifest *manifest)
{
    if (!next(reader) || (!is_word(reader, "resume") && !is_word(reader, "fresh")))
        return fail(reader, "restart is resume or fresh, not", reader->word);
    manifest->resume = is_word(reader, "resume");
    return 0;
}

/* The words up to the `;`, one call each; the `;` is left for the caller. */
static bool next_value(struct reader *reader)
{
    size_t before;

    skip_space(reader);
    before = reader->at;
    if (!next(reader))
        return false;
    if (is_word(reader, ";") || is_word(reader, "}")) {
        reader->at = before;
        return false;
    }
    return true;
}

static int read_ipc(struct reader *reader, struct manifest *manifest)
{
    while (next_value(reader)) {
        if (is_word(reader, "ALL") || is_word(reader, "ALL_SYS")) {
            manifest->all_peers = 1;
        } else if (!is_word(reader, "NONE")) {
            if (manifest->peer_count == MANIFEST_PEERS || strlen(reader->word) >= RS_LABEL_MAX)
                return fail(reader, "too many peers, or too long a label:", reader->word);
            string_copy(manifest->peer[manifest->peer_count], RS_LABEL_MAX, reader->word);
            manifest->peer_count++;
        }
    }
    return 0;
}

static void allow_call(struct manifest *manifest, uint32_t type)
{
    uint32_t operation = message_operation(type);

    if (operation / 64 < PRIVILEGE_CALL_WORDS)
        manifest->call_mask[operation / 64] |= 1ull << (operation % 64);
}

static void allow_basic_calls(struct manifest *manifest)
{
    static const uint32_t basic[] = {
        KERNEL_EXIT,       KERNEL_WHOAMI,    KERNEL_TIMES,    KERNEL_SETALARM, KERNEL_SAFECOPYFROM,
        KERNEL_SAFECOPYTO, KERNEL_VSAFECOPY, KERNEL_SETGRANT, KERNEL_LOG,      KERNEL_STATECTL,
    };

    for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
        allow_call(manifest, basic[i]);
}

static bool allow_call_by_name(struct manifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < kernel_trace.operation_count; i++) {
        if (strcmp(kernel_trace.operations[i].name, name) == 0) {
            allow_call(manifest, kernel_trace.operations[i].type);
            return true;
        }
    }
    return false;
}

static int read_system(struct reader *reader, struct manifest *manifest)
{
    while (next_value(reader)) {
        if (is_word(reader, "ALL"))
            memset(manifest->call_mask, 0xff, sizeof(manifest->call_mask));
        else if (is_word(reader, "BASIC"))
            allow_basic_calls(manifest);
        else if (!is_word(reader, "NONE") && !allow_call_by_name(manifest, reader->word))
            return fail(reader, "no such kernel call:", reader->word);
    }
    return 0;
}

static int read_io(struct reader *reader, struct manifest *manifest)
{
    while (next_value(reader)) {
        uint64_t base, count = 1;

        if (manifest->io_count == MANIFEST_IO || !pair(reader->word, 16, ':', &base, &count))
            return fail(reader, "I/O range is hex base:count, not", reader->word);
        manifest->io[manifest->io_count].base = (uint16_t)base;
        manifest->io[manifest->io_count].count = (uint16_t)count;
        manifest->io_count++;
    }
    return 0;
}

static int read_irq(struct reader *reader, struct manifest *manifest)
{
    while (next_value(reader)) {
        uint64_t line;
        const char *word = reader->word;

        if (manifest->irq_count == PRIVILEGE_IRQS || !number(&word, 10, &line) || *word != '\0')
            return fail(reader, "interrupt line expected, not", reader->word);
        manifest->irq[manifest->irq_count++] = (uint32_t)line;
    }
    return 0;
}

static int read_memory(struct reader *reader, struct manifest *manifest)
{
    while (next_value(reader)) {
        uint64_t base, length = 4096;

        if (is_word(reader, "bootimage")) {
            manifest->boot_image = 1;
            continue;
        }
        if (manifest->memory_count == MANIFEST_MEMORY || !pair(reader->word, 16, ':', &base, &length))
            return fail(reader, "memory is bootimage or hex base:length, not", reader->word);
        manifest->memory[manifest->memory_count].base = base;
        manifest->memory[manifest->memory_count].length = length;
        manifest->memory_count++;
    }
    return 0;
}

/* device MAJOR FIRST-LAST... */
static int read_device(struct reader *reader, struct manifest *manifest)
{
    uint32_t major;
    int result = read_number(reader, &major);

    if (result != 0)
        return result;
    while (next_value(reader)) {
        struct manifest_device *device = &manifest->device[manifest->device_count];
        uint64_t first, last = UINT64_MAX;

        if (manifest->device_count == MANIFEST_DEVICES || !pair(reader->word, 10, '-', &first, &last))
            return fail(reader, "minors are first-last, not", reader->word);
        device->major = major;
        device->first = (uint32_t)first;
        device->last = (uint32_t)(last == UINT64_MAX ? first : last);
        manifest->device_count++;
    }
    return 0;
}

static const struct {
    const char *name;
    int (*read)(struct reader *reader, struct manifest *manifest);
} keys[] = {
    { "uid", read_uid },
    { "level", read_level },
    { "heartbeat", read_heartbeat },
    { "priority", read_priority },
    { "quantum", read_quantum },
    { "copy", read_copy },
    { "restart", read_restart },
    { "ipc", read_ipc },
    { "system", read_system },
    { "io", read_io },
    { "irq", read_irq },
    { "memory", read_memory },
    { "device", read_device },
};

static int read_key(struct reader *reader, struct manifest *manifest)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        int result;

        if (!is_word(reader, keys[i].name))
            continue;
        result = keys[i].read(reader, manifest);
        if (result == 0 && (!next(reader) || !is_word(reader, ";")))
            result = fail(reader, "';' expected, not", reader->word);
        return result;
    }
    return fail(reader, "no such key:", reader->word);
}

static int read_body(struct reader *reader, struct manifest *manifest)
{
    while (next(reader)) {
        int result;

        if (is_word(reader, "}"))
            return 0;
        result = read_key(reader, manifest);
        if (result != 0)
            return result;
    }
    return fail(reader, "'}' is missing", "");
}

static void set_defaults(struct manifest *manifest, const char *label)
{
    memset(manifest, 0, sizeof(*manifest));
    string_copy(manifest->label, sizeof(manifest->label), label);
    manifest->level = 6;
    manifest->priority = 4;
    manifest->quantum_ms = 10;
}

static void skip_body(struct reader *reader)
{
    while (next(reader) && !is_word(reader, "}")) {
    }
}

int manifest_read(const char *text, size_t length, const char *label, struct manifest *manifest, char error[MANIFEST_ERROR_BYTES])
{
    struct reader reader = { .text = text, .length = length, .error = error };
    char found[WORD_BYTES];

    error[0] = '\0';
    while (next(&reader)) {
        if (!is_word(&reader, "service"))
            return fail(&reader, "'service' expected, not", reader.word);
        if (!next(&reader) || strlen(reader.word) >= RS_LABEL_MAX)
            return fail(&reader, "label expected, at most 15 characters, not", reader.word);
        string_copy(found, sizeof(found), reader.word);
        if (!next(&reader) || !is_word(&reader, "{"))
            return fail(&reader, "'{' expected, not", reader.word);
        if (label == NULL || strcmp(found, label) == 0) {
            set_defaults(manifest, found);
            return read_body(&reader, manifest);
        }
        skip_body(&reader);
    }
    format_string(error, MANIFEST_ERROR_BYTES, "no manifest of '%s'", label != NULL ? label : "any service");
    return -ESRCH;
}
