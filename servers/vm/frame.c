/* SPDX-License-Identifier: MIT */
/*
 * The frame table. Free frames form one list; nobody needs contiguous ones. The last frames are kept for page tables and services, so that a program
 * that eats all memory is refused before the system is.
 */
#include "frame.h"

#include "errors.h"
#include "kcall.h"
#include "kernel_info.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "region.h"
#include "space.h"

/* FLOOR_SHARE: this part of the reserve programs never get. */
enum { FLOOR_SHARE = 8, TABLE_BATCH = 64, TABLE_STOCK_MAX = 2 * TABLE_BATCH, KERNEL_FRAMES_BYTES = 4096 };

static uint64_t pinned_pages(const struct space *space)
{
    uint64_t pages = 0;

    for (uint32_t i = space->first; i != VM_NONE; i = region_at(i)->next) {
        if ((region_at(i)->flags & REGION_PINNED) != 0) {
            pages += (region_at(i)->end - region_at(i)->start) >> PAGE_BITS;
        }
    }
    return pages;
}

/* What of the reserve is in use for what it is for: instances that are to take the place of others, and those that have lost it. Of an update more than
 * that: the arenas of both are the same frames; but it is over in a moment. */
static uint64_t lent_frames(const struct vm_state *state)
{
    uint64_t frames = 0;

    for (uint32_t slot = 0; slot < SERVICE_SLOTS; slot++) {
        uint32_t index = state->slot_space[slot];

        if (index != VM_NONE && space_at(index)->is_lent) {
            frames += pinned_pages(space_at(index));
        }
    }
    return frames;
}

uint64_t frames_available(const struct vm_state *state)
{
    uint64_t lent = lent_frames(state), kept = state->frames_reserve, floor = kept / FLOOR_SHARE;

    kept = kept > floor + lent ? kept - lent : floor;
    return state->frames_free > kept ? state->frames_free - kept : 0;
}

bool frame_has(const struct vm_state *state, uint64_t count, enum frame_use use)
{
    if (use == FRAME_FOR_SYSTEM) {
        return state->frames_free >= count;
    }
    return state->frames_free >= count + state->frames_reserve || frames_available(state) >= count;
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

/* ---- the table anew ---- */

static void set_free(struct vm_state *state, uint64_t base, uint64_t length)
{
    uint64_t first = page_up(base) >> PAGE_BITS, end = (base + length) >> PAGE_BITS;

    for (uint64_t i = first > VM_NONE ? first : VM_NONE + 1; i < end && i < state->frame_count; i++) {
        frame_at(i)->kind = FRAME_FREE;
    }
}

/* Of the frames that are VM's to give: which the kernel has for page tables. */
static int set_tables(struct vm_state *state)
{
    uint8_t bits[KERNEL_FRAMES_BYTES];

    for (uint64_t first = 0; first < state->frame_count; first += sizeof(bits) * 8) {
        int result = kcall_kernel_frames(first, bits, sizeof(bits));

        if (result != 0) {
            return result;
        }
        for (uint64_t i = 0; i < sizeof(bits) * 8 && first + i < state->frame_count; i++) {
            if (i % 8 == 0 && bits[i / 8] == 0) {
                i += 7; /* most are not */
            } else if ((bits[i / 8] >> (i % 8) & 1) != 0 && frame_at(first + i)->kind == FRAME_FREE) {
                frame_at(first + i)->kind = FRAME_TABLE;
            }
        }
    }
    return 0;
}

int frames_classify(struct vm_state *state, const struct boot_info *info)
{
    for (uint32_t i = 0; i < state->frame_count; i++) {
        *frame_at(i) = (struct frame){ .kind = FRAME_RESERVED, .was = frame_at(i)->kind };
    }
    set_free(state, info->tables.base, info->tables.length);
    for (uint32_t i = 0; i < info->free_count; i++) {
        set_free(state, info->free[i].base, info->free[i].length);
    }
    for (uint32_t i = 0; i < info->process_count; i++) {
        for (uint32_t j = 0; j < info->process[i].segment_count; j++) {
            set_free(state, info->process[i].segment[j].physical, page_up(info->process[i].segment[j].length));
        }
    }
    return set_tables(state);
}

static void mark_table(struct vm_state *state, const struct own_table *table)
{
    uint64_t entries[ENTRY_ROOM];

    for (uint64_t at = 0; at < table->bytes; at += ENTRY_ROOM * PAGE_BYTES) {
        uint64_t left = (table->bytes - at) >> PAGE_BITS, count = left < ENTRY_ROOM ? left : ENTRY_ROOM;

        if (kcall_read_entries(state->own_space, table->address + at, count, entries) != 0) {
            return;
        }
        for (uint64_t i = 0; i < count; i++) {
            uint64_t number = entry_frame(entries[i]);

            if (number != VM_NONE && number < state->frame_count) {
                frame_at(number)->kind = FRAME_OWN;
                frame_at(number)->references = 1;
            }
        }
    }
}

void frames_mark_own(struct vm_state *state)
{
    struct own_table table[OWN_TABLES];

    own_tables(state, table);
    for (uint32_t i = 0; i < OWN_TABLES; i++) {
        mark_table(state, &table[i]);
    }
}

void frames_list_free(struct vm_state *state)
{
    state->frame_free = VM_NONE;
    state->frames_free = 0;
    state->frames_table = 0;
    state->frames_own = 0;
    for (uint32_t i = state->frame_count - 1; i > VM_NONE; i--) {
        if (frame_at(i)->kind == FRAME_FREE) {
            frame_give(state, i);
        }
        state->frames_table += frame_at(i)->kind == FRAME_TABLE;
        state->frames_own += frame_at(i)->kind == FRAME_OWN;
    }
}

/* ---- tables of the kernel ---- */

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
            state->frames_table--;
            frame_give(state, (uint32_t)(frames[i] >> PAGE_BITS));
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
