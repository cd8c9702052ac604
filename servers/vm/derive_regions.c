/* SPDX-License-Identifier: MIT */
/*
 * Regions after a crash. Handlers write so that a half-done change leaves overlapping regions at worst, and these are trimmed here. Damage may leave
 * a record in the wrong space: its neighbours in the old list tell. A record that nobody confirms gets only room that is free.
 */
#include "derive.h"
#include "object.h"
#include "pool.h"
#include "protocols/vm.h"
#include "vdso.h"

enum {
    PROTECTIONS = VM_PROTECTION_READ | VM_PROTECTION_WRITE | VM_PROTECTION_EXECUTE,
    FLAGS = REGION_GROWSDOWN | REGION_PINNED | REGION_HEAP | REGION_DONTFORK | REGION_WIPEONFORK | REGION_COPIES | REGION_WINDOW |
            REGION_VDSO,
};

/* ---- evidence ---- */

/* One side of a record in its list: the neighbour that it names names it too, and is of the same list; or the list begins (ends) with it. */
struct side {
    bool is_mutual;
    bool is_same;
};

static enum evidence evidence_of_sides(const struct side side[2])
{
    uint32_t same = 0, other = 0;

    for (int i = 0; i < 2; i++) {
        same += side[i].is_mutual && side[i].is_same;
        other += side[i].is_mutual && !side[i].is_same;
    }
    return same > 0 ? EVIDENCE_FOR : other > 0 ? EVIDENCE_AGAINST : EVIDENCE_NONE;
}

static enum evidence region_evidence(const struct vm_state *state, uint32_t index)
{
    const struct region *region = region_at(index);
    uint32_t previous = region->previous, next = region->next;
    bool has_space = region->space != VM_NONE && region->space < state->spaces.high;
    struct side side[2] = { { false, false }, { false, false } };

    if (previous == VM_NONE) {
        side[0].is_mutual = side[0].is_same = has_space && space_at(region->space)->first == index;
    } else if (previous < state->regions.high) {
        side[0] = (struct side){ region_at(previous)->next == index, region_at(previous)->space == region->space };
    }
    if (next == VM_NONE) {
        side[1].is_mutual = side[1].is_same = has_space && space_at(region->space)->last == index;
    } else if (next < state->regions.high) {
        side[1] = (struct side){ region_at(next)->previous == index, region_at(next)->space == region->space };
    }
    return evidence_of_sides(side);
}

static enum evidence chunk_evidence(const struct vm_state *state, uint32_t index)
{
    const struct chunk *chunk = chunk_at(index);
    uint32_t previous = chunk->previous, next = chunk->next;
    bool has_object = chunk->object != VM_NONE && chunk->object < state->objects.high;
    struct side side[2] = { { false, false }, { false, false } };

    if (previous == VM_NONE) {
        side[0].is_mutual = side[0].is_same = has_object && object_at(chunk->object)->chunks == index;
    } else if (previous < state->chunks.high) {
        side[0] = (struct side){ chunk_at(previous)->next == index, chunk_at(previous)->object == chunk->object };
    }
    if (next != VM_NONE && next < state->chunks.high) {
        side[1] = (struct side){ chunk_at(next)->previous == index, chunk_at(next)->object == chunk->object };
    }
    return evidence_of_sides(side);
}

void derive_evidence(struct vm_state *state)
{
    for (uint32_t i = 1; i < state->regions.high; i++) {
        region_at(i)->evidence = (uint8_t)region_evidence(state, i);
    }
    for (uint32_t i = 1; i < state->chunks.high; i++) {
        chunk_at(i)->used = chunk_evidence(state, i);
    }
}

/* ---- one record ---- */

static bool has_sound_range(const struct region *region)
{
    return region->start >= PAGE_BYTES && region->end > region->start && region->end <= USER_TOP &&
           ((region->start | region->end | region->offset) & (PAGE_BYTES - 1)) == 0 &&
           region->offset <= UINT64_MAX - (region->end - region->start);
}

/* What the vDSO's regions show follows from where they are; other physical memory was allowed to a service when it was mapped. */
static bool has_sound_memory(const struct vm_state *state, struct region *region)
{
    if (region->kind != REGION_PHYSICAL) {
        return (region->flags & REGION_VDSO) == 0;
    }
    if ((region->flags & REGION_VDSO) == 0) {
        return space_at(region->space)->is_service;
    }
    region->protection &= (uint8_t)~VM_PROTECTION_WRITE;
    if (region->start < VDSO_ADDRESS) {
        region->offset = state->time_page;
        return region->start == VDSO_TIME_PAGE && region->end == VDSO_ADDRESS;
    }
    region->offset = state->vdso_base + (region->start - VDSO_ADDRESS);
    return region->end <= VDSO_ADDRESS + page_up(state->vdso_bytes);
}

/* Services have memory, devices and windows; nothing is copied on write. */
static bool has_sound_object(const struct vm_state *state, const struct region *region)
{
    if (region->kind != REGION_PRIVATE && region->kind != REGION_SHARED) {
        return region->object == VM_NONE;
    }
    if (region->object == VM_NONE || region->object >= state->objects.high || !object_at(region->object)->is_used) {
        return false;
    }
    return !space_at(region->space)->is_service || (region->kind == REGION_SHARED && (region->flags & REGION_WINDOW) != 0);
}

static bool is_sound(const struct vm_state *state, struct region *region)
{
    if (region->space == VM_NONE || region->space >= state->spaces.high || !space_at(region->space)->is_used) {
        return false;
    }
    return region->kind <= REGION_PHYSICAL && region->protection <= PROTECTIONS && (region->flags & ~(uint32_t)FLAGS) == 0 &&
           region->evidence != EVIDENCE_AGAINST && has_sound_range(region) && has_sound_memory(state, region) &&
           has_sound_object(state, region);
}

/* ---- into their spaces ---- */

/* A region that was being split or merged overlaps its other half: the lower one ends where the upper one starts. */
static bool make_room(struct vm_state *state, uint32_t index)
{
    struct region *region = region_at(index);
    const struct space *space = space_at(region->space);
    uint32_t next = region_find(space, region->start);

    if (next != VM_NONE && region_at(next)->start < region->start) {
        if (region->evidence != EVIDENCE_FOR) {
            return false;
        }
        region_set_end(state, next, region->start);
        next = region_find(space, region->start);
    }
    if (next != VM_NONE && region_at(next)->start == region->start) {
        return false;
    }
    if (next != VM_NONE && region_at(next)->start < region->end) {
        region->end = region_at(next)->start;
    }
    return true;
}

/* Of a space that is gone, or of none: not worth a word. */
static bool is_blank(const struct vm_state *state, const struct region *region)
{
    return region->space == VM_NONE || (region->space < state->spaces.high && !space_at(region->space)->is_used);
}

/* The records that are confirmed, or all others. */
static void adopt(struct vm_state *state, bool is_confirmed, struct losses *losses)
{
    for (uint32_t i = state->regions.high - 1; i > VM_NONE; i--) {
        struct region *region = region_at(i);

        if ((region->evidence == EVIDENCE_FOR) != is_confirmed || region->evidence == EVIDENCE_SPENT) {
            continue;
        }
        if (is_sound(state, region) && make_room(state, i)) {
            region_adopt(i);
        } else {
            losses->regions += !is_blank(state, region);
            pool_give(&state->regions, i);
            region->evidence = EVIDENCE_SPENT;
        }
    }
}

void derive_regions(struct vm_state *state, struct losses *losses)
{
    adopt(state, true, losses);
    adopt(state, false, losses);
    state->regions.used = 0;
    for (uint32_t i = 1; i < state->regions.high; i++) {
        state->regions.used += region_at(i)->end != 0;
    }
}
