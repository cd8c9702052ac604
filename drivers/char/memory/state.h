/* SPDX-License-Identifier: MIT */
/*
 * The memory driver remembers nothing between requests: the struct is there because every service has one.
 */
#pragma once

#include <stdint.h>

struct memory_state {
    uint64_t requests; /* dropped at restart */
};
