/* SPDX-License-Identifier: MIT */
/*
 * The memory devices have next to no state: how many files are open, for the operator.
 */
#pragma once

#include <stdint.h>

#include "sys/variant.h"

enum memory_minor { MINOR_NULL = 3, MINOR_ZERO = 5, MINOR_FULL = 7, MINOR_KMSG = 11 };

struct memory_state {
    LAYOUT_ADDED(variant);
    uint64_t opened; /* since the start */
};
