/* SPDX-License-Identifier: MIT */
/*
 * RS's calls: load a service image with all pages present, exchange two instances; and device memory of services.
 */
#include "base/elf.h"
#include "errors.h"
#include "facts.h"
#include "frame.h"
#include "kcall.h"
#include "pinned.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "protocols/vm_server.h"
#include "repeat.h"
#include "space.h"
#include "sys/call.h"
#include "sys/log.h"
#include "sys/service.h"

#define SERVICE_IMAGE_MAX 0x10000000ull

/* ---- pinned memory ---- */

int pinned_map(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end, uint8_t protection)
{
    struct region model = { .kind = REGION_ANONYMOUS, .flags = REGION_PINNED, .protection = protection, .start = start, .end = end };
    uint64_t *frames = scratch()->frames;

    if (!region_range_is_free(space_at(index), start, end)) {
        return -EINVAL;
    }
    if (!frame_has(state, (end - start) >> PAGE_BITS, FRAME_FOR_SYSTEM) || region_add(state, index, &model) == VM_NONE) {
        return -ENOMEM;
    }
    while (start < end) {
        uint64_t count = 0;
        uint64_t done = 0;
        int result;

        for (uint64_t at = start; at < end && count < ENTRY_ROOM; at += PAGE_BYTES) {
            frames[count++] = frame_address(frame_take(state, FRAME_ANONYMOUS, FRAME_FOR_SYSTEM));
        }
        result = table_map(state, space_id(index), start, frames, count, region_map_flags(&model) | KERNEL_MAP_FLAGS_ZERO, &done);
        if (result != 0) {
            return result;
        }
        space_at(index)->resident_pages += count;
        start += count << PAGE_BITS;
    }
    return 0;
}

static int write_pages(uint32_t index, uint64_t address, endpoint_t source, uint64_t from, uint64_t length)
{
    while (length > 0) {
        uint64_t page = page_down(address);
        uint64_t piece = PAGE_BYTES - (address - page);
        uint64_t entry = 0;
        int result = kcall_read_entries(space_id(index), page, 1, &entry);

        piece = piece < length ? piece : length;
        if (result == 0) {
            result = kcall_page_write(entry_frame(entry) << PAGE_BITS, (uint32_t)(address - page), (uint32_t)piece, source, from);
        }
        if (result != 0) {
            return result;
        }
        address += piece;
        from += piece;
        length -= piece;
    }
    return 0;
}

/* ---- ELF ---- */

static int refuse(uint32_t slot, const char *reason)
{
    log_warn("image for slot %u refused: %s", slot, reason);
    return -ENOEXEC;
}

static int check_header(uint32_t slot, const struct elf_header *header, uint64_t length)
{
    if (header->magic != ELF_MAGIC || header->class != ELF_CLASS_64 || header->machine != ELF_MACHINE_X86_64) {
        return refuse(slot, "not an ELF file for x86-64");
    }
    if (header->type != ELF_TYPE_EXECUTABLE && header->type != ELF_TYPE_SHARED) {
        return refuse(slot, "not executable");
    }
    if (header->program_header_bytes != sizeof(struct elf_program_header) || header->program_header_count == 0 ||
        header->program_header_count > ELF_PROGRAM_HEADERS_MAX) {
        return refuse(slot, "program headers");
    }
    if (header->program_headers > length ||
        header->program_header_count * sizeof(struct elf_program_header) > length - header->program_headers) {
        return refuse(slot, "truncated program headers");
    }
    return 0;
}

static int load_segment(struct vm_state *state, uint32_t index, endpoint_t rs, uint64_t image, const struct elf_program_header *segment)
{
    uint8_t protection = VM_PROTECTION_READ;
    int result;

    protection |= (segment->flags & ELF_SEGMENT_WRITE) != 0 ? VM_PROTECTION_WRITE : 0;
    protection |= (segment->flags & ELF_SEGMENT_EXECUTE) != 0 ? VM_PROTECTION_EXECUTE : 0;
    result = pinned_map(state, index, page_down(segment->address), page_up(segment->address + segment->memory_bytes), protection);
    if (result == 0) {
        result = write_pages(index, segment->address, rs, image + segment->offset, segment->file_bytes);
    }
    return result;
}

static int check_segment(uint32_t slot, const struct elf_program_header *segment, uint64_t length)
{
    if (segment->offset > length || segment->file_bytes > length - segment->offset) {
        return refuse(slot, "segment beyond the end of the file");
    }
    if (segment->file_bytes > segment->memory_bytes || segment->memory_bytes > SERVICE_IMAGE_MAX || segment->address < USER_LOWEST ||
        segment->address >= USER_TOP - SERVICE_IMAGE_MAX) {
        return refuse(slot, "segment address or length");
    }
    return 0;
}

static int load_image(struct vm_state *state, uint32_t index, endpoint_t rs, const struct vm_load_service_request *request,
                      struct elf_header *header)
{
    struct elf_program_header segments[ELF_PROGRAM_HEADERS_MAX];
    bool has_code = false;
    int result;

    if (request->length < sizeof(*header)) {
        return refuse(request->slot, "too short");
    }
    result = kcall_copy_from(rs, request->image, header, sizeof(*header));
    if (result == 0) {
        result = check_header(request->slot, header, request->length);
    }
    if (result == 0) {
        result = kcall_copy_from(rs, request->image + header->program_headers, segments,
                                 header->program_header_count * sizeof(segments[0]));
    }
    for (uint32_t i = 0; result == 0 && i < header->program_header_count; i++) {
        if (segments[i].type != ELF_SEGMENT_LOAD || segments[i].memory_bytes == 0) {
            continue;
        }
        result = check_segment(request->slot, &segments[i], request->length);
        if (result == 0) {
            result = load_segment(state, index, rs, request->image, &segments[i]);
        }
        has_code |= (segments[i].flags & ELF_SEGMENT_EXECUTE) != 0 && header->entry >= segments[i].address &&
                    header->entry - segments[i].address < segments[i].memory_bytes;
    }
    if (result == 0 && !has_code) {
        return refuse(request->slot, "entry point is not in code");
    }
    return result;
}

int vm_handle_load_service(struct vm_state *state, struct call *call, const struct vm_load_service_request *request,
                           struct vm_load_service_reply *reply)
{
    struct elf_header header;
    uint32_t index;
    int result;

    if (request->slot >= SERVICE_SLOTS || request->scratch_pages > SERVICE_IMAGE_MAX / PAGE_BYTES) {
        return -EINVAL;
    }
    space_leave(state, request->slot);
    index = space_new(state);
    if (index == VM_NONE) {
        return -ENOMEM;
    }
    space_at(index)->is_service = 1;
    space_at(index)->is_lent = request->lent != 0;
    result = load_image(state, index, call->caller, request, &header);
    if (result == 0) {
        result = pinned_map(state, index, SERVICE_STACK_TOP - SERVICE_STACK_BYTES, SERVICE_STACK_TOP,
                            VM_PROTECTION_READ | VM_PROTECTION_WRITE);
    }
    for (uint32_t number = ARENA_PAST_LAYOUT; number <= ARENA_PAST_SECTIONS && result == 0 && request->scratch_pages != 0; number++) {
        uint64_t start = ARENA_ADDRESS + number * ARENA_STRIDE;

        result = pinned_map(state, index, start, start + (uint64_t)request->scratch_pages * PAGE_BYTES,
                            VM_PROTECTION_READ | VM_PROTECTION_WRITE);
    }
    if (result != 0) {
        space_destroy(state, index);
        return result;
    }
    space_enter(state, index, request->slot);
    state->refused_calls[request->slot] = UINT64_MAX; /* until RS says what it may */
    reply->entry = header.entry;
    reply->stack = SERVICE_STACK_TOP;
    reply->space = space_id(index);
    return 0;
}

/* ---- exchange of two instances ---- */

/* Does the kernel say that this service is in that space? */
static bool runs_in(endpoint_t process, uint32_t index)
{
    const struct facts *facts = facts_ask();

    return facts != NULL && facts->space[endpoint_slot(process)] == space_id(index);
}

/* Windows on objects belong to the endpoint, not to the instance: they go to the other space, which has none. Pages come back by fault. */
static int move_windows(struct vm_state *state, uint32_t from, uint32_t to)
{
    uint32_t i = space_at(from)->first;

    while (i != VM_NONE) {
        uint32_t next = region_at(i)->next;
        struct region model = *region_at(i);

        if ((model.flags & REGION_WINDOW) != 0) {
            space_unmap_pages(state, from, model.start, model.end, false);
            if (region_containing(space_at(to), model.start) == VM_NONE && region_add(state, to, &model) == VM_NONE) {
                return -ENOMEM;
            }
            region_remove(state, i);
        }
        i = next;
    }
    return 0;
}

int vm_handle_update(struct vm_state *state, struct call *call, const struct vm_update_request *request)
{
    uint32_t source_slot = endpoint_slot(request->source);
    uint32_t destination_slot = endpoint_slot(request->destination);
    uint32_t source = space_of(state, request->source);
    uint32_t destination = space_of(state, request->destination);
    bool is_swapped = request->swapped != 0;
    uint64_t noted;
    int result;

    (void)call;
    if (source == VM_NONE || destination == VM_NONE || source_slot >= SERVICE_SLOTS || destination_slot >= SERVICE_SLOTS) {
        return -EINVAL;
    }
    if (repeat_is(state, &noted) && noted >> 32 < state->spaces.high && (uint32_t)noted < state->spaces.high &&
        noted != 0) { /* the slots may be exchanged already, here and in the kernel */
        source = (uint32_t)(noted >> 32);
        destination = (uint32_t)noted;
        is_swapped |= runs_in(request->destination, source);
    } else if (space_id(destination) == request->space) {
        return 0;
    }
    repeat_note(state, (uint64_t)source << 32 | destination);
    result = is_swapped ? 0 : kcall_update(request->source, request->destination);
    if (result != 0) {
        return result;
    }

    /* Cannot fail from here on. */
    state->slot_space[source_slot] = destination;
    state->slot_space[destination_slot] = source;
    space_at(source)->is_lent = 0;
    space_at(destination)->is_lent = 1;
    state->exchanged[source_slot] = (uint16_t)(destination_slot + 1);
    state->exchanged[destination_slot] = (uint16_t)(source_slot + 1);
    result = move_windows(state, destination, source);
    if (result != 0) {
        log_error("no records to move the windows of slot %u", source_slot);
    }
    return 0;
}

int vm_handle_patch_text(struct vm_state *state, struct call *call, const struct vm_patch_text_request *request)
{
    uint32_t space = request->slot < SERVICE_SLOTS ? state->slot_space[request->slot] : VM_NONE;
    uint32_t region = space != VM_NONE ? region_containing(space_at(space), request->address) : VM_NONE;

    (void)call;
    if (request->slot == endpoint_slot(ENDPOINT_VM) && repeat_may_be()) {
        return 0; /* the VM before has died of it */
    }
    if (region == VM_NONE || request->length == 0 || request->length > sizeof(request->code) ||
        request->address + request->length > region_at(region)->end) {
        return -EINVAL;
    }
    if ((region_at(region)->flags & REGION_PINNED) == 0 || (region_at(region)->protection & VM_PROTECTION_EXECUTE) == 0) {
        return -EINVAL;
    }
    return write_pages(space, request->address, ENDPOINT_VM, (uint64_t)(uintptr_t)&request->code, request->length);
}

/* ---- memory of services ---- */

static uint32_t find_physical(uint32_t space, uint64_t base)
{
    uint32_t i = region_find(space_at(space), PHYSICAL_ADDRESS);

    while (i != VM_NONE && (region_at(i)->kind != REGION_PHYSICAL || region_at(i)->offset != base)) {
        i = region_at(i)->next;
    }
    return i;
}

static bool is_foreign_memory(const struct vm_state *state, uint64_t base, uint64_t end)
{
    for (uint64_t number = base >> PAGE_BITS; number < end >> PAGE_BITS && number < state->frame_count; number++) {
        if (frame_at(number)->kind != FRAME_RESERVED) {
            return false;
        }
    }
    return true;
}

static int map_physical(struct vm_state *state, uint32_t space, const struct region *model)
{
    uint64_t *frames = scratch()->frames;
    uint64_t address = model->start;

    if (region_add(state, space, model) == VM_NONE) {
        return -ENOMEM;
    }
    while (address < model->end) {
        uint64_t count = 0;
        uint64_t done = 0;
        int result;

        for (uint64_t at = address; at < model->end && count < ENTRY_ROOM; at += PAGE_BYTES) {
            frames[count++] = model->offset + (at - model->start);
        }
        result = table_map(state, space_id(space), address, frames, count, region_map_flags(model), &done);
        if (result != 0) {
            space_unmap(state, space, model->start, model->end);
            return result;
        }
        space_at(space)->resident_pages += count;
        address += count << PAGE_BITS;
    }
    return 0;
}

/* What was asked for before is there. But if this message is handled for the second time, the region may be there and its pages not. */
int vm_handle_map_physical(struct vm_state *state, struct call *call, const struct vm_map_physical_request *request,
                           struct vm_map_physical_reply *reply)
{
    uint32_t space = space_of(state, call->caller);
    uint64_t base = page_down(request->physical);
    uint64_t end = page_up(request->physical + request->length);
    struct region model = { .kind = REGION_PHYSICAL, .offset = base, .protection = VM_PROTECTION_READ };
    uint32_t there = space == VM_NONE ? VM_NONE : find_physical(space, base);
    int result;

    if (space == VM_NONE || end < base) {
        return -EINVAL;
    }
    if (request->length == 0) {
        return there == VM_NONE ? -EINVAL : space_unmap(state, space, region_at(there)->start, region_at(there)->end);
    }
    if (kcall_query_memory(call->caller, request->physical, request->length) != 0 || !is_foreign_memory(state, base, end)) {
        return -EPERM;
    }
    model.start = space_at(space)->physical_next;
    if (there != VM_NONE && region_at(there)->end - region_at(there)->start >= end - base) {
        model.start = region_at(there)->start;
        if (!repeat_may_be()) {
            reply->address = model.start + (request->physical - base);
            return 0;
        }
        result = space_unmap(state, space, model.start, region_at(there)->end);
        if (result != 0) {
            return result;
        }
    }
    model.end = model.start + (end - base);
    model.protection |= request->writable != 0 ? VM_PROTECTION_WRITE : 0;
    model.uncached = request->uncached != 0;
    result = map_physical(state, space, &model);
    if (result == 0) {
        if (space_at(space)->physical_next <= model.end) {
            space_at(space)->physical_next = model.end + PAGE_BYTES;
        }
        reply->address = model.start + (request->physical - base);
    }
    return result == 0 || result == -EPERM ? result : -ENOMEM;
}
