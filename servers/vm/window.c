/* SPDX-License-Identifier: MIT */
/*
 * Calls of VFS and the file servers: memory objects, windows on them, pools.
 */
#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "object.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "protocols/vm_server.h"
#include "repeat.h"
#include "space.h"
#include "sys/call.h"

int vm_handle_object_create(struct vm_state *state, struct call *call, const struct vm_object_create_request *request,
                            struct vm_object_create_reply *reply)
{
    uint32_t pool = owner_pool_find(state, call->caller, request->pool);
    uint64_t noted;
    bool is_made = repeat_is(state, &noted) && noted < state->objects.high && object_at((uint32_t)noted)->is_used;
    uint32_t object = is_made ? (uint32_t)noted : pool == 0 ? VM_NONE : object_new(state, pool);

    if (object == VM_NONE) {
        return -ENOSPC;
    }
    repeat_note(state, object);
    reply->object = object_id(object);
    return 0;
}

int vm_handle_object_destroy(struct vm_state *state, struct call *call, const struct vm_object_destroy_request *request)
{
    uint32_t object = object_find(state, request->object);

    (void)call;
    if (object != VM_NONE && !object_at(object)->is_released) {
        object_release(state, object);
    }
    return -EDONTREPLY;
}

int vm_handle_object_forget(struct vm_state *state, struct call *call, const struct vm_object_forget_request *request)
{
    for (uint32_t i = 1; i < state->objects.high; i++) {
        const struct object *object = object_at(i);
        const struct owner_pool *pool = &state->owner_pool[object->owner_pool];

        if (!object->is_used || object->is_released || object->owner_pool == 0 || pool->owner != call->caller) {
            continue;
        }
        if (request->pool == VM_ALL_POOLS || request->pool == pool->number) {
            object_release(state, i);
        }
    }
    return 0;
}

int vm_handle_object_map(struct vm_state *state, struct call *call, const struct vm_object_map_request *request)
{
    uint32_t space = space_of(state, call->caller);
    uint32_t object = object_find(state, request->object);
    uint64_t length = page_up(request->length);
    struct region model = { .kind = REGION_SHARED, .flags = REGION_WINDOW, .start = request->address };
    int result;

    if (space == VM_NONE || object == VM_NONE || length == 0 || length < request->length ||
        ((request->address | request->offset) & (PAGE_BYTES - 1)) != 0 || request->address >= USER_TOP ||
        length > USER_TOP - request->address) {
        return -EINVAL;
    }
    result = space_unmap(state, space, request->address, request->address + length);
    if (result != 0) {
        return result;
    }
    model.end = request->address + length;
    model.object = object;
    model.offset = request->offset;
    model.protection = VM_PROTECTION_READ | (request->writable != 0 ? VM_PROTECTION_WRITE : 0);
    return region_add(state, space, &model) == VM_NONE ? -ENOMEM : 0;
}

int vm_handle_object_unmap(struct vm_state *state, struct call *call, const struct vm_object_unmap_request *request)
{
    uint32_t space = space_of(state, call->caller);
    uint64_t end = page_up(request->address + request->length);

    if (space == VM_NONE || (request->address & (PAGE_BYTES - 1)) != 0 || end <= request->address) {
        return -EINVAL;
    }
    /* A service may not saw at its own image or arenas. */
    for (uint32_t i = region_find(space_at(space), request->address); i != VM_NONE && region_at(i)->start < end; i = region_at(i)->next) {
        if ((region_at(i)->flags & REGION_WINDOW) == 0) {
            return -EINVAL;
        }
    }
    return space_unmap(state, space, request->address, end);
}

int vm_handle_object_truncate(struct vm_state *state, struct call *call, const struct vm_object_truncate_request *request)
{
    uint32_t object = object_find(state, request->object);

    (void)call;
    return object == VM_NONE ? -EINVAL : object_truncate(state, object, request->length);
}

/* The caller's window that shows a page of the object, or 0. */
static uint32_t window_of(uint32_t object, uint32_t space, uint64_t page)
{
    for (uint32_t i = object_at(object)->regions; i != VM_NONE; i = region_at(i)->object_next) {
        const struct region *region = region_at(i);
        uint64_t first = region->offset >> PAGE_BITS;

        if (region->space == space && (region->flags & REGION_WINDOW) != 0 && page >= first &&
            page - first < (region->end - region->start) >> PAGE_BITS) {
            return i;
        }
    }
    return VM_NONE;
}

/* New pages need zeros, and their owner will write to them through its window next: one kernel call does both. */
static int show_new_pages(struct vm_state *state, uint32_t object, uint32_t space, uint64_t page, const uint64_t *frames, uint64_t count)
{
    uint32_t window = window_of(object, space, page);
    int result = 0;

    if (window != VM_NONE && window_of(object, space, page + count - 1) == window) {
        const struct region *region = region_at(window);
        uint64_t done = 0;

        result = table_map(state, space_id(space), region->start + ((page << PAGE_BITS) - region->offset), frames, count,
                           region_map_flags(region) | KERNEL_MAP_FLAGS_ZERO, &done);
        space_at(space)->resident_pages += done;
        return result;
    }
    for (uint64_t i = 0; i < count && result == 0; i++) {
        result = kcall_page_zero(frames[i], 1);
    }
    return result;
}

static int reserve_pages(struct vm_state *state, uint32_t object, uint32_t space, uint64_t page, uint64_t end)
{
    uint64_t *frames = scratch()->frames;
    int result = 0;

    while (page < end && result == 0) {
        uint64_t count = 0;
        uint32_t frame;

        if (object_frame(state, object, page) != VM_NONE) {
            page++;
            continue;
        }
        while (page + count < end && count < ENTRY_ROOM && object_frame(state, object, page + count) == VM_NONE) {
            result = object_add_page(state, object, page + count, &frame);
            if (result != 0) {
                break;
            }
            frames[count++] = frame_address(frame);
        }
        if (count > 0) {
            int shown = show_new_pages(state, object, space, page, frames, count);

            result = result != 0 ? result : shown;
        }
        page += count;
    }
    return result;
}

int vm_handle_object_reserve(struct vm_state *state, struct call *call, const struct vm_object_reserve_request *request)
{
    uint32_t object = object_find(state, request->object);
    uint64_t end = request->offset + request->length;
    int result;

    if (object == VM_NONE || end < request->offset) {
        return -EINVAL;
    }
    if (request->length == 0) {
        return 0;
    }
    result = reserve_pages(state, object, space_of(state, call->caller), request->offset >> PAGE_BITS, page_up(end) >> PAGE_BITS);
    if (result == 0 && object_at(object)->size < end) {
        object_at(object)->size = end;
    }
    return result == 0 ? 0 : -ENOSPC;
}

int vm_handle_object_info(struct vm_state *state, struct call *call, const struct vm_object_info_request *request,
                          struct vm_object_info_reply *reply)
{
    uint32_t object = object_find(state, request->object);

    (void)call;
    if (object == VM_NONE) {
        return -EINVAL;
    }
    reply->pages = object_at(object)->pages;
    return 0;
}

int vm_handle_pool(struct vm_state *state, struct call *call, const struct vm_pool_request *request, struct vm_pool_reply *reply)
{
    uint32_t index = owner_pool_find(state, call->caller, request->pool);
    struct owner_pool *pool = &state->owner_pool[index];

    if (index == 0) {
        return -ENOSPC;
    }
    if (request->limit_pages != 0) {
        pool->limit = request->limit_pages;
    }
    reply->used_pages = pool->used;
    reply->limit_pages_now = pool->limit;
    return 0;
}
