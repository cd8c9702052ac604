/* SPDX-License-Identifier: MIT */
/*
 * The journal's proof (journal_debug.h). The static state is compared whole at each commit, the arenas piece by piece: what a handler wrote without
 * an entry differs from the copy until the piece's turn comes. The kernel's table of messages on their way (own_outbox) is not part of it: it has
 * its own roll back.
 */
#include "sys/journal_debug.h"

#ifdef DEBUG_JOURNAL

#include <stdbool.h>
#include <stddef.h>

#include "base/string.h"
#include "protocols/vm.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/mirror.h"
#include "sys/outbox_table.h"

enum {
    FIRST_COPY_ARENA = 30,
    WORD = 8,
    PIECE_WORDS = 8192,
    TOLD_MAX = 24,
    FORGONE_MAX = 256,
    FOREIGN_MAX = 8,
    REGIONS = JOURNAL_ARENAS + 3
};

struct region {
    uint64_t address, words;
    uint64_t *copy;
    uint64_t next; /* the piece that is compared next begins here */
    const char *name;
};

/* Present only if the service's own sources are compiled with the journal (service.h). */
extern char __journaled_start[], __journaled_end[];
extern char __state_start[], __state_end[], __outbox_start[], __outbox_end[];

struct words {
    uint64_t address, bytes;
};

static struct region region[REGIONS];
static struct words forgone[FORGONE_MAX];
static uint32_t forgone_count;
static struct {
    uint64_t address, bytes, stride, count;
} foreign[FOREIGN_MAX];
static uint32_t foreign_count;
static uint32_t regions, told;
static bool is_stale = true, has_failed;

static uint64_t *copy_arena(uint32_t number, uint64_t bytes)
{
    struct vm_arena_request request = { .number = FIRST_COPY_ARENA + number, .length = bytes };
    struct message message = { .type = VM_ARENA };
    struct vm_arena_reply reply;

    vm_arena_request_put(&message, &request);
    if (ipc_sendrec(ENDPOINT_VM, &message) != 0 || message.status != 0)
        return NULL;
    vm_arena_reply_get(&message, &reply);
    return (uint64_t *)(uintptr_t)reply.address;
}

static void add(const char *name, uint64_t address, uint64_t bytes)
{
    struct region *one = &region[regions];

    if (bytes < WORD)
        return;
    *one = (struct region){ .address = address, .words = bytes / WORD, .name = name };
    one->copy = copy_arena(regions, bytes);
    if (one->copy == NULL) {
        log_error("journal: no memory for a copy of %s", name);
        has_failed = true;
        return;
    }
    regions++;
}

static void list_regions(void)
{
    uint64_t outbox = (uint64_t)(uintptr_t)&own_outbox, start = (uint64_t)(uintptr_t)__outbox_start;

    add("state", (uint64_t)(uintptr_t)__state_start, (uint64_t)(__state_end - __state_start));
    add("grants", start, outbox - start);
    add("grants", outbox + sizeof(own_outbox), (uint64_t)(uintptr_t)__outbox_end - outbox - sizeof(own_outbox));
    for (uint32_t i = 0; i < journal.arena_count; i++)
        add(journal.arena[i].name, journal.arena[i].address, journal.arena[i].bytes);
}

static bool is_journaled(void)
{
    return (uintptr_t)__journaled_start != (uintptr_t)__journaled_end;
}

static const uint64_t *memory_of(const struct region *one)
{
    return (const uint64_t *)(uintptr_t)one->address;
}

static void copy_words(uint64_t *to, const uint64_t *from, uint64_t count)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

void journal_debug_outside(void)
{
    is_stale = true;
}

void journal_debug_begin(void)
{
    if (!is_stale || has_failed || !is_journaled())
        return;
    if (regions == 0)
        list_regions();
    for (uint32_t i = 0; i < regions; i++)
        copy_words(region[i].copy, memory_of(&region[i]), region[i].words);
    is_stale = false;
}

void journal_forgo(const void *address, size_t bytes)
{
    uint64_t start = (uint64_t)(uintptr_t)address;

    if (is_stale || has_failed || !is_journaled())
        return;
    for (uint32_t i = 0; i < forgone_count; i++) {
        if (forgone[i].address == start && forgone[i].bytes == bytes)
            return;
        if (forgone[i].address + forgone[i].bytes == start) {
            forgone[i].bytes += bytes;
            return;
        }
    }
    if (forgone_count == FORGONE_MAX) {
        log_error("journal: a handler forgoes too much");
        return;
    }
    forgone[forgone_count++] = (struct words){ start, bytes };
}

void journal_foreign(const void *address, size_t bytes, size_t stride, size_t count)
{
    if (foreign_count == FOREIGN_MAX)
        return;
    foreign[foreign_count].address = (uint64_t)(uintptr_t)address;
    foreign[foreign_count].bytes = bytes;
    foreign[foreign_count].stride = stride;
    foreign[foreign_count++].count = count;
}

static bool is_foreign(uint64_t address)
{
    for (uint32_t i = 0; i < foreign_count; i++) {
        uint64_t at = address - foreign[i].address;

        if (at < foreign[i].stride * foreign[i].count && at % foreign[i].stride < foreign[i].bytes)
            return true;
    }
    return false;
}

/* The words at `address` may have changed. */
static void follow(uint64_t address, uint64_t count)
{
    for (uint32_t i = 0; i < regions; i++) {
        uint64_t first, end;

        if (address + count * WORD <= region[i].address || address >= region[i].address + region[i].words * WORD)
            continue;
        first = address < region[i].address ? 0 : (address - region[i].address) / WORD;
        end = (address + count * WORD - region[i].address + WORD - 1) / WORD;
        if (end > region[i].words)
            end = region[i].words;
        copy_words(&region[i].copy[first], &memory_of(&region[i])[first], end - first);
    }
}

/* These bytes, and no others of their words. */
static void follow_bytes(uint64_t address, uint64_t bytes)
{
    for (uint32_t i = 0; i < regions; i++) {
        uint64_t at = address - region[i].address;

        if (at < region[i].words * WORD)
            memcpy((char *)region[i].copy + at, (const char *)memory_of(&region[i]) + at, bytes);
    }
}

static void follow_entry(uint64_t entry)
{
    uint64_t address = journal_address(entry);
    uint32_t mask = journal_mask(entry);

    if (mask == 0)
        follow(address, journal_words(entry));
    for (; mask != 0; mask &= mask - 1)
        follow(address + (uint64_t)__builtin_ctz(mask) * WORD, 1);
}

static void follow_log(const uint64_t *log, uint64_t first, uint64_t end)
{
    while (end > first) {
        follow_entry(log[end - 1]);
        end -= journal_words(log[end - 1]) + 1;
    }
}

static void compare(struct region *one, uint64_t first, uint64_t end)
{
    const uint64_t *memory = memory_of(one);

    for (uint64_t i = first; i < end; i++) {
        if (__builtin_expect(one->copy[i] == memory[i], 1))
            continue;
        if (!is_foreign(one->address + i * WORD) && !grant_is_lent(one->address + i * WORD) && told++ < TOLD_MAX)
            log_error("journal: %s+%#llx was written without an entry, message type %#x: %llx", one->name, (unsigned long long)(i * WORD),
                      journal.buffer[journal.current].type, (unsigned long long)(one->address + i * WORD));
        one->copy[i] = memory[i];
    }
}

static void compare_piece(struct region *one)
{
    uint64_t end = one->next + PIECE_WORDS < one->words ? one->next + PIECE_WORDS : one->words;

    compare(one, one->next, end);
    one->next = end == one->words ? 0 : end;
}

void journal_debug_commit(void)
{
    if (is_stale || has_failed || !is_journaled())
        return;
    follow_log(journal_undo.chunk, journal.undo_first / WORD, (journal.top - journal.undo) / WORD);
    follow_log((const uint64_t *)(uintptr_t)journal.spill, 0, journal.spill_words);
    for (uint32_t i = 0; i < forgone_count; i++)
        follow_bytes(forgone[i].address, forgone[i].bytes);
    forgone_count = 0;
    for (uint32_t i = 0; i < regions; i++)
        compare_piece(&region[i]);
}

/* tools/journal has left an entry out of journal_list, or journal_record() has. */
static void check_followed(const uint64_t *log, uint64_t first, uint64_t end)
{
    while (end > first) {
        uint64_t entry = log[end - 1], at = journal_first(entry) - (uint64_t)(uintptr_t)mirror.state;

        if (at < mirror.bytes && memcmp(mirror.state + at, mirror.copy + at, WORD) != 0 && told++ < TOLD_MAX)
            log_error("journal: the copy has not followed state+%#llx, message type %#x", (unsigned long long)at,
                      journal.buffer[journal.current].type);
        end -= journal_words(entry) + 1;
    }
}

void journal_debug_followed(void)
{
    if (has_failed || mirror.bytes == 0)
        return;
    check_followed(journal_undo.chunk, journal.undo_first / WORD, (journal.top - journal.undo) / WORD);
    check_followed((const uint64_t *)(uintptr_t)journal.spill, 0, journal.spill_words);
}

#endif
