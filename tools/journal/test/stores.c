/* SPDX-License-Identifier: MIT */
/*
 * Compiled with the plugin: each function below is run as a handler, rolled back and compared (an entry that is missing), and the words that it has logged
 * are counted (one that is superfluous). TAP.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/journal_debug.h"
#include "sys/stores.h"

enum { LOG_BYTES = 65536, RECORDS = 8, MASK = 0x8000 };

struct record {
    uint32_t kind, next;
    uint64_t value[4];
    uint32_t flags, count;
    uint64_t last[8];
};

struct answer {
    uint64_t word[3];
};

/* Never in the static state. */
struct row {
    uint64_t value[4];
} IN_TABLES;

struct tables {
    struct row *row;
    uint32_t *heads IN_TABLES;
};

struct call {
    struct answer *reply NOT_STATE;
};

/* In the place of struct journal: the code knows that its first word is where the next entry goes. */
uint64_t journal __attribute__((visibility("hidden")));
void journal_spill_stub(void);
/* The entries that the copy of the state looks at. */
uint64_t *journal_list_top __attribute__((visibility("hidden")));

static uint64_t log_chunk[LOG_BYTES / 8] __attribute__((aligned(LOG_BYTES)));
static struct record state[RECORDS] __attribute__((section(".bss.state")));
static struct record derived __attribute__((section(".bss.derived")));
static struct record copy[RECORDS];
static struct row rows[RECORDS];
static uint32_t heads[RECORDS];
extern struct tables tables; /* not known to the compiler */
struct tables tables = { rows, heads };
static uint64_t list[LOG_BYTES / 16];
static volatile bool yes = true, no = false;

void journal_spill_stub(void)
{
    abort();
}

void journal_record(const void *address, size_t bytes);

NO_JOURNAL void journal_record(const void *address, size_t bytes)
{
    uint64_t words = (bytes + 7) / 8, *to = (uint64_t *)journal;

    memcpy(to, address, words * 8);
    to[words] = (uint64_t)(uintptr_t)address | words << 48;
    *journal_list_top++ = to[words];
    journal += (words + 1) * 8;
}

/* ---- what is tried ---- */

__attribute__((noinline)) static void one_word(struct record *record)
{
    record->value[1] = 7;
}

__attribute__((noinline)) static void two_words_with_a_gap(struct record *record)
{
    record->kind = 1;
    record->last[3] = 2;
}

__attribute__((noinline)) static void around_a_branch(struct record *record)
{
    record->kind = 1;
    if (yes)
        record->value[0] = 2;
    record->count = 3;
    record->kind = 4;
}

__attribute__((noinline)) static void not_executed(struct record *record)
{
    if (no)
        record->value[0] = 2;
}

__attribute__((noinline)) static void element(struct record *records, uint32_t index)
{
    records[index].value[2] = 1;
    records[index].next = index;
    records[index + 1].flags = 5;
}

__attribute__((noinline)) static void whole_record(struct record *record)
{
    memset(record, 0xee, sizeof(*record));
}

__attribute__((noinline)) static void in_a_loop(struct record *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        records[i].count += i;
}

__attribute__((noinline)) static void any_length(struct record *record, size_t bytes)
{
    memset(record->last, 0xee, bytes);
}

__attribute__((noinline)) static void two_bytes(struct record *record)
{
    ((uint8_t *)record)[13] = 1;
    ((uint8_t *)record)[14] = 1;
}

CALLERS_OWN(1)
__attribute__((noinline)) static void fill(struct answer *out, uint64_t value)
{
    out->word[0] = value;
    memset(&out->word[1], 1, 16);
}

CALLERS_OWN(1)
__attribute__((noinline)) static void hand_on(struct answer *out, bool first)
{
    uint64_t *word = first ? &out->word[0] : &out->word[2];

    fill(out, 3);
    *word = 9;
}

__attribute__((noinline)) static void local_variable(struct record *record)
{
    struct answer filled;

    hand_on(&filled, yes);
    record->value[0] = filled.word[0] + filled.word[1] + filled.word[2];
}

__attribute__((noinline)) static void reply(const struct call *call)
{
    call->reply->word[0] = 5;
    call->reply->word[2] = 6;
}

__attribute__((noinline)) static void kept_elsewhere(void)
{
    derived.kind = 2;
    derived.value[3]++;
}

__attribute__((noinline)) static struct record *take_record(uint32_t index)
{
    struct record *record = &state[index];

    journal_forgo(&record->value, sizeof(*record) - offsetof(struct record, value));
    memset(record, 0, sizeof(*record));
    record->last[7] = 4;
    return record;
}

__attribute__((noinline)) static void before_it_was_free(struct record *record)
{
    record->value[0] = 1;
    journal_forgo(&record->value, sizeof(record->value));
    record->value[1] = 1;
}

/* Given back and taken again: what was in it must come back. */
__attribute__((noinline)) static void give_and_take(struct record *record)
{
    record->value[1] = 3;
    journal_release(record, sizeof(*record));
    record->kind = 0;
    take_record((uint32_t)(record - state));
}

__attribute__((noinline)) static void in_tables(uint32_t index)
{
    tables.row[index].value[1] = 4;
    tables.heads[index + 1] = 3;
}

__attribute__((noinline)) static void state_and_table(struct row *row, struct record *record, uint64_t *any)
{
    row->value[2] = 1;
    record->value[0] = 1;
    *any = 2;
}

/* ---- handlers: fixed arguments ---- */

static const struct {
    const char *name;
    int number;
    uint64_t words;
    size_t listed;         /* entries that the copy looks at */
    size_t forgone, bytes; /* of record 1: what needs not be restored */
} tries[] = {
    { "one word", 0, 1, 1, 0, 0 },
    { "two words with a gap share an entry that leaves it out", 1, 2, 1, 0, 0 },
    { "what is around a branch shares an entry", 2, 3, 2, 0, 0 },
    { "a store that is not executed has no entry", 3, 0, 0, 0, 0 },
    { "elements of an array", 4, 3, 2, 0, 0 },
    { "a whole record", 5, sizeof(struct record) / 8, 1, 0, 0 },
    { "a loop", 6, 4, 4, 0, 0 },
    { "a length that is not known", 7, 5, 1, 0, 0 },
    { "two bytes of one word", 8, 1, 1, 0, 0 },
    { "pointers to variables of a caller", 9, 1, 1, 0, 0 },
    { "the reply", 10, 0, 0, 0, 0 },
    { "what is outside of the state", 11, 0, 0, 0, 0 },
    { "a record that was free", 12, 1, 1, offsetof(struct record, value), sizeof(struct record) - offsetof(struct record, value) },
    { "a record that is given back and taken again", 14, 1 + sizeof(struct record) / 8, 2, 0, 0 },
    { "tables in arenas", 15, 2, 0, 0, 0 },
    { "a table, the state, and who knows", 16, 3, 2, 0, 0 },
    { "a store before the record is free", 13, 1, 1, offsetof(struct record, value) + 8, 8 },
};

NO_JOURNAL static void run(int number)
{
    struct answer answer = { { 0 } };
    struct call call = { .reply = &answer };

    switch (number) {
    case 0:
        one_word(&state[1]);
        break;
    case 1:
        two_words_with_a_gap(&state[1]);
        break;
    case 2:
        around_a_branch(&state[1]);
        break;
    case 3:
        not_executed(&state[1]);
        break;
    case 4:
        element(state, 1);
        break;
    case 5:
        whole_record(&state[1]);
        break;
    case 6:
        in_a_loop(&state[1], 4);
        break;
    case 7:
        any_length(&state[1], 37);
        break;
    case 8:
        two_bytes(&state[1]);
        break;
    case 9:
        local_variable(&state[1]);
        break;
    case 10:
        reply(&call);
        break;
    case 11:
        kept_elsewhere();
        break;
    case 12:
        take_record(1);
        break;
    case 13:
        before_it_was_free(&state[1]);
        break;
    case 15:
        in_tables(1);
        break;
    case 16:
        state_and_table(&rows[1], &state[1], &state[2].value[1]);
        break;
    default:
        give_and_take(&state[1]);
        break;
    }
}

/* ---- the roll back ---- */

NO_JOURNAL static uint64_t restore(const uint64_t *old, uint64_t entry)
{
    char *to = (char *)(uintptr_t)(entry & 0xffffffffffff);
    uint32_t high = (uint32_t)(entry >> 48);
    uint64_t words = 0;

    if ((high & MASK) == 0) {
        words = high == 0 ? 1 : high;
        memcpy(to, old - words, words * 8);
        return words;
    }
    for (int i = 14; i >= 0; i--) {
        if (high >> i & 1)
            memcpy(to + i * 8, old - ++words, 8);
    }
    return words;
}

NO_JOURNAL static uint64_t roll_back(void)
{
    uint64_t all = 0;

    for (uint64_t *end = (uint64_t *)journal; end > log_chunk;) {
        uint64_t words = restore(end - 1, end[-1]);

        end -= words + 1;
        all += words;
    }
    return all;
}

NO_JOURNAL int main(void)
{
    size_t count = sizeof(tries) / sizeof(tries[0]);
    int failed = 0;

    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        uint64_t words;
        bool good;

        memset(state, (int)(i + 0x30), sizeof(state));
        memcpy(copy, state, sizeof(state));
        journal = (uint64_t)(uintptr_t)log_chunk;
        journal_list_top = list;
        run(tries[i].number);
        words = roll_back();
        memcpy((char *)&state[1] + tries[i].forgone, (char *)&copy[1] + tries[i].forgone, tries[i].bytes);
        good = words == tries[i].words && (size_t)(journal_list_top - list) == tries[i].listed && memcmp(state, copy, sizeof(state)) == 0;
        if (!good)
            printf("# %llu words logged, %llu wanted, %zu entries listed, %zu wanted, %s\n", (unsigned long long)words,
                   (unsigned long long)tries[i].words, (size_t)(journal_list_top - list), tries[i].listed,
                   memcmp(state, copy, sizeof(state)) == 0 ? "restored" : "not restored");
        printf("%sok %zu - %s\n", good ? "" : "not ", i + 1, tries[i].name);
        failed += !good;
    }
    return failed != 0;
}
