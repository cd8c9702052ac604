/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler knows of each thread that it was given.
 */
#pragma once

#include <stdbool.h>

#include "message.h"
#include "sys/variant.h"

enum {
    SCHED_HIGHEST = 0,
    SCHED_LOWEST = 15,
    SCHED_NORMAL = 10, /* nice 0 */
    SCHED_DROP = 3,    /* how far a busy thread sinks below its base */
    SCHED_QUANTUM_US = 20000,
};

#define SCHED_RAISE_NS 5000000000ull /* how often those that sank rise by one */

struct sched_thread {
    endpoint_t endpoint;
    LAYOUT_ADDED(variant);
    uint8_t used;
    LAYOUT_WIDER(uint8_t, uint16_t) base; /* from nice */
    uint8_t priority;                     /* base .. base + SCHED_DROP; larger is worse */
    uint8_t reserved;
};

struct sched_state {
    struct sched_thread thread[PROCESS_SLOTS];
    uint32_t sunk; /* threads below their base: the alarm runs while there are any */
};

void sched_start(struct sched_state *state);
void sched_raise(struct sched_state *state);
/* In a new instance with the old state no alarm is set. */
int sched_rebuild(void *state);
/* Records that make no sense are made of what the kernel has: the priority passes for the base. */
void sched_mend(void *state);
const char *sched_state_check(const void *state);
