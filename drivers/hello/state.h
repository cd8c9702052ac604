/* SPDX-License-Identifier: MIT */
/*
 * The state of hello: how often it was opened.
 */
#pragma once

#include <stdint.h>

struct hello_state {
    uint32_t opened;       /* now */
    uint32_t open_counter; /* ever */
};

const char *hello_state_check(const void *state);
