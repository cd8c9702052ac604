/* SPDX-License-Identifier: MIT */
/*
 * What makes a handler a transaction: the message in hand and the old values of the state that the handler overwrote. It lies in section
 * .journal and travels with the state to the next instance, which rolls back to the last commit and handles the message again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "message.h"

enum { JOURNAL_UNDO_WORDS = 16384, JOURNAL_ARENAS = 32, JOURNAL_RANGE_MAX = 4096, JOURNAL_EARLY = 16, JOURNAL_NAME = 24 };

enum journal_phase {
    JOURNAL_IDLE = 0,
    JOURNAL_HANDLING = 1,  /* a handler runs: a crash rolls back */
    JOURNAL_COMMITTED = 2, /* the state stands, messages are leaving: a crash goes on sending */
};

struct journal_arena {
    uint64_t address;
    uint64_t bytes;
    char name[JOURNAL_NAME];
};

struct journal {
    uint32_t phase;
    uint32_t attempts; /* crashes so far on the message in hand */
    uint32_t current;  /* index of the buffer with the message in hand */
    uint32_t receive_status;
    endpoint_t reply_to; /* whom the message in the current buffer is a reply to, NONE */
    uint32_t undo_used;  /* words */
    uint32_t overflow;   /* too many writes to undo: no roll back */
    uint32_t arena_count;
    uint64_t committed; /* messages handled */
    struct journal_arena arena[JOURNAL_ARENAS];
    struct message buffer[2];
    /* From RS, received while the new instance waited for its init: they are handled after the message in hand. */
    struct message early[JOURNAL_EARLY];
    uint32_t early_status[JOURNAL_EARLY];
    uint32_t early_count;
    uint32_t early_unused;
    /* Read from the end: one granule of 8 bytes is its old value and its address; a range is its old words, their number, and the address of the
     * first one plus 1. */
    uint64_t undo[JOURNAL_UNDO_WORDS];
};

extern struct journal journal;
/* Words of the undo log in use at most: less than it has if a handler is to crash at a store (fault.c). */
extern uint32_t journal_limit;

/* Once, before the first handler. */
void journal_start(void);

/* Everything that a handler writes is journaled except .derived, .bss and the stack, which follow each other: one comparison. A driver may so keep in
 * .derived what the world has seen of a handler that crashed. */
struct journal_ignored {
    uint64_t start;
    uint64_t bytes;
};

extern struct journal_ignored journal_ignored;

static inline bool journal_ignores(uint64_t address)
{
    return address - journal_ignored.start < journal_ignored.bytes;
}

/* Remember the bytes before they are overwritten, if a handler runs and they may be part of the state. Ranges longer than JOURNAL_RANGE_MAX are
 * bulk data that the repeated handler fills again: they are not remembered. The compiler calls this for the service's own stores
 * (journal_store.c); functions of the library call it for what the kernel writes. */
void journal_record(const void *address, size_t bytes);
/* Restore them, newest first. false: impossible. */
bool journal_rollback(void);

static inline void journal_begin(void)
{
    journal.undo_used = 0;
    journal.overflow = 0;
    journal.phase = JOURNAL_HANDLING;
}

static inline void journal_commit(void)
{
    journal.phase = JOURNAL_COMMITTED;
    journal.attempts = 0;
}
