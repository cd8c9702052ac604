/* SPDX-License-Identifier: MIT */
/*
 * The checksum of the text is put into the binary after the last link (tools/layout/seal.py).
 */
#include "sys/integrity.h"

#include <stdint.h>

#include "sys/loop.h"

#define CHECKSUM_PRIME 0x100000001b3ull

extern const uint64_t __text_start[], __text_end[];

/* entry.S: the compiler must not know its value. */
extern const uint64_t text_seal;

static uint64_t checksum(const uint64_t *word, const uint64_t *end)
{
    uint64_t value = 0;

    while (word < end)
        value = (value ^ *word++) * CHECKSUM_PRIME;
    return value;
}

void integrity_check(void)
{
    const char *problem;

    if (checksum(__text_start, __text_end) != text_seal)
        service_panic("integrity: the text has changed");
    problem = running_service->state_check != NULL ? running_service->state_check(running_service->state) : NULL;
    if (problem != NULL)
        service_panic("integrity: %s", problem);
}
