/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls before each store of a service's own code (flags_journal in tools/build/flags.mk). The names are fixed by
 * the compiler. Most stores go to the state or to an arena; those to the stack cost one comparison.
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

/* One store of 1, 2, 4 or 8 bytes; as good as always it is aligned and stays within its granule. */
static inline void log_store(uint64_t address, uint32_t bytes)
{
    uint32_t used = journal.undo_used;
    uint64_t granule = address & ~7ull;

    if (journal_ignores(address))
        return;
    if (__builtin_expect((address & (bytes - 1)) != 0 || used + 2 > journal_limit, 0)) {
        journal_record((const void *)(uintptr_t)address, bytes);
        return;
    }
    journal.undo[used] = *(const uint64_t *)(uintptr_t)granule;
    journal.undo[used + 1] = granule;
    journal.undo_used = used + 2;
}

void __asan_store1_noabort(uint64_t address)
{
    log_store(address, 1);
}

void __asan_store2_noabort(uint64_t address)
{
    log_store(address, 2);
}

void __asan_store4_noabort(uint64_t address)
{
    log_store(address, 4);
}

void __asan_store8_noabort(uint64_t address)
{
    log_store(address, 8);
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
