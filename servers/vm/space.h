/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: regions and page tables changed together. Functions take space indexes (state.h: id + 1).
 */
#pragma once

#include "region.h"
#include "state.h"

/* Space of the thread with this endpoint, or 0. */
uint32_t space_of(const struct vm_state *state, endpoint_t process);
/* Index of an id that is in use, or 0. */
uint32_t space_find(const struct vm_state *state, uint32_t id);
/* An empty space without users; 0: no memory or no id left. */
uint32_t space_new(struct vm_state *state);
/* Free everything in it. */
void space_destroy(struct vm_state *state, uint32_t index);
void space_enter(struct vm_state *state, uint32_t index, uint32_t slot);
/* The slot leaves its space; the last one destroys it. */
void space_leave(struct vm_state *state, uint32_t slot);
/* Take pages out of the page tables; with_counted: there may be anonymous frames among them. Regions stay. */
void space_unmap_pages(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end, bool with_counted);
/* Remove regions and pages of a range. -ENOMEM if a split needs a record and there is none. */
int space_unmap(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end);
/* Cut regions so that start and end are borders; true if [start, end) is covered without a gap. -ENOMEM as above. */
int space_cut(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end);
bool space_is_covered(const struct space *space, uint64_t start, uint64_t end);
/* Merge what can be merged around and in a range. */
void space_merge(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end);
/* Copy on write of `parent` into the new space `child`. -ENOMEM: the child must be destroyed. */
int space_fork(struct vm_state *state, uint32_t parent, uint32_t child);
/* Move pages (already without region) to another address of the space. */
int space_move_pages(struct vm_state *state, uint32_t index, uint64_t from, uint64_t to, uint64_t bytes, uint32_t flags);
