/* SPDX-License-Identifier: MIT */
/*
 * The kernel log, panic and assert. Works from the first instruction of C on; needs no lock of its own (the big lock, or a single processor).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct thread;
struct trap_frame;

/* ---- log.c: a ring that getinfo(log) reads; every byte also goes to the serial log port ---- */
enum { LOG_RING_BYTES = 1 << 18 };
/* One line or part of it; a prefix "[seconds.micros] kernel: " is put at the start of each line. */
void log_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Raw text, for call log and write() of services: time prefix only. */
void log_text(const char *text, size_t length);
/* Bytes since boot. */
uint64_t log_position(void);
/* Piece of the ring at `position` (moved on if it was overwritten): returns a pointer and its length. */
const char *log_piece(uint64_t *position, size_t *length);

/* ---- panic.c ---- */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Set by arch code before panic() for an exception in the kernel, so that its registers are printed. */
extern const struct trap_frame *panic_frame;
void log_registers(const struct trap_frame *frame);
/* Who waits for whom: all threads in use. */
void log_wait_table(void);
/* Registers and backtrace of a thread. */
void log_thread(const struct thread *thread);

void assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn));
#define assert(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

/* Backtrace table; filled by the second link (tools/build/symbols.py). */
struct kernel_symbol {
    uint64_t address;
    const char *name;
};
extern const struct kernel_symbol kernel_symbols[];
extern const uint64_t kernel_symbol_count;
