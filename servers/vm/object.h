/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: contents of files and shared anonymous memory, page number -> frame in chunks of CHUNK_PAGES found by hash.
 * An object lives while its owner holds it or a region shows it. Its pages are charged to a pool of its owner.
 */
#pragma once

#include "layout.h"
#include "state.h"

static inline struct object *object_at(uint32_t index)
{
    return (struct object *)OBJECT_ADDRESS + index;
}

static inline struct chunk *chunk_at(uint32_t index)
{
    return (struct chunk *)CHUNK_ADDRESS + index;
}

/* Index for an id, or 0. */
uint32_t object_find(const struct vm_state *state, uint32_t id);
uint32_t object_id(uint32_t index);
/* Pool index 0: VM's own objects, no limit. 0: no record left. */
uint32_t object_new(struct vm_state *state, uint32_t owner_pool);
void object_release(struct vm_state *state, uint32_t index);
/* Frame of a page, or 0. */
uint32_t object_frame(struct vm_state *state, uint32_t index, uint64_t page);
/* The chunk of a page, or 0. */
uint32_t object_chunk(struct vm_state *state, uint32_t index, uint64_t page);
/* A new frame for a page that has none; contents unknown (*frame). -ENOSPC. */
int object_add_page(struct vm_state *state, uint32_t index, uint64_t page, uint32_t *frame);
/* After a restart: count and link a chunk by what is in it. */
void object_adopt_chunk(struct vm_state *state, uint32_t chunk);
int object_truncate(struct vm_state *state, uint32_t index, uint64_t length);
/* A region came to be or goes away; regions without object are ignored. */
void object_attach(uint32_t region);
void object_detach(struct vm_state *state, uint32_t region);
/* Index into owner_pool of a caller's numbered pool, made if new; 0: table full. */
uint32_t owner_pool_find(struct vm_state *state, endpoint_t owner, uint32_t number);
