/* SPDX-License-Identifier: MIT */
/*
 * VM after a crash. The old instance may have stopped between any two stores, so only primary facts are believed: the records of regions, objects, chunks
 * and slots, and the page tables in the kernel. Trees, lists, hash chains, counters, reference counts and free lists are made anew. Handlers
 * write so that a half-done change leaves overlapping regions at worst, and these are trimmed here. The message in hand is handled again.
 */
#include "restart.h"

#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "kernel_info.h"
#include "object.h"
#include "pool.h"
#include "protocols/event.h"
#include "protocols/kernel.h"
#include "space.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/service.h"
#include "sys/syscalls.h"

/* ---- the instances of VM ---- */

static struct process_info services[SERVICE_SLOTS] SERVICE_INSTANCE;

static bool is_instance(const struct process_info *service)
{
    return service->name[0] == 'v' && service->name[1] == 'm' && service->name[2] == '\0' && service->slot < SERVICE_SLOTS;
}

/* Who lives in which space after the instances have changed places is known to the kernel only. */
static int ask_instances(uint32_t *own)
{
    int result = sys_getinfo(KERNEL_INFO_PROCESSES, services, sizeof(services), NULL);

    *own = UINT32_MAX;
    for (uint32_t i = 0; i < SERVICE_SLOTS && result == 0; i++) {
        if (is_instance(&services[i]) && services[i].slot == ENDPOINT_VM) {
            *own = services[i].space;
        }
    }
    return result == 0 && *own == UINT32_MAX ? -ESRCH : result;
}

static void note_instances(struct vm_state *state)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (is_instance(&services[i]) && space_find(state, services[i].space) != VM_NONE) {
            state->slot_space[services[i].slot] = space_index(services[i].space);
        }
    }
}

static bool runs_vm(uint32_t index)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (is_instance(&services[i]) && services[i].space == space_id(index)) {
            return true;
        }
    }
    return false;
}

/* ---- tables of the old instance ---- */

/* Show the frames that are at `address` in one space at the same place in another one, whatever is there. */
static int take_range(uint32_t from, uint32_t to, uint64_t address, uint64_t bytes, uint32_t flags)
{
    uint64_t entries[ENTRY_ROOM];
    uint64_t end = address + page_up(bytes);
    int result = 0;

    while (address < end && result == 0) {
        uint64_t count = (end - address) >> PAGE_BITS;
        uint64_t done = 0;

        count = count < ENTRY_ROOM ? count : ENTRY_ROOM;
        result = kcall_read_entries(from, address, count, entries);
        for (uint64_t i = 0; i < count; i++) {
            entries[i] = entry_frame(entries[i]) << PAGE_BITS;
        }
        if (result == 0) {
            result = kcall_map(to, address, entries, count, flags | KERNEL_MAP_FLAGS_USER | KERNEL_MAP_FLAGS_RESERVE, &done);
        }
        address += count << PAGE_BITS;
    }
    return result;
}

/* Each table of VM: address and bytes, and what was mapped behind it when the old instance died. */
struct table {
    uint64_t address;
    uint64_t bytes;
    uint64_t limit;
};

enum { TABLES = 8 };

static struct table pool_table(const struct pool *pool)
{
    return (struct table){ pool->base, pool->present_bytes,
                           page_up((uint64_t)pool->limit * pool->record_bytes) + POOL_GROW_PAGES * PAGE_BYTES };
}

static void list_tables(const struct vm_state *state, struct table table[TABLES])
{
    table[0] = (struct table){ .address = FRAME_TABLE_ADDRESS, .bytes = state->frame_count * sizeof(struct frame) };
    table[1] = (struct table){ .address = HASH_ADDRESS, .bytes = (state->hash_mask + 1ull) * sizeof(uint32_t) };
    table[2] = (struct table){ .address = SCRATCH_ADDRESS, .bytes = sizeof(struct scratch) };
    table[3] = pool_table(&state->regions);
    table[4] = pool_table(&state->objects);
    table[5] = pool_table(&state->chunks);
    table[6] = pool_table(&state->spaces);
    table[7] = pool_table(&state->parked);
}

static int take_tables(const struct vm_state *state, uint32_t from, uint32_t to, uint32_t flags)
{
    struct table table[TABLES];
    uint64_t present = 0, done = 0;
    int result = 0;

    list_tables(state, table);
    for (uint32_t i = 0; i < TABLES && result == 0; i++) {
        result = take_range(from, to, table[i].address, table[i].bytes, flags);
        if (result == 0 && table[i].limit > table[i].bytes) {
            result = kcall_unmap(to, table[i].address + table[i].bytes, (table[i].limit - table[i].bytes) >> PAGE_BITS, NULL, &present,
                                 &done);
        }
    }
    return result;
}

/* ---- spaces, objects, chunks ---- */

static void derive_spaces(struct vm_state *state)
{
    state->spaces.free = VM_NONE;
    state->spaces.used = 0;
    state->dying = VM_NONE;
    for (uint32_t i = state->spaces.high - 1; i > VM_NONE; i--) {
        struct space *space = space_at(i);

        if (!space->is_used) {
            uint64_t tables_free;

            if (kcall_space_destroy(space_id(i), &tables_free) == -EBUSY) {
                space->free_link = state->dying;
                state->dying = i;
            } else {
                pool_give(&state->spaces, i);
            }
            continue;
        }
        space->root = space->first = space->last = space->cached = VM_NONE;
        space->region_count = 0;
        space->users = 0;
        space->total_pages = 0;
        space->resident_pages = 0;
    }
    state->spaces.used = 0;
    for (uint32_t i = 1; i < state->spaces.high; i++) {
        state->spaces.used += space_at(i)->is_used;
    }
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++) {
        uint32_t space = state->slot_space[slot];

        if (space >= state->spaces.high || !space_at(space)->is_used) {
            state->slot_space[slot] = VM_NONE;
        } else {
            space_at(space)->users++;
        }
        space = state->slot_pending[slot];
        if (space >= state->spaces.high || !space_at(space)->is_used || space_at(space)->users != 0) {
            state->slot_pending[slot] = VM_NONE;
        }
    }
}

static void derive_objects(struct vm_state *state)
{
    state->objects.free = VM_NONE;
    state->object_pages = 0;
    for (uint32_t i = 0; i < OWNER_POOLS; i++) {
        state->owner_pool[i].used = 0;
    }
    for (uint32_t i = state->objects.high - 1; i > VM_NONE; i--) {
        struct object *object = object_at(i);

        if (!object->is_used) {
            pool_give(&state->objects, i);
            continue;
        }
        object->regions = object->chunks = object->recent = VM_NONE;
        object->pages = 0;
    }
    state->objects.used = 0;
    for (uint32_t i = 1; i < state->objects.high; i++) {
        state->objects.used += object_at(i)->is_used;
    }
}

static void derive_chunks(struct vm_state *state)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i <= state->hash_mask; i++) {
        ((uint32_t *)HASH_ADDRESS)[i] = VM_NONE;
    }
    state->chunks.free = VM_NONE;
    for (uint32_t i = state->chunks.high - 1; i > VM_NONE; i--) {
        if (chunk_at(i)->object != VM_NONE && chunk_at(i)->object < state->objects.high && object_at(chunk_at(i)->object)->is_used &&
            object_adopt_chunk(state, i)) {
            used++;
        } else {
            pool_give(&state->chunks, i);
        }
    }
    state->chunks.used = used;
}

/* ---- regions ---- */

static bool is_sound(const struct vm_state *state, const struct region *region)
{
    bool has_object = region->kind == REGION_PRIVATE || region->kind == REGION_SHARED;

    if (region->end <= region->start || region->end > USER_TOP || ((region->start | region->end) & (PAGE_BYTES - 1)) != 0 ||
        region->kind > REGION_PHYSICAL) {
        return false;
    }
    if (region->space == VM_NONE || region->space >= state->spaces.high || !space_at(region->space)->is_used) {
        return false;
    }
    return has_object ? region->object != VM_NONE && region->object < state->objects.high && object_at(region->object)->is_used
                      : region->object == VM_NONE;
}

/* A region that was being split or merged overlaps its other half: the lower one ends where the upper one starts. */
static bool make_room(struct vm_state *state, uint32_t index)
{
    struct region *region = region_at(index);
    const struct space *space = space_at(region->space);
    uint32_t next = region_find(space, region->start);
    uint32_t previous;

    if (next != VM_NONE && region_at(next)->start < region->start) {
        region_set_end(state, next, region->start);
        next = region_find(space, region->start);
    }
    previous = next;
    if (previous != VM_NONE && region_at(previous)->start == region->start) {
        return false;
    }
    if (next != VM_NONE && region_at(next)->start < region->end) {
        region->end = region_at(next)->start;
    }
    return true;
}

static void derive_regions(struct vm_state *state)
{
    state->regions.free = VM_NONE;
    state->regions.used = 0;
    for (uint32_t i = state->regions.high - 1; i > VM_NONE; i--) {
        struct region copy = *region_at(i);

        if (!is_sound(state, &copy) || !make_room(state, i)) {
            pool_give(&state->regions, i);
            continue;
        }
        region_adopt(i);
    }
    state->regions.used = 0;
    for (uint32_t i = 1; i < state->regions.high; i++) {
        state->regions.used += region_at(i)->end != 0;
    }
}

/* ---- frames ---- */

static void count_entry(struct vm_state *state, struct region *region, uint64_t number)
{
    struct frame *frame = frame_at(number);

    if (number >= state->frame_count || (frame->kind != FRAME_FREE && frame->kind != FRAME_ANONYMOUS)) {
        return;
    }
    frame->kind = FRAME_ANONYMOUS;
    frame->references++;
    if (region->kind == REGION_PRIVATE) {
        region->flags |= REGION_COPIES;
    }
}

static int count_region(struct vm_state *state, struct region *region)
{
    uint64_t *entries = scratch()->entries;
    uint64_t start = region->start;

    while (start < region->end) {
        uint64_t present = 0;
        uint64_t done = 0;
        int result = kcall_space_drain(space_id(region->space), start, (region->end - start) >> PAGE_BITS, entries, 1, &present, &done);

        if (result != 0 || done == 0) {
            return -EGENERIC;
        }
        for (uint64_t i = 0; i < present && region->kind != REGION_PHYSICAL; i++) {
            count_entry(state, region, entry_frame(entries[i]));
        }
        space_at(region->space)->resident_pages += present;
        start += done << PAGE_BITS;
    }
    return 0;
}

/* Between two calls of a handler the kernel may have shown pages that no region covers: they go. */
static void unmap_gaps(struct vm_state *state, uint32_t index)
{
    uint64_t from = PAGE_BYTES;

    for (uint32_t i = space_at(index)->first; i != VM_NONE; i = region_at(i)->next) {
        space_unmap_pages(state, index, from, region_at(i)->start, false);
        from = region_at(i)->end;
    }
    space_unmap_pages(state, index, from, USER_TOP, false);
}

static int count_space(struct vm_state *state, uint32_t index)
{
    uint64_t *entries = scratch()->entries;
    uint64_t at = PAGE_BYTES, total = 0, covered;
    int result = 0;

    for (uint32_t i = space_at(index)->first; i != VM_NONE && result == 0; i = region_at(i)->next) {
        result = count_region(state, region_at(i));
    }
    covered = space_at(index)->resident_pages;
    while (result == 0 && at < USER_TOP) {
        uint64_t present = 0, done = 0;

        result = kcall_space_drain(space_id(index), at, (USER_TOP - at) >> PAGE_BITS, entries, 1, &present, &done);
        total += present;
        at += done << PAGE_BITS;
        if (result == 0 && done == 0) {
            return -EGENERIC;
        }
    }
    if (result == 0 && total != covered && !runs_vm(index)) {
        log_warn("space %u: %llu pages outside of its regions", space_id(index), (unsigned long long)(total - covered));
        unmap_gaps(state, index);
        space_at(index)->resident_pages = covered;
    }
    return result;
}

/* A page may be on its way in the reply that was committed last. */
static void count_reply(struct vm_state *state)
{
    const struct message *message = &journal.buffer[journal.current];
    struct event_page_fault_reply reply;
    uint64_t number;
    uint32_t space;

    if (journal.phase == JOURNAL_HANDLING || journal.reply_to == ENDPOINT_NONE || message->status != 0 ||
        message->type != (EVENT_PAGE_FAULT | MESSAGE_REPLY)) {
        return;
    }
    event_page_fault_reply_get(message, &reply);
    number = reply.frame >> PAGE_BITS;
    space = space_find(state, reply.space);
    if (number != 0 && number < state->frame_count && frame_at(number)->kind == FRAME_FREE && space != VM_NONE) {
        frame_at(number)->kind = FRAME_ANONYMOUS;
        frame_at(number)->references = 1;
        space_at(space)->resident_pages++;
    }
}

static void mark_own(struct vm_state *state)
{
    struct table table[TABLES];

    list_tables(state, table);
    for (uint32_t i = 0; i < TABLES; i++) {
        for (uint64_t at = 0; at < page_up(table[i].bytes); at += PAGE_BYTES) {
            uint64_t entry = 0;

            if (kcall_read_entries(state->own_space, table[i].address + at, 1, &entry) == 0 && entry != 0) {
                frame_at(entry_frame(entry))->kind = FRAME_OWN;
                frame_at(entry_frame(entry))->references = 1;
            }
        }
    }
}

static void list_free_frames(struct vm_state *state)
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

static int derive_frames(struct vm_state *state)
{
    int result = 0;

    for (uint32_t i = 0; i < state->frame_count; i++) {
        struct frame *frame = frame_at(i);

        if (frame->kind == FRAME_ANONYMOUS || frame->kind == FRAME_OBJECT || frame->kind == FRAME_OWN) {
            frame->kind = FRAME_FREE;
        }
        if (frame->kind == FRAME_FREE) {
            frame->references = 0;
        }
    }
    mark_own(state);
    for (uint32_t i = 1; i < state->chunks.high; i++) {
        for (uint32_t k = 0; k < CHUNK_PAGES && chunk_at(i)->object != VM_NONE; k++) {
            if (chunk_at(i)->frame[k] != VM_NONE) {
                frame_at(chunk_at(i)->frame[k])->kind = FRAME_OBJECT;
                frame_at(chunk_at(i)->frame[k])->references = 1;
            }
        }
    }
    for (uint32_t i = 1; i < state->spaces.high && result == 0; i++) {
        if (space_at(i)->is_used) {
            result = count_space(state, i);
        }
    }
    count_reply(state);
    list_free_frames(state);
    return result;
}

/* ---- the rest ---- */

static void derive_parked(struct vm_state *state)
{
    struct parked *parked = (struct parked *)PARKED_ADDRESS;

    state->parked.free = VM_NONE;
    for (uint32_t i = state->parked.high - 1; i > VM_NONE; i--) {
        if (!parked[i].is_used) {
            pool_give(&state->parked, i);
        }
    }
    state->parked.used = 0;
    for (uint32_t i = 1; i < state->parked.high; i++) {
        state->parked.used += parked[i].is_used != PARKED_FREE;
    }
}

/* Spaces that nobody was told of, and objects that nobody holds. */
static void drop_orphans(struct vm_state *state)
{
    for (uint32_t i = 1; i < state->spaces.high; i++) {
        bool is_pending = false;

        if (!space_at(i)->is_used || space_at(i)->users != 0) {
            continue;
        }
        for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++) {
            is_pending |= state->slot_pending[slot] == i;
        }
        if (!is_pending) {
            space_destroy(state, i);
        }
    }
    for (uint32_t i = 1; i < state->objects.high; i++) {
        if (object_at(i)->is_used && object_at(i)->is_released) {
            object_release(state, i);
        }
    }
}

const char *restart_derive(struct vm_state *state)
{
    derive_spaces(state);
    derive_objects(state);
    derive_chunks(state);
    derive_regions(state);
    if (derive_frames(state) != 0) {
        return "page tables cannot be read";
    }
    derive_parked(state);
    drop_orphans(state);
    state->replies_in_row = UINT32_MAX;
    return vm_state_check(state);
}

int restart_commit(struct vm_state *state)
{
    int result = take_tables(state, state->own_space, state->own_space, KERNEL_MAP_FLAGS_WRITE);

    if (result == 0) { /* what the conversion needed */
        result = space_unmap(state, space_index(state->own_space), ARENA_ADDRESS + ARENA_PAST_LAYOUT * ARENA_STRIDE,
                             ARENA_ADDRESS + ARENA_COUNT * ARENA_STRIDE);
    }
    return result;
}

int restart_rebuild(void *opaque, bool is_update)
{
    struct vm_state *state = opaque;
    uint32_t old = state->own_space;
    const char *problem;
    uint32_t own;
    int result = ask_instances(&own);

    if (result == 0 && own == old) {
        return 0; /* a new version was here, and nothing was changed */
    }
    if (result == 0) {
        result = take_tables(state, old, own, is_update ? 0 : KERNEL_MAP_FLAGS_WRITE);
    }
    if (result != 0) {
        log_error("the tables of the old instance (space %u) cannot be taken over: error %d", old, result);
        return result;
    }
    state->own_space = own;
    note_instances(state);
    problem = is_update ? vm_state_check_tables(state) : restart_derive(state);
    if (problem != NULL) {
        log_error("state of the old instance: %s", problem);
        return -EGENERIC;
    }
    if (!is_update) {
        log_warn("took over from a dead instance, %llu KiB free", (unsigned long long)state->frames_free * 4);
    }
    return 0;
}
