/* SPDX-License-Identifier: MIT */
/*
 * The generator's key and how much has been mixed into it. Fresh after a restart: seeded anew from the processor and the clock.
 */
#pragma once

#include <stdint.h>

#include "base/chacha20.h"
#include "sys/variant.h"

struct random_state {
    uint8_t key[CHACHA20_KEY_BYTES];
    LAYOUT_ADDED(variant);
    LAYOUT_ORDER(uint64_t reseed_at_ns /* uptime */, uint64_t mixed_bytes);
};
