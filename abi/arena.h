/* SPDX-License-Identifier: MIT */
/*
 * Where VM puts the arenas of a service, by number (vm.arena).
 */
#pragma once

#define ARENA_ADDRESS       0x200000000000ull
#define ARENA_STRIDE        0x1000000000ull
#define ARENA_COUNT         64u

/* Undo log of a handler that overwrites very much (lib/sys/journal.h). */
#define ARENA_SPILL         60u

/* What a new version sees of the old one while it takes its state over. */
#define ARENA_PAST_LAYOUT   61u
#define ARENA_PAST_TABLE    62u
#define ARENA_PAST_SECTIONS 63u
