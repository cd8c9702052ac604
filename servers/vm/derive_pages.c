/* SPDX-License-Identifier: MIT */
/*
 * Page tables after a crash. What they show is what programs have: references of anonymous frames are counted from them. An entry that its region does
 * not explain goes. In a service it is the region that is at fault: its memory is all there always, and is found again.
 */
#include "derive.h"
#include "frame.h"
#include "kcall.h"
#include "protocols/event.h"
#include "protocols/vm.h"
#include "space.h"
#include "sys/journal.h"

/* ---- one entry ---- */

static bool is_memory(const struct vm_state *state, uint64_t number)
{
    return number < state->frame_count && (frame_at(number)->kind == FRAME_FREE || frame_at(number)->kind == FRAME_ANONYMOUS);
}

static bool is_explained(const struct vm_state *state, const struct region *region, uint64_t number)
{
    if (number >= state->frame_count || frame_at(number)->kind == FRAME_RESERVED) {
        return region->kind == REGION_PHYSICAL;
    }
    if (frame_at(number)->kind == FRAME_OBJECT) {
        return region->object != VM_NONE && frame_at(number)->next == region->object;
    }
    return is_memory(state, number) && (region->kind == REGION_ANONYMOUS || region->kind == REGION_PRIVATE);
}

static void count_entry(struct vm_state *state, struct region *region, uint64_t number)
{
    if (!is_memory(state, number)) {
        return;
    }
    frame_at(number)->kind = FRAME_ANONYMOUS;
    frame_at(number)->references++;
    if (region->kind == REGION_PRIVATE) {
        region->flags |= REGION_COPIES;
    }
}

/* ---- page by page ---- */

/* Go on to a piece of at most ENTRY_ROOM pages with something in it: looking at each page of a sparse terabyte would take minutes. */
static uint64_t find_piece(uint32_t index, uint64_t *at, uint64_t end)
{
    uint64_t pages = (end - *at) >> PAGE_BITS;

    while (pages > ENTRY_ROOM) {
        uint64_t present = 0, done = 0;

        if (kcall_space_drain(space_id(index), *at, pages / 2, scratch()->entries, 1, &present, &done) != 0) {
            return 0;
        }
        if (present == 0 && done > 0) {
            *at += done << PAGE_BITS;
            pages -= done;
        } else {
            pages /= 2;
        }
    }
    return pages;
}

/* What becomes of an entry. */
typedef void (*visit_t)(struct vm_state *state, uint32_t index, uint64_t address, uint64_t entry, uint32_t region);

static void visit_pages(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end, uint32_t region, visit_t visit)
{
    uint64_t entries[ENTRY_ROOM];

    while (start < end) {
        uint64_t count = find_piece(index, &start, end);

        if (count == 0 || kcall_read_entries(space_id(index), start, count, entries) != 0) {
            return;
        }
        for (uint64_t i = 0; i < count; i++) {
            if (entries[i] != 0) {
                visit(state, index, start + (i << PAGE_BITS), entries[i], region);
            }
        }
        start += count << PAGE_BITS;
    }
}

static void unmap_page(uint32_t index, uint64_t address)
{
    uint64_t present = 0, done = 0;

    (void)kcall_unmap(space_id(index), address, 1, NULL, &present, &done);
}

static void drop_unexplained(struct vm_state *state, uint32_t index, uint64_t address, uint64_t entry, uint32_t region)
{
    if (!is_explained(state, region_at(region), entry_frame(entry))) {
        unmap_page(index, address);
    }
}

/* A page of a service that no region covers. */
static void find_again(struct vm_state *state, uint32_t index, uint64_t address, uint64_t entry, uint32_t region)
{
    uint64_t number = entry_frame(entry);
    uint32_t flags = entry_flags(entry);
    struct region model = {
        .kind = REGION_ANONYMOUS, .flags = REGION_PINNED, .start = address, .end = address + PAGE_BYTES, .protection = VM_PROTECTION_READ
    };

    (void)region;
    model.protection |= (flags & KERNEL_MAP_FLAGS_WRITE) != 0 ? VM_PROTECTION_WRITE : 0;
    model.protection |= (flags & KERNEL_MAP_FLAGS_EXECUTE) != 0 ? VM_PROTECTION_EXECUTE : 0;
    if (number < state->frame_count && frame_at(number)->kind == FRAME_OWN) { /* a table: kept by VM's instances, never seen elsewhere */
        return;
    }
    if (is_memory(state, number) && region_add(state, index, &model) != VM_NONE) {
        count_entry(state, &model, number);
        space_at(index)->resident_pages++;
    } else {
        unmap_page(index, address);
    }
}

/* ---- regions and spaces ---- */

/* The entries of one region. The kernel may not know the space: then there are none. */
static void count_region(struct vm_state *state, uint32_t index, struct losses *losses)
{
    struct region *region = region_at(index);
    uint64_t *entries = scratch()->entries;
    uint64_t start = region->start, unexplained = 0;

    while (start < region->end) {
        uint64_t present = 0, done = 0;
        int result = kcall_space_drain(space_id(region->space), start, (region->end - start) >> PAGE_BITS, entries, 1, &present, &done);

        if (result != 0 || done == 0) {
            break;
        }
        for (uint64_t i = 0; i < present; i++) {
            if (is_explained(state, region, entry_frame(entries[i]))) {
                count_entry(state, region, entry_frame(entries[i]));
                space_at(region->space)->resident_pages++;
            } else {
                unexplained++;
            }
        }
        start += done << PAGE_BITS;
    }
    if (unexplained > 0) {
        losses->entries += unexplained;
        visit_pages(state, region->space, region->start, region->end, index, drop_unexplained);
    }
}

/* All pages of a space; VM's instances show its tables besides. */
static uint64_t count_all(struct vm_state *state, uint32_t index)
{
    uint64_t *entries = scratch()->entries;
    uint64_t at = PAGE_BYTES, total = 0;

    while (at < USER_TOP) {
        uint64_t present = 0, done = 0;

        if (kcall_space_drain(space_id(index), at, (USER_TOP - at) >> PAGE_BITS, entries, 1, &present, &done) != 0 || done == 0) {
            break;
        }
        for (uint64_t i = 0; i < present; i++) {
            uint64_t number = entry_frame(entries[i]);

            total += !space_at(index)->is_service || number >= state->frame_count || frame_at(number)->kind != FRAME_OWN;
        }
        at += done << PAGE_BITS;
    }
    return total;
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

static void search_gaps(struct vm_state *state, uint32_t index)
{
    uint64_t from = PAGE_BYTES;

    while (from < USER_TOP) {
        uint32_t next = region_find(space_at(index), from);
        uint64_t end = next != VM_NONE ? region_at(next)->start : USER_TOP;
        uint64_t past = next != VM_NONE ? region_at(next)->end : USER_TOP;

        if (from < end) {
            visit_pages(state, index, from, end, VM_NONE, find_again);
        }
        from = past;
    }
}

static void count_space(struct vm_state *state, uint32_t index, struct losses *losses)
{
    struct space *space = space_at(index);
    uint64_t covered, total;

    for (uint32_t i = space->first; i != VM_NONE; i = region_at(i)->next) {
        count_region(state, i, losses);
    }
    covered = space->resident_pages;
    total = count_all(state, index);
    if (total == covered) {
        return;
    }
    losses->entries += total - covered;
    if (space->is_service) {
        search_gaps(state, index);
    } else {
        unmap_gaps(state, index);
        space->resident_pages = covered;
    }
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
    if (number != VM_NONE && number < state->frame_count && frame_at(number)->kind == FRAME_FREE && space != VM_NONE) {
        frame_at(number)->kind = FRAME_ANONYMOUS;
        frame_at(number)->references = 1;
        space_at(space)->resident_pages++;
    }
}

void derive_pages(struct vm_state *state, struct losses *losses)
{
    for (uint32_t i = 1; i < state->spaces.high; i++) {
        if (space_at(i)->is_used) {
            count_space(state, i, losses);
        }
    }
    count_reply(state);
    frames_list_free(state);
}
