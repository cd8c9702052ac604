/* SPDX-License-Identifier: MIT */
/*
 * The copy follows the undo log (mirror.h). Of a state that its check refuses the first piece in which the two differ is taken that makes it good; all of them only if no
 * single one does.
 */
#include "sys/mirror.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/string.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/service.h"

enum { WORD = 8, PIECES_MAX = 64 };

struct mirror mirror;

bool mirror_is_stale = true;

#ifdef PLANARIA_HOST
static void find_copy(void)
{
}
#else
extern char __state_start[], __state_end[], __mirror_start[];
/* Different only if the service's own sources are compiled with the journal; the first byte tells whether it lists entries for the copy (service.h). */
extern char __journaled_start[], __journaled_end[];

static void find_copy(void)
{
    bool has_copy = (uintptr_t)__journaled_start != (uintptr_t)__journaled_end && __journaled_start[0] == JOURNALED_WITH_COPY;

    mirror = (struct mirror){ __state_start, __mirror_start, has_copy ? (uint64_t)(__state_end - __state_start) : 0 };
}
#endif

void mirror_outside(void)
{
    mirror_is_stale = true;
}

void mirror_make(void)
{
    find_copy();
    if (mirror.bytes > 0)
        memcpy(mirror.copy, mirror.state, mirror.bytes);
    mirror_is_stale = false;
}

/* An entry with more words than one, or with gaps: what is in a gap is no older in the state than in the copy. */
static __attribute__((noinline)) void follow_words(uint64_t entry)
{
    uint64_t at = journal_first(entry) - (uint64_t)(uintptr_t)mirror.state, words = journal_reach(entry);
    const char *from = mirror.state + at;
    char *to = mirror.copy + at;

    if (at >= mirror.bytes)
        return;
    if (words * WORD > mirror.bytes - at)
        words = (mirror.bytes - at + WORD - 1) / WORD;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* An entry that makes no sense does not lead out of the copy. */
static inline void follow(const struct mirror *all, uint64_t entry)
{
    const uint64_t at = entry - (uint64_t)(uintptr_t)all->state, before = JOURNAL_MASK_WORDS * WORD;

    if (at < all->bytes)
        __builtin_memcpy(all->copy + at, all->state + at, WORD);
    else if (!journal_is_one_word(entry) && journal_address(entry) - (uint64_t)(uintptr_t)all->state + before < all->bytes + before)
        follow_words(entry); /* the words of a mask may begin behind the address */
}

/* Nor does it lead out of the log. */
static void follow_log(const uint64_t *first, const uint64_t *end)
{
    const struct mirror all = mirror;

    while (end > first) {
        uint64_t entry = *--end;

        end -= journal_words(entry);
        follow(&all, entry);
    }
}

/* The chunk was emptied: the list has not all of them. */
static __attribute__((noinline)) void follow_all(void)
{
    const uint64_t *spill = (const uint64_t *)(uintptr_t)journal.spill;

    follow_log(journal_undo.chunk + journal.undo_first / WORD, (const uint64_t *)(uintptr_t)journal.top);
    follow_log(spill, spill + journal.spill_words);
}

void mirror_copy(void)
{
    const struct mirror all = mirror;
    const uint64_t *end = journal_list_top;

    if (all.bytes == 0)
        return;
    if (__builtin_expect(journal.spill_words > 0 || end > journal_list + JOURNAL_LIST, 0)) {
        follow_all();
        return;
    }
    for (const uint64_t *at = journal_list; at < end; at++)
        follow(&all, *at);
}

/* ---- repair ---- */

struct piece {
    uint64_t at, bytes;
};

static struct piece piece[PIECES_MAX];

/* Megabytes are compared while nobody serves: a load and a compare for each word. */
static inline bool differs(uint64_t at)
{
    uint64_t word, copied;

    __builtin_memcpy(&word, mirror.state + at, WORD);
    __builtin_memcpy(&copied, mirror.copy + at, WORD);
    return word != copied;
}

/* The next piece from `at` on in which state and copy differ; bytes 0: none. */
static struct piece next_piece(uint64_t at)
{
    uint64_t end;

    while (at < mirror.bytes && !differs(at))
        at += WORD;
    for (end = at; end < mirror.bytes && differs(end); end += WORD)
        ;
    return (struct piece){ at, end - at };
}

/* How many there are; more than PIECES_MAX are not counted. */
static uint32_t list_pieces(void)
{
    struct piece one = next_piece(0);
    uint32_t count = 0;

    for (; one.bytes > 0 && count < PIECES_MAX; one = next_piece(one.at + one.bytes))
        piece[count++] = one;
    return count;
}

static void exchange(const struct piece *one)
{
    for (uint64_t at = one->at; at < one->at + one->bytes; at++) {
        char byte = mirror.state[at];

        mirror.state[at] = mirror.copy[at];
        mirror.copy[at] = byte;
    }
}

static uint64_t count_different_bytes(void)
{
    uint64_t count = 0;

    for (struct piece one = next_piece(0); one.bytes > 0; one = next_piece(one.at + one.bytes))
        count += one.bytes;
    return count;
}

static const char *check(void)
{
    return running_service->state_check != NULL ? running_service->state_check(running_service->state) : NULL;
}

static const char *try_pieces(uint32_t count, const char *problem)
{
    for (uint32_t i = 0; i < count; i++) {
        exchange(&piece[i]);
        if (check() == NULL) {
            log_warn("state: %s; %llu bytes at offset %#llx are taken from its copy", problem, (unsigned long long)piece[i].bytes,
                     (unsigned long long)piece[i].at);
            return NULL;
        }
        exchange(&piece[i]);
    }
    return problem;
}

/* False: the copy is no good either, and the state is as it was. */
static bool take_all(void)
{
    const struct piece all = { 0, mirror.bytes };

    exchange(&all);
    if (check() == NULL)
        return true;
    exchange(&all);
    return false;
}

void mirror_compare(void)
{
    uint64_t different;

    find_copy();
    if (mirror.bytes == 0 || resume_take_mirror() != 0)
        return;
    different = count_different_bytes();
    if (different != 0 && take_all())
        log_warn("state: %llu bytes are not as any handler left them; taken from its copy", (unsigned long long)different);
}

const char *mirror_repair(const char *problem)
{
    uint32_t count;

    find_copy();
    if (mirror.bytes == 0 || resume_take_mirror() != 0)
        return problem;
    count = list_pieces();
    if (count == 0 || try_pieces(count, problem) == NULL)
        return count == 0 ? problem : NULL;
    if (!take_all())
        return problem;
    log_warn("state: %s; all of it is taken from its copy", problem);
    return NULL;
}
