/* SPDX-License-Identifier: MIT */
/*
 * The frame table. Free frames form one list; nobody needs contiguous ones. The last frames are kept for page tables and services, so that a program
 * that eats all memory is refused before the system is.
 */
#include "frame.h"

#include "errors.h"
#include "kcall.h"
#include "protocols/kernel.h"

enum { TABLE_BATCH = 64, TABLE_STOCK_MAX = 2 * TABLE_BATCH };

bool frame_has(const struct vm_state *state, uint64_t count, enum frame_use use)
{
    uint64_t reserve = use == FRAME_FOR_PROGRAM ? state->frames_reserve : 0;

    return state->frames_free >= count + reserve;
}

void frame_give(struct vm_state *state, uint32_t number)
{
    struct frame *frame = frame_at(number);

    frame->references = 0;
    frame->kind = FRAME_FREE;
    frame->next = state->frame_free;
    state->frame_free = number;
    state->frames_free++;
    state->is_short = 0;
}

void frame_drop(struct vm_state *state, uint64_t number)
{
    struct frame *frame = frame_at(number);

    if (number >= state->frame_count || frame->kind != FRAME_ANONYMOUS) {
        return;
    }
    if (--frame->references == 0) {
        frame_give(state, (uint32_t)number);
    }
}

void frame_drop_entries(struct vm_state *state, const uint64_t *entries, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        frame_drop(state, entry_frame(entries[i]));
    }
}

void frame_add_entries(struct vm_state *state, const uint64_t *entries, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = entry_frame(entries[i]);

        if (number < state->frame_count && frame_at(number)->kind == FRAME_ANONYMOUS) {
            frame_at(number)->references++;
        }
    }
}

int table_refill(struct vm_state *state)
{
    uint64_t frames[TABLE_BATCH];
    uint32_t count = 0;

    while (count < TABLE_BATCH) {
        uint32_t number = frame_take(state, FRAME_TABLE, FRAME_FOR_SYSTEM);

        if (number == VM_NONE) {
            break;
        }
        frames[count++] = frame_address(number);
    }
    if (count == 0) {
        return -ENOMEM;
    }
    state->frames_table += count;
    return kcall_tables_give(frames, count);
}

void table_trim(struct vm_state *state, uint64_t tables_free)
{
    uint64_t frames[TABLE_BATCH];

    while (tables_free > TABLE_STOCK_MAX) {
        uint64_t count = 0;

        if (kcall_tables_take(frames, TABLE_BATCH, &count) != 0 || count == 0) {
            return;
        }
        for (uint64_t i = 0; i < count; i++) {
            uint32_t number = (uint32_t)(frames[i] >> PAGE_BITS);

            /* Some are of the kernel's own first stock; one that the table does not reach stays there. */
            if (number >= state->frame_count) {
                (void)kcall_tables_give(&frames[i], 1);
                tables_free = 0;
                continue;
            }
            state->frames_table -= frame_at(number)->kind == FRAME_TABLE;
            frame_give(state, number);
        }
        tables_free -= tables_free < count ? tables_free : count;
    }
}

int table_map(struct vm_state *state, uint32_t space, uint64_t address, const uint64_t *physical, uint64_t count, uint32_t flags,
              uint64_t *done)
{
    int result;

    state->replies_in_row = 0;
    result = kcall_map(space, address, physical, count, flags, done);

    while (result == -ENOMEM) {
        result = table_refill(state);
        if (result == 0) {
            result = kcall_map(space, address, physical, count, flags, done);
        } else {
            return result;
        }
    }
    return result;
}

int table_map_one(struct vm_state *state, uint32_t space, uint64_t address, uint64_t physical, uint32_t flags, uint64_t *done)
{
    int result;

    state->replies_in_row = 0;
    result = kcall_map_one(space, address, physical, flags, done);

    while (result == -ENOMEM) {
        result = table_refill(state);
        if (result == 0) {
            result = kcall_map_one(space, address, physical, flags, done);
        } else {
            return result;
        }
    }
    return result;
}
