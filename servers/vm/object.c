/* SPDX-License-Identifier: MIT */
/*
 * Records of objects, chunks and owners' pools. Mappings are found through the list of regions of the object, so that truncation and
 * destruction need no counting of mapped pages.
 */
#include "object.h"

#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "pool.h"
#include "region.h"
#include "space.h"

enum { OBJECT_GENERATION_MASK = (1 << (31 - OBJECT_INDEX_BITS)) - 1 };

uint32_t object_id(uint32_t index)
{
    return (object_at(index)->generation & OBJECT_GENERATION_MASK) << OBJECT_INDEX_BITS | index;
}

uint32_t object_find(const struct vm_state *state, uint32_t id)
{
    uint32_t index = id & ((1u << OBJECT_INDEX_BITS) - 1);

    if (index == VM_NONE || index >= state->objects.high || !object_at(index)->is_used || object_id(index) != id) {
        return VM_NONE;
    }
    return index;
}

uint32_t object_new(struct vm_state *state, uint32_t owner_pool)
{
    uint32_t index = pool_take(state, &state->objects);

    if (index == VM_NONE) {
        return VM_NONE;
    }
    object_at(index)->is_used = 1;
    object_at(index)->owner_pool = (uint16_t)owner_pool;
    state->transaction++;
    object_at(index)->generation = state->transaction;
    return index;
}

/* ---- chunks ---- */

static uint32_t *bucket(const struct vm_state *state, uint32_t object, uint64_t number)
{
    uint32_t hash = (object * 0x9e3779b1u) ^ ((uint32_t)number * 0x85ebca6bu);

    return (uint32_t *)HASH_ADDRESS + ((hash ^ hash >> 15) & state->hash_mask);
}

uint32_t object_chunk(struct vm_state *state, uint32_t index, uint64_t page)
{
    struct object *object = object_at(index);
    uint64_t number = page >> CHUNK_BITS;
    uint32_t chunk = object->recent;

    if (chunk != VM_NONE && chunk_at(chunk)->number == number) {
        return chunk;
    }
    chunk = *bucket(state, index, number);
    while (chunk != VM_NONE && (chunk_at(chunk)->object != index || chunk_at(chunk)->number != number)) {
        chunk = chunk_at(chunk)->hash_next;
    }
    if (chunk != VM_NONE) {
        object->recent = chunk;
    }
    return chunk;
}

uint32_t object_frame(struct vm_state *state, uint32_t index, uint64_t page)
{
    uint32_t chunk = object_chunk(state, index, page);

    return chunk == VM_NONE ? VM_NONE : chunk_at(chunk)->frame[page & (CHUNK_PAGES - 1)];
}

static void chunk_link(struct vm_state *state, uint32_t index)
{
    struct chunk *chunk = chunk_at(index);
    struct object *object = object_at(chunk->object);
    uint32_t *head = bucket(state, chunk->object, chunk->number);

    chunk->hash_next = *head;
    *head = index;
    chunk->previous = VM_NONE;
    chunk->next = object->chunks;
    if (object->chunks != VM_NONE) {
        chunk_at(object->chunks)->previous = index;
    }
    object->chunks = index;
    object->recent = index;
}

static uint32_t chunk_add(struct vm_state *state, uint32_t object, uint64_t number)
{
    uint32_t index = pool_take(state, &state->chunks);

    if (index == VM_NONE) {
        return VM_NONE;
    }
    chunk_at(index)->object = object;
    chunk_at(index)->number = (uint32_t)number;
    chunk_link(state, index);
    return index;
}

void object_adopt_chunk(struct vm_state *state, uint32_t index)
{
    struct chunk *chunk = chunk_at(index);
    struct object *object = object_at(chunk->object);

    chunk->used = 0;
    for (uint32_t i = 0; i < CHUNK_PAGES; i++) {
        chunk->used += chunk->frame[i] != VM_NONE;
    }
    object->pages += chunk->used;
    state->owner_pool[object->owner_pool].used += chunk->used;
    state->object_pages += chunk->used;
    chunk_link(state, index);
}

static void chunk_remove(struct vm_state *state, uint32_t index)
{
    struct chunk *chunk = chunk_at(index);
    struct object *object = object_at(chunk->object);
    uint32_t *link = bucket(state, chunk->object, chunk->number);

    while (*link != index) {
        link = &chunk_at(*link)->hash_next;
    }
    *link = chunk->hash_next;
    if (chunk->previous == VM_NONE) {
        object->chunks = chunk->next;
    } else {
        chunk_at(chunk->previous)->next = chunk->next;
    }
    if (chunk->next != VM_NONE) {
        chunk_at(chunk->next)->previous = chunk->previous;
    }
    if (object->recent == index) {
        object->recent = VM_NONE;
    }
    pool_give(&state->chunks, index);
}

int object_add_page(struct vm_state *state, uint32_t index, uint64_t page, uint32_t *frame)
{
    struct object *object = object_at(index);
    struct owner_pool *pool = &state->owner_pool[object->owner_pool];
    uint32_t chunk;
    uint32_t number;

    /* Files may not take the last sixteenth of the memory: programs would die of files that nobody needs now. */
    if (object->owner_pool != 0 && (pool->used >= pool->limit || !frame_has(state, state->frames_total / 16, FRAME_FOR_PROGRAM))) {
        return -ENOSPC;
    }
    if (page >> (CHUNK_BITS + 32) != 0) {
        return -ENOSPC;
    }
    chunk = object_chunk(state, index, page);
    if (chunk == VM_NONE) {
        chunk = chunk_add(state, index, page >> CHUNK_BITS);
    }
    if (chunk == VM_NONE) {
        return -ENOSPC;
    }
    number = frame_take(state, FRAME_OBJECT, FRAME_FOR_PROGRAM);
    if (number == VM_NONE) {
        if (chunk_at(chunk)->used == 0) {
            chunk_remove(state, chunk);
        }
        return -ENOSPC;
    }

    object->page_end = object->page_end > page ? object->page_end : page + 1; /* first: a chunk beyond it is nonsense after a crash */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    chunk_at(chunk)->frame[page & (CHUNK_PAGES - 1)] = number;
    chunk_at(chunk)->used++;
    object->pages++;
    pool->used++;
    state->object_pages++;
    *frame = number;
    return 0;
}

/* Free the pages of a chunk from page number `from` (in the object) on. Nobody maps them any more. */
static void chunk_trim(struct vm_state *state, uint32_t index, uint64_t from)
{
    struct chunk *chunk = chunk_at(index);
    struct object *object = object_at(chunk->object);
    uint64_t first = (uint64_t)chunk->number << CHUNK_BITS;

    for (uint64_t i = from > first ? from - first : 0; i < CHUNK_PAGES; i++) {
        if (chunk->frame[i] == VM_NONE) {
            continue;
        }
        uint32_t frame = chunk->frame[i];

        chunk->frame[i] = VM_NONE; /* first: a frame in two places would be worse than a lost one (restart.c finds it) */
        frame_give(state, frame);
        chunk->used--;
        object->pages--;
        state->owner_pool[object->owner_pool].used--;
        state->object_pages--;
    }
    if (chunk->used == 0) {
        chunk_remove(state, index);
    }
}

static void trim(struct vm_state *state, uint32_t index, uint64_t from)
{
    uint32_t chunk = object_at(index)->chunks;

    while (chunk != VM_NONE) {
        uint32_t next = chunk_at(chunk)->next;

        if (((uint64_t)chunk_at(chunk)->number + 1) << CHUNK_BITS > from) {
            chunk_trim(state, chunk, from);
        }
        chunk = next;
    }
}

static void free_if_unused(struct vm_state *state, uint32_t index)
{
    struct object *object = object_at(index);

    if (!object->is_released || object->regions != VM_NONE) {
        return;
    }
    trim(state, index, 0);
    object->is_used = 0;
    pool_give(&state->objects, index);
}

void object_release(struct vm_state *state, uint32_t index)
{
    object_at(index)->is_released = 1;
    free_if_unused(state, index);
}

/* Take pages from `from` on out of everybody's page tables. */
static void unmap_everywhere(struct vm_state *state, uint32_t index, uint64_t from)
{
    for (uint32_t i = object_at(index)->regions; i != VM_NONE; i = region_at(i)->object_next) {
        const struct region *region = region_at(i);
        uint64_t first = region->offset >> PAGE_BITS;
        uint64_t start = from > first ? region->start + ((from - first) << PAGE_BITS) : region->start;

        if (start < region->end) {
            space_unmap_pages(state, region->space, start, region->end, region_has_counted(region));
        }
    }
}

int object_truncate(struct vm_state *state, uint32_t index, uint64_t length)
{
    struct object *object = object_at(index);
    uint64_t from = page_up(length) >> PAGE_BITS;
    uint32_t rest = (uint32_t)(length & (PAGE_BYTES - 1));
    uint32_t frame = rest == 0 ? VM_NONE : object_frame(state, index, length >> PAGE_BITS);

    if (from < object->page_end) {
        unmap_everywhere(state, index, from);
        trim(state, index, from);
        object->page_end = from;
    }
    if (frame != VM_NONE) {
        kcall_page_write(frame_address(frame), rest, PAGE_BYTES - rest, ENDPOINT_SELF, (uint64_t)scratch()->zeros);
    }
    object->size = length;
    return 0;
}

/* ---- regions of an object ---- */

void object_attach(uint32_t region_index)
{
    struct region *region = region_at(region_index);

    if (region->object == VM_NONE) {
        return;
    }
    region->object_previous = VM_NONE;
    region->object_next = object_at(region->object)->regions;
    if (region->object_next != VM_NONE) {
        region_at(region->object_next)->object_previous = region_index;
    }
    object_at(region->object)->regions = region_index;
}

void object_detach(struct vm_state *state, uint32_t region_index)
{
    struct region *region = region_at(region_index);

    if (region->object == VM_NONE) {
        return;
    }
    if (region->object_previous == VM_NONE) {
        object_at(region->object)->regions = region->object_next;
    } else {
        region_at(region->object_previous)->object_next = region->object_next;
    }
    if (region->object_next != VM_NONE) {
        region_at(region->object_next)->object_previous = region->object_previous;
    }
    free_if_unused(state, region->object);
}

uint32_t owner_pool_find(struct vm_state *state, endpoint_t owner, uint32_t number)
{
    uint32_t empty = 0;

    for (uint32_t i = 1; i < OWNER_POOLS; i++) {
        const struct owner_pool *pool = &state->owner_pool[i];

        if (pool->is_used && pool->owner == owner && pool->number == number) {
            return i;
        }
        if (!pool->is_used && empty == 0) {
            empty = i;
        }
    }
    if (empty != 0) {
        state->owner_pool[empty] = (struct owner_pool){ .owner = owner, .number = number, .limit = state->frames_total / 2, .is_used = 1 };
    }
    return empty;
}
