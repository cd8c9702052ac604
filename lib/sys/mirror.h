/* SPDX-License-Identifier: MIT */
/*
 * A second copy of the static state, as it was at the last commit. Nobody looks at it until an instance died in a handler, or its own check refuses its state: a
 * wild store, or a bad bit. Then the next instance takes from the copy what is wrong, instead of dying of it again or giving everything up. (What a
 * handler itself got wrong is in both.)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sys/journal.h"

/* Where they are; bytes 0: the service has no journal, or wants no copy (`copy := no` in its module.mk). */
struct mirror {
    char *state;
    char *copy;
    uint64_t bytes;
};

extern struct mirror mirror;

/* The state was written outside of handlers (init, SEF callbacks): the copy is made anew before the next handler. */
void mirror_outside(void);
void mirror_make(void);
/* The words that the last handler's log names: of the entries in journal_list, or of all if the list was emptied with the chunk. */
void mirror_copy(void);

extern bool mirror_is_stale;

/* Before a handler, and behind its commit. */
static inline void mirror_begin(void)
{
    if (__builtin_expect(mirror_is_stale, 0))
        mirror_make();
}

static inline void mirror_follow(void)
{
    if (journal_list_top != journal_list || __builtin_expect(journal.spill_words > 0, 0))
        mirror_copy();
}

/* The instance died in a handler, which is rolled back: where its state is not as its last commit left it, nobody meant to write. */
void mirror_compare(void);
/* The state of a dead instance is refused: repair it, if the copy of that instance helps. Returns what is still wrong, or NULL. */
const char *mirror_repair(const char *problem);
