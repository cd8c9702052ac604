/* SPDX-License-Identifier: MIT */
/*
 * All that sample knows. No pointers; what is here survives a crash, and an update carries it over by the names of the fields.
 */
#pragma once

#include <stdint.h>

struct sample_state {
    uint32_t lines; /* written so far */
};

const char *sample_state_check(const void *state);
