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
/* Map zeroed pages into VM itself. */
bool own_memory(struct vm_state *state, uint64_t address, uint64_t bytes);
