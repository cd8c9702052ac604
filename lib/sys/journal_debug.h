/* SPDX-License-Identifier: MIT */
/*
 * The proof that the journal covers everything (build with DEBUG_JOURNAL=1): a copy of .state, the grants and the arenas follows what the undo log
 * says was written. A word that differs from its copy at a commit was written without an entry: its address goes to the log.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef DEBUG_JOURNAL
/* Before and after each handler. */
void journal_debug_begin(void);
void journal_debug_commit(void);
/* The copy of the state (mirror.h) has followed all that the log names. */
void journal_debug_followed(void);
/* The state was written outside a handler (init, SEF callbacks): the copy is made anew before the next one. */
void journal_debug_outside(void);
/* Others write here at any time: `bytes` at `address`, and so on every `stride` bytes, `count` times. For init. */
void journal_foreign(const void *address, size_t bytes, size_t stride, size_t count);
#else
static inline void journal_debug_begin(void)
{
}

static inline void journal_debug_commit(void)
{
}

static inline void journal_debug_followed(void)
{
}

static inline void journal_debug_outside(void)
{
}

static inline void journal_foreign(const void *address, size_t bytes, size_t stride, size_t count)
{
    (void)address;
    (void)bytes;
    (void)stride;
    (void)count;
}
#endif

/* The running handler writes these bytes without an entry, and it does no harm: the caller says why. The rest of the function has no entries for stores
 * to them. If they belonged to nobody: the same handler may have given them back a moment before, so whoever gives such memory back calls
 * journal_release(). */
#if defined(DEBUG_JOURNAL)
void journal_forgo(const void *address, size_t bytes);
#elif defined(JOURNALED)
void journal_forgo_mark(const void *address, size_t bytes); /* for the plugin, which takes it away */

static inline void journal_forgo(const void *address, size_t bytes)
{
    journal_forgo_mark(address, bytes);
}
#else
static inline void journal_forgo(const void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}
#endif

/* The running handler gives these bytes back. They have their entry here: it, too, may take them again and write to them without one (journal_forgo). */
#ifdef JOURNALED
void journal_release_mark(const void *address, size_t bytes); /* for the plugin, which puts the entry in its place */

static inline void journal_release(const void *address, size_t bytes)
{
    journal_release_mark(address, bytes);
}
#else
static inline void journal_release(const void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}
#endif

/* Copy to memory that belonged to nobody, or was released: what was there does not matter. */
static inline void journal_copy_anew(void *to, const void *from, size_t bytes)
{
    journal_forgo(to, bytes);
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}
