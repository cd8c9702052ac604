/* SPDX-License-Identifier: MIT */
/*
 * mmap, munmap, brk, mremap as Linux has them. mmap of a file is parked until VFS has resolved the descriptor; everything else is answered at once.
 */
#include "linux_map.h"

#include "errors.h"
#include "fault.h"
#include "frame.h"
#include "kcall.h"
#include "linux_flags.h"
#include "linux_vm_dispatch.h"
#include "object.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "protocols/vfs_client.h"
#include "protocols/vm.h"
#include "repeat.h"
#include "space.h"
#include "sys/call.h"
#include "sys/waiters.h"

static struct parked *parked_at(uint32_t index)
{
    return (struct parked *)PARKED_ADDRESS + index;
}

/* ---- limits ---- */

/* Linux's heuristic overcommit: only what can never be there is refused. */
static int check_limits(const struct vm_state *state, const struct space *space, uint64_t length, uint32_t flags)
{
    uint64_t pages = length >> PAGE_BITS;

    if (length > USER_TOP || (space->total_pages + pages) << PAGE_BITS > space->limit_total) {
        return -ENOMEM;
    }
    if ((flags & MAP_NORESERVE) == 0 && pages > state->frames_total) {
        return -ENOMEM;
    }
    return 0;
}

/* Where a mapping goes. Replaces what is there if it is fixed. */
static int place(struct vm_state *state, uint32_t index, uint64_t hint, uint64_t length, uint32_t flags, uint64_t *address)
{
    struct space *space = space_at(index);
    uint64_t start = page_up(hint);

    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0) {
        if ((hint & (PAGE_BYTES - 1)) != 0) {
            return -EINVAL;
        }
        if (hint > USER_TOP - length) {
            return -ENOMEM;
        }
        if (hint < USER_LOWEST) {
            return -EPERM;
        }
        *address = hint;
        if ((flags & MAP_FIXED_NOREPLACE) != 0) {
            return region_range_is_free(space, hint, hint + length) ? 0 : -EEXIST;
        }
        return space_unmap(state, index, hint, hint + length);
    }
    if (hint != 0 && start >= USER_LOWEST && start <= USER_TOP - length && region_range_is_free(space, start, start + length)) {
        *address = start;
        return 0;
    }
    *address = region_find_gap(space, length);
    return *address == 0 ? -ENOMEM : 0;
}

/* ---- mmap ---- */

static uint8_t protection_of(uint32_t protection)
{
    return (uint8_t)(protection & (PROT_READ | PROT_WRITE | PROT_EXEC));
}

/* Shared anonymous memory is an object that only its mappings hold. */
static int share_anonymous(struct vm_state *state, struct region *model, uint64_t length)
{
    model->object = object_new(state, 0);
    if (model->object == VM_NONE) {
        return -ENOMEM;
    }
    model->kind = REGION_SHARED;
    model->offset = 0;
    object_at(model->object)->size = length;
    return 0;
}

/* What mmap maps: kind, object, offset, device and inode are in the model; address and length come here. */
static int64_t map_region(struct vm_state *state, uint32_t index, struct region *model, uint64_t hint, uint64_t length, uint32_t flags)
{
    uint64_t address;
    int result;
    bool is_new_object = (flags & MAP_TYPE) != MAP_PRIVATE && model->object == VM_NONE;

    if (!pool_reserve(state, &state->regions, 4)) {
        return -ENOMEM;
    }
    if (repeat_is(state, &address) && page_down(address) == address && address <= USER_TOP - length) {
        result = space_unmap(state, index, address, address + length); /* the caller has not seen it yet: once more at the same place */
    } else {
        result = place(state, index, hint, length, flags, &address);
        if (result == 0) {
            repeat_note(state, address);
        }
    }
    if (result == 0 && is_new_object) {
        result = share_anonymous(state, model, length);
    }
    if (result != 0) {
        return result;
    }
    model->start = address;
    model->end = address + length;
    if ((flags & MAP_GROWSDOWN) != 0 && model->kind == REGION_ANONYMOUS) {
        model->flags |= REGION_GROWSDOWN;
    }
    if (region_add(state, index, model) == VM_NONE) {
        return -ENOMEM;
    }
    if (is_new_object) {
        object_release(state, model->object);
    }
    if ((flags & (MAP_POPULATE | MAP_LOCKED)) != 0 && model->protection != 0) {
        uint64_t at = address;

        while (at < address + length && fault_range(state, index, at, FAULT_RANGE_BYTES,
                                                    (model->protection & VM_PROTECTION_WRITE) != 0 ? FAULT_WRITE : FAULT_READ) == 0) {
            at += FAULT_RANGE_BYTES;
        }
    }
    return (int64_t)address;
}

static int check_mmap(uint64_t length, uint32_t flags, uint64_t offset)
{
    uint32_t type = flags & MAP_TYPE;

    if ((offset & (PAGE_BYTES - 1)) != 0 || length == 0) {
        return -EINVAL;
    }
    if (page_up(length) == 0 || page_up(length) > USER_TOP) {
        return -ENOMEM;
    }
    if (offset + page_up(length) < offset) {
        return -EOVERFLOW;
    }
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) {
        return -EINVAL;
    }
    return 0;
}

static int park_mmap(struct vm_state *state, struct call *call, int32_t fd)
{
    uint32_t index;
    struct vfs_mmap_file_request request = {
        .process = call->caller,
        .fd = fd,
        .protection = (uint32_t)linux_argument(call, 2),
        .flags = (uint32_t)linux_argument(call, 3),
        .offset = linux_argument(call, 5),
        .length = linux_argument(call, 1),
    };

    uint64_t noted;

    if (fd < 0) {
        return -EBADF;
    }
    index = repeat_is(state, &noted) ? (uint32_t)noted : pool_take(state, &state->parked);
    repeat_note(state, index);
    if (index == VM_NONE || outbox_room(call->outbox) == 0) {
        return -ENOMEM;
    }
    *parked_at(index) = (struct parked){
        .caller = call->caller,
        .is_used = PARKED_WAITS,
        .transaction = index | ++state->transaction << 16,
        .address = linux_argument(call, 0),
        .length = page_up(request.length),
        .offset = request.offset,
        .protection = request.protection,
        .flags = request.flags,
    };
    vfs_send_mmap_file(call->outbox, ENDPOINT_VFS, parked_at(index)->transaction, &request);
    return CALL_PARKED;
}

int vm_linux_mmap(struct vm_state *state, struct call *call)
{
    uint64_t length = linux_argument(call, 1);
    uint32_t protection = (uint32_t)linux_argument(call, 2);
    uint32_t flags = (uint32_t)linux_argument(call, 3);
    uint32_t index = space_of(state, call->caller);
    struct region model = { .kind = REGION_ANONYMOUS, .protection = protection_of(protection) };
    int64_t address;
    int result = check_mmap(length, flags, (flags & MAP_ANONYMOUS) != 0 ? page_down(linux_argument(call, 5)) : linux_argument(call, 5));

    if (index == VM_NONE) {
        return -ESRCH;
    }
    if (result == 0) {
        result = check_limits(state, space_at(index), page_up(length), flags);
    }
    if (result != 0) {
        return result;
    }
    if ((flags & MAP_ANONYMOUS) == 0) {
        return park_mmap(state, call, (int32_t)linux_argument(call, 4));
    }
    if ((flags & MAP_HUGETLB) != 0) {
        return -ENOMEM;
    }
    address = map_region(state, index, &model, linux_argument(call, 0), page_up(length), flags);
    if (address < 0) {
        return (int)address;
    }
    call_result(call, address);
    return 0;
}

static int64_t map_file(struct vm_state *state, const struct parked *parked, const struct vfs_mmap_file_reply *file)
{
    uint32_t index = space_of(state, parked->caller);
    uint32_t object = file->object == 0 ? VM_NONE : object_find(state, file->object);
    struct region model = { .kind = REGION_ANONYMOUS, .protection = protection_of(parked->protection) };

    if (index == VM_NONE) {
        return -ESRCH;
    }
    if (file->object != 0) {
        if (object == VM_NONE) {
            return -ENODEV;
        }
        model.kind = (parked->flags & MAP_TYPE) == MAP_PRIVATE ? REGION_PRIVATE : REGION_SHARED;
        model.object = object;
        model.offset = parked->offset;
        model.file_end = UINT64_MAX;
        model.device = file->device;
        model.inode = file->inode;
        if (object_at(object)->size < file->size) {
            object_at(object)->size = file->size;
        }
    }
    return map_region(state, index, &model, parked->address, parked->length, parked->flags);
}

/* The record that was answered last is kept, in case that answer has to be made again. */
static bool is_awaited(uint32_t index)
{
    return parked_at(index)->is_used == PARKED_WAITS || (parked_at(index)->is_used == PARKED_ANSWERED && journal.attempts != 0);
}

void mmap_handle_reply(void *opaque, const struct message *reply, struct outbox *outbox)
{
    struct vm_state *state = opaque;
    uint32_t index = reply->transaction & 0xffff;
    struct vfs_mmap_file_reply file;
    struct parked parked;
    int64_t result = reply->status;

    if (index == VM_NONE || index >= state->parked.high || parked_at(index)->transaction != reply->transaction || !is_awaited(index)) {
        return;
    }
    if (state->answered != VM_NONE && state->answered != index) {
        pool_give(&state->parked, state->answered);
    }
    state->answered = index;
    parked = *parked_at(index);
    parked_at(index)->is_used = PARKED_ANSWERED;
    if (parked.caller == ENDPOINT_NONE) {
        return;
    }
    if (result == 0) {
        vfs_mmap_file_reply_get(reply, &file);
        result = map_file(state, &parked, &file);
    } else if (result < -4095 || result == -EDEADSRCDST) {
        result = -EIO;
    }
    outbox_linux_reply(outbox, parked.caller, result);
}

/* ---- munmap, brk ---- */

int vm_linux_munmap(struct vm_state *state, struct call *call)
{
    uint64_t address = linux_argument(call, 0);
    uint64_t length = page_up(linux_argument(call, 1));
    uint32_t index = space_of(state, call->caller);

    if (index == VM_NONE || (address & (PAGE_BYTES - 1)) != 0 || length == 0 || length > USER_TOP || address > USER_TOP - length) {
        return -EINVAL;
    }
    return space_unmap(state, index, address, address + length);
}

/* The pages between the old and the new break. */
static int move_break(struct vm_state *state, uint32_t index, uint64_t from, uint64_t to)
{
    struct space *space = space_at(index);
    struct region model = { .kind = REGION_ANONYMOUS, .flags = REGION_HEAP, .protection = PROT_READ | PROT_WRITE };

    if (to < from) {
        return space_unmap(state, index, to, from);
    }
    if (to == from) {
        return 0;
    }
    if (check_limits(state, space, to - from, 0) != 0 || to - space->brk_start > space->limit_data ||
        !region_range_is_free(space, from, to + PAGE_BYTES)) {
        return -ENOMEM;
    }
    model.start = from;
    model.end = to;
    return region_add(state, index, &model) == VM_NONE ? -ENOMEM : 0;
}

int vm_linux_brk(struct vm_state *state, struct call *call)
{
    uint32_t index = space_of(state, call->caller);
    uint64_t wanted = linux_argument(call, 0);
    struct space *space = space_at(index);
    uint64_t before;

    if (index == VM_NONE) {
        return -ENOMEM;
    }
    if (repeat_is(state, &before)) { /* what it got is as new: it has not run since */
        if (wanted > before) {
            (void)space_unmap(state, index, page_up(before), page_up(wanted));
        }
        space->brk = before;
    }
    repeat_note(state, space->brk);
    if (wanted >= space->brk_start && wanted <= USER_TOP && move_break(state, index, page_up(space->brk), page_up(wanted)) == 0) {
        space->brk = wanted;
    }
    call_result(call, (int64_t)space->brk);
    return 0;
}

/* ---- mremap ---- */

/* Grow in place if there is room behind. */
static bool grow_in_place(struct vm_state *state, uint32_t index, uint32_t region, uint64_t old_end, uint64_t new_end)
{
    if (region_at(region)->end != old_end || new_end > USER_TOP || !region_range_is_free(space_at(index), old_end, new_end)) {
        return false;
    }
    region_set_end(state, region, new_end);
    region_merge_next(state, region);
    return true;
}

/* Pages that were at both places when VM died, in the middle of a move, stay at the new one. */
static int drop_moved(struct vm_state *state, uint32_t index, uint64_t from, uint64_t to, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
        uint64_t old = 0, new = 0, present = 0, done = 0;
        int result = kcall_read_entries(space_id(index), from + at, 1, &old);

        if (result == 0) {
            result = kcall_read_entries(space_id(index), to + at, 1, &new);
        }
        if (result == 0 && old != 0 && entry_frame(old) == entry_frame(new)) {
            result = kcall_unmap(space_id(index), from + at, 1, &old, &present, &done);
            frame_drop_entries(state, &old, present);
            space_at(index)->resident_pages -= present;
        }
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

/* The second half of a move whose new region is there. */
static int64_t move_pages(struct vm_state *state, uint32_t index, uint64_t from, uint64_t old_length, uint64_t to, uint64_t new_length)
{
    const struct region *region = region_at(region_containing(space_at(index), to));
    uint32_t flags = region_map_flags(region);
    int result;

    if (region->kind != REGION_SHARED) {
        flags &= ~(uint32_t)KERNEL_MAP_FLAGS_WRITE; /* it may be shared with a child; the first write finds out */
    }
    result = space_move_pages(state, index, from, to, old_length < new_length ? old_length : new_length, flags);
    if (result == 0) {
        result = space_unmap(state, index, from, from + old_length);
    }
    return result != 0 ? result : (int64_t)to;
}

/* VM died after the new region was made: what is left of the old one follows. False: it had not come so far. */
static bool resume_move(struct vm_state *state, uint32_t index, uint64_t from, uint64_t old_length, uint64_t new_length, int64_t *result)
{
    uint64_t to;

    if (!repeat_is(state, &to) || !space_is_covered(space_at(index), to, to + new_length)) {
        return false;
    }
    if (to == from) { /* in place */
        *result = new_length < old_length ? space_unmap(state, index, from + new_length, from + old_length) : 0;
        *result = *result != 0 ? *result : (int64_t)from;
        return true;
    }
    *result = drop_moved(state, index, from, to, old_length < new_length ? old_length : new_length);
    if (*result == 0) {
        *result = move_pages(state, index, from, old_length, to, new_length);
    }
    return true;
}

static int64_t move_region(struct vm_state *state, uint32_t index, uint64_t from, uint64_t old_length, uint64_t to, uint64_t new_length)
{
    uint32_t old = region_containing(space_at(index), from);
    struct region model = *region_at(old);
    int result;

    model.offset += from - model.start;
    model.start = to;
    model.end = to + new_length;
    model.flags &= (uint16_t) ~(REGION_HEAP | REGION_GROWSDOWN);
    /* The old region is cut out first, so that nothing can fail when the pages have moved. */
    result = space_cut(state, index, from, from + old_length);
    if (result == 0) {
        repeat_note(state, to);
    }
    if (result == 0 && region_add(state, index, &model) == VM_NONE) {
        result = -ENOMEM;
    }
    return result != 0 ? result : move_pages(state, index, from, old_length, to, new_length);
}

static int64_t remap(struct vm_state *state, uint32_t index, uint64_t from, uint64_t old_length, uint64_t new_length, uint32_t flags,
                     uint64_t to)
{
    struct space *space = space_at(index);
    uint32_t region = region_containing(space, from);
    int64_t resumed;
    int result;

    if (resume_move(state, index, from, old_length, new_length, &resumed)) {
        return resumed;
    }
    if (region == VM_NONE || region_at(region)->end - from < old_length) {
        return -EFAULT;
    }
    if (old_length == 0 || region_at(region)->kind == REGION_PHYSICAL) {
        return -EINVAL;
    }
    if ((flags & MREMAP_FIXED) != 0) {
        if ((to & (PAGE_BYTES - 1)) != 0 || to > USER_TOP - new_length || (to < from + old_length && from < to + new_length)) {
            return -EINVAL;
        }
        result = space_unmap(state, index, to, to + new_length);
        return result != 0 ? result : move_region(state, index, from, old_length, to, new_length);
    }
    repeat_note(state, from);
    if (new_length <= old_length) {
        result = new_length == old_length ? 0 : space_unmap(state, index, from + new_length, from + old_length);
        return result != 0 ? result : (int64_t)from;
    }
    if (check_limits(state, space, new_length - old_length, 0) != 0) {
        return -ENOMEM;
    }
    if (grow_in_place(state, index, region, from + old_length, from + new_length)) {
        return (int64_t)from;
    }
    to = (flags & MREMAP_MAYMOVE) != 0 ? region_find_gap(space, new_length) : 0;
    return to == 0 ? -ENOMEM : move_region(state, index, from, old_length, to, new_length);
}

int vm_linux_mremap(struct vm_state *state, struct call *call)
{
    uint64_t from = linux_argument(call, 0);
    uint64_t old_length = page_up(linux_argument(call, 1));
    uint64_t new_length = page_up(linux_argument(call, 2));
    uint32_t flags = (uint32_t)linux_argument(call, 3);
    uint32_t index = space_of(state, call->caller);
    int64_t result;

    if (index == VM_NONE || (flags & ~(uint32_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0 || (from & (PAGE_BYTES - 1)) != 0 ||
        new_length == 0 || new_length > USER_TOP || ((flags & MREMAP_FIXED) != 0 && (flags & MREMAP_MAYMOVE) == 0)) {
        return -EINVAL;
    }
    result = remap(state, index, from, old_length, new_length, flags, linux_argument(call, 4));
    if (result < 0) {
        return (int)result;
    }
    call_result(call, result);
    return 0;
}

void mmap_mark_waiters(const void *opaque, struct waiters *waiters)
{
    const struct vm_state *state = opaque;

    for (uint32_t i = 1; i < state->parked.high; i++) {
        if (parked_at(i)->is_used == PARKED_WAITS) {
            waiters_mark(waiters, parked_at(i)->caller);
        }
    }
}
