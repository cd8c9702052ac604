/* SPDX-License-Identifier: MIT */
/*
 * For the functions on the path of every message: gcc's own judgement keeps them apart.
 */
#pragma once

#define ALWAYS_INLINE         static inline __attribute__((always_inline))

/* Keeps the compiler from computing the address of a table's element again and again instead of keeping it in a register. */
#define KEEP_POINTER(pointer) __asm__("" : "+r"(pointer))
