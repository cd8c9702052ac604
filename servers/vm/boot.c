/* SPDX-License-Identifier: MIT */
/*
 * The first frames are taken straight from the kernel's list of free ranges, because the frame table that will hold all others needs pages itself.
 */
#include "boot.h"

#include "errors.h"
#include "facts.h"
#include "frame.h"
#include "kcall.h"
#include "object.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "protocols/vm.h"
#include "space.h"

enum {
    BUMP_BATCH = 64,
    RESERVE_FRAMES = 5120, /* 20 MiB, kept from programs: the largest service and its tables a second time, for its replacement */
    RESERVE_SHARE = 4,     /* at most this part of a small memory */
    HASH_MIN = 1024,
    PARKED_LIMIT = 0x10000,
    OBJECT_LIMIT = 1 << OBJECT_INDEX_BITS,
};

struct bump {
    const struct boot_info *info;
    uint32_t range;
    uint64_t next;
};

static uint64_t bump_take(struct bump *bump)
{
    while (bump->range < bump->info->free_count) {
        const struct boot_range *range = &bump->info->free[bump->range];
        uint64_t start = page_up(range->base > PAGE_BYTES ? range->base : PAGE_BYTES);

        bump->next = bump->next < start ? start : bump->next;
        if (bump->next + PAGE_BYTES <= range->base + range->length) {
            bump->next += PAGE_BYTES;
            return bump->next - PAGE_BYTES;
        }
        bump->range++;
        bump->next = 0;
    }
    return 0;
}

static uint64_t end_of(const struct boot_range *range)
{
    return range->base + range->length;
}

static uint32_t highest_frame(const struct boot_info *info)
{
    uint64_t end = end_of(&info->tables);

    for (uint32_t i = 0; i < info->free_count; i++) {
        end = end > end_of(&info->free[i]) ? end : end_of(&info->free[i]);
    }
    for (uint32_t i = 0; i < info->process_count; i++) {
        for (uint32_t j = 0; j < info->process[i].segment_count; j++) {
            uint64_t top = info->process[i].segment[j].physical + info->process[i].segment[j].length;

            end = end > top ? end : top;
        }
    }
    return (uint32_t)(end >> PAGE_BITS);
}

static uint32_t reserved_frames(const struct boot_info *info)
{
    uint64_t free = 0;

    for (uint32_t i = 0; i < info->free_count; i++) {
        free += info->free[i].length >> PAGE_BITS;
    }
    return free / RESERVE_SHARE < RESERVE_FRAMES ? (uint32_t)(free / RESERVE_SHARE) : RESERVE_FRAMES;
}

void boot_constants(struct vm_state *state, const struct facts *facts)
{
    uint64_t buckets = HASH_MIN;

    state->frame_count = highest_frame(&facts->boot);
    state->frames_total = facts->boot.total_bytes >> PAGE_BITS;
    state->frames_reserve = reserved_frames(&facts->boot);
    state->vdso_base = facts->machine.vdso_base;
    state->vdso_bytes = facts->machine.vdso_length;
    state->time_page = facts->machine.time_page;
    while (buckets < state->frames_total / CHUNK_PAGES) {
        buckets *= 2;
    }
    state->hash_mask = (uint32_t)buckets - 1;
    pool_init(&state->regions, REGION_ADDRESS, sizeof(struct region), state->frames_total / 4 + 4096);
    pool_init(&state->objects, OBJECT_ADDRESS, sizeof(struct object), OBJECT_LIMIT);
    pool_init(&state->chunks, CHUNK_ADDRESS, sizeof(struct chunk), state->frames_total + 1);
    pool_init(&state->spaces, SPACE_ADDRESS, sizeof(struct space), SPACE_LIMIT + 1);
    pool_init(&state->parked, PARKED_ADDRESS, sizeof(struct parked), PARKED_LIMIT);
    state->seal = vm_constants_seal(state);
}

static int give_tables(struct bump *bump, uint64_t count)
{
    uint64_t frames[BUMP_BATCH];

    while (count > 0) {
        uint64_t batch = count < BUMP_BATCH ? count : BUMP_BATCH;
        int result;

        for (uint64_t i = 0; i < batch; i++) {
            frames[i] = bump_take(bump);
        }
        result = kcall_tables_give(frames, batch);
        if (result != 0) {
            return result;
        }
        count -= batch;
    }
    return 0;
}

static int map_frame_table(struct bump *bump, uint64_t pages)
{
    const uint32_t flags = KERNEL_MAP_FLAGS_WRITE | KERNEL_MAP_FLAGS_USER | KERNEL_MAP_FLAGS_ZERO;
    uint64_t frames[BUMP_BATCH];
    uint64_t address = FRAME_TABLE_ADDRESS;

    while (pages > 0) {
        uint64_t batch = pages < BUMP_BATCH ? pages : BUMP_BATCH;
        uint64_t done = 0;
        int result;

        for (uint64_t i = 0; i < batch; i++) {
            frames[i] = bump_take(bump);
            if (frames[i] == 0) {
                return -ENOMEM;
            }
        }
        result = kcall_map(ENDPOINT_VM, address, frames, batch, flags, &done);
        if (result != 0) {
            return result;
        }
        address += batch << PAGE_BITS;
        pages -= batch;
    }
    return 0;
}

static void take_segment(const struct boot_segment *segment)
{
    uint64_t first = segment->physical >> PAGE_BITS;

    for (uint64_t i = 0; i < page_up(segment->length) >> PAGE_BITS; i++) {
        frame_at(first + i)->kind = FRAME_ANONYMOUS;
        frame_at(first + i)->references = 1;
    }
}

static int make_frame_table(struct vm_state *state, const struct boot_info *info)
{
    struct bump bump = { .info = info };
    uint64_t pages = page_up(state->frame_count * sizeof(struct frame)) >> PAGE_BITS;
    int result = give_tables(&bump, BUMP_BATCH + pages / ENTRY_ROOM);

    if (result == 0) {
        result = map_frame_table(&bump, pages);
    }
    if (result == 0) {
        result = frames_classify(state, info);
    }
    if (result != 0) {
        return result;
    }
    frames_mark_own(state);
    for (uint32_t i = 0; i < info->process_count; i++) {
        for (uint32_t j = 0; j < info->process[i].segment_count; j++) {
            take_segment(&info->process[i].segment[j]);
        }
    }
    frames_list_free(state);
    return 0;
}

static int make_tables(struct vm_state *state)
{
    if (!own_memory(state, HASH_ADDRESS, page_up((state->hash_mask + 1ull) * sizeof(uint32_t))) ||
        !own_memory(state, SCRATCH_ADDRESS, page_up(sizeof(struct scratch))) ||
        !pool_extend(state, &state->spaces, space_index(SPACE_FIRST_FREE) - 1) || !pool_extend(state, &state->regions, 0) ||
        !pool_extend(state, &state->objects, 0) || !pool_extend(state, &state->chunks, 0)) {
        return -ENOMEM;
    }
    return 0;
}

/* ---- boot services ---- */

static int adopt_segment(struct vm_state *state, uint32_t space, const struct boot_segment *segment)
{
    struct region model = { .kind = REGION_ANONYMOUS, .flags = REGION_PINNED, .protection = VM_PROTECTION_READ };
    uint64_t pages = page_up(segment->length) >> PAGE_BITS;

    model.start = page_down(segment->address);
    model.end = model.start + (pages << PAGE_BITS);
    model.protection |= (segment->flags & KERNEL_MAP_FLAGS_WRITE) != 0 ? VM_PROTECTION_WRITE : 0;
    model.protection |= (segment->flags & KERNEL_MAP_FLAGS_EXECUTE) != 0 ? VM_PROTECTION_EXECUTE : 0;
    if (region_add(state, space, &model) == VM_NONE) {
        return -ENOMEM;
    }
    space_at(space)->resident_pages += pages;
    return 0;
}

static int adopt_process(struct vm_state *state, const struct boot_process *process)
{
    uint32_t space = space_index(process->space);
    uint32_t slot = endpoint_slot(process->endpoint);
    int result = 0;

    if (process->space >= SPACE_FIRST_FREE || slot >= SERVICE_SLOTS) {
        return -EINVAL;
    }
    space_at(space)->is_used = 1;
    space_at(space)->is_service = 1;
    space_at(space)->users = 1;
    space_at(space)->physical_next = PHYSICAL_ADDRESS;
    state->slot_space[slot] = space;
    state->spaces.used++;
    for (uint32_t i = 0; i < process->segment_count && result == 0; i++) {
        result = adopt_segment(state, space, &process->segment[i]);
    }
    return result;
}

int boot_start(struct vm_state *state, const struct facts *facts)
{
    const struct boot_info *info = &facts->boot;
    int result;

    state->own_space = ENDPOINT_VM;
    boot_constants(state, facts);
    result = make_frame_table(state, info);
    if (result == 0) {
        result = make_tables(state);
    }
    for (uint32_t i = 0; i < info->process_count && result == 0; i++) {
        result = adopt_process(state, &info->process[i]);
    }
    return result;
}
