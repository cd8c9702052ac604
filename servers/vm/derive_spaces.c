/* SPDX-License-Identifier: MIT */
/*
 * Spaces and slots after a crash. The kernel knows in which space each thread lives. VM knows more only of slots whose thread does not exist yet (fork,
 * share), and of spaces that are being built for an exec.
 */
#include "derive.h"
#include "errors.h"
#include "kcall.h"
#include "pool.h"
#include "space.h"

static uint32_t in_range(const struct vm_state *state, uint32_t index)
{
    return index < state->spaces.high ? index : VM_NONE;
}

static uint32_t space_of_slot(const struct vm_state *state, const struct facts *facts, uint32_t slot)
{
    uint32_t noted = in_range(state, state->slot_space[slot]);
    uint32_t bound = facts->space[slot] < SPACE_LIMIT ? in_range(state, space_index(facts->space[slot])) : VM_NONE;

    if (bound == VM_NONE) {
        return noted != VM_NONE && space_at(noted)->is_used ? noted : VM_NONE;
    }
    if (bound == noted || (noted == VM_NONE && !space_at(bound)->is_used)) { /* or: it left, and the kernel was not done with it */
        return noted;
    }
    /* In an exec the kernel goes ahead, exec_commit follows. */
    if (state->slot_pending[slot] == bound) {
        return noted != VM_NONE && space_at(noted)->is_used ? noted : VM_NONE;
    }
    return bound;
}

static void fill_slots(struct vm_state *state, const struct facts *facts, struct losses *losses)
{
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++) {
        uint32_t index = space_of_slot(state, facts, slot);

        losses->slots += in_range(state, state->slot_space[slot]) != state->slot_space[slot];
        state->slot_space[slot] = index;
        if (index != VM_NONE) {
            space_at(index)->users++;
            space_at(index)->is_used = 1;
            space_at(index)->is_service |= slot < SERVICE_SLOTS;
            space_at(index)->is_lent &= slot < SERVICE_SLOTS;
        }
    }
}

/* Spaces between exec_begin and exec_commit; their records stay in use. */
static void fill_pending(struct vm_state *state, struct losses *losses)
{
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++) {
        uint32_t index = in_range(state, state->slot_pending[slot]);

        losses->slots += index != state->slot_pending[slot];
        if (index != VM_NONE && space_at(index)->is_used == 1 && space_at(index)->users == 0) {
            space_at(index)->is_used = 2; /* no other slot has it too */
        } else {
            state->slot_pending[slot] = VM_NONE;
        }
    }
}

/* A space that is not in use any more, in the kernel too if nobody is in it. */
static void bury(struct vm_state *state, uint32_t index)
{
    uint64_t tables_free;
    struct space *space = space_at(index);

    space->is_used = 0;
    if (kcall_space_destroy(space_id(index), &tables_free) == -EBUSY) {
        space_unmap_pages(state, index, PAGE_BYTES, USER_TOP, false);
        space->free_link = state->dying;
        state->dying = index;
    } else {
        pool_give(&state->spaces, index);
    }
}

void derive_spaces(struct vm_state *state, const struct facts *facts, struct losses *losses)
{
    state->dying = VM_NONE;
    for (uint32_t i = 1; i < state->spaces.high; i++) {
        struct space *space = space_at(i);

        losses->spaces += space->is_used > 1 || space->is_service > 1 || space->is_lent > 1;
        space->is_used = space->is_used != 0;
        space->root = space->first = space->last = space->cached = VM_NONE;
        space->region_count = space->users = 0;
        space->total_pages = space->resident_pages = 0;
        space->is_service = 0;
    }
    fill_slots(state, facts, losses);
    fill_pending(state, losses);
    for (uint32_t i = state->spaces.high - 1; i > VM_NONE; i--) {
        if (space_at(i)->users == 0 && space_at(i)->is_used != 2) {
            bury(state, i);
        }
    }
    state->spaces.used = 0;
    for (uint32_t i = 1; i < state->spaces.high; i++) {
        space_at(i)->is_used = space_at(i)->is_used != 0;
        state->spaces.used += space_at(i)->is_used;
    }
}

/* ---- limits ---- */

/* The heap as its regions show it. */
static void find_heap(struct space *space)
{
    space->brk_start = space->brk = 0;
    for (uint32_t i = space->first; i != VM_NONE; i = region_at(i)->next) {
        if ((region_at(i)->flags & REGION_HEAP) != 0) {
            space->brk_start = space->brk_start != 0 ? space->brk_start : region_at(i)->start;
            space->brk = region_at(i)->end;
        }
    }
}

static void find_room(struct space *space)
{
    space->physical_next = PHYSICAL_ADDRESS;
    for (uint32_t i = region_find(space, PHYSICAL_ADDRESS); i != VM_NONE; i = region_at(i)->next) {
        if (region_at(i)->kind == REGION_PHYSICAL && region_at(i)->start >= PHYSICAL_ADDRESS) {
            space->physical_next = region_at(i)->end + PAGE_BYTES;
        }
    }
}

void derive_limits(struct vm_state *state)
{
    for (uint32_t i = 1; i < state->spaces.high; i++) {
        struct space *space = space_at(i);

        if (!space->is_used) {
            continue;
        }
        find_room(space);
        if (space->brk_start > space->brk || space->brk > USER_TOP || space->stack_top > USER_TOP) {
            find_heap(space);
            space->stack_top = 0;
            space->limit_total = space->limit_data = space->limit_stack = UINT64_MAX;
        }
    }
}
