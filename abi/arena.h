/* SPDX-License-Identifier: MIT */
/*
 * Where VM puts the arenas of a service, by number (vm.arena).
 */
#pragma once

#define ARENA_ADDRESS 0x200000000000ull
#define ARENA_STRIDE  0x1000000000ull
#define ARENA_COUNT   64u
