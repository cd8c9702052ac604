/* SPDX-License-Identifier: MIT */
/*
 * PM's calls: fork, share, exit, and exec, which builds the new space beside the old one so that a failure leaves the program alive.
 */
#include "errors.h"
#include "fault.h"
#include "frame.h"
#include "kcall.h"
#include "object.h"
#include "pool.h"
#include "protocols/vm_server.h"
#include "space.h"
#include "sys/call.h"
#include "vdso.h"
#include "vm_exec.h"

enum { SLOTS = PROCESS_SLOTS };

static void drop_parked(struct vm_state *state, uint32_t slot)
{
    struct parked *parked = (struct parked *)PARKED_ADDRESS;

    for (uint32_t i = 1; state->parked.used > 0 && i < state->parked.high; i++) {
        if (parked[i].is_used && endpoint_slot(parked[i].caller) == slot) {
            parked[i].caller = ENDPOINT_NONE;
        }
    }
}

static void abort_pending(struct vm_state *state, uint32_t slot)
{
    uint32_t pending = state->slot_pending[slot];

    if (pending != VM_NONE) {
        state->slot_pending[slot] = VM_NONE;
        space_destroy(state, pending);
    }
}

int vm_handle_fork(struct vm_state *state, struct call *call, const struct vm_fork_request *request, struct vm_fork_reply *reply)
{
    uint32_t parent = space_of(state, request->parent);
    uint32_t child;
    int result;

    (void)call;
    if (parent == VM_NONE || request->child_slot >= SLOTS) {
        return -EINVAL;
    }
    space_leave(state, request->child_slot);
    child = space_new(state);
    if (child == VM_NONE) {
        return -ENOMEM;
    }
    result = space_fork(state, parent, child);
    if (result != 0) {
        space_destroy(state, child);
        return -ENOMEM;
    }
    space_enter(state, child, request->child_slot);
    reply->space = space_id(child);
    return 0;
}

int vm_handle_share(struct vm_state *state, struct call *call, const struct vm_share_request *request, struct vm_share_reply *reply)
{
    uint32_t parent = space_of(state, request->parent);

    (void)call;
    if (parent == VM_NONE || request->child_slot >= SLOTS) {
        return -EINVAL;
    }
    space_enter(state, parent, request->child_slot);
    reply->space = space_id(parent);
    return 0;
}

int vm_handle_exit(struct vm_state *state, struct call *call, const struct vm_exit_request *request)
{
    (void)call;
    if (request->slot >= SLOTS) {
        return -EINVAL;
    }
    drop_parked(state, request->slot);
    abort_pending(state, request->slot);
    space_leave(state, request->slot);
    return 0;
}

/* ---- exec ---- */

int vm_handle_exec_begin(struct vm_state *state, struct call *call, const struct vm_exec_begin_request *request,
                         struct vm_exec_begin_reply *reply)
{
    uint32_t space;

    (void)call;
    if (request->slot >= SLOTS) {
        return -EINVAL;
    }
    abort_pending(state, request->slot);
    if (!frame_has(state, CHUNK_PAGES, FRAME_FOR_PROGRAM)) {
        return -ENOMEM;
    }
    space = space_new(state);
    if (space == VM_NONE) {
        return -ENOMEM;
    }
    state->slot_pending[request->slot] = space;
    reply->space = space_id(space);
    return 0;
}

static bool is_user_range(uint64_t address, uint64_t length)
{
    return (address & (PAGE_BYTES - 1)) == 0 && length != 0 && address >= PAGE_BYTES && address < USER_TOP && length <= USER_TOP - address;
}

/* Only a space between begin and commit may be changed. */
static uint32_t unborn(const struct vm_state *state, uint32_t id)
{
    uint32_t space = space_find(state, id);

    return space != VM_NONE && space_at(space)->users == 0 ? space : VM_NONE;
}

int vm_handle_exec_map_object(struct vm_state *state, struct call *call, const struct vm_exec_map_object_request *request)
{
    uint32_t space = unborn(state, request->space);
    uint32_t object = object_find(state, request->object);
    uint64_t length = page_up(request->length);
    struct region model = { .kind = REGION_PRIVATE, .start = request->address, .end = request->address + length };

    (void)call;
    if (space == VM_NONE || object == VM_NONE || length < request->length || !is_user_range(request->address, length) ||
        (request->offset & (PAGE_BYTES - 1)) != 0) {
        return -EINVAL;
    }
    if (!region_range_is_free(space_at(space), model.start, model.end)) {
        return -EINVAL;
    }
    model.object = object;
    model.offset = request->offset;
    model.protection = (uint8_t)(request->protection & 7);
    model.file_end = request->offset + request->file_length;
    if ((model.protection & VM_PROTECTION_WRITE) == 0 || request->file_length >= length) {
        model.file_end = UINT64_MAX;
    }
    if (object_at(object)->size < request->offset + request->file_length) {
        object_at(object)->size = request->offset + request->file_length;
    }
    return region_add(state, space, &model) == VM_NONE ? -ENOMEM : 0;
}

int vm_handle_exec_map_anonymous(struct vm_state *state, struct call *call, const struct vm_exec_map_anonymous_request *request)
{
    uint32_t space = unborn(state, request->space);
    uint64_t length = page_up(request->length);
    struct region model = { .kind = REGION_ANONYMOUS, .start = request->address, .end = request->address + length };

    (void)call;
    if (space == VM_NONE || length < request->length || !is_user_range(request->address, length)) {
        return -EINVAL;
    }
    if (!region_range_is_free(space_at(space), model.start, model.end)) {
        return -EINVAL;
    }
    model.protection = (uint8_t)(request->protection & 7);
    model.flags = request->growsdown != 0 ? REGION_GROWSDOWN : 0;
    return region_add(state, space, &model) == VM_NONE ? -ENOMEM : 0;
}

/* The frame of a page that is to be written into; most are new, in anonymous memory. */
static int writable_frame(struct vm_state *state, uint32_t space, uint64_t page, uint64_t *frame)
{
    uint64_t entry = 0;
    uint64_t done = 0;
    uint32_t region;
    int result = fault_region(state, space, page, FAULT_WRITE | FAULT_FORCE, &region);

    if (result != 0) {
        return -EFAULT;
    }
    if (region_at(region)->kind == REGION_ANONYMOUS) {
        uint32_t number = frame_take(state, FRAME_ANONYMOUS, FRAME_FOR_PROGRAM);

        if (number == VM_NONE) {
            return -ENOMEM;
        }
        *frame = frame_address(number);
        result = table_map_one(state, space_id(space), page, *frame,
                               region_map_flags(region_at(region)) | KERNEL_MAP_FLAGS_ZERO | KERNEL_MAP_FLAGS_IF_ABSENT, &done);
        if (result == 0 && done == 1) {
            space_at(space)->resident_pages++;
            return 0;
        }
        frame_give(state, number);
    }
    result = fault_range(state, space, page, 1, FAULT_WRITE | FAULT_FORCE);
    if (result == 0) {
        result = kcall_read_entries(space_id(space), page, 1, &entry);
    }
    *frame = entry_frame(entry) << PAGE_BITS;
    return result == 0 && entry != 0 ? 0 : result == -EIO ? -ENOMEM : -EFAULT;
}

int vm_handle_exec_write(struct vm_state *state, struct call *call, const struct vm_exec_write_request *request)
{
    uint32_t space = unborn(state, request->space);
    uint64_t done = 0;

    if (space == VM_NONE) {
        return -EFAULT;
    }
    while (done < request->length) {
        uint64_t destination = request->destination + done;
        uint64_t page = page_down(destination);
        uint64_t length = page + PAGE_BYTES - destination;
        uint64_t frame;
        int result = writable_frame(state, space, page, &frame);

        length = length < request->length - done ? length : request->length - done;
        if (result == 0) {
            result = kcall_page_write(frame, (uint32_t)(destination - page), (uint32_t)length, call->caller, request->source + done);
        }
        if (result != 0) {
            return result;
        }
        done += length;
    }
    return 0;
}

static int build_piece(struct vm_state *state, struct call *call, uint32_t space, const struct vm_exec_piece *piece)
{
    struct vm_exec_map_object_request object = { .space = space,
                                                 .object = piece->object,
                                                 .address = piece->address,
                                                 .offset = piece->offset,
                                                 .length = piece->length,
                                                 .file_length = piece->file_length,
                                                 .protection = piece->protection };
    struct vm_exec_map_anonymous_request anonymous = {
        .space = space, .protection = piece->protection, .address = piece->address, .length = piece->length, .growsdown = piece->object
    };
    struct vm_exec_write_request write = {
        .space = space, .source = piece->offset, .destination = piece->address, .length = piece->length
    };

    switch (piece->kind) {
    case VM_PIECE_OBJECT:
        return vm_handle_exec_map_object(state, call, &object);
    case VM_PIECE_ANONYMOUS:
        return vm_handle_exec_map_anonymous(state, call, &anonymous);
    case VM_PIECE_WRITE:
        return vm_handle_exec_write(state, call, &write);
    default:
        return -EINVAL;
    }
}

int vm_handle_exec_build(struct vm_state *state, struct call *call, const struct vm_exec_build_request *request,
                         struct vm_exec_build_reply *reply)
{
    struct vm_exec_piece pieces[VM_PIECES];
    struct vm_exec_begin_request begin = { .slot = request->slot };
    struct vm_exec_begin_reply begun;
    int result;

    if (request->count > VM_PIECES) {
        return -EINVAL;
    }
    if (kcall_copy_from(call->caller, request->pieces, pieces, request->count * sizeof(pieces[0])) != 0) {
        return -EFAULT;
    }
    result = vm_handle_exec_begin(state, call, &begin, &begun);
    for (uint32_t i = 0; i < request->count && result == 0; i++) {
        result = build_piece(state, call, begun.space, &pieces[i]);
    }
    if (result != 0) {
        if (request->slot < SLOTS) {
            abort_pending(state, request->slot);
        }
        return result;
    }
    reply->space = begun.space;
    return 0;
}

/* Unless a handler before us, which died, has done so. */
static void map_once(struct vm_state *state, uint32_t space, const struct region *model)
{
    if (region_range_is_free(space_at(space), model->start, model->end)) {
        region_add(state, space, model);
    }
}

/* The time page and the vDSO behind it, at a fixed address. Without them programs use the system call. */
static void map_vdso(struct vm_state *state, uint32_t space)
{
    struct region model = { .kind = REGION_PHYSICAL, .flags = REGION_VDSO, .protection = VM_PROTECTION_READ };

    if (state->vdso_base == 0) {
        return;
    }
    model.start = VDSO_TIME_PAGE;
    model.end = VDSO_ADDRESS;
    model.offset = state->time_page;
    map_once(state, space, &model);
    model.start = VDSO_ADDRESS;
    model.end = VDSO_ADDRESS + page_up(state->vdso_bytes);
    model.offset = state->vdso_base;
    model.protection |= VM_PROTECTION_EXECUTE;
    map_once(state, space, &model);
}

int vm_handle_exec_commit(struct vm_state *state, struct call *call, const struct vm_exec_commit_request *request)
{
    uint32_t index = space_find(state, request->space);
    uint32_t old;
    struct space *space;

    (void)call;
    if (request->slot >= SLOTS || index == VM_NONE) {
        return -EINVAL;
    }
    if (state->slot_space[request->slot] == index) {
        return 0; /* a repeat */
    }
    if (state->slot_pending[request->slot] != index) {
        return -EINVAL;
    }

    space = space_at(index);
    space->brk_start = request->brk_start;
    space->brk = request->brk_start;
    space->stack_top = request->stack_top;
    old = state->slot_space[request->slot];
    if (old != VM_NONE) {
        space->limit_total = space_at(old)->limit_total;
        space->limit_data = space_at(old)->limit_data;
        space->limit_stack = space_at(old)->limit_stack;
    }
    map_vdso(state, index);
    space_enter(state, index, request->slot);
    state->slot_pending[request->slot] = VM_NONE;
    return 0;
}

int vm_handle_exec_abort(struct vm_state *state, struct call *call, const struct vm_exec_abort_request *request)
{
    uint32_t space = unborn(state, request->space);

    (void)call;
    for (uint32_t slot = 0; space != VM_NONE && slot < SLOTS; slot++) {
        if (state->slot_pending[slot] == space) {
            abort_pending(state, slot);
            return 0;
        }
    }
    return 0;
}

int vm_handle_limits(struct vm_state *state, struct call *call, const struct vm_limits_request *request)
{
    uint32_t space = request->slot < SLOTS ? state->slot_space[request->slot] : VM_NONE;

    (void)call;
    if (space != VM_NONE) {
        space_at(space)->limit_total = request->address_space;
        space_at(space)->limit_data = request->data;
        space_at(space)->limit_stack = request->stack;
    }
    return -EDONTREPLY;
}
