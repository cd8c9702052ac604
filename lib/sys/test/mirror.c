/* SPDX-License-Identifier: MIT */
/*
 * The copy of the state: it follows what the undo log names, and a state that its check refuses is repaired from it, with as little as possible.
 */
#include "sys/mirror.h"

#include <string.h>

#include "sys/journal.h"
#include "sys/loop.h"
#include "sys/service.h"
#include "testing/testing.h"

enum { WORDS = 512, LIMIT = 1000 };

static uint64_t state_words[WORDS], mirror_words[WORDS + 1];

const struct service *running_service;
grant_t public_table_grant = -1;
static bool is_taken;

int kernel_request(struct message *message)
{
    (void)message;
    return 0;
}

int resume_take_mirror(void)
{
    is_taken = true;
    return 0;
}

/* All words are below LIMIT. */
static const char *check(const void *state)
{
    const uint64_t *words = state;

    for (uint32_t i = 0; i < WORDS; i++) {
        if (words[i] >= LIMIT)
            return "a word is too large";
    }
    return NULL;
}

static void begin(void)
{
    static const struct service service = {
        .name = "test", .state = state_words, .state_bytes = sizeof(state_words), .state_check = check
    };

    running_service = &service;
    is_taken = false;
    for (uint32_t i = 0; i < WORDS; i++)
        state_words[i] = i;
    journal_start();
    journal_kept[0] = (struct journal_range){ (uint64_t)(uintptr_t)state_words, sizeof(state_words) };
    mirror = (struct mirror){ (char *)state_words, (char *)mirror_words, sizeof(state_words) };
    mirror_outside();
    mirror_begin();
}

static void store(uint32_t index, uint64_t value)
{
    journal_record(&state_words[index], sizeof(state_words[index]));
    state_words[index] = value;
}

TEST(the_copy_follows_what_handlers_write)
{
    begin();
    journal_begin();
    store(7, 70);
    journal_record(&state_words[100], 30 * sizeof(state_words[0]));
    memset(&state_words[100], 0, 30 * sizeof(state_words[0]));
    CHECK_EQ(mirror_words[7], 7);
    journal_commit(0, ENDPOINT_NONE);
    mirror_follow();
    CHECK(memcmp(state_words, mirror_words, sizeof(state_words)) == 0);
}

/* An entry as tools/journal makes it, listed for the copy. What lies in its gaps is followed with it: in the state it is what the last handler that wrote it left. */
static void log_mask(uint32_t index, uint32_t mask)
{
    uint64_t *to = (uint64_t *)(uintptr_t)journal.top;

    for (uint32_t i = 0; i < JOURNAL_MASK_WORDS; i++) {
        if (mask >> i & 1)
            *to++ = 0;
    }
    *to++ = journal_entry((uint64_t)(uintptr_t)&state_words[index], JOURNAL_MASK | mask);
    *journal_list_top++ = to[-1];
    journal.top = (uint64_t)(uintptr_t)to;
}

TEST(the_copy_follows_entries_with_gaps)
{
    begin();
    journal_begin();
    store(9, 90);
    log_mask(20, 0x4005);
    log_mask(300, 0x7fff);
    state_words[20] = state_words[22] = state_words[34] = 1;
    for (uint32_t i = 300; i < 315; i++)
        state_words[i] = 2;
    journal_commit(0, ENDPOINT_NONE);
    mirror_follow();
    CHECK_EQ(mirror_words[9], 90);
    for (uint32_t i = 20; i < 35; i++)
        CHECK_EQ(mirror_words[i], i == 20 || i == 22 || i == 34 ? 1 : i);
    CHECK(memcmp(state_words, mirror_words, sizeof(state_words)) == 0);
}

/* The list is emptied with the chunk: then the copy looks at the whole log. */
TEST(the_copy_follows_a_log_that_was_spilled)
{
    begin();
    journal_begin();
    store(9, 90);
    for (uint32_t i = 0; i < JOURNAL_LIST; i++)
        store(i % WORDS, i % WORDS + 1);
    CHECK(journal.spill_words > 0);
    log_mask(20, 0x4005);
    state_words[34] = 2;
    CHECK(journal_list_top < journal_list + JOURNAL_LIST);
    journal_commit(0, ENDPOINT_NONE);
    mirror_follow();
    CHECK_EQ(mirror_words[34], 2);
    CHECK(memcmp(state_words, mirror_words, sizeof(state_words)) == 0);
}

TEST(a_handler_that_stores_nothing_changes_nothing_in_the_copy)
{
    begin();
    journal_begin();
    state_words[5] = 6; /* without an entry */
    journal_commit(0, ENDPOINT_NONE);
    mirror_follow();
    CHECK_EQ(mirror_words[5], 5);
}

TEST(damaged_entries_lead_neither_out_of_the_log_nor_out_of_the_copy)
{
    begin();
    journal_begin();
    log_mask(5, 0); /* names no word */
    log_mask(WORDS - 2, 0x7ffe);
    state_words[WORDS - 1] = 9;
    *(uint64_t *)(uintptr_t)journal.top = journal_entry((uint64_t)(uintptr_t)&state_words[WORDS - 3], 0x7fff);
    *journal_list_top++ = *(uint64_t *)(uintptr_t)journal.top;
    journal.top += sizeof(uint64_t);
    journal_commit(0, ENDPOINT_NONE);
    mirror_follow();
    CHECK_EQ(mirror_words[WORDS - 1], 9);
    CHECK_EQ(mirror_words[WORDS], 0);
}

TEST(a_wild_store_is_taken_back_and_what_the_copy_has_not_followed_is_left)
{
    begin();
    state_words[50] = 51; /* without an entry */
    state_words[200] = LIMIT;
    CHECK(mirror_repair(check(state_words)) == NULL);
    CHECK(is_taken);
    CHECK_EQ(state_words[200], 200);
    CHECK_EQ(state_words[50], 51);
}

TEST(what_no_check_notices_is_taken_back_when_a_handler_died)
{
    begin();
    journal_begin();
    store(7, 70);
    journal_commit(0, ENDPOINT_NONE);
    mirror_follow();
    mirror_compare();
    CHECK_EQ(state_words[7], 70);
    state_words[50] = 51; /* without an entry; the check has nothing against it */
    state_words[300] = 1;
    CHECK(check(state_words) == NULL);
    mirror_compare();
    CHECK_EQ(state_words[50], 50);
    CHECK_EQ(state_words[300], 300);
    CHECK_EQ(state_words[7], 70);
}

TEST(a_damaged_copy_is_left_alone)
{
    begin();
    mirror_words[50] = LIMIT;
    mirror_compare();
    CHECK_EQ(state_words[50], 50);
}

TEST(if_no_single_piece_helps_all_are_taken)
{
    begin();
    for (uint32_t i = 1; i < WORDS; i += 2)
        state_words[i] = LIMIT + i;
    CHECK(mirror_repair(check(state_words)) == NULL);
    CHECK_EQ(state_words[WORDS - 1], WORDS - 1);
}

TEST(a_copy_that_is_as_bad_does_not_help)
{
    begin();
    journal_begin();
    store(3, LIMIT);
    journal_commit(0, ENDPOINT_NONE);
    mirror_follow();
    CHECK_STR(mirror_repair(check(state_words)), "a word is too large");
    state_words[9] = 8;
    CHECK_STR(mirror_repair(check(state_words)), "a word is too large");
}
