/* SPDX-License-Identifier: MIT */
/*
 * The undo log (journal.h has its form). Memory may be in it twice: the oldest value is restored last. Most entries are made by the compiler's
 * code, which does not ask what the memory is: the stack and other memory that is not kept is left out when the chunk is spilled and when it
 * is rolled back. A handler that overwrites more than VM has memory to log crashes before the store that has no room: what it did can be undone.
 */
#include "sys/journal.h"

#include "arena.h"
#include "sys/log.h"
#include "sys/loop.h"

enum { WORD = 8 };

#ifdef PLANARIA_HOST
struct journal journal;
struct journal_undo journal_undo;
struct journal_range journal_kept[2] = { { 0, UINT64_MAX } };
#else
struct journal journal __attribute__((section(".bss.journal")));
struct journal_undo journal_undo __attribute__((section(".bss.undo")));
struct journal_range journal_kept[2];

extern char __state_start[], __outbox_end[];
#endif

/* They are of the instance: a roll back does not need them. */
uint64_t journal_list[JOURNAL_LIST];
uint64_t *journal_list_top;

/* A fault was asked for: a full chunk is the end. */
static bool crash_when_full;

void journal_start(void)
{
    journal.undo = (uint64_t)(uintptr_t)journal_undo.chunk;
    journal.spill = (uint64_t)(uintptr_t)journal_undo.spill;
    journal.top = journal.undo;
    journal_list_top = journal_list;
    journal.undo_first = 0;
    journal.spill_words = 0;
    journal.spill_room = JOURNAL_SPILL_WORDS;
    journal_undo.chunk[JOURNAL_CHUNK / WORD - 1] = JOURNAL_END_MARK;
#ifndef PLANARIA_HOST
    journal_kept[0].start = (uint64_t)(uintptr_t)__state_start;
    journal_kept[0].bytes = (uint64_t)(__outbox_end - __state_start); /* .outbox follows .state */
    journal_kept[1].start = ARENA_ADDRESS;
    journal_kept[1].bytes = ARENA_STRIDE * ARENA_COUNT;
#endif
}

static bool is_endpoint(endpoint_t endpoint)
{
    return endpoint == ENDPOINT_NONE || (endpoint >= 0 && endpoint_slot(endpoint) < PROCESS_SLOTS);
}

bool journal_is_sound(void)
{
    uint32_t verb = journal.receive_status & IPC_STATUS_VERB_MASK;

    return journal.phase <= JOURNAL_COMMITTED && journal.current <= 1 && is_endpoint(journal.reply_to) &&
           journal.early_count <= JOURNAL_EARLY && journal.arena_count <= JOURNAL_ARENAS &&
           (journal.phase != JOURNAL_HANDLING || (verb >= IPC_SEND && verb <= IPC_REPLY_RECEIVE));
}

void journal_forget(void)
{
    journal.phase = JOURNAL_IDLE;
    journal.current = 0;
    journal.reply_to = ENDPOINT_NONE;
    journal.attempts = 0;
    journal.early_count = 0;
}

/* Whole words, at any address: one instruction for each. */
static inline void copy_words(void *to, const void *from, uint64_t count)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static uint64_t words_in_chunk(void)
{
    return (journal.top - journal.undo) / WORD;
}

static void overflow(void)
{
    journal.phase = JOURNAL_HANDLING;
    if (!crash_when_full)
        log_error("message type %#x: the handler overwrites more than the journal holds", journal.buffer[journal.current].type);
    __builtin_trap();
}

static uint64_t *spill_at(uint64_t word)
{
    return (uint64_t *)(uintptr_t)journal.spill + word;
}

/* Room for so many words more; the first time the spill moves to its arena. */
static void make_room(uint64_t words)
{
    uint64_t room = journal.spill_words + words + JOURNAL_GROWTH_WORDS;

    if (words <= journal.spill_room - journal.spill_words)
        return;
    if (crash_when_full || arena_make(ARENA_SPILL, room * WORD) != 0)
        overflow();
    if (!journal_has_grown()) {
        uint64_t arena = ARENA_ADDRESS + ARENA_SPILL * ARENA_STRIDE;

        copy_words((void *)(uintptr_t)arena, spill_at(0), journal.spill_words);
        journal.spill = arena;
    }
    journal.spill_room = room;
}

void journal_shrink(void)
{
    journal.spill = (uint64_t)(uintptr_t)journal_undo.spill;
    journal.spill_words = 0;
    journal.spill_room = JOURNAL_SPILL_WORDS;
    (void)arena_make(ARENA_SPILL, 0);
}

/* A store or an instruction of the service went wrong before: the state is rolled back as far as the log goes. */
static void broken(void)
{
    log_error("message type %#x: the undo log makes no sense", journal.buffer[journal.current].type);
    __builtin_trap();
}

/* The words of the entry that ends before chunk[at], with the last one. */
static uint64_t entry_words(const uint64_t *chunk, uint64_t first, uint64_t at)
{
    uint64_t words = journal_words(chunk[at - 1]);

    if (words == 0 || words >= at - first)
        broken();
    return words + 1;
}

/* Move the entries of the chunk that matter to the spill. They can be read from the newest to the oldest only: first count, then copy. */
static void empty_chunk(void)
{
    const uint64_t *chunk = (const uint64_t *)(uintptr_t)journal.undo;
    uint64_t first = journal.undo_first / WORD, at, words, end, kept = 0;

    for (at = words_in_chunk(); at > first; at -= words) {
        words = entry_words(chunk, first, at);
        if (journal_keeps(journal_first(chunk[at - 1])))
            kept += words;
    }
    if (crash_when_full)
        overflow();
    make_room(kept);
    end = journal.spill_words + kept;
    for (at = words_in_chunk(); at > first; at -= words) {
        words = entry_words(chunk, first, at);
        if (!journal_keeps(journal_first(chunk[at - 1])))
            continue;
        end -= words;
        copy_words(spill_at(end), &chunk[at - words], words);
    }
    journal.spill_words += (uint32_t)kept;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a kill in between finds them twice, which does no harm */
    journal.undo_first = 0;
    journal.top = journal.undo;
    journal_list_top = journal_list;
    journal_undo.chunk[JOURNAL_CHUNK / WORD - 1] = JOURNAL_END_MARK;
}

void journal_spill(void)
{
    if (journal.phase != JOURNAL_HANDLING) {
        journal.top = journal.undo;
        journal_list_top = journal_list;
        journal_undo.chunk[JOURNAL_CHUNK / WORD - 1] = JOURNAL_END_MARK;
        return;
    }
    if (journal_undo.chunk[JOURNAL_CHUNK / WORD - 1] == JOURNAL_END_MARK)
        broken();                 /* nobody has written to the end of the chunk: a branch went the wrong way */
    journal.top += JOURNAL_CHUNK; /* the carry that the 16 bits lost */
    empty_chunk();
}

static void append(uint64_t *to, uint64_t address, uint64_t count)
{
    copy_words(to, (const void *)(uintptr_t)address, count);
    to[count] = journal_entry(address, count);
}

static void record_words(uint64_t address, uint64_t count)
{
    uint64_t words = count + 1;

    if (words_in_chunk() + words >= JOURNAL_CHUNK / WORD)
        empty_chunk();
    if (words < JOURNAL_CHUNK / WORD) {
        append((uint64_t *)(uintptr_t)journal.top, address, count);
        if (address - journal_kept[0].start < journal_kept[0].bytes)
            *journal_list_top++ = journal_entry(address, count);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        journal.top += words * WORD;
        return;
    }
    make_room(words);
    append(spill_at(journal.spill_words), address, count);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    journal.spill_words += (uint32_t)words;
}

void journal_record(const void *address, size_t bytes)
{
    uint64_t from = (uint64_t)(uintptr_t)address;
    uint64_t count = (bytes + WORD - 1) / WORD;

    if (journal.phase != JOURNAL_HANDLING || !journal_keeps(from))
        return;
    for (; count > JOURNAL_RANGE_MAX; count -= JOURNAL_RANGE_MAX) {
        record_words(from, JOURNAL_RANGE_MAX);
        from += (uint64_t)JOURNAL_RANGE_MAX * WORD;
    }
    if (count > 0)
        record_words(from, count);
}

bool journal_log_is_sound(void)
{
    uint64_t spill = journal_has_grown() ? ARENA_ADDRESS + ARENA_SPILL * ARENA_STRIDE : (uint64_t)(uintptr_t)journal_undo.spill;

    return journal.undo == (uint64_t)(uintptr_t)journal_undo.chunk && journal.spill == spill && journal.spill_room <= ARENA_STRIDE / WORD &&
           journal.spill_words <= journal.spill_room && journal.top - journal.undo <= sizeof(journal_undo.chunk);
}

/* No entry reaches farther than the memory that it begins in; its last word may end a little behind. */
static bool keeps_all(uint64_t entry)
{
    for (int i = 0; i < 2; i++) {
        uint64_t at = journal_first(entry) - journal_kept[i].start;

        if (at < journal_kept[i].bytes)
            return (journal_reach(entry) - 1) * WORD < journal_kept[i].bytes - at;
    }
    return false;
}

static void restore_entry(const uint64_t *old, uint64_t entry)
{
    uint64_t *to = (uint64_t *)(uintptr_t)journal_address(entry);
    uint32_t mask = journal_mask(entry);

    if (mask == 0)
        copy_words(to, old, journal_words(entry));
    for (; mask != 0; mask &= mask - 1)
        copy_words(to + __builtin_ctz(mask), old++, 1);
}

/* The entries of log[first, end), newest first. */
static bool restore(const uint64_t *log, uint64_t first, uint64_t end)
{
    while (end > first) {
        uint64_t entry = log[end - 1], words = journal_words(entry);
        bool is_kept = journal_keeps(journal_first(entry));

        if (words == 0 || words >= end - first || (is_kept && !keeps_all(entry)))
            return false;
        end -= words + 1;
        if (is_kept)
            restore_entry(&log[end], entry);
    }
    return true;
}

bool journal_rollback(void)
{
    uint64_t words = words_in_chunk();
    bool good = words <= JOURNAL_CHUNK / WORD + JOURNAL_SLACK_WORDS && journal.spill_words <= journal.spill_room &&
                restore(journal_undo.chunk, journal.undo_first / WORD, words) && restore(spill_at(0), 0, journal.spill_words);

    if (journal_has_grown())
        journal_shrink();
    journal_start();
    return good;
}

void journal_crash_after(uint32_t stores)
{
    crash_when_full = true;
    journal.undo_first = JOURNAL_CHUNK - stores * 2 * WORD;
    journal.top = journal.undo + journal.undo_first;
}
