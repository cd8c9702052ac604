/* SPDX-License-Identifier: MIT */
/*
 * A struct to its next version as a list of pieces: made once for a table, run for each of its entries.
 */
#pragma once

#include "layout/layout.h"

enum { PLAN_STEPS = 256 };

struct plan_step {
    uint32_t from, to; /* offsets in the entry */
    uint32_t length;   /* 0: an integer that changes its type */
    uint16_t old_type, new_type;
};

struct plan {
    const struct layout *old, *new;
    uint32_t count;
    struct plan_step step[PLAN_STEPS];
};

/* false: too long, or something in it needs more than moving bytes and changing integers. */
bool plan_make(struct plan *plan, const struct layout *old, uint32_t old_type, const struct layout *new, uint32_t new_type);
/* The number of entries done: less than `count` if a value of the next one does not fit. */
uint32_t plan_run(const struct plan *plan, const uint8_t *from, uint64_t old_size, uint8_t *to, uint64_t new_size, uint32_t count);
