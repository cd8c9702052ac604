/* SPDX-License-Identifier: MIT */
/*
 * The kernel's log and its end: kernel_log goes to the ring buffer and to the serial log port. Usable from the first instruction of C code, on any
 * processor, with or without the big lock.
 */
#pragma once

#include <stdint.h>

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

/* One line; the prefix and the newline are added. */
void kernel_log(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the text, a backtrace and debug_dump(), then arch_panic_exit(). A second panic goes to arch_panic_exit() at once. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Who waits for whom: one line per process. */
void debug_dump(void);

/* Text symbols by rising address, made by the build from the first link; weak and empty in that one (kernel/debug). */
struct kernel_symbol {
    uint64_t address;
    const char *name;
};
extern const struct kernel_symbol kernel_symbols[] __attribute__((weak));
extern const uint64_t kernel_symbol_count __attribute__((weak));
