/* SPDX-License-Identifier: MIT */
/*
 * What makes a handler a transaction: the message in hand and the old values of the state that the handler overwrote. struct journal lies in
 * section .journal and the undo log in .undo; both travel with the state to the next instance, which rolls back to the last commit and
 * handles the message again.
 *
 * The log is a row of entries, each one some old words followed by one word that says where they were: the address in the low 48 bits, in the high 16
 * the number of words (0 means 1), or JOURNAL_MASK and a bit for each of the 15 words from the address on that the entry has. It is read from the end.
 * The newest entries are in the chunk [undo + undo_first, top), those before them in the first spill_words words of the spill, which moves to an arena of
 * its own when it grows. Code of services appends entries itself: tools/journal makes the compiler put the instructions before each store.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "message.h"

/* In the last word of the chunk until an entry gets there: who empties the chunk puts it back. */
#define JOURNAL_END_MARK 0x9e6c63d0676a9a99ull

enum {
    JOURNAL_ARENAS = 32,
    JOURNAL_NAME = 24,
    JOURNAL_EARLY = 16,
    JOURNAL_CHUNK = 65536,     /* bytes; also the chunk's alignment: an entry too many shows as a carry of the low 16 bits of `top` */
    JOURNAL_SLACK_WORDS = 128, /* behind the chunk, for the end of the entry that fills it: the longest one that is made inline, and more */
    JOURNAL_SPILL_WORDS = 24448, /* the spill before it grows */
    JOURNAL_GROWTH_WORDS = 131072,
    JOURNAL_RANGE_MAX = 16384, /* words in one entry */
    JOURNAL_PAST_END = 7,      /* whole words are logged: so much behind the last byte of kept memory must be there to be read */
};

/* ---- the last word of an entry ---- */

enum {
    JOURNAL_HIGH = 48, /* the bits from here on */
    JOURNAL_MASK = 0x8000,
    JOURNAL_MASK_WORDS = 15,
};

static inline uint64_t journal_entry(uint64_t address, uint64_t words)
{
    return address | words << JOURNAL_HIGH;
}

static inline uint64_t journal_address(uint64_t entry)
{
    return entry & ((1ull << JOURNAL_HIGH) - 1);
}

/* The same entry for another address. */
static inline uint64_t journal_moved(uint64_t entry, uint64_t address)
{
    return journal_entry(address, entry >> JOURNAL_HIGH);
}

/* The form of most entries: then the entry is the address. */
static inline bool journal_is_one_word(uint64_t entry)
{
    return entry >> JOURNAL_HIGH == 0;
}

/* Which words from the address on it has, bit 0 the first. 0: the next journal_words(entry), without a gap. */
static inline uint32_t journal_mask(uint64_t entry)
{
    uint32_t high = (uint32_t)(entry >> JOURNAL_HIGH);

    return (high & JOURNAL_MASK) != 0 ? high ^ JOURNAL_MASK : 0;
}

/* How many bits of a byte are set: commits walk over all entries, and not every processor has popcnt. */
#define JOURNAL_BITS_2(n) (n), (n) + 1, (n) + 1, (n) + 2
#define JOURNAL_BITS_4(n) JOURNAL_BITS_2(n), JOURNAL_BITS_2((n) + 1), JOURNAL_BITS_2((n) + 1), JOURNAL_BITS_2((n) + 2)
#define JOURNAL_BITS_6(n) JOURNAL_BITS_4(n), JOURNAL_BITS_4((n) + 1), JOURNAL_BITS_4((n) + 1), JOURNAL_BITS_4((n) + 2)

static const uint8_t journal_bits[256] = { JOURNAL_BITS_6(0), JOURNAL_BITS_6(1), JOURNAL_BITS_6(1), JOURNAL_BITS_6(2) };

/* How many old words come before this one. 0: the entry makes no sense. */
static inline uint64_t journal_words(uint64_t entry)
{
    uint64_t high = entry >> JOURNAL_HIGH;

    if ((high & JOURNAL_MASK) == 0)
        return high == 0 ? 1 : high;
    return (uint64_t)journal_bits[high & 0xff] + journal_bits[high >> 8 & 0x7f];
}

/* Where the first of its words is: the address itself may lie before the memory that the entry is about. */
static inline uint64_t journal_first(uint64_t entry)
{
    uint32_t mask = journal_mask(entry);

    return journal_address(entry) + (mask == 0 ? 0 : (uint64_t)__builtin_ctz(mask) * sizeof(uint64_t));
}

/* From the first of its words to the last one: how many lie there, with the gaps. */
static inline uint64_t journal_reach(uint64_t entry)
{
    uint32_t mask = journal_mask(entry);

    return mask == 0 ? journal_words(entry) : 32 - (uint64_t)__builtin_clz(mask) - (uint64_t)__builtin_ctz(mask);
}

enum journal_phase {
    JOURNAL_IDLE = 0,      /* in the trap that sends the reply and receives, or about to */
    JOURNAL_HANDLING = 1,  /* a handler runs: a crash rolls back */
    JOURNAL_COMMITTED = 2, /* the state stands, messages are leaving: a crash goes on sending, the reply too */
};

struct journal_arena {
    uint64_t address;
    uint64_t bytes;
    char name[JOURNAL_NAME];
};

struct journal {
    uint64_t top; /* where the next entry goes, in the chunk; first of all, because the compiler's code says only `journal` */
    /* These three change together at the commit (journal_commit). */
    uint16_t phase;
    uint16_t current;    /* index of the buffer with the message in hand */
    endpoint_t reply_to; /* whom the message in the current buffer is a reply to, NONE */
    uint32_t attempts;   /* crashes so far on the message in hand */
    uint32_t receive_status;
    uint32_t arena_count;
    uint32_t reserved;
    uint32_t undo_first; /* bytes of the chunk before the first entry */
    uint32_t spill_words;
    uint64_t committed;  /* messages handled */
    uint64_t undo;       /* address of the chunk */
    uint64_t spill;      /* address of the spill */
    uint64_t spill_room; /* words */
    uint64_t stopped_ns; /* live update: uptime when the old version stopped serving */
    struct journal_arena arena[JOURNAL_ARENAS];
    struct message buffer[2];
    /* From RS, received while the new instance waited for its init: they are handled after the message in hand. */
    struct message early[JOURNAL_EARLY];
    uint32_t early_status[JOURNAL_EARLY];
    uint32_t early_count;
    uint32_t early_unused;
};

struct journal_undo {
    uint64_t chunk[JOURNAL_CHUNK / 8 + JOURNAL_SLACK_WORDS];
    uint64_t spill[JOURNAL_SPILL_WORDS];
} __attribute__((aligned(JOURNAL_CHUNK)));

_Static_assert(offsetof(struct journal, phase) % 8 == 0 && offsetof(struct journal, current) == offsetof(struct journal, phase) + 2 &&
                   offsetof(struct journal, reply_to) == offsetof(struct journal, phase) + 4,
               "phase, current and reply_to are one word");

extern struct journal journal;
extern struct journal_undo journal_undo;

/* The entries of the chunk (without their old words) that may be about the static state, in any order: the copy of the state looks at these only
 * (mirror.h). An entry takes at least two words of the chunk, so the list has room for all of them; when the chunk is emptied, the list is too. */
enum { JOURNAL_LIST = JOURNAL_CHUNK / 16 + JOURNAL_SLACK_WORDS };

extern uint64_t journal_list[JOURNAL_LIST];
extern uint64_t *journal_list_top;

/* Of a journal that came from an instance that died: can the message in hand, the reply and the lists be what they say? */
bool journal_is_sound(void);
/* There is no message in hand, and no reply on its way. */
void journal_forget(void);
/* An empty log in this instance's own memory: the first thing of all (entry.S), and when a journal has come from another instance. */
void journal_start(void);

/* Memory that a roll back restores: .state, .outbox and the arenas. The rest belongs to the instance (stack, .bss), or is meant to keep what a
 * handler that crashed did to it: a driver may so keep in .derived what the world has seen. */
struct journal_range {
    uint64_t start;
    uint64_t bytes;
};

extern struct journal_range journal_kept[2];

static inline bool journal_keeps(uint64_t address)
{
    return address - journal_kept[0].start < journal_kept[0].bytes || address - journal_kept[1].start < journal_kept[1].bytes;
}

/* Remember the bytes before they are overwritten, if a handler runs and they may be part of the state. The compiler calls this for copies and large
 * structures; functions of the library call it for what the kernel writes. */
void journal_record(const void *address, size_t bytes);
/* Restore them, newest first. false: the log makes no sense. */
bool journal_rollback(void);
/* Of a log that came from an instance that died: does it lie where it should, and is it no longer than it can be? */
bool journal_log_is_sound(void);
/* The running handler is to crash at the store that would be number `stores`, at most (fault.c). */
void journal_crash_after(uint32_t stores);
/* After a handler: the arena of a spill that grew goes back to VM. */
void journal_shrink(void);

static inline bool journal_has_grown(void)
{
    return journal.spill_room > JOURNAL_SPILL_WORDS;
}

/* The chunk is full: the compiler's code calls this through journal_spill_stub (entry.S) when the low 16 bits of `top` have passed zero. */
void journal_spill(void);

static inline void journal_begin(void)
{
#ifndef JOURNAL_OFF
    journal.top = (uint64_t)(uintptr_t)journal_undo.chunk;
    journal_list_top = journal_list;
    journal.undo_first = 0;
    journal.spill_words = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a kill in between must not find the log of the last handler */
    journal.phase = JOURNAL_HANDLING;
#endif
}

/* The commit is one store: whoever is killed is before it or behind it. */
static inline void journal_commit(uint32_t current, endpoint_t reply_to)
{
    *(volatile uint64_t *)(void *)&journal.phase = (uint64_t)(uint32_t)reply_to << 32 | current << 16 | JOURNAL_COMMITTED;
}
