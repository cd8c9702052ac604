/* SPDX-License-Identifier: MIT */
/*
 * VM's calls: page tables, frames. The kernel edits, VM decides; no call maps or touches a frame of the kernel.
 */
#include "calls/calls.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "protocols/kernel.h"

#include "arch/x86_64/layout.h"

enum { CHUNK = 64, ENTRIES_MAX = 512, TABLES_RESERVE = 64 };

static bool pages_are_bad(uint32_t space, uint64_t address, uint64_t count)
{
    return space >= SPACE_COUNT || !space_is_used(space) || address % PAGE_SIZE || count > 1ull << (USER_ADDRESS_BITS - 12) ||
           !user_range_ok(address, count * PAGE_SIZE);
}

/* Too few table frames to leave the reserve for pages that come with VM's replies (event.idl, page_fault). */
static bool stock_is_low(void)
{
    uint64_t total, free;

    space_tables_count(&total, &free);
    return free < TABLES_RESERVE;
}

static bool frame_is_bad(uint64_t frame)
{
    return frame % PAGE_SIZE || frame_is_kernel(frame);
}

static bool ram_frame_is_bad(uint64_t frame)
{
    return frame_is_bad(frame) || !memory_is_ram(frame, PAGE_SIZE);
}

CALL_HANDLER(space_create)
{
    struct kernel_space_create_request r;
    (void)caller;
    (void)reply;

    kernel_space_create_request_get(request, &r);
    if (r.space >= SPACE_COUNT)
        return -EINVAL;
    return stock_is_low() ? -ENOMEM : space_create(r.space);
}

/* EBUSY while somebody lives there: it would run without a floor. */
CALL_HANDLER(space_destroy)
{
    struct kernel_space_destroy_request r;
    struct kernel_space_destroy_reply answer = { 0 };
    uint64_t total;
    (void)caller;

    kernel_space_destroy_request_get(request, &r);
    if (r.space >= SPACE_COUNT)
        return -EINVAL;
    if (space_users[r.space])
        return -EBUSY;
    int error = space_is_used(r.space) ? space_destroy(r.space) : 0;
    space_tables_count(&total, &answer.tables_free);
    kernel_space_destroy_reply_put(reply, &answer);
    return error;
}

CALL_HANDLER(space_bind)
{
    struct kernel_space_bind_request r;
    (void)reply;

    kernel_space_bind_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t || t == caller || r.space >= SPACE_COUNT || !space_is_used(r.space))
        return -EINVAL;
    if (!thread_is_off(t))
        return CALL_RETRY;
    thread_set_space(t, r.space);
    rts_clear(t, RTS_VMINHIBIT);
    return 0;
}

/* The frames are read where they lie, as far as their page goes; VM's memory is always present. */
CALL_HANDLER(map)
{
    struct kernel_map_request r;
    struct kernel_map_reply answer = { 0 };
    int error = 0;

    kernel_map_request_get(request, &r);
    if (pages_are_bad(r.space, r.address, r.count) || (r.frames & 1 ? r.count != 1 : r.frames % sizeof(uint64_t) != 0))
        return -EINVAL;
    if (stock_is_low() && !(r.flags & KERNEL_MAP_FLAGS_RESERVE))
        return -ENOMEM;
    if (r.frames & 1)
        error = space_map_range(r.space, r.address, &r.frames, 1, r.flags, &answer.done);
    for (uint64_t at = 0; !(r.frames & 1) && at < r.count && !error;) {
        uint64_t list = r.frames + at * sizeof(uint64_t), part = (PAGE_SIZE - list % PAGE_SIZE) / sizeof(uint64_t);
        const uint64_t *frames = user_range_ok(list, PAGE_SIZE) ? space_pointer(caller->space, list, false) : NULL;
        part = part < r.count - at ? part : r.count - at;
        error = frames ? space_map_range(r.space, r.address + at * PAGE_SIZE, frames, part, r.flags, &answer.done) : -EFAULT;
        at += part;
    }
    space_flush(r.space);
    kernel_map_reply_put(reply, &answer);
    return error;
}

/* Entries that were taken out of tables exist nowhere else: their way to VM is checked before. */
static bool cannot_write(const struct thread *caller, uint64_t address, uint64_t bytes)
{
    if (!user_range_ok(address, bytes))
        return true;
    for (uint64_t page = address & ~(PAGE_SIZE - 1); page < address + bytes; page += PAGE_SIZE)
        if (!space_pointer(caller->space, page, true))
            return true;
    return false;
}

CALL_HANDLER(unmap)
{
    struct kernel_unmap_request r;
    struct kernel_unmap_reply answer = { 0 };
    uint64_t entries[ENTRIES_MAX];

    kernel_unmap_request_get(request, &r);
    uint64_t room = r.count < ENTRIES_MAX ? r.count : ENTRIES_MAX;
    if (pages_are_bad(r.space, r.address, r.count))
        return -EINVAL;
    if (r.entries && cannot_write(caller, r.entries, room * sizeof(entries[0])))
        return -EFAULT;
    int error = space_unmap_range(r.space, r.address, r.count, r.entries ? entries : NULL, room, &answer.present, &answer.done);
    space_flush(r.space);
    if (r.entries && answer.present)
        call_write(caller, r.entries, entries, answer.present * sizeof(entries[0]));
    kernel_unmap_reply_put(reply, &answer);
    return error;
}

CALL_HANDLER(space_drain)
{
    struct kernel_space_drain_request r;
    struct kernel_space_drain_reply answer = { 0 };
    uint64_t entries[ENTRIES_MAX];

    kernel_space_drain_request_get(request, &r);
    if (pages_are_bad(r.space, r.address, r.count))
        return -EINVAL;
    if (space_users[r.space] && !r.in_use)
        return -EBUSY;
    int error = space_drain_range(r.space, r.address, r.count, entries, ENTRIES_MAX, &answer.present, &answer.done);
    if (!error && answer.present)
        error = call_write(caller, r.entries, entries, answer.present * sizeof(entries[0]));
    kernel_space_drain_reply_put(reply, &answer);
    return error;
}

CALL_HANDLER(protect)
{
    struct kernel_protect_request r;
    (void)caller;
    (void)reply;

    kernel_protect_request_get(request, &r);
    if (pages_are_bad(r.space, r.address, r.count))
        return -EINVAL;
    int error = space_protect(r.space, r.address, r.count, r.flags);
    space_flush(r.space);
    return error;
}

CALL_HANDLER(read_entries)
{
    struct kernel_read_entries_request r;
    uint64_t entries[ENTRIES_MAX];
    (void)reply;

    kernel_read_entries_request_get(request, &r);
    if (pages_are_bad(r.space, r.address, r.count) || r.count > ENTRIES_MAX)
        return -EINVAL;
    int error = space_entries(r.space, r.address, r.count, entries);
    return error ? error : call_write(caller, r.entries, entries, r.count * sizeof(entries[0]));
}

CALL_HANDLER(fork_range)
{
    struct kernel_fork_range_request r;
    struct kernel_fork_range_reply answer = { 0 };
    uint64_t entries[ENTRIES_MAX];

    kernel_fork_range_request_get(request, &r);
    uint64_t room = r.count < ENTRIES_MAX ? r.count : ENTRIES_MAX;
    if (pages_are_bad(r.source, r.address, r.count) || pages_are_bad(r.destination, r.address, r.count) || r.source == r.destination)
        return -EINVAL;
    if (stock_is_low())
        return -ENOMEM;
    if (r.entries && cannot_write(caller, r.entries, room * sizeof(entries[0])))
        return -EFAULT;
    int error = space_fork_range(r.source, r.destination, r.address, r.count, r.cow, r.entries ? entries : NULL, room, &answer.present,
                                 &answer.done);
    space_flush(r.source);
    space_flush(r.destination);
    if (r.entries && answer.present)
        call_write(caller, r.entries, entries, answer.present * sizeof(entries[0]));
    kernel_fork_range_reply_put(reply, &answer);
    return error;
}

CALL_HANDLER(page_copy)
{
    struct kernel_page_copy_request r;
    (void)caller;
    (void)reply;

    kernel_page_copy_request_get(request, &r);
    if (ram_frame_is_bad(r.source) || ram_frame_is_bad(r.destination))
        return -EPERM;
    page_copy(r.destination, r.source);
    return 0;
}

CALL_HANDLER(page_zero)
{
    struct kernel_page_zero_request r;
    (void)caller;
    (void)reply;

    kernel_page_zero_request_get(request, &r);
    for (uint64_t i = 0; i < r.count; i++) {
        if (ram_frame_is_bad(r.frame + i * PAGE_SIZE))
            return -EPERM;
        page_zero(r.frame + i * PAGE_SIZE);
    }
    return 0;
}

CALL_HANDLER(tables_give)
{
    struct kernel_tables_give_request r;
    uint64_t frames[CHUNK];
    (void)reply;

    kernel_tables_give_request_get(request, &r);
    if (r.count > CHUNK)
        return -EINVAL;
    int error = call_read(caller, frames, r.frames, r.count * sizeof(frames[0]));
    for (uint64_t i = 0; i < r.count && !error; i++)
        error = ram_frame_is_bad(frames[i]) ? -EPERM : space_tables_give(frames[i]);
    return error;
}

CALL_HANDLER(tables_take)
{
    struct kernel_tables_take_request r;
    struct kernel_tables_take_reply answer = { 0 };
    uint64_t frames[CHUNK];

    kernel_tables_take_request_get(request, &r);
    if (r.room > CHUNK || !user_range_ok(r.frames, r.room * sizeof(frames[0])))
        return -EINVAL;
    while (answer.count < r.room && (frames[answer.count] = space_tables_take()))
        answer.count++;
    int error = call_write(caller, r.frames, frames, answer.count * sizeof(frames[0]));
    while (error && answer.count)
        space_tables_give(frames[--answer.count]);
    kernel_tables_take_reply_put(reply, &answer);
    return error;
}

CALL_HANDLER(page_write)
{
    struct kernel_page_write_request r;
    (void)reply;

    kernel_page_write_request_get(request, &r);
    if (ram_frame_is_bad(r.frame) || r.offset > PAGE_SIZE || r.length > PAGE_SIZE - r.offset)
        return -EPERM;
    const struct thread *from = call_process(caller, r.source);
    return from ? call_copy(caller, from, r.address, NULL, PHYSICAL_MAP_BASE + r.frame + r.offset, r.length) : -EFAULT;
}
