/* SPDX-License-Identifier: MIT */
/*
 * Random bytes with ChaCha20 and fast key erasure: each request takes a new key from the stream before its output, so that earlier output can not be
 * found from a later state.
 */
#pragma once

#include <stddef.h>

#include "state.h"

/* First seed: RDRAND where the processor has it, the time-stamp counter always. */
void generator_init(struct random_state *state, uint64_t now_ns);
/* Mix bytes into the key. */
void generator_mix(struct random_state *state, const void *bytes, size_t length);
void generator_read(struct random_state *state, void *bytes, size_t length);
/* Seed again if it is time. */
void generator_refresh(struct random_state *state, uint64_t now_ns);
