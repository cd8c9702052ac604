/* SPDX-License-Identifier: MIT */
/*
 * What must always be true of VM's state. Linear in regions and frames, so that it can run after each message in debug builds. It looks at damaged
 * state too: no index is followed before it is known to be one, and each loop ends.
 */
#include "check.h"

#include "frame.h"
#include "object.h"
#include "region.h"
#define SEAL_FACTOR 0x100000001b3ull

enum { TREE_DEPTH = 64 };

/* ---- one space ---- */

/* Not region_find: that one relies on the tree. */
static bool is_in_tree(const struct vm_state *state, uint32_t root, uint32_t index)
{
    uint32_t at = root;

    for (int depth = 0; depth < TREE_DEPTH && at < state->regions.high && at != VM_NONE && at != index; depth++) {
        at = region_at(index)->start < region_at(at)->start ? region_at(at)->left : region_at(at)->right;
    }
    return at == index;
}

static const char *check_region(const struct vm_state *state, const struct region *region)
{
    bool has_object = region->kind == REGION_PRIVATE || region->kind == REGION_SHARED;

    if (region->end <= region->start || region->end > USER_TOP || ((region->start | region->end) & (PAGE_BYTES - 1)) != 0) {
        return "a region is not aligned";
    }
    if (region->kind > REGION_PHYSICAL || has_object != (region->object != VM_NONE)) {
        return "kind of a region and its object differ";
    }
    if (has_object && (region->object >= state->objects.high || !object_at(region->object)->is_used)) {
        return "a region shows an object that is gone";
    }
    return NULL;
}

/* The list is in order of addresses, so it ends. */
const char *check_space(const struct vm_state *state, uint32_t index)
{
    const struct space *space = space_at(index);
    uint64_t below = 0;
    uint64_t pages = 0;
    uint32_t count = 0;
    uint32_t previous = VM_NONE;

    for (uint32_t i = space->first; i != VM_NONE; i = region_at(i)->next) {
        const struct region *region = i < state->regions.high ? region_at(i) : NULL;
        const char *problem;

        if (region == NULL || region->space != index || region->previous != previous || region->start < below) {
            return "a region list is broken";
        }
        problem = check_region(state, region);
        if (problem != NULL) {
            return problem;
        }
        if (!is_in_tree(state, space->root, i)) {
            return "a region is not in the tree";
        }
        below = region->end;
        pages += (region->end - region->start) >> PAGE_BITS;
        previous = i;
        count++;
    }
    if (pages != space->total_pages || count != space->region_count || space->last != previous) {
        return "sizes of a space";
    }
    if (space->cached != VM_NONE && (space->cached >= state->regions.high || region_at(space->cached)->space != index)) {
        return "the region of the last fault";
    }
    return NULL;
}

/* ---- one object ---- */

static bool has_frame(const struct vm_state *state, uint32_t number)
{
    return number == VM_NONE || (number < state->frame_count && frame_at(number)->kind == FRAME_OBJECT);
}

const char *check_object(const struct vm_state *state, uint32_t index)
{
    const struct object *object = object_at(index);
    uint64_t pages = 0;
    uint32_t previous = VM_NONE, count = 0;

    if (object->owner_pool >= OWNER_POOLS) {
        return "the pool of an object";
    }
    for (uint32_t c = object->chunks; c != VM_NONE; c = chunk_at(c)->next) {
        if (c >= state->chunks.high || chunk_at(c)->object != index || chunk_at(c)->previous != previous || ++count > state->chunks.used) {
            return "a chunk belongs to another object";
        }
        for (uint32_t k = 0; k < CHUNK_PAGES; k++) {
            if (!has_frame(state, chunk_at(c)->frame[k])) {
                return "the frame of an object is something else";
            }
        }
        pages += chunk_at(c)->used;
        previous = c;
    }
    return pages != object->pages ? "pages of an object" : NULL;
}

/* ---- all of them ---- */

static const char *check_objects(const struct vm_state *state)
{
    const char *problem = NULL;
    uint64_t pages = 0;

    for (uint32_t i = 1; i < state->objects.high && problem == NULL; i++) {
        if (object_at(i)->is_used) {
            problem = check_object(state, i);
            pages += object_at(i)->pages;
        }
    }
    return problem == NULL && pages != state->object_pages ? "number of object pages" : problem;
}

static const char *check_pools(const struct vm_state *state)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < OWNER_POOLS; i++) {
        if (state->owner_pool[i].is_used > 1) {
            return "the pool of an owner";
        }
        used += state->owner_pool[i].used;
    }
    return used != state->object_pages ? "pages of the owners' pools" : NULL;
}

static const char *check_slots(const struct vm_state *state)
{
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++) {
        uint32_t space = state->slot_space[slot], pending = state->slot_pending[slot];

        if (space >= state->spaces.high || pending >= state->spaces.high || (space != VM_NONE && space_at(space)->users == 0) ||
            (pending != VM_NONE && !space_at(pending)->is_used)) {
            return "the space of a slot";
        }
    }
    for (uint32_t slot = 0; slot < SERVICE_SLOTS; slot++) {
        if (state->exchanged[slot] > SERVICE_SLOTS) {
            return "the other instance of a slot";
        }
    }
    return NULL;
}

static const char *check_frames(const struct vm_state *state)
{
    uint64_t free = 0;

    for (uint32_t i = 0; i < state->frame_count; i++) {
        const struct frame *frame = frame_at(i);

        if (frame->kind == FRAME_FREE) {
            free++;
        }
        if (frame->kind == FRAME_ANONYMOUS && frame->references == 0) {
            return "an anonymous frame without references";
        }
    }
    if (state->frames_free > 0 && (state->frame_free >= state->frame_count || frame_at(state->frame_free)->kind != FRAME_FREE)) {
        return "the list of free frames";
    }
    return free != state->frames_free ? "number of free frames" : NULL;
}

static bool has_records(const struct pool *pool)
{
    return pool->high >= 1 && pool->high <= pool->limit && pool->used < pool->high && pool->free < pool->high &&
           (pool->high == 1 || (uint64_t)pool->high * pool->record_bytes <= pool->present_bytes);
}

/* What the others rely on to read nothing that is not there. */
static const char *check_tables(const struct vm_state *state)
{
    if (state->seal != vm_constants_seal(state)) {
        return "what never changes has changed";
    }
    if (!has_records(&state->regions) || !has_records(&state->objects) || !has_records(&state->chunks) || !has_records(&state->spaces) ||
        !has_records(&state->parked) || state->answered >= state->parked.high) {
        return "the size of a table";
    }
    return NULL;
}

static const char *check_records(const struct vm_state *state)
{
    const char *problem = check_tables(state);

    if (problem == NULL) {
        problem = check_slots(state);
    }
    for (uint32_t i = 1; problem == NULL && i < state->spaces.high; i++) {
        if (space_at(i)->is_used) {
            problem = check_space(state, i);
        }
    }
    if (problem == NULL) {
        problem = check_objects(state);
    }
    return problem == NULL ? check_pools(state) : problem;
}

uint64_t vm_constants_seal(const struct vm_state *state)
{
    const struct pool *const pool[] = { &state->regions, &state->objects, &state->chunks, &state->spaces, &state->parked };
    const uint64_t constant[] = { state->frame_count, state->frames_total, state->frames_reserve, state->hash_mask,
                                  state->vdso_base,   state->vdso_bytes,   state->time_page };
    uint64_t seal = 1;

    for (size_t i = 0; i < sizeof(constant) / sizeof(constant[0]); i++) {
        seal = (seal ^ constant[i]) * SEAL_FACTOR;
    }
    for (size_t i = 0; i < sizeof(pool) / sizeof(pool[0]); i++) {
        seal = (seal ^ pool[i]->base) * SEAL_FACTOR;
        seal = (seal ^ (uint64_t)pool[i]->limit << 32 ^ pool[i]->record_bytes) * SEAL_FACTOR;
    }
    return seal;
}

static bool has_record_size(const struct pool *pool, uint64_t base, uint32_t bytes)
{
    return pool->base == base && pool->record_bytes == bytes;
}

const char *vm_state_check_tables(const struct vm_state *state)
{
    if (!has_record_size(&state->regions, REGION_ADDRESS, sizeof(struct region)) ||
        !has_record_size(&state->objects, OBJECT_ADDRESS, sizeof(struct object)) ||
        !has_record_size(&state->chunks, CHUNK_ADDRESS, sizeof(struct chunk)) ||
        !has_record_size(&state->spaces, SPACE_ADDRESS, sizeof(struct space)) ||
        !has_record_size(&state->parked, PARKED_ADDRESS, sizeof(struct parked))) {
        return "the records of a table are others";
    }
    if (state->frames_free > 0 && (state->frame_free >= state->frame_count || frame_at(state->frame_free)->kind != FRAME_FREE)) {
        return "the list of free frames";
    }
    return check_records(state);
}

const char *vm_state_check(const void *opaque)
{
    const struct vm_state *state = opaque;
    const char *problem = check_records(state);

    return problem != NULL ? problem : check_frames(state);
}
