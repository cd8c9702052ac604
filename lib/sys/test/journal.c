/* SPDX-License-Identifier: MIT */
/*
 * The undo log: entries made by hand as the compiler's code makes them, ranges, wrap of the chunk, overflow, order of the roll back.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "errors.h"
#include "sys/journal.h"
#include "sys/loop.h"
#include "testing/testing.h"

grant_t public_table_grant = -1;

int kernel_request(struct message *message)
{
    (void)message;
    return 0;
}

enum { CHUNK_WORDS = JOURNAL_CHUNK / 8, TABLE = 40000 };

static uint64_t table[TABLE];
static uint64_t scratch[16]; /* as the stack: stores to it are logged but mean nothing */
static sigjmp_buf after_crash;

static uint32_t memory_left; /* MiB that VM has for the log */
static bool spill_is_there;

int arena_make(uint32_t number, uint64_t bytes)
{
    void *arena = (void *)(uintptr_t)(ARENA_ADDRESS + number * ARENA_STRIDE);
    size_t room = (size_t)memory_left << 20;

    if (bytes > room)
        return -ENOMEM;
    if (!spill_is_there && mmap(arena, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != arena)
        abort();
    spill_is_there = bytes > 0 || munmap(arena, room) != 0;
    return 0;
}

static void crashed(int number)
{
    siglongjmp(after_crash, number);
}

static void begin(void)
{
    struct sigaction action = { .sa_handler = crashed };

    sigaction(SIGILL, &action, NULL);
    journal_start();
    journal_kept[0] = (struct journal_range){ (uint64_t)(uintptr_t)table, sizeof(table) };
    journal_kept[1] = (struct journal_range){ 0, 0 };
    journal_begin();
}

/* What tools/journal puts before a store: old words, address with their number, and the addition to the low 16 bits that shows a full chunk. */
static void log_words(uint64_t *at, uint32_t words)
{
    uint64_t *to = (uint64_t *)(uintptr_t)journal.top;
    uint16_t low = (uint16_t)journal.top, sum = (uint16_t)(low + 8 * (words + 1));

    memcpy(to, at, words * sizeof(*to));
    to[words] = journal_entry((uint64_t)(uintptr_t)at, words == 1 ? 0 : words);
    journal.top = (journal.top & ~0xffffull) | sum;
    if (sum < low)
        journal_spill();
}

/* The words of the mask, from `at` on. */
static void log_mask(uint64_t *at, uint32_t mask)
{
    uint64_t *to = (uint64_t *)(uintptr_t)journal.top;

    for (uint32_t i = 0; i < JOURNAL_MASK_WORDS; i++) {
        if (mask >> i & 1)
            *to++ = at[i];
    }
    *to++ = journal_entry((uint64_t)(uintptr_t)at, JOURNAL_MASK | mask);
    journal.top = (uint64_t)(uintptr_t)to;
}

static void store(uint64_t *at, uint64_t value)
{
    log_words(at, 1);
    *at = value;
}

static void fill(void)
{
    for (uint32_t i = 0; i < TABLE; i++)
        table[i] = i;
}

/* The number of the first word that is not as fill() left it, or TABLE. */
static uint32_t first_difference(void)
{
    for (uint32_t i = 0; i < TABLE; i++) {
        if (table[i] != i)
            return i;
    }
    return TABLE;
}

TEST(roll_back_restores_the_oldest_values)
{
    fill();
    begin();
    store(&table[1], 70);
    store(&table[1], 71);
    store(&table[2], 72);
    store(&table[1], 73);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(a_handler_that_is_repeated_and_rolled_back_again_ends_at_the_same_state)
{
    fill();
    for (int attempt = 0; attempt < 3; attempt++) {
        begin();
        for (uint32_t i = 0; i < 500; i++)
            store(&table[(i * 37) % 100], (uint64_t)attempt);
        CHECK(journal_rollback());
        CHECK_EQ(first_difference(), TABLE);
    }
}

TEST(ranges_that_overlap_each_other_and_single_words)
{
    fill();
    begin();
    store(&table[5], 50);
    journal_record(&table[3], 5 * 8);
    memset(&table[3], 1, 5 * 8);
    log_words(&table[6], 9);
    memset(&table[6], 2, 9 * 8);
    journal_record((char *)&table[4] + 3, 10);
    memset((char *)&table[4] + 3, 3, 10);
    store(&table[14], 140);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(bytes_around_a_range_keep_what_they_had)
{
    fill();
    begin();
    journal_record((char *)&table[7] + 1, 1);
    *((char *)&table[7] + 1) = 9;
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
    journal_record(&table[1], 0);
    CHECK_EQ(journal.top, journal.undo);
}

TEST(an_entry_with_gaps_restores_the_words_of_its_mask_only)
{
    fill();
    begin();
    log_mask(&table[20], 0x4005);
    for (uint32_t i = 20; i < 35; i++)
        table[i] = 1;
    CHECK(journal_rollback());
    for (uint32_t i = 20; i < 35; i++)
        CHECK_EQ(table[i], i == 20 || i == 22 || i == 34 ? i : 1);
}

TEST(entries_with_gaps_are_spilled_and_rolled_back)
{
    fill();
    begin();
    log_mask(&table[100], 0x7fff);
    memset(&table[100], 1, 15 * 8);
    log_mask(&table[50], 0x11);
    table[50] = table[54] = 3;
    for (uint32_t i = 0; i < CHUNK_WORDS; i++)
        store(&table[1000 + i], 1);
    CHECK(journal.spill_words > 0);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(a_full_chunk_is_spilled_and_still_rolled_back)
{
    fill();
    begin();
    for (uint32_t i = 0; i < CHUNK_WORDS; i++)
        store(&table[i], 1);
    CHECK(journal.spill_words > 0);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(an_entry_that_runs_over_the_end_of_the_chunk_is_whole)
{
    fill();
    for (uint32_t short_of = 1; short_of <= 20; short_of++) {
        begin();
        for (uint32_t i = 0; i < CHUNK_WORDS / 2 - short_of; i++)
            store(&table[i], 1);
        log_words(&table[20000], 16);
        memset(&table[20000], 1, 16 * 8);
        log_words(&table[20008], 16);
        memset(&table[20008], 2, 16 * 8);
        CHECK(journal_rollback());
        CHECK_EQ(first_difference(), TABLE);
    }
}

TEST(stores_to_the_stack_use_up_no_room)
{
    fill();
    begin();
    store(&table[9], 1);
    for (uint32_t i = 0; i < 100 * CHUNK_WORDS; i++)
        store(&scratch[i % 16], i);
    CHECK(journal.spill_words <= 2);
    scratch[3] = 12345;
    CHECK(journal_rollback());
    CHECK_EQ(scratch[3], 12345);
    CHECK_EQ(first_difference(), TABLE);
}

TEST(a_range_longer_than_the_chunk_is_rolled_back)
{
    fill();
    begin();
    store(&table[11], 1);
    journal_record(table, (JOURNAL_RANGE_MAX + 2000) * 8);
    memset(table, 0xee, (JOURNAL_RANGE_MAX + 2000) * 8);
    store(&table[12], 1);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(a_handler_that_overwrites_very_much_gets_a_larger_log)
{
    fill();
    begin();
    memory_left = 64;
    for (uint32_t i = 0; i < 20 * JOURNAL_SPILL_WORDS; i++)
        store(&table[i % TABLE], i);
    CHECK(journal_has_grown());
    journal_record(table, sizeof(table));
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
    CHECK(!journal_has_grown());
    CHECK(!spill_is_there);
}

TEST(too_many_stores_crash_the_handler_before_the_one_that_has_no_room)
{
    volatile uint32_t stores = 0;

    fill();
    begin();
    if (sigsetjmp(after_crash, 1) == 0) {
        for (uint32_t i = 0;; i++) {
            store(&table[i % TABLE], 1);
            stores++;
        }
    }
    CHECK(stores > JOURNAL_SPILL_WORDS / 2);
    memory_left = 0;
    CHECK_EQ(journal.phase, JOURNAL_HANDLING);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(a_range_that_has_no_room_crashes_the_handler_and_what_was_before_is_rolled_back)
{
    fill();
    begin();
    for (uint32_t i = 0; i < 3000; i++)
        store(&table[i], 1);
    if (sigsetjmp(after_crash, 1) == 0) {
        journal_record(table, sizeof(table));
        CHECK(false);
    }
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(nothing_is_recorded_outside_handlers_and_in_other_memory)
{
    begin();
    journal_record(scratch, 8);
    CHECK_EQ(journal.top, journal.undo);
    journal_commit(0, ENDPOINT_NONE);
    journal_record(&table[1], 8);
    CHECK_EQ(journal.top, journal.undo);
    for (uint32_t i = 0; i < 3 * CHUNK_WORDS; i++)
        store(&table[i % 100], i);
    CHECK_EQ(journal.spill_words, 0);
}

TEST(a_new_handler_begins_with_an_empty_log)
{
    fill();
    begin();
    for (uint32_t i = 0; i < CHUNK_WORDS; i++)
        store(&table[i], 1);
    journal_commit(0, ENDPOINT_NONE);
    fill();
    journal_begin();
    store(&table[3], 4);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(a_full_chunk_that_is_not_full_crashes_the_handler_and_is_rolled_back)
{
    fill();
    begin();
    for (uint32_t i = 0; i < CHUNK_WORDS; i++)
        store(&table[i], 1); /* old entries behind the new ones */
    journal_begin();
    fill();
    store(&table[1], 1);
    store(&table[2], 1);
    if (sigsetjmp(after_crash, 1) == 0) {
        journal_spill();
        CHECK(false);
    }
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}

TEST(a_log_that_makes_no_sense_is_refused)
{
    begin();
    store(&table[1], 5);
    journal_undo.chunk[1] = journal_entry((uint64_t)(uintptr_t)&table[1], 77);
    CHECK(!journal_rollback());
    begin();
    store(&table[1], 5);
    journal_undo.chunk[1] = journal_entry((uint64_t)(uintptr_t)&table[1], JOURNAL_MASK | 3);
    CHECK(!journal_rollback());
    begin();
    store(&table[1], 5);
    journal_undo.chunk[1] = journal_entry((uint64_t)(uintptr_t)&table[1], JOURNAL_MASK);
    CHECK(!journal_rollback());
    begin();
    journal.spill_words = JOURNAL_SPILL_WORDS + 1;
    CHECK(!journal_rollback());
}

TEST(a_journal_that_makes_no_sense_has_no_message_in_hand)
{
    begin();
    journal.reply_to = ENDPOINT_NONE;
    journal.receive_status = IPC_SENDREC;
    CHECK(journal_is_sound());
    journal.current = 2;
    CHECK(!journal_is_sound());
    journal.current = 1;
    journal.reply_to = -77;
    CHECK(!journal_is_sound());
    journal.reply_to = ENDPOINT_VFS;
    journal.receive_status = 99;
    CHECK(!journal_is_sound());
    journal.receive_status = IPC_NOTIFY;
    journal.early_count = JOURNAL_EARLY + 1;
    CHECK(!journal_is_sound());
    journal_forget();
    CHECK(journal_is_sound());
    CHECK_EQ(journal.phase, JOURNAL_IDLE);
    CHECK_EQ(journal.reply_to, ENDPOINT_NONE);
}

/* As a wild store leaves it: an entry that is longer than the memory it begins in must not be believed. */
TEST(an_entry_that_leads_out_of_the_kept_memory_is_refused)
{
    enum { END = 100 };

    begin();
    journal_kept[0].bytes = END * sizeof(table[0]);
    table[END] = 7;
    ((uint64_t *)(uintptr_t)journal.top)[0] = 1;
    ((uint64_t *)(uintptr_t)journal.top)[1] = 2;
    ((uint64_t *)(uintptr_t)journal.top)[2] = journal_entry((uint64_t)(uintptr_t)&table[END - 1], 2);
    journal.top += 3 * sizeof(uint64_t);
    CHECK(!journal_rollback());
    CHECK_EQ(table[END], 7);
}

TEST(an_entry_with_gaps_that_leads_out_of_the_kept_memory_is_refused)
{
    enum { END = 100 };

    begin();
    journal_kept[0].bytes = END * sizeof(table[0]);
    log_mask(&table[END - 4], 0x9);
    table[END - 1] = 5;
    CHECK(journal_rollback());
    CHECK(table[END - 1] != 5);
    begin();
    journal_kept[0].bytes = END * sizeof(table[0]);
    log_mask(&table[END - 4], 0x11);
    table[END] = 7;
    CHECK(!journal_rollback());
    CHECK_EQ(table[END], 7);
}

TEST(a_log_with_impossible_numbers_is_not_sound)
{
    begin();
    CHECK(journal_log_is_sound());
    journal.top = journal.undo - 8;
    CHECK(!journal_log_is_sound());
    begin();
    journal.spill_room = UINT64_MAX;
    CHECK(!journal_log_is_sound());
    begin();
    journal.undo += 4096;
    CHECK(!journal_log_is_sound());
}

/* Last: a crash that was asked for cannot be taken back. */
TEST(a_crash_after_so_many_stores_comes_then_and_can_be_rolled_back)
{
    volatile uint32_t stores = 0;

    fill();
    begin();
    journal_crash_after(5);
    if (sigsetjmp(after_crash, 1) == 0) {
        for (uint32_t i = 0; i < 50; i++) {
            store(&table[i], 1);
            stores++;
        }
    }
    CHECK_EQ(stores, 4);
    CHECK(journal_rollback());
    CHECK_EQ(first_difference(), TABLE);
}
