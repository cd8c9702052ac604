/* SPDX-License-Identifier: MIT */
/* Entries of the undo log (lib/sys/journal.h) as instructions. */
#pragma once

#include "span.h"

const HOST_WIDE_INT
    ENTRY_WORDS_MAX = 96;            /* old values in one inline entry; JOURNAL_SLACK_WORDS of lib/sys/journal.h has room for a batch */
const HOST_WIDE_INT MASK_WORDS = 15; /* words that one entry with gaps can tell apart: JOURNAL_MASK of lib/sys/journal.h */
const HOST_WIDE_INT MOVES_MAX = 8;   /* above this many words without a gap, copied by `rep movsq` */

/* Some bytes behind a base, or a reference whose distance to anything is not fixed. */
struct entry {
    tree base;
    std::vector<span> parts;
    tree only; /* the reference that wants the entry, if it is one alone */
    HOST_WIDE_INT bytes;
};

/* Entries that are made together, with one look at where the log ends and one check that it has room. */
struct batch {
    gimple *at; /* before this */
    std::vector<entry> entries;
};

static inline bool is_place(const entry &one)
{
    return one.base == NULL_TREE;
}

span extent_of(const entry &one);
/* Old values in the log. */
HOST_WIDE_INT words_logged(const entry &one);
/* Too long for moves: such an entry is alone in its batch. */
bool is_long(const entry &one);
void call_record(gimple_stmt_iterator *where, tree address, tree bytes);
void emit(const batch &one);
