/* SPDX-License-Identifier: MIT */
/*
 * Memory that is always present, for services.
 */
#pragma once

#include "state.h"

/* A region with all pages present and zero. */
int pinned_map(struct vm_state *state, uint32_t space, uint64_t start, uint64_t end, uint8_t protection);
