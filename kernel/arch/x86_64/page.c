/* SPDX-License-Identifier: MIT */
/*
 * Clearing and copying whole pages and long runs, with the 32-byte registers where the processor has them: a quarter of the instructions of 8-byte ones.
 */
#include "internal.h"
#include "vectors.h"

void page_zero(uint64_t physical)
{
    uint8_t *to = physical_pointer(physical);
    const uint8_t *end = to + PAGE_SIZE;
    struct vector_use use;

    if (!cpu_features.avx) {
        fill_zero(to, PAGE_SIZE);
        return;
    }
    vectors_take(&use);
    __asm__ volatile("vpxor %%xmm0, %%xmm0, %%xmm0\n"
                     "1:\n\t"
                     "vmovdqa %%ymm0, (%0)\n\tvmovdqa %%ymm0, 32(%0)\n\tvmovdqa %%ymm0, 64(%0)\n\tvmovdqa %%ymm0, 96(%0)\n\t"
                     "vmovdqa %%ymm0, 128(%0)\n\tvmovdqa %%ymm0, 160(%0)\n\tvmovdqa %%ymm0, 192(%0)\n\tvmovdqa %%ymm0, 224(%0)\n\t"
                     "vmovdqa %%ymm0, 256(%0)\n\tvmovdqa %%ymm0, 288(%0)\n\tvmovdqa %%ymm0, 320(%0)\n\tvmovdqa %%ymm0, 352(%0)\n\t"
                     "vmovdqa %%ymm0, 384(%0)\n\tvmovdqa %%ymm0, 416(%0)\n\tvmovdqa %%ymm0, 448(%0)\n\tvmovdqa %%ymm0, 480(%0)\n\t"
                     "addq $512, %0\n\tcmpq %1, %0\n\tjb 1b"
                     : "+r"(to)
                     : "r"(end)
                     : "memory", "cc");
    vectors_give(&use);
}

/* bytes: a multiple of 128, not 0. */
static void copy_vectors(uint8_t *to, const uint8_t *from, uint64_t bytes)
{
    const uint8_t *end = from + bytes;
    struct vector_use use;

    vectors_take(&use);
    __asm__ volatile("1:\n\t"
                     "vmovdqu (%1), %%ymm0\n\tvmovdqu 32(%1), %%ymm1\n\tvmovdqu %%ymm0, (%0)\n\tvmovdqu %%ymm1, 32(%0)\n\t"
                     "vmovdqu 64(%1), %%ymm0\n\tvmovdqu 96(%1), %%ymm1\n\tvmovdqu %%ymm0, 64(%0)\n\tvmovdqu %%ymm1, 96(%0)\n\t"
                     "subq $-128, %0\n\tsubq $-128, %1\n\tcmpq %2, %1\n\tjb 1b"
                     : "+r"(to), "+r"(from)
                     : "r"(end)
                     : "memory", "cc");
    vectors_give(&use);
}

void page_copy(uint64_t destination, uint64_t source)
{
    copy_long(physical_pointer(destination), physical_pointer(source), PAGE_SIZE);
}

void copy_long(void *to, const void *from, uint64_t bytes)
{
    uint64_t front = cpu_features.avx ? bytes & ~127ull : 0;

    if (front != 0)
        copy_vectors(to, from, front);
    copy_bytes((uint8_t *)to + front, (const uint8_t *)from + front, bytes - front);
}
