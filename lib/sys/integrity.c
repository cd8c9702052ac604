/* SPDX-License-Identifier: MIT */
/*
 * The checksum of the text is put into the binary after the last link (tools/layout/seal.py).
 */
#include "sys/integrity.h"

#include <stdint.h>

#include "sys/loop.h"

enum { CYCLES_PER_BYTE = 100, UNROLLED = 4 };

extern const uint64_t __text_start[], __text_end[];

/* entry.S: the compiler must not know its value. */
extern const uint64_t text_seal;

/* Two sums, the second one of what the first one was at each word (as Fletcher's checksum): two instructions a word. */
static uint64_t checksum(const uint64_t *word, const uint64_t *end)
{
    uint64_t sum = 0, sums = 0;

    for (; end - word >= UNROLLED; word += UNROLLED) {
        sums += sum += word[0];
        sums += sum += word[1];
        sums += sum += word[2];
        sums += sum += word[3];
    }
    for (; word < end; word++)
        sums += sum += *word;
    return sum ^ (sums << 32 | sums >> 32);
}

static void check_text(void)
{
    if (checksum(__text_start, __text_end) != text_seal)
        service_panic("integrity: the text has changed");
}

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

void integrity_check(void)
{
    const char *problem;

    check_text();
    problem = running_service->state_check != NULL ? running_service->state_check(running_service->state) : NULL;
    if (problem != NULL)
        service_panic("integrity: %s", problem);
}
