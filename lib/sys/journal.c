/* SPDX-License-Identifier: MIT */
/*
 * The undo log: old values in granules of 8 bytes, taken before the first write of each handler to them (a granule may be logged twice:
 * the oldest value is restored last). Callers: our own library for what the kernel writes, and the stores of the service's code.
 */
#include "sys/journal.h"

uint32_t journal_limit = JOURNAL_UNDO_WORDS;

#ifdef PLANARIA_HOST
struct journal journal;
#else
struct journal journal __attribute__((section(".bss.journal")));
#endif

enum { GRANULE = 8 };

#ifdef PLANARIA_HOST
struct journal_ignored journal_ignored;
#else
extern char __derived_start[], __stack_end[];

struct journal_ignored journal_ignored;

void journal_start(void)
{
    journal_ignored.start = (uint64_t)(uintptr_t)__derived_start;
    journal_ignored.bytes = (uint64_t)(__stack_end - __derived_start);
}
#endif

/* Copies whole words; a loop of its own, because the library's memcpy counts bytes. */
static void copy_words(uint64_t *to, const uint64_t *from, uint64_t count)
{
    while (count >= 4) {
        uint64_t a = from[0], b = from[1], c = from[2], d = from[3];

        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
        to += 4;
        from += 4;
        count -= 4;
    }
    while (count > 0) {
        *to++ = *from++;
        count--;
    }
}

static void record_words(uint64_t first, uint64_t count)
{
    uint64_t *undo = &journal.undo[journal.undo_used];

    if (journal.undo_used + count + 2 > journal_limit) {
        if (journal_limit < JOURNAL_UNDO_WORDS)
            __builtin_trap(); /* as asked */
        journal.overflow = 1;
        return;
    }
    copy_words(undo, (const uint64_t *)(uintptr_t)first, count);
    if (count == 1) {
        undo[1] = first;
        journal.undo_used += 2;
    } else {
        undo[count] = count;
        undo[count + 1] = first + 1;
        journal.undo_used += (uint32_t)count + 2;
    }
}

void journal_record(const void *address, size_t bytes)
{
    uint64_t first = (uint64_t)(uintptr_t)address & ~(uint64_t)(GRANULE - 1);
    uint64_t end = (uint64_t)(uintptr_t)address + bytes;

    if (journal_ignores((uint64_t)(uintptr_t)address) || journal.phase != JOURNAL_HANDLING || bytes == 0 || bytes > JOURNAL_RANGE_MAX)
        return;
    record_words(first, (end - first + GRANULE - 1) / GRANULE);
}

bool journal_rollback(void)
{
    bool complete = journal.overflow == 0;

    while (journal.undo_used >= 2) {
        uint64_t address = journal.undo[journal.undo_used - 1];
        uint64_t count = 1;

        if ((address & 1) != 0) {
            address--;
            count = journal.undo[journal.undo_used - 2];
            journal.undo_used--;
        }
        if (count + 1 > journal.undo_used)
            return false;
        journal.undo_used -= (uint32_t)count + 1;
        copy_words((uint64_t *)(uintptr_t)address, &journal.undo[journal.undo_used], count);
    }
    journal.overflow = 0;
    return complete;
}
