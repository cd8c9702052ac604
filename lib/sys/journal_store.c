/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls before each store of a service's own code (flags_journal in tools/build/flags.mk). The names are fixed by
 * the compiler. Most stores go to the state or to an arena; those to the stack cost two comparisons.
 */
#include "sys/journal.h"

#ifndef PLANARIA_HOST /* there the names belong to the real address sanitizer */

void __asan_store1_noabort(uint64_t address);
void __asan_store2_noabort(uint64_t address);
void __asan_store4_noabort(uint64_t address);
void __asan_store8_noabort(uint64_t address);
void __asan_store16_noabort(uint64_t address);
void __asan_storeN_noabort(uint64_t address, uint64_t bytes);
void __asan_handle_no_return(void);

static inline bool is_state(uint64_t address)
{
    return address - journal_state_span.start < journal_state_span.bytes || address - journal_arena_span.start < journal_arena_span.bytes;
}

static inline void log_granule(uint64_t granule)
{
    uint32_t count = journal.undo_count;

    if (count == JOURNAL_UNDO_MAX) {
        journal.overflow = 1;
        return;
    }
    journal.undo[count].address = granule;
    journal.undo[count].old = *(const uint64_t *)(uintptr_t)granule;
    journal.undo_count = count + 1;
}

static inline void log_small(uint64_t address, uint32_t bytes)
{
    if (!is_state(address))
        return;
    log_granule(address & ~7ull);
    if (__builtin_expect((address & 7) + bytes > 8, 0))
        log_granule((address & ~7ull) + 8);
}

void __asan_store1_noabort(uint64_t address)
{
    log_small(address, 1);
}

void __asan_store2_noabort(uint64_t address)
{
    log_small(address, 2);
}

void __asan_store4_noabort(uint64_t address)
{
    log_small(address, 4);
}

void __asan_store8_noabort(uint64_t address)
{
    log_small(address, 8);
}

void __asan_store16_noabort(uint64_t address)
{
    journal_record((const void *)(uintptr_t)address, 16);
}

void __asan_storeN_noabort(uint64_t address, uint64_t bytes)
{
    journal_record((const void *)(uintptr_t)address, bytes);
}

void __asan_handle_no_return(void)
{
}

#endif
