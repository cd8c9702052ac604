/* SPDX-License-Identifier: MIT */
/*
 * Physical frames: the table, the free list, and the kernel's stock of page-table frames. Frame numbers are physical address >> PAGE_BITS; 0 is none.
 */
#pragma once

#include "layout.h"
#include "state.h"

static inline struct frame *frame_at(uint64_t number)
{
    return (struct frame *)FRAME_TABLE_ADDRESS + number;
}

static inline uint64_t frame_address(uint32_t number)
{
    return (uint64_t)number << PAGE_BITS;
}

/* For whom: programs and files may not take the reserve, but for as much of it as service instances have that will go soon. */
enum frame_use { FRAME_FOR_PROGRAM, FRAME_FOR_SYSTEM };

/* How many programs could take now. */
uint64_t frames_available(const struct vm_state *state);
/* At least `count` frames could be taken for this use. */
bool frame_has(const struct vm_state *state, uint64_t count, enum frame_use use);

/* A frame with one reference and unknown contents; 0: none left. */
static inline uint32_t frame_take(struct vm_state *state, enum frame_kind kind, enum frame_use use)
{
    uint32_t number = state->frame_free;
    struct frame *frame;

    if (__builtin_expect(state->frames_free <= (use == FRAME_FOR_PROGRAM ? state->frames_reserve : 0), 0) && !frame_has(state, 1, use)) {
        return VM_NONE;
    }

    frame = frame_at(number);
    state->frame_free = frame->next;
    state->frames_free--;
    frame->next = VM_NONE;
    frame->references = 1;
    frame->kind = (uint8_t)kind;
    return number;
}

void frame_give(struct vm_state *state, uint32_t number);
/* The references that page-table entries stand for: add one each, or drop one each and free. Frames that are not anonymous are left alone. */
void frame_add_entries(struct vm_state *state, const uint64_t *entries, uint64_t count);
void frame_drop_entries(struct vm_state *state, const uint64_t *entries, uint64_t count);
void frame_drop(struct vm_state *state, uint64_t number);

struct boot_info;
/* The frame table anew, from what the machine has and what the kernel says is its own: all the others are free, as far as is known then. */
int frames_classify(struct vm_state *state, const struct boot_info *info);
/* The frames of VM's own tables, by its page tables. */
void frames_mark_own(struct vm_state *state);
/* What is free by its kind becomes the list; the counters. */
void frames_list_free(struct vm_state *state);

/* Give the kernel frames for page tables. -ENOMEM. */
int table_refill(struct vm_state *state);
/* Take frames back when the stock is larger than what a few programs need. */
void table_trim(struct vm_state *state, uint64_t tables_free);
/* kcall_map with table_refill. Frames: physical addresses. */
int table_map(struct vm_state *state, uint32_t space, uint64_t address, const uint64_t *physical, uint64_t count, uint32_t flags,
              uint64_t *done);
int table_map_one(struct vm_state *state, uint32_t space, uint64_t address, uint64_t physical, uint32_t flags, uint64_t *done);
