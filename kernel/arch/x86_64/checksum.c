/* SPDX-License-Identifier: MIT */
/*
 * Sums over user memory, at user addresses. With AVX2 four words at a time: the sum of the lanes is the plain sum. Two registers are enough for two loads in a
 * cycle. A page that is absent ends the sum behind the loop (exception table), where registers and CR0.TS are put back as ever.
 */
#include "internal.h"
#include "vectors.h"

enum { BLOCK_BYTES = 1024, LANES = 4 };

/* bytes: a multiple of BLOCK_BYTES, not 0. */
static bool sum_vectors(uint64_t address, uint64_t bytes, uint64_t *sum)
{
    uint64_t end = address + bytes, offset = -bytes, lanes[LANES];
    struct vector_use use;

    vectors_take(&use);
    __asm__ volatile("vpxor %%xmm0, %%xmm0, %%xmm0\n\tvpxor %%xmm1, %%xmm1, %%xmm1\n"
                     "1: stac\n"
                     "2:\n\t"
                     ".irp at, 0, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960\n\t"
                     "vpaddq \\at(%2,%0), %%ymm0, %%ymm0\n\tvpaddq 32+\\at(%2,%0), %%ymm1, %%ymm1\n\t"
                     ".endr\n\t"
                     "addq %3, %0\n\tjnz 2b\n"
                     "3: clac\n\t"
                     "vpaddq %%ymm1, %%ymm0, %%ymm0\n\tvmovdqu %%ymm0, %1\n"
                     ".pushsection .exception_table, \"a\"\n"
                     ".quad 2b, 3b, 3b\n"
                     ".popsection\n"
                     ".pushsection .smap_sites, \"a\"\n"
                     ".quad 1b, 3b\n"
                     ".popsection\n"
                     : "+r"(offset), "=m"(lanes)
                     : "r"(end), "i"(BLOCK_BYTES)
                     : "memory", "cc");
    vectors_give(&use);
    for (int i = 0; i < LANES; i++)
        *sum += lanes[i];
    return offset == 0;
}

static bool sum_plain(uint64_t address, uint64_t bytes, uint64_t *sum)
{
    uint64_t block[BLOCK_BYTES / sizeof(uint64_t)];

    while (bytes != 0) {
        uint64_t part = bytes < sizeof block ? bytes : sizeof block;
        if (!copy_user_words(block, (const void *)address, part / sizeof(uint64_t)))
            return false;
        for (uint64_t i = 0; i < part / sizeof(uint64_t); i++)
            *sum += block[i];
        address += part;
        bytes -= part;
    }
    return true;
}

bool space_checksum(uint32_t space, uint64_t address, uint64_t length, uint64_t *sum)
{
    uint64_t front = cpu_features.avx2 ? length & ~(uint64_t)(BLOCK_BYTES - 1) : 0;

    space_activate(space);
    *sum = 0;
    if (front != 0 && !sum_vectors(address, front, sum))
        return false;
    return sum_plain(address + front, length - front, sum);
}
