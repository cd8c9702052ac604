/* SPDX-License-Identifier: MIT */
/*
 * Spaces. Neighbouring regions are unmapped and forked with one kernel call as long as the gaps between them are small: a kernel call costs about
 * as much as looking at a hundred empty page-table entries.
 */
#include "space.h"

#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "object.h"
#include "pool.h"
#include "protocols/kernel.h"

enum { FORK_FRAMES = 32 }; /* page tables and stack of a small process */
#define RUN_GAP_BYTES (64ull * PAGE_BYTES)

uint32_t space_of(const struct vm_state *state, endpoint_t process)
{
    uint32_t slot = endpoint_slot(process);

    return process >= 0 && slot < PROCESS_SLOTS ? state->slot_space[slot] : VM_NONE;
}

uint32_t space_find(const struct vm_state *state, uint32_t id)
{
    uint32_t index = space_index(id);

    if (id >= SPACE_LIMIT || index >= state->spaces.high || !space_at(index)->is_used) {
        return VM_NONE;
    }
    return index;
}

/* Spaces in which the kernel still had a thread when their last user left. */
static void bury(struct vm_state *state)
{
    uint32_t index = state->dying;

    state->dying = VM_NONE;
    while (index != VM_NONE) {
        uint32_t next = space_at(index)->free_link;

        uint64_t tables_free;

        if (kcall_space_destroy(space_id(index), &tables_free) == -EBUSY) {
            space_at(index)->free_link = state->dying;
            state->dying = index;
        } else {
            pool_give(&state->spaces, index);
        }
        index = next;
    }
}

uint32_t space_new(struct vm_state *state)
{
    if (state->dying != VM_NONE) {
        bury(state);
    }

    uint32_t index = pool_take(state, &state->spaces);
    struct space *space = space_at(index);
    uint64_t tables_free;
    int result;

    if (index == VM_NONE) {
        return VM_NONE;
    }
    result = kcall_space_create(space_id(index));
    if (result == -ENOMEM && table_refill(state) == 0) {
        result = kcall_space_create(space_id(index));
    }
    if (result == -EBUSY && kcall_space_destroy(space_id(index), &tables_free) == 0) {
        result = kcall_space_create(space_id(index));
    }
    if (result != 0) {
        pool_give(&state->spaces, index);
        return VM_NONE;
    }
    space->is_used = 1;
    space->limit_total = UINT64_MAX;
    space->limit_data = UINT64_MAX;
    space->limit_stack = STACK_ROOM_BYTES / 16;
    space->physical_next = PHYSICAL_ADDRESS;
    return index;
}

void space_unmap_pages(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end, bool with_counted)
{
    uint64_t *entries = with_counted ? scratch()->entries : NULL;

    while (start < end) {
        uint64_t present = 0;
        uint64_t done = 0;
        int result = kcall_unmap(space_id(index), start, (end - start) >> PAGE_BITS, entries, &present, &done);

        if (result != 0 || done == 0) {
            return;
        }
        if (with_counted) {
            frame_drop_entries(state, entries, present);
        }
        space_at(index)->resident_pages -= present;
        start += done << PAGE_BITS;
    }
}

/* From region *index on: the end of a run of regions that ends below `end`; *index becomes the region after it. */
static uint64_t next_run(uint32_t *index, uint64_t end, bool *with_counted)
{
    uint64_t run_end = region_at(*index)->end;

    *with_counted = false;
    for (;;) {
        *with_counted |= region_has_counted(region_at(*index));
        run_end = region_at(*index)->end;
        *index = region_at(*index)->next;
        if (*index == VM_NONE || region_at(*index)->start >= end || region_at(*index)->start - run_end > RUN_GAP_BYTES) {
            return run_end;
        }
    }
}

/* start and end are borders of regions, or lie in gaps. */
/* The counted frames of a space that is about to be destroyed; its page tables stay as they are. False: a thread is still in it. */
static bool drain_run(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end)
{
    uint64_t *entries = scratch()->entries;

    while (start < end) {
        uint64_t present = 0;
        uint64_t done = 0;
        int result = kcall_space_drain(space_id(index), start, (end - start) >> PAGE_BITS, entries, 0, &present, &done);

        if (result != 0 || done == 0) {
            return false;
        }
        frame_drop_entries(state, entries, present);
        start += done << PAGE_BITS;
    }
    return true;
}

static bool drain_regions(struct vm_state *state, uint32_t index)
{
    uint32_t region = space_at(index)->first;

    while (region != VM_NONE) {
        uint64_t start = region_at(region)->start;
        uint64_t end = region_at(region)->end;
        bool is_counted = region_has_counted(region_at(region));

        region = region_at(region)->next;
        while (is_counted && region != VM_NONE && region_has_counted(region_at(region)) &&
               region_at(region)->start - end <= RUN_GAP_BYTES) {
            end = region_at(region)->end;
            region = region_at(region)->next;
        }
        if (is_counted && !drain_run(state, index, start, end)) {
            return false;
        }
    }
    return true;
}

static void unmap_regions(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end)
{
    uint32_t region = region_find(space_at(index), start);

    while (region != VM_NONE && region_at(region)->start < end) {
        uint64_t run_start = region_at(region)->start;
        bool with_counted;
        uint64_t run_end = next_run(&region, end, &with_counted);

        space_unmap_pages(state, index, run_start, run_end, with_counted);
    }
}

static void remove_regions(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end)
{
    uint32_t region;

    /* Objects may be freed only when no page table shows them any more. */
    unmap_regions(state, index, start, end);
    region = region_find(space_at(index), start);
    while (region != VM_NONE && region_at(region)->start < end) {
        uint32_t next = region_at(region)->next;

        region_remove(state, region);
        region = next;
    }
}

void space_destroy(struct vm_state *state, uint32_t index)
{
    struct space *space = space_at(index);
    uint64_t tables_free;

    if (!drain_regions(state, index)) {
        unmap_regions(state, index, 0, UINT64_MAX);
    }
    region_remove_all(state, index);
    if (kcall_space_destroy(space_id(index), &tables_free) == -EBUSY) {
        space->is_used = 0;
        space->free_link = state->dying;
        state->dying = index;
        return;
    }
    pool_give(&state->spaces, index);
    table_trim(state, tables_free);
}

/* The slot is no longer in space `index`. */
static void release(struct vm_state *state, uint32_t index, uint32_t slot)
{
    if (index == VM_NONE) {
        return;
    }
    if (slot < SERVICE_SLOTS && state->exchanged[slot] != 0) {
        state->exchanged[state->exchanged[slot] - 1] = 0;
        state->exchanged[slot] = 0;
    }
    if (--space_at(index)->users == 0) {
        space_destroy(state, index);
    }
}

void space_enter(struct vm_state *state, uint32_t index, uint32_t slot)
{
    uint32_t old = state->slot_space[slot];

    if (old == index) {
        return;
    }
    /* The new one first: after a crash in between a space that nobody is in goes, and its pages with it (restart.c). */
    state->slot_space[slot] = index;
    space_at(index)->users++;
    release(state, old, slot);
}

void space_leave(struct vm_state *state, uint32_t slot)
{
    uint32_t index = state->slot_space[slot];

    state->slot_space[slot] = VM_NONE;
    release(state, index, slot);
}

int space_cut(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end)
{
    struct space *space = space_at(index);
    uint32_t region;

    if (!pool_reserve(state, &state->regions, 2)) {
        return -ENOMEM;
    }

    region = region_find(space, start);
    if (region != VM_NONE && region_at(region)->start < start) {
        region_split(state, region, start);
    }
    region = region_find(space, end - 1);
    if (region != VM_NONE && region_at(region)->start < end && region_at(region)->end > end) {
        region_split(state, region, end);
    }
    return 0;
}

int space_unmap(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end)
{
    int result;

    if (region_range_is_free(space_at(index), start, end)) {
        return 0;
    }
    result = space_cut(state, index, start, end);
    if (result == 0) {
        remove_regions(state, index, start, end);
    }
    return result;
}

bool space_is_covered(const struct space *space, uint64_t start, uint64_t end)
{
    uint32_t region = region_find(space, start);

    while (region != VM_NONE && region_at(region)->start <= start) {
        start = region_at(region)->end;
        if (start >= end) {
            return true;
        }
        region = region_at(region)->next;
    }
    return false;
}

void space_merge(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end)
{
    uint32_t region = region_find(space_at(index), start);

    if (region == VM_NONE) {
        return;
    }
    if (region_at(region)->previous != VM_NONE) {
        region = region_at(region)->previous;
    }
    while (region != VM_NONE && region_at(region)->start <= end) {
        if (!region_merge_next(state, region)) {
            region = region_at(region)->next;
        }
    }
}

/* ---- fork ---- */

static int fork_pages(struct vm_state *state, uint32_t parent, uint32_t child, uint64_t start, uint64_t end, bool with_counted,
                      uint32_t cow)
{
    uint64_t *entries = with_counted ? scratch()->entries : NULL;

    while (start < end) {
        uint64_t present = 0;
        uint64_t done = 0;
        int result = kcall_fork_range(space_id(parent), space_id(child), start, (end - start) >> PAGE_BITS, entries, cow, &present, &done);

        if (result == -ENOMEM) {
            result = table_refill(state);
            if (result == 0) {
                continue;
            }
        }
        if (result != 0 || done == 0) {
            /* What was copied of this batch was not counted. */
            kcall_unmap(space_id(child), start, (end - start) >> PAGE_BITS, NULL, &present, &done);
            return result != 0 ? result : -EINVAL;
        }
        if (with_counted) {
            frame_add_entries(state, entries, present);
        }
        space_at(child)->resident_pages += present;
        start += done << PAGE_BITS;
    }
    return 0;
}

/* Pages that both may write stay writable, all others become copy-on-write. */
static bool keeps_write(const struct region *region)
{
    return region->kind == REGION_SHARED || (region->kind == REGION_PHYSICAL && (region->flags & REGION_VDSO) == 0);
}

static bool is_inherited(const struct region *region)
{
    return (region->flags & (REGION_DONTFORK | REGION_WIPEONFORK | REGION_WINDOW)) == 0;
}

int space_fork(struct vm_state *state, uint32_t parent, uint32_t child)
{
    struct space *to = space_at(child);
    const struct space *from = space_at(parent);
    uint32_t i = from->first;
    int result;

    if (!frame_has(state, FORK_FRAMES, FRAME_FOR_PROGRAM)) {
        return -ENOMEM;
    }
    result = region_copy_all(state, parent, child, REGION_DONTFORK | REGION_WINDOW) ? 0 : -ENOMEM;

    to->brk_start = from->brk_start;
    to->brk = from->brk;
    to->stack_top = from->stack_top;
    to->limit_total = from->limit_total;
    to->limit_data = from->limit_data;
    to->limit_stack = from->limit_stack;
    while (result == 0 && i != VM_NONE) {
        const struct region *region = region_at(i);
        bool is_shared = keeps_write(region);
        uint64_t start = region->start;
        uint64_t end = region->end;
        bool with_counted = region_has_counted(region);

        i = region->next;
        if (!is_inherited(region)) {
            continue;
        }
        while (i != VM_NONE && is_inherited(region_at(i)) && keeps_write(region_at(i)) == is_shared &&
               region_at(i)->start - end <= RUN_GAP_BYTES) {
            with_counted |= region_has_counted(region_at(i));
            end = region_at(i)->end;
            i = region_at(i)->next;
        }
        result = fork_pages(state, parent, child, start, end, with_counted, is_shared ? 0 : 1);
    }
    return result;
}

int space_move_pages(struct vm_state *state, uint32_t index, uint64_t from, uint64_t to, uint64_t bytes, uint32_t flags)
{
    uint64_t *entries = scratch()->entries;

    while (bytes > 0) {
        uint64_t count = bytes >> PAGE_BITS < ENTRY_ROOM ? bytes >> PAGE_BITS : ENTRY_ROOM;
        uint64_t present = 0;
        uint64_t done = 0;
        int result = kcall_read_entries(space_id(index), from, count, entries);

        for (uint64_t i = 0; i < count; i++) {
            present += entries[i] != 0;
            entries[i] = entries[i] == 0 ? 0 : entry_frame(entries[i]) << PAGE_BITS;
        }
        if (result == 0 && present > 0) {
            result = table_map(state, space_id(index), to, entries, count, flags | KERNEL_MAP_FLAGS_IF_ABSENT, &done);
        }
        if (result == 0 && present > 0) {
            result = kcall_unmap(space_id(index), from, count, NULL, &present, &done);
        }
        if (result != 0) {
            return result;
        }
        from += count << PAGE_BITS;
        to += count << PAGE_BITS;
        bytes -= count << PAGE_BITS;
    }
    return 0;
}
