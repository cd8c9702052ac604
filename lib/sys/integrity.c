/* SPDX-License-Identifier: MIT */
/*
 * The checksum of the text is put into the binary after the last link (tools/layout/seal.py).
 */
#include "sys/integrity.h"

#include <stdint.h>

#include "sys/loop.h"

enum { CYCLES_PER_BYTE = 32, UNROLLED = 8 };

extern const uint64_t __text_start[], __text_end[];

/* entry.S: the compiler must not know its value. */
extern const uint64_t text_seal;

/* A plain sum: one instruction for eight bytes, and whatever changes a single word changes it. */
static uint64_t checksum(const uint64_t *word, const uint64_t *end)
{
    uint64_t sum = 0;

    for (; end - word >= UNROLLED; word += UNROLLED) {
        sum += word[0];
        sum += word[1];
        sum += word[2];
        sum += word[3];
        sum += word[4];
        sum += word[5];
        sum += word[6];
        sum += word[7];
    }
    for (; word < end; word++)
        sum += *word;
    return sum;
}

static void check_text(void)
{
    if (checksum(__text_start, __text_end) != text_seal)
        service_panic("integrity: the text has changed");
}

#ifdef JOURNAL_OFF
/* The build with which costs are compared has no checks either. */
void integrity_look(void)
{
}
#else
static uint64_t cycles(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* Processors' counters may differ: a look that seems to lie ahead is one that is due. */
void integrity_look(void)
{
    static uint64_t looked;
    uint64_t now = cycles();

    if (__builtin_expect(now - looked < CYCLES_PER_BYTE * sizeof(uint64_t) * (uint64_t)(__text_end - __text_start), 1))
        return;
    looked = now;
    check_text();
}
#endif

void integrity_check(void)
{
    const char *problem;

    check_text();
    problem = running_service->state_check != NULL ? running_service->state_check(running_service->state) : NULL;
    if (problem != NULL)
        service_panic("integrity: %s", problem);
}
