/* SPDX-License-Identifier: MIT */
/*
 * Objects, their chunks and the pools of their owners after a crash. A chunk whose page or object makes no sense is dropped: the object has a hole
 * there. A frame belongs to one chunk only, and to none if programs have it.
 */
#include "derive.h"
#include "frame.h"
#include "object.h"
#include "pool.h"

/* ---- owners' pools ---- */

static void derive_pools(struct vm_state *state)
{
    for (uint32_t i = 0; i < OWNER_POOLS; i++) {
        struct owner_pool *pool = &state->owner_pool[i];

        pool->used = 0;
        pool->is_used = i != 0 && pool->is_used != 0 && pool->owner >= 0 && endpoint_slot(pool->owner) < SERVICE_SLOTS;
        if (pool->limit == 0) { /* a large one does no harm */
            pool->limit = state->frames_total / 2;
        }
    }
}

/* ---- objects ---- */

void derive_objects(struct vm_state *state, struct losses *losses)
{
    derive_pools(state);
    state->object_pages = 0;
    for (uint32_t i = state->objects.high - 1; i > VM_NONE; i--) {
        struct object *object = object_at(i);

        if (!object->is_used) {
            pool_give(&state->objects, i);
            continue;
        }
        losses->objects += object->is_used != 1 || object->is_released > 1 || object->owner_pool >= OWNER_POOLS;
        object->is_used = 1;
        object->is_released = object->is_released != 0;
        object->owner_pool = object->owner_pool < OWNER_POOLS ? object->owner_pool : 0;
        object->regions = object->chunks = object->recent = VM_NONE;
        object->pages = 0;
    }
    state->objects.used = 0;
    for (uint32_t i = 1; i < state->objects.high; i++) {
        state->objects.used += object_at(i)->is_used;
    }
}

/* ---- chunks ---- */

static bool is_sound(const struct vm_state *state, const struct chunk *chunk)
{
    return chunk->object != VM_NONE && chunk->object < state->objects.high && object_at(chunk->object)->is_used &&
           chunk->used != EVIDENCE_AGAINST && (uint64_t)chunk->number << CHUNK_BITS < object_at(chunk->object)->page_end;
}

/* Returns how many it has. */
static uint32_t claim_frames(struct vm_state *state, struct chunk *chunk, struct losses *losses)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < CHUNK_PAGES; k++) {
        uint32_t number = chunk->frame[k];

        if (number == VM_NONE) {
            continue;
        }
        if (number >= state->frame_count || frame_at(number)->kind != FRAME_FREE || frame_at(number)->was == FRAME_ANONYMOUS) {
            chunk->frame[k] = VM_NONE;
            losses->pages++;
            continue;
        }
        frame_at(number)->kind = FRAME_OBJECT;
        frame_at(number)->references = 1;
        frame_at(number)->next = chunk->object;
        count++;
    }
    return count;
}

void derive_chunks(struct vm_state *state, struct losses *losses)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i <= state->hash_mask; i++) {
        ((uint32_t *)HASH_ADDRESS)[i] = VM_NONE;
    }
    for (uint32_t i = state->chunks.high - 1; i > VM_NONE; i--) {
        struct chunk *chunk = chunk_at(i);
        bool is_wanted = is_sound(state, chunk) && object_chunk(state, chunk->object, (uint64_t)chunk->number << CHUNK_BITS) == VM_NONE;

        if (is_wanted && claim_frames(state, chunk, losses) > 0) {
            object_adopt_chunk(state, i);
            used++;
        } else {
            losses->chunks += !is_wanted && chunk->object != VM_NONE;
            pool_give(&state->chunks, i);
        }
    }
    state->chunks.used = used;
}
