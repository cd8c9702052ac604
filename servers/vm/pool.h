/* SPDX-License-Identifier: MIT */
/*
 * Tables of records at a fixed address that grow by page as they are needed. Record 0 is never used.
 */
#pragma once

#include "state.h"

void pool_init(struct pool *pool, uint64_t base, size_t record_bytes, uint64_t limit);
/* Pages that a table grows by. */
enum { POOL_GROW_PAGES = 8 };

/* A zeroed record, or 0 if the table is full or there is no memory. */
uint32_t pool_take(struct vm_state *state, struct pool *pool);
void pool_give(struct pool *pool, uint32_t index);
/* Make `count` more records certain, so that pool_take cannot fail. */
bool pool_reserve(struct vm_state *state, struct pool *pool, uint32_t count);
/* Make the records up to index present and count them as ever used (boot spaces have fixed numbers). */
bool pool_extend(struct vm_state *state, struct pool *pool, uint32_t index);
/* VM's own tables as they lie in its space. */
struct own_table {
    uint64_t address;
    uint64_t bytes; /* that are there */
    uint64_t limit; /* that may be */
};
enum { OWN_TABLES = 8 };
void own_tables(const struct vm_state *state, struct own_table table[OWN_TABLES]);
/* After a crash: how much of each pool is there, by the page tables of VM's space. All of its records may have been used. */
int pools_measure(struct vm_state *state);
/* Map zeroed pages into VM itself. */
bool own_memory(struct vm_state *state, uint64_t address, uint64_t bytes);
