/* SPDX-License-Identifier: MIT */
/*
 * Regions of a space: an AVL tree by address plus a list in address order. A region never overlaps another one of its space.
 * Changing regions here does not touch page tables (space.h does both).
 */
#pragma once

#include "layout.h"
#include "protocols/kernel.h"
#include "state.h"

static inline struct region *region_at(uint32_t index)
{
    return (struct region *)REGION_ADDRESS + index;
}

static inline struct space *space_at(uint32_t index)
{
    return (struct space *)SPACE_ADDRESS + index;
}

/* The first region that ends above address (it contains it, or is the next one), or 0. */
uint32_t region_find(const struct space *space, uint64_t address);
/* The region that contains address, or 0. The one found last is looked at first. */
static inline uint32_t region_containing(struct space *space, uint64_t address)
{
    const struct region *cached = region_at(space->cached);
    uint32_t index;

    if (space->cached != VM_NONE && address - cached->start < cached->end - cached->start) {
        return space->cached;
    }
    index = region_find(space, address);
    if (index == VM_NONE || region_at(index)->start > address) {
        return VM_NONE;
    }
    space->cached = index;
    return index;
}

bool region_range_is_free(const struct space *space, uint64_t start, uint64_t end);
/* Put a copy of `model` (start, end, kind, protection, flags, object, offset ...) into the space; merged with neighbours that continue it.
 * The range must be free. 0: no record left. */
uint32_t region_add(struct vm_state *state, uint32_t space, const struct region *model);
/* Put a record that is filled in already into its space. */
void region_adopt(uint32_t index);
void region_remove(struct vm_state *state, uint32_t index);
/* Fill an empty space with copies of the regions of another one, except those with one of the flags. False: no records left. */
bool region_copy_all(struct vm_state *state, uint32_t from, uint32_t to, uint16_t left_out);
/* Remove all regions of a space. */
void region_remove_all(struct vm_state *state, uint32_t space);
/* Cut a region in two at a page border inside it; needs one record (pool_reserve). The lower part keeps the index. */
uint32_t region_split(struct vm_state *state, uint32_t index, uint64_t at);
/* Join with the next region if they are two halves of one thing. True: the next one is gone. */
bool region_merge_next(struct vm_state *state, uint32_t index);
/* Move the lower border down (a stack that grows). */
void region_grow_down(struct vm_state *state, uint32_t index, uint64_t start);
/* Grow upwards into free room (brk, mremap). */
void region_set_end(struct vm_state *state, uint32_t index, uint64_t end);
/* Top-down first fit for mmap; 0: none. */
uint64_t region_find_gap(const struct space *space, uint64_t length);
/* kernel.idl map_flags of its pages. */
static inline uint32_t region_map_flags(const struct region *region)
{
    /* The index is the protection (vm.idl): none is not for the user at all. */
    static const uint8_t flags[8] = { 0, 4, 5, 5, 6, 6, 7, 7 };

    return flags[region->protection & 7] | (region->uncached != 0 ? KERNEL_MAP_FLAGS_UNCACHED : 0);
}

/* Pages may be private copies or plain anonymous memory: their frames are counted. */
bool region_has_counted(const struct region *region);
