/* SPDX-License-Identifier: MIT */
/*
 * Growing tables. VM is the one service that nobody gives memory to: it maps its own.
 */
#include "pool.h"

#include "frame.h"
#include "kcall.h"
#include "layout.h"
#include "protocols/kernel.h"

static void *record(const struct pool *pool, uint32_t index)
{
    return (void *)(pool->base + (uint64_t)index * pool->record_bytes);
}

/* Records are multiples of 8 bytes. */
static void clear(uint64_t *words, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes / 8; i++) {
        words[i] = 0;
    }
}

bool own_memory(struct vm_state *state, uint64_t address, uint64_t bytes)
{
    const uint32_t flags = KERNEL_MAP_FLAGS_WRITE | KERNEL_MAP_FLAGS_USER | KERNEL_MAP_FLAGS_ZERO | KERNEL_MAP_FLAGS_IF_ABSENT;

    for (uint64_t at = address; at < address + bytes; at += PAGE_BYTES) {
        uint32_t number = frame_take(state, FRAME_OWN, FRAME_FOR_SYSTEM);
        uint64_t done = 0;

        if (number == VM_NONE) {
            return false;
        }
        if (table_map_one(state, state->own_space, at, frame_address(number), flags, &done) != 0 || done == 0) {
            frame_give(state, number);
            if (done == 0) {
                continue;
            }
            return false;
        }
        state->frames_own++;
    }
    return true;
}

void pool_init(struct pool *pool, uint64_t base, size_t record_bytes, uint64_t limit)
{
    *pool = (struct pool){ .base = base, .record_bytes = (uint32_t)record_bytes, .limit = (uint32_t)limit, .high = 1 };
}

bool pool_extend(struct vm_state *state, struct pool *pool, uint32_t index)
{
    uint64_t needed = ((uint64_t)index + 1) * pool->record_bytes;

    if (index >= pool->limit) {
        return false;
    }
    while (pool->present_bytes < needed) {
        if (!own_memory(state, pool->base + pool->present_bytes, POOL_GROW_PAGES * PAGE_BYTES)) {
            return false;
        }
        pool->present_bytes += POOL_GROW_PAGES * PAGE_BYTES;
    }
    if (pool->high <= index) {
        pool->high = index + 1;
    }
    return true;
}

uint32_t pool_take(struct vm_state *state, struct pool *pool)
{
    uint32_t index = pool->free;

    if (index != VM_NONE) {
        pool->free = *(uint32_t *)record(pool, index);
    } else {
        index = pool->high;
        if (!pool_extend(state, pool, index)) {
            return VM_NONE;
        }
    }
    clear(record(pool, index), pool->record_bytes);
    pool->used++;
    return index;
}

void pool_give(struct pool *pool, uint32_t index)
{
    clear(record(pool, index), pool->record_bytes);
    *(uint32_t *)record(pool, index) = pool->free;
    pool->free = index;
    pool->used--;
}

bool pool_reserve(struct vm_state *state, struct pool *pool, uint32_t count)
{
    uint32_t index = pool->free;

    while (count > 0 && index != VM_NONE) {
        index = *(uint32_t *)record(pool, index);
        count--;
    }
    if (count == 0) {
        return true;
    }
    /* Extend without moving `high`: the records stay unused. */
    uint32_t high = pool->high;
    bool is_there = pool_extend(state, pool, high + count - 1);
    pool->high = high;
    return is_there;
}

/* ---- all tables ---- */

static struct own_table fixed(uint64_t address, uint64_t bytes)
{
    return (struct own_table){ address, page_up(bytes), page_up(bytes) };
}

static struct own_table growing(const struct pool *pool)
{
    return (struct own_table){ pool->base, pool->present_bytes,
                               page_up((uint64_t)pool->limit * pool->record_bytes) + POOL_GROW_PAGES * PAGE_BYTES };
}

void own_tables(const struct vm_state *state, struct own_table table[OWN_TABLES])
{
    table[0] = fixed(FRAME_TABLE_ADDRESS, state->frame_count * sizeof(struct frame));
    table[1] = fixed(HASH_ADDRESS, (state->hash_mask + 1ull) * sizeof(uint32_t));
    table[2] = fixed(SCRATCH_ADDRESS, sizeof(struct scratch));
    table[3] = growing(&state->regions);
    table[4] = growing(&state->objects);
    table[5] = growing(&state->chunks);
    table[6] = growing(&state->spaces);
    table[7] = growing(&state->parked);
}

static int measure(const struct vm_state *state, struct pool *pool)
{
    uint64_t entries[ENTRY_ROOM], limit = growing(pool).limit, records;
    bool is_end = false;

    pool->present_bytes = 0;
    while (!is_end && pool->present_bytes < limit) {
        uint64_t left = (limit - pool->present_bytes) >> PAGE_BITS, count = left < ENTRY_ROOM ? left : ENTRY_ROOM;
        int result = kcall_read_entries(state->own_space, pool->base + pool->present_bytes, count, entries);

        if (result != 0) {
            return result;
        }
        for (uint64_t i = 0; i < count && !is_end; i++) {
            is_end = entries[i] == 0;
            pool->present_bytes += is_end ? 0 : PAGE_BYTES;
        }
    }
    records = pool->present_bytes / pool->record_bytes;
    pool->high = records > pool->limit ? pool->limit : records > 1 ? (uint32_t)records : 1;
    return 0;
}

int pools_measure(struct vm_state *state)
{
    struct pool *const pool[] = { &state->regions, &state->objects, &state->chunks, &state->spaces, &state->parked };
    int result = 0;

    for (size_t i = 0; i < sizeof(pool) / sizeof(pool[0]) && result == 0; i++) {
        result = measure(state, pool[i]);
    }
    return result;
}
