/* SPDX-License-Identifier: MIT */
/*
 * Empty symbol table for the first link of the kernel; alone in its file, so that the compiler cannot fold the values into users.
 */
#include "debug/debug.h"

const struct kernel_symbol kernel_symbols[1] __attribute__((weak, section(".rodata.symbols")));
const uint64_t kernel_symbol_count __attribute__((weak, section(".rodata.symbols"))) = 0;
