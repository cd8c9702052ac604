/* SPDX-License-Identifier: MIT */
/*
 * Random bytes for getrandom(2) and AT_RANDOM: ChaCha20 keyed from the processor's generator if it has one, and time.
 */
#pragma once

#include <stddef.h>

#include "state.h"

void random_init(struct pm_state *pm);
void random_bytes(struct pm_state *pm, uint8_t *to, size_t length);
