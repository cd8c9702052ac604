/* SPDX-License-Identifier: MIT */
/*
 * Arenas of services: memory at an address per number, always present. The new version of a service may take an arena of the old one as it is: both
 * have the same frames then, until one of them ends.
 */
#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "pinned.h"
#include "protocols/vm_server.h"
#include "space.h"
#include "sys/call.h"

static int give_back(struct vm_state *state, uint32_t space, uint64_t start)
{
    space_unmap(state, space, start, start + ARENA_STRIDE);
    return 0;
}

int vm_handle_arena(struct vm_state *state, struct call *call, const struct vm_arena_request *request, struct vm_arena_reply *reply)
{
    uint32_t space = space_of(state, call->caller);
    uint64_t start = ARENA_ADDRESS + request->number * ARENA_STRIDE;
    uint64_t end = start + page_up(request->length);
    uint32_t there;
    int result = 0;

    if (space == VM_NONE || request->number >= ARENA_COUNT || request->length > ARENA_STRIDE / 2) {
        return -ENOMEM;
    }
    reply->address = start;
    if (request->length == 0) {
        return give_back(state, space, start);
    }
    there = region_containing(space_at(space), start);
    if (there != VM_NONE) {
        start = region_at(there)->end;
    }
    if (start < end) {
        result = pinned_map(state, space, start, end, VM_PROTECTION_READ | VM_PROTECTION_WRITE);
    }
    if (result != 0) {
        space_unmap(state, space, start, end);
        return -ENOMEM;
    }
    return 0;
}

/* The frames of a range of one space also at another place in another space. */
static int share(struct vm_state *state, uint32_t from, uint64_t source, uint32_t to, const struct region *model)
{
    uint64_t *entries = scratch()->entries, *frames = scratch()->frames;

    for (uint64_t at = model->start; at < model->end;) {
        uint64_t left = (model->end - at) >> PAGE_BITS, count = left < ENTRY_ROOM ? left : ENTRY_ROOM, done = 0;
        int result = kcall_read_entries(space_id(from), source + (at - model->start), count, entries);

        for (uint64_t i = 0; i < count && result == 0; i++) {
            frames[i] = entry_frame(entries[i]) << PAGE_BITS;
            if (frames[i] == 0) {
                result = -EFAULT;
            }
        }
        if (result == 0) {
            result = table_map(state, space_id(to), at, frames, count, region_map_flags(model), &done);
        }
        if (result != 0) {
            return result;
        }
        frame_add_entries(state, entries, count);
        space_at(to)->resident_pages += count;
        at += count << PAGE_BITS;
    }
    return 0;
}

int vm_handle_arena_adopt(struct vm_state *state, struct call *call, const struct vm_arena_adopt_request *request)
{
    uint32_t space = space_of(state, call->caller), slot = endpoint_slot(call->caller);
    uint32_t twin = space != VM_NONE && slot < SERVICE_SLOTS ? state->exchanged[slot] : 0;
    uint32_t from = twin != 0 ? state->slot_space[twin - 1] : VM_NONE;
    struct region model = { .kind = REGION_ANONYMOUS, .flags = REGION_PINNED, .protection = VM_PROTECTION_READ };
    int result;

    if (from == VM_NONE || from == space || request->number >= ARENA_COUNT || (request->source & (PAGE_BYTES - 1)) != 0 ||
        request->length == 0 || request->length > ARENA_STRIDE / 2) {
        return -EINVAL;
    }
    model.protection |= request->writable != 0 ? VM_PROTECTION_WRITE : 0;
    model.start = ARENA_ADDRESS + request->number * ARENA_STRIDE;
    model.end = model.start + page_up(request->length);
    give_back(state, space, model.start);
    if (region_add(state, space, &model) == VM_NONE) {
        return -ENOMEM;
    }
    result = share(state, from, request->source, space, &model);
    if (result != 0) {
        give_back(state, space, model.start);
    }
    return result;
}
