/* SPDX-License-Identifier: MIT */
/*
 * The benchmark program: the same static binary runs on Planaria and on Linux. Each operation is a function that does it `count` times.
 * Under the emulator's -icount shift=0 one tick of the time-stamp counter is one guest instruction.
 */
#pragma once

#include <stdint.h>

struct operation {
    const char *name;
    uint64_t count; /* how often in a measured run */
    void (*run)(uint64_t count);
    void (*prepare)(void); /* may be NULL */
    void (*finish)(void);  /* may be NULL */
};

extern const struct operation file_operations[];
extern const struct operation process_operations[];
extern const struct operation memory_operations[];

/* Ends the program with a message if the condition does not hold. */
void must(int condition, const char *what);
/* Path of this program, for exec. */
extern const char *bench_path;
