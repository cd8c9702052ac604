/* SPDX-License-Identifier: MIT */
/*
 * The state of hello: how often it was opened.
 */
#pragma once

#include <stdint.h>

#include "sys/variant.h"

#ifdef HELLO_LAYOUT_2 /* tests/recovery/hello2: for live update with another layout */
struct hello_state {
    uint32_t updates;
    uint64_t open_counter;
    uint16_t unused;
    uint32_t opened;
};
#else
struct hello_state {
    LAYOUT_ADDED(variant);
    uint32_t opened;       /* now */
    uint32_t open_counter; /* ever */
};
#endif

const char *hello_state_check(const void *state);

/* ---- carry.c ---- */
/* Publish the counter, for a new version; take what was published, or give it up. */
int hello_save(const struct hello_state *state);
int hello_restore(struct hello_state *state);
void hello_forget(void);
