/* SPDX-License-Identifier: MIT */
/*
 * Faults. VM is the only one that adds entries to page tables, but an event may be older than what another thread of the space has made of the page
 * meanwhile: absent pages are therefore mapped with if_absent, and in spaces with several threads the entry is read again.
 */
#include "fault.h"

#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "object.h"
#include "protocols/kernel.h"
#include "protocols/vm.h"
#include "protocols/vm_event_server.h"
#include "space.h"
#include "sys/call.h"
#include "sys/journal.h"
#include "sys/log.h"

enum {
    RANGE_BATCH = 64,
    AROUND_PAGES = 64, /* a page of a file brings its present neighbours; a page costs a fortieth of a fault */
};

/* ---- which region ---- */

static int grow_stack(struct vm_state *state, uint32_t index, uint64_t address, uint32_t *found)
{
    struct space *space = space_at(index);
    uint32_t region = region_find(space, address);
    uint64_t start = page_down(address);
    uint64_t floor;

    (void)state;
    if (region == VM_NONE || (region_at(region)->flags & REGION_GROWSDOWN) == 0) {
        return -EFAULT;
    }
    floor = region_at(region)->previous == VM_NONE ? 0 : region_at(region_at(region)->previous)->end + STACK_GAP_BYTES;
    if (start < floor || region_at(region)->end - start > space->limit_stack ||
        (space->total_pages << PAGE_BITS) + (region_at(region)->start - start) > space->limit_total) {
        return -EFAULT;
    }
    region_grow_down(state, region, start);
    *found = region;
    return 0;
}

static inline __attribute__((always_inline)) int find_region(struct vm_state *state, uint32_t space, uint64_t address, uint32_t access,
                                                             uint32_t *region)
{
    uint8_t protection;

    *region = region_containing(space_at(space), address);
    if (*region == VM_NONE) {
        int result = grow_stack(state, space, address, region);

        if (result != 0) {
            return result;
        }
    }
    protection = region_at(*region)->protection;
    /* x86: what can be written or executed can be read. */
    if ((access & FAULT_FORCE) == 0 && (protection == 0 || ((access & FAULT_WRITE) != 0 && (protection & VM_PROTECTION_WRITE) == 0) ||
                                        ((access & FAULT_EXECUTE) != 0 && (protection & VM_PROTECTION_EXECUTE) == 0))) {
        return -EACCES;
    }
    return 0;
}

int fault_region(struct vm_state *state, uint32_t space, uint64_t address, uint32_t access, uint32_t *region)
{
    return find_region(state, space, address, access, region);
}

/* ---- one page ---- */

/* Out of memory is SIGBUS for the program, as for a file that cannot be read. */
static int out_of_memory(struct vm_state *state, uint32_t space)
{
    if (!state->is_short) {
        log_warn("out of memory: a program in space %u gets SIGBUS", space_id(space));
        state->is_short = 1;
    }
    return -EIO;
}

static enum frame_use use_of(const struct space *space)
{
    return space->is_service ? FRAME_FOR_SYSTEM : FRAME_FOR_PROGRAM;
}

/* The kernel keeps table frames for a few pages that come with replies; a kernel call in between tells when it needs more. */
enum { REPLIES_IN_ROW = 16 };

/* Let the reply map a new frame. Only VM adds entries and the space has one thread, so nobody can have been faster. */
static bool map_by_reply(struct vm_state *state, const struct region *region, uint64_t page, uint32_t frame, uint32_t flags,
                         struct event_page_fault_reply *reply)
{
    if (reply == NULL || state->replies_in_row >= REPLIES_IN_ROW) {
        return false;
    }
    state->replies_in_row++;
    reply->frame = frame_address(frame);
    reply->page = page;
    reply->space = space_id(region->space);
    reply->map_flags = flags;
    return true;
}

static inline __attribute__((always_inline)) int map_zero(struct vm_state *state, struct region *region, uint64_t page,
                                                          struct event_page_fault_reply *reply)
{
    const uint32_t flags = region_map_flags(region) | KERNEL_MAP_FLAGS_ZERO | KERNEL_MAP_FLAGS_IF_ABSENT;
    struct space *space = space_at(region->space);
    uint32_t frame = frame_take(state, FRAME_ANONYMOUS, use_of(space));
    uint64_t done = 0;
    int result;

    if (frame == VM_NONE) {
        return out_of_memory(state, region->space);
    }
    if (map_by_reply(state, region, page, frame, flags, reply)) {
        space->resident_pages++;
        return 0;
    }
    result = table_map_one(state, space_id(region->space), page, frame_address(frame), flags, &done);
    if (result != 0 || done == 0) {
        frame_give(state, frame);
        return result;
    }
    space->resident_pages++;
    return 0;
}

/* A write to a page that is there, but perhaps shown elsewhere too. */
static int copy_on_write(struct vm_state *state, struct region *region, uint64_t page, uint64_t entry, struct event_page_fault_reply *reply)
{
    uint64_t old = entry_frame(entry);
    uint32_t flags = region_map_flags(region);
    uint64_t done = 0;
    uint32_t frame;
    int result = 0;

    if (old < state->frame_count && frame_at(old)->kind == FRAME_ANONYMOUS && frame_at(old)->references == 1) {
        if (map_by_reply(state, region, page, (uint32_t)old, flags, reply)) {
            return 0;
        }
        return kcall_protect(space_id(region->space), page, 1, flags);
    }
    frame = frame_take(state, FRAME_ANONYMOUS, use_of(space_at(region->space)));
    if (frame == VM_NONE) {
        return out_of_memory(state, region->space);
    }
    if (!map_by_reply(state, region, page, frame, flags | KERNEL_MAP_FLAGS_COPY, reply)) {
        result = table_map_one(state, space_id(region->space), page, frame_address(frame), flags | KERNEL_MAP_FLAGS_COPY, &done);
    }
    if (result != 0) {
        frame_give(state, frame);
        return result;
    }
    frame_drop(state, old);
    if (region->kind == REGION_PRIVATE) {
        region->flags |= REGION_COPIES;
    }
    return 0;
}

/* Frames of pages [low, high) of an object, 0 where there is none. */
static void collect_frames(struct vm_state *state, uint32_t object, uint64_t low, uint64_t high, uint64_t *frames)
{
    while (low < high) {
        uint64_t end = (low | (CHUNK_PAGES - 1)) + 1;
        uint32_t chunk = object_chunk(state, object, low);

        end = end < high ? end : high;
        for (; low < end; low++) {
            *frames++ = chunk == VM_NONE ? 0 : frame_address(chunk_at(chunk)->frame[low & (CHUNK_PAGES - 1)]);
        }
    }
}

/* Map the page and those around it that are there already; the caller has made sure of the page itself. */
static int map_around(struct vm_state *state, struct region *region, uint64_t page, uint32_t flags)
{
    uint64_t number = (region->offset + (page - region->start)) >> PAGE_BITS;
    uint64_t low = number & ~(uint64_t)(AROUND_PAGES - 1);
    uint64_t high = low + AROUND_PAGES;
    uint64_t first = region->offset >> PAGE_BITS;
    uint64_t last = first + ((region->end - region->start) >> PAGE_BITS);
    uint64_t *frames = scratch()->frames;
    uint64_t done = 0;
    int result;

    /* The page with the end of the file part of a program's data needs a copy of its own. */
    if (region->kind == REGION_PRIVATE && (region->protection & VM_PROTECTION_WRITE) != 0 && last > region->file_end >> PAGE_BITS) {
        last = region->file_end >> PAGE_BITS;
    }
    low = low > first ? low : first;
    high = high < last ? high : last;
    collect_frames(state, region->object, low, high, frames);
    result = table_map(state, space_id(region->space), region->start + ((low - first) << PAGE_BITS), frames, high - low,
                       flags | KERNEL_MAP_FLAGS_IF_ABSENT, &done);
    space_at(region->space)->resident_pages += done;
    return result;
}

/* The frame of an object's page, made if it is not there and lies within the file. */
static int object_page(struct vm_state *state, const struct region *region, uint64_t number, uint32_t *frame)
{
    int result;

    *frame = object_frame(state, region->object, number);
    if (*frame != VM_NONE) {
        return 0;
    }
    if ((region->flags & REGION_WINDOW) == 0 && number << PAGE_BITS >= object_at(region->object)->size) {
        return -EIO;
    }
    result = object_add_page(state, region->object, number, frame);
    if (result != 0) {
        return out_of_memory(state, region->space);
    }
    return kcall_page_zero(frame_address(*frame), 1);
}

static int map_copy(struct vm_state *state, struct region *region, uint64_t page, uint32_t from, uint64_t valid_bytes,
                    struct event_page_fault_reply *reply)
{
    uint32_t frame = frame_take(state, FRAME_ANONYMOUS, use_of(space_at(region->space)));
    uint64_t done = 0;
    int result;

    if (frame == VM_NONE) {
        return out_of_memory(state, region->space);
    }
    result = kcall_page_copy(frame_address(from), frame_address(frame));
    if (result == 0 && valid_bytes < PAGE_BYTES) {
        result = kcall_page_write(frame_address(frame), (uint32_t)valid_bytes, PAGE_BYTES - (uint32_t)valid_bytes, ENDPOINT_SELF,
                                  (uint64_t)scratch()->zeros);
    }
    if (result == 0 && map_by_reply(state, region, page, frame, region_map_flags(region), reply)) {
        done = 1;
    } else if (result == 0) {
        result = table_map_one(state, space_id(region->space), page, frame_address(frame),
                               region_map_flags(region) | KERNEL_MAP_FLAGS_IF_ABSENT, &done);
    }
    if (result != 0 || done == 0) {
        frame_give(state, frame);
        return result;
    }
    region->flags |= REGION_COPIES;
    space_at(region->space)->resident_pages++;
    return 0;
}

static int private_absent(struct vm_state *state, struct region *region, uint64_t page, uint32_t access,
                          struct event_page_fault_reply *reply)
{
    uint64_t offset = region->offset + (page - region->start);
    uint64_t valid = offset < region->file_end ? region->file_end - offset : 0;
    uint32_t frame = object_frame(state, region->object, offset >> PAGE_BITS);
    int result;

    if (valid == 0) {
        region->flags |= REGION_COPIES;
        return map_zero(state, region, page, reply);
    }
    if (frame == VM_NONE && offset >= object_at(region->object)->size) {
        return -EIO;
    }
    if (frame == VM_NONE && ((access & FAULT_WRITE) != 0 || valid < PAGE_BYTES)) {
        region->flags |= REGION_COPIES;
        return map_zero(state, region, page, reply);
    }
    if ((access & FAULT_WRITE) != 0 || (valid < PAGE_BYTES && (region->protection & VM_PROTECTION_WRITE) != 0)) {
        return map_copy(state, region, page, frame, valid, reply);
    }
    result = object_page(state, region, offset >> PAGE_BITS, &frame);
    if (result != 0) {
        return result;
    }
    return map_around(state, region, page, region_map_flags(region) & ~(uint32_t)KERNEL_MAP_FLAGS_WRITE);
}

static int shared_absent(struct vm_state *state, struct region *region, uint64_t page)
{
    uint32_t frame;
    int result = object_page(state, region, (region->offset + (page - region->start)) >> PAGE_BITS, &frame);

    return result != 0 ? result : map_around(state, region, page, region_map_flags(region));
}

/* The vDSO and its data: mapped when a program looks at them. */
static int vdso_absent(struct vm_state *state, const struct region *region, uint64_t page, struct event_page_fault_reply *reply)
{
    uint64_t physical = region->offset + (page - region->start);
    uint64_t done = 0;
    int result = 0;

    if ((region->flags & REGION_VDSO) == 0) {
        return -EFAULT;
    }
    if (!map_by_reply(state, region, page, (uint32_t)(physical >> PAGE_BITS), region_map_flags(region), reply)) {
        result = table_map_one(state, space_id(region->space), page, physical, region_map_flags(region), &done);
    }
    if (result == 0) {
        space_at(region->space)->resident_pages++;
    }
    return result;
}

int fault_page(struct vm_state *state, uint32_t index, uint64_t page, uint32_t access, uint64_t entry, struct event_page_fault_reply *reply)
{
    struct region *region = region_at(index);

    if (entry == 0) {
        switch (region->kind) {
        case REGION_ANONYMOUS:
            return map_zero(state, region, page, reply);
        case REGION_PRIVATE:
            return private_absent(state, region, page, access, reply);
        case REGION_SHARED:
            return shared_absent(state, region, page);
        default:
            return vdso_absent(state, region, page, reply);
        }
    }
    if ((access & FAULT_WRITE) != 0 && (entry_flags(entry) & KERNEL_MAP_FLAGS_WRITE) == 0 &&
        (region->kind == REGION_ANONYMOUS || region->kind == REGION_PRIVATE)) {
        return copy_on_write(state, region, page, entry, reply);
    }
    /* It is allowed and there: made so meanwhile, or mprotect has left it with less. */
    if ((entry_flags(entry) & region_map_flags(region)) == region_map_flags(region) || (access & FAULT_FORCE) != 0) {
        return 0;
    }
    return kcall_protect(space_id(region->space), page, 1,
                         region->kind == REGION_SHARED || (access & FAULT_WRITE) != 0
                             ? region_map_flags(region)
                             : region_map_flags(region) & ~(uint32_t)KERNEL_MAP_FLAGS_WRITE);
}

/* ---- many pages ---- */

/* Absent anonymous pages in a row are mapped by one kernel call. The entries were just read and only VM adds any. */
static int map_zeros(struct vm_state *state, struct region *region, uint64_t page, uint64_t count)
{
    struct space *space = space_at(region->space);
    uint64_t *frames = scratch()->frames;
    uint64_t taken = 0;
    uint64_t done = 0;
    int result;

    while (taken < count) {
        uint32_t frame = frame_take(state, FRAME_ANONYMOUS, use_of(space));

        if (frame == VM_NONE) {
            break;
        }
        frames[taken++] = frame_address(frame);
    }
    if (taken == 0) {
        return out_of_memory(state, region->space);
    }
    result = table_map(state, space_id(region->space), page, frames, taken, region_map_flags(region) | KERNEL_MAP_FLAGS_ZERO, &done);
    if (result != 0) {
        for (uint64_t i = 0; i < taken; i++) {
            frame_give(state, (uint32_t)(frames[i] >> PAGE_BITS));
        }
        return result;
    }
    space->resident_pages += done;
    return taken == count ? 0 : out_of_memory(state, region->space);
}

static bool is_good(const struct region *region, uint64_t entry, uint32_t access)
{
    if (entry == 0) {
        return false;
    }
    return (access & FAULT_WRITE) == 0 || (entry_flags(entry) & KERNEL_MAP_FLAGS_WRITE) != 0 || region->kind == REGION_PHYSICAL;
}

/* Pages [page, page + count) lie in one region; their entries were read. */
static int fault_batch(struct vm_state *state, uint32_t index, uint64_t page, uint64_t count, uint32_t access, uint64_t *entries,
                       uint64_t *made)
{
    struct region *region = region_at(index);
    uint64_t i = 0;
    int result = 0;

    while (i < count && result == 0) {
        uint64_t run = 0;

        if (is_good(region, entries[i], access)) {
            i++;
            continue;
        }
        while (region->kind == REGION_ANONYMOUS && i + run < count && entries[i + run] == 0) {
            run++;
        }
        if (run > 1) {
            result = map_zeros(state, region, page + (i << PAGE_BITS), run);
            i += result == 0 ? run : 0;
        } else {
            bool brings_others = region->object != VM_NONE && entries[i] == 0;

            result = fault_page(state, index, page + (i << PAGE_BITS), access, entries[i], NULL);
            i += result == 0;
            if (brings_others && result == 0 && i < count) {
                result = kcall_read_entries(space_id(region->space), page + (i << PAGE_BITS), count - i, entries + i);
            }
        }
    }
    *made = i;
    return result;
}

int fault_range(struct vm_state *state, uint32_t space, uint64_t address, uint64_t length, uint32_t access)
{
    uint64_t page = page_down(address);
    uint64_t end = address + length < address ? UINT64_MAX - PAGE_BYTES : page_up(address + length);
    uint64_t limit = page + FAULT_RANGE_BYTES;
    bool is_first = true;

    end = end < limit ? end : limit;
    while (page < end) {
        uint64_t entries[RANGE_BATCH];
        uint64_t count = (end - page) >> PAGE_BITS;
        uint64_t made = 0;
        uint32_t region;
        int result = fault_region(state, space, page, access, &region);

        if (result == 0) {
            uint64_t rest = (region_at(region)->end - page) >> PAGE_BITS;

            count = count < rest ? count : rest;
            count = count < RANGE_BATCH ? count : RANGE_BATCH;
            result = kcall_read_entries(space_id(space), page, count, entries);
        }
        if (result == 0) {
            result = fault_batch(state, region, page, count, access, entries, &made);
        }
        if (result != 0) {
            return is_first && made == 0 ? result : 0;
        }
        is_first = false;
        page += made << PAGE_BITS;
    }
    return 0;
}

/* ---- events ---- */

int event_handle_page_fault(struct vm_state *state, struct call *call, const struct event_page_fault_request *request,
                            struct event_page_fault_reply *reply)
{
    uint32_t space = space_of(state, call->caller);
    uint32_t access = 0;
    uint64_t entry = request->entry;
    uint32_t region;
    int result;

    if (space == VM_NONE) {
        return -EFAULT;
    }
    state->faults++;
    space_at(space)->faults++;
    if ((request->flags & EVENT_FAULT_FLAGS_WRITE) != 0) {
        access = FAULT_WRITE;
    } else if ((request->flags & EVENT_FAULT_FLAGS_EXECUTE) != 0) {
        access = FAULT_EXECUTE;
    }
    result = find_region(state, space, request->address, access, &region);
    if (result != 0) {
        return result;
    }
    if ((region_at(region)->flags & REGION_PINNED) != 0) {
        return -EACCES;
    }
    if (space_at(space)->users > 1 || journal.attempts != 0) { /* the entry may have changed meanwhile */
        reply = NULL;
        if (entry != 0) {
            result = kcall_read_entries(space_id(space), page_down(request->address), 1, &entry);
        }
    }
    return result != 0 ? result : fault_page(state, region, page_down(request->address), access, entry, reply);
}

int event_handle_memory_request(struct vm_state *state, struct call *call, const struct event_memory_request_request *request)
{
    uint32_t space = space_of(state, request->target);

    (void)call;
    if (space == VM_NONE) {
        return -EFAULT;
    }
    return fault_range(state, space, request->address, request->length != 0 ? request->length : 1,
                       request->write != 0 ? FAULT_WRITE : FAULT_READ);
}
