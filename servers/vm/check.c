/* SPDX-License-Identifier: MIT */
/*
 * What must always be true of VM's state. Linear in regions and frames, so that it can run after each message in debug builds.
 */
#include "frame.h"
#include "object.h"
#include "region.h"
#include "state.h"

static const char *check_space(const struct vm_state *state, uint32_t index)
{
    const struct space *space = space_at(index);
    uint64_t below = 0;
    uint64_t pages = 0;
    uint32_t count = 0;
    uint32_t previous = VM_NONE;

    for (uint32_t i = space->first; i != VM_NONE; i = region_at(i)->next) {
        const struct region *region = region_at(i);

        if (i >= state->regions.high || region->space != index || region->previous != previous) {
            return "a region list is broken";
        }
        if (region->start < below || region->end <= region->start || ((region->start | region->end) & (PAGE_BYTES - 1)) != 0) {
            return "regions overlap or are not aligned";
        }
        if (region_find(space, region->start) != i) {
            return "a region is not in the tree";
        }
        if ((region->kind == REGION_PRIVATE || region->kind == REGION_SHARED) != (region->object != VM_NONE)) {
            return "kind of a region and its object differ";
        }
        if (region->object != VM_NONE && (region->object >= state->objects.high || !object_at(region->object)->is_used)) {
            return "a region shows an object that is gone";
        }
        below = region->end;
        pages += (region->end - region->start) >> PAGE_BITS;
        previous = i;
        if (++count > space->region_count) {
            return "more regions than counted";
        }
    }
    return pages != space->total_pages || count != space->region_count || space->last != previous ? "sizes of a space" : NULL;
}

static const char *check_objects(const struct vm_state *state)
{
    uint64_t pages = 0;

    for (uint32_t i = 1; i < state->objects.high; i++) {
        const struct object *object = object_at(i);
        uint64_t mine = 0;

        if (!object->is_used) {
            continue;
        }
        for (uint32_t c = object->chunks; c != VM_NONE; c = chunk_at(c)->next) {
            if (chunk_at(c)->object != i) {
                return "a chunk belongs to another object";
            }
            mine += chunk_at(c)->used;
            for (uint32_t k = 0; k < CHUNK_PAGES; k++) {
                if (chunk_at(c)->frame[k] != VM_NONE && frame_at(chunk_at(c)->frame[k])->kind != FRAME_OBJECT) {
                    return "the frame of an object is something else";
                }
            }
        }
        if (mine != object->pages) {
            return "pages of an object";
        }
        pages += mine;
    }
    return pages != state->object_pages ? "number of object pages" : NULL;
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
    return free != state->frames_free ? "number of free frames" : NULL;
}

static const char *check_records(const struct vm_state *state)
{
    const char *problem = NULL;

    for (uint32_t i = 1; i < state->spaces.high && problem == NULL; i++) {
        if (space_at(i)->is_used) {
            problem = check_space(state, i);
        }
    }
    return problem != NULL ? problem : check_objects(state);
}

static bool has_record_size(const struct pool *pool, uint64_t base, uint32_t bytes)
{
    return pool->base == base && pool->record_bytes == bytes && pool->high <= pool->limit && pool->used < pool->high &&
           (pool->high == 1 || (uint64_t)pool->high * bytes <= pool->present_bytes);
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
