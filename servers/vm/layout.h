/* SPDX-License-Identifier: MIT */
/*
 * Addresses: VM's own tables, what VM puts into services, and the user address space of programs.
 */
#pragma once

#include "arena.h"
#include "state.h"

/* VM's tables; each may grow to the next one. */
#define FRAME_TABLE_ADDRESS 0x200000000000ull
#define HASH_ADDRESS        0x210000000000ull
#define REGION_ADDRESS      0x220000000000ull
#define OBJECT_ADDRESS      0x230000000000ull
#define CHUNK_ADDRESS       0x240000000000ull
#define SPACE_ADDRESS       0x250000000000ull
#define PARKED_ADDRESS      0x260000000000ull
#define SCRATCH_ADDRESS     0x270000000000ull

/* Services. */
#define SERVICE_STACK_TOP   0x3ffff000ull
#define SERVICE_STACK_BYTES 0x10000ull
#define PHYSICAL_ADDRESS    0x300000000000ull

/* Programs. */
#define USER_TOP            0x7ffffffff000ull
#define USER_LOWEST         0x10000ull
#define STACK_GAP_BYTES     0x100000ull  /* unmapped below a stack that grows */
#define STACK_ROOM_BYTES    0x8000000ull /* at least this much below the top is left for the stack */

/* Buffers for one kernel call; nothing in it lives longer than a handler. Not part of the state. */
struct scratch {
    uint64_t entries[ENTRY_ROOM];
    uint64_t frames[ENTRY_ROOM];
    uint8_t bytes[16 * PAGE_BYTES];
    uint8_t zeros[PAGE_BYTES];
};

static inline struct scratch *scratch(void)
{
    return (struct scratch *)SCRATCH_ADDRESS;
}
