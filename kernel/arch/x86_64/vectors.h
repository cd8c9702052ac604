/* SPDX-License-Identifier: MIT */
/*
 * Two vector registers for the kernel, ymm0 and ymm1, where the processor has AVX. Interrupts are off, so nobody sees them in between; whatever they held, live or
 * another thread's saved-lazily state, is put back, and CR0.TS is as it was.
 */
#pragma once

#include "internal.h"

struct vector_use {
    uint8_t saved[2][32];
    bool ts_was_set;
};

static inline void vectors_take(struct vector_use *use)
{
    use->ts_was_set = cpu_this()->ts_set;
    if (use->ts_was_set)
        __asm__ volatile("clts");
    __asm__ volatile("vmovdqu %%ymm0, %0\n\tvmovdqu %%ymm1, %1" : "=m"(use->saved[0]), "=m"(use->saved[1]));
}

static inline void vectors_give(const struct vector_use *use)
{
    __asm__ volatile("vmovdqu %0, %%ymm0\n\tvmovdqu %1, %%ymm1" : : "m"(use->saved[0]), "m"(use->saved[1]));
    if (use->ts_was_set)
        cr0_write(cpu_this()->cr0_with_ts);
}
