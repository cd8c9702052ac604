/* SPDX-License-Identifier: MIT */
/*
 * The checksum of the text is put into the binary after the last link (tools/layout/seal.py).
 */
#include "sys/integrity.h"

#include <stdbool.h>
#include <stdint.h>

#include "protocols/kernel.h"
#include "sys/loop.h"
#include "sys/trap.h"

enum { CYCLES_PER_BYTE_OFTEN = 2, CYCLES_PER_BYTE = 24, UNROLLED = 8, PART_WORDS = KERNEL_CHECKSUM_MAX / sizeof(uint64_t) };

extern const uint64_t __text_start[], __text_end[];

/* entry.S: the compiler must not know its value. */
extern const uint64_t text_seal;

static uint64_t own_sum(const uint64_t *word, const uint64_t *end)
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

/*
 * The kernel has vector registers, so four words an instruction. A trap of its own, because a look is no call of the handler: it is not in the notes for a
 * replay, and no fault is for it.
 */
static bool kernel_sum(const uint64_t *word, const uint64_t *end, uint64_t *sum)
{
    struct kernel_checksum_request request = { .address = (uint64_t)(uintptr_t)word, .length = (uint64_t)(end - word) * sizeof(*word) };
    struct kernel_checksum_reply reply;
    struct message message = { .type = KERNEL_CHECKSUM };
    uint32_t status;

    kernel_checksum_request_put(&message, &request);
    if (trap_ipc(IPC_SENDREC, ENDPOINT_SYSTEM, &message, &status) != 0 || message.status != 0)
        return false;
    kernel_checksum_reply_get(&message, &reply);
    *sum = reply.sum;
    return true;
}

/* A plain sum: whatever changes a single word changes it. The kernel refuses if a page is absent (reading makes it present) or the manifest does not allow it. */
static uint64_t text_sum(void)
{
    const uint64_t *part = __text_start;
    uint64_t sum = 0, part_sum;

    while (part < __text_end) {
        const uint64_t *end = __text_end - part < PART_WORDS ? __text_end : part + PART_WORDS;
        sum += kernel_sum(part, end, &part_sum) ? part_sum : own_sum(part, end);
        part = end;
    }
    return sum;
}

static void check_text(void)
{
    if (text_sum() != text_seal)
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

static uint64_t interval_cycles(void)
{
    uint64_t bytes = (uint64_t)(__text_end - __text_start) * sizeof(uint64_t);

    return bytes * (running_service->looks_often ? CYCLES_PER_BYTE_OFTEN : CYCLES_PER_BYTE);
}

/* Processors' counters may differ: a look that seems to lie ahead is one that is due. */
void integrity_look(void)
{
    static uint64_t looked, interval;
    uint64_t now = cycles();

    if (__builtin_expect(now - looked < interval, 1))
        return;
    looked = now;
    interval = interval_cycles();
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
