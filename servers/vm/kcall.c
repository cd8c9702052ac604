/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls: one message each, built in place. The generated stubs keep a second copy of each request in case the server restarts;
 * the kernel does not, and page faults are counted in instructions.
 */
#include "kcall.h"

#include "protocols/kernel.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/syscalls.h"

static int kernel_exchange(struct message *message)
{
    uint32_t type = message->type;
    int result = ipc_sendrec(ENDPOINT_SYSTEM, message);

    if (result == 0 && __builtin_expect(message->status < 0, 0)) { /* nothing has changed, its words neither: the reason may have passed */
        message->type = type;
        result = ipc_sendrec(ENDPOINT_SYSTEM, message);
    }
    return result != 0 ? result : message->status;
}

int kcall_space_create(uint32_t space)
{
    struct message message = { .type = KERNEL_SPACE_CREATE };
    struct kernel_space_create_request request = { .space = space };

    kernel_space_create_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_space_destroy(uint32_t space, uint64_t *tables_free)
{
    struct message message = { .type = KERNEL_SPACE_DESTROY };
    struct kernel_space_destroy_request request = { .space = space };

    struct kernel_space_destroy_reply reply;
    int result;

    kernel_space_destroy_request_put(&message, &request);
    result = kernel_exchange(&message);
    kernel_space_destroy_reply_get(&message, &reply);
    *tables_free = result == 0 ? reply.tables_free : 0;
    return result;
}

static int map(uint32_t space, uint64_t address, uint64_t frames, uint64_t count, uint32_t flags, uint64_t *done)
{
    struct message message;
    struct kernel_map_request request = { .space = space, .flags = flags, .address = address, .frames = frames, .count = count };
    int result;

    message.type = KERNEL_MAP;
    message.transaction = 0;
    kernel_map_request_put(&message, &request);
    result = kernel_exchange(&message);
    if (result == 0) {
        struct kernel_map_reply reply;

        kernel_map_reply_get(&message, &reply);
        *done = reply.done;
    }
    return result;
}

int kcall_map(uint32_t space, uint64_t address, const uint64_t *physical, uint64_t count, uint32_t flags, uint64_t *done)
{
    return map(space, address, (uint64_t)physical, count, flags, done);
}

int kcall_map_one(uint32_t space, uint64_t address, uint64_t physical, uint32_t flags, uint64_t *done)
{
    return map(space, address, physical | 1, 1, flags, done);
}

int kcall_unmap(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries, uint64_t *present, uint64_t *done)
{
    struct message message = { .type = KERNEL_UNMAP };
    struct kernel_unmap_request request = { .space = space, .address = address, .count = count, .entries = (uint64_t)entries };
    struct kernel_unmap_reply reply;
    int result;

    kernel_unmap_request_put(&message, &request);
    result = kernel_exchange(&message);
    if (result == 0) {
        kernel_unmap_reply_get(&message, &reply);
        *present = reply.present;
        *done = reply.done;
    }
    return result;
}

int kcall_space_drain(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries, uint32_t in_use, uint64_t *present,
                      uint64_t *done)
{
    struct message message = { .type = KERNEL_SPACE_DRAIN };
    struct kernel_space_drain_request request = {
        .space = space, .in_use = in_use, .address = address, .count = count, .entries = (uint64_t)entries
    };
    struct kernel_space_drain_reply reply;
    int result;

    kernel_space_drain_request_put(&message, &request);
    result = kernel_exchange(&message);
    if (result == 0) {
        kernel_space_drain_reply_get(&message, &reply);
        *present = reply.present;
        *done = reply.done;
    }
    return result;
}

int kcall_protect(uint32_t space, uint64_t address, uint64_t count, uint32_t flags)
{
    struct message message = { .type = KERNEL_PROTECT };
    struct kernel_protect_request request = { .space = space, .flags = flags, .address = address, .count = count };

    kernel_protect_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_read_entries(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries)
{
    struct message message = { .type = KERNEL_READ_ENTRIES };
    struct kernel_read_entries_request request = { .space = space, .address = address, .count = count, .entries = (uint64_t)entries };

    kernel_read_entries_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_fork_range(uint32_t source, uint32_t destination, uint64_t address, uint64_t count, uint64_t *entries, uint32_t cow,
                     uint64_t *present, uint64_t *done)
{
    struct message message = { .type = KERNEL_FORK_RANGE };
    struct kernel_fork_range_request request = {
        .source = source, .destination = destination, .address = address, .count = count, .entries = (uint64_t)entries, .cow = cow
    };
    struct kernel_fork_range_reply reply;
    int result;

    kernel_fork_range_request_put(&message, &request);
    result = kernel_exchange(&message);
    if (result == 0) {
        kernel_fork_range_reply_get(&message, &reply);
        *present = reply.present;
        *done = reply.done;
    }
    return result;
}

int kcall_page_copy(uint64_t source, uint64_t destination)
{
    struct message message = { .type = KERNEL_PAGE_COPY };
    struct kernel_page_copy_request request = { .source = source, .destination = destination };

    kernel_page_copy_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_page_zero(uint64_t frame, uint64_t count)
{
    struct message message = { .type = KERNEL_PAGE_ZERO };
    struct kernel_page_zero_request request = { .frame = frame, .count = count };

    kernel_page_zero_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_page_write(uint64_t frame, uint32_t offset, uint32_t length, endpoint_t source, uint64_t address)
{
    struct message message = { .type = KERNEL_PAGE_WRITE };
    struct kernel_page_write_request request = { .frame = frame, .offset = offset, .length = length, .address = address, .source = source };

    kernel_page_write_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_tables_give(const uint64_t *frames, uint64_t count)
{
    struct message message = { .type = KERNEL_TABLES_GIVE };
    struct kernel_tables_give_request request = { .frames = (uint64_t)frames, .count = count };

    kernel_tables_give_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_tables_take(uint64_t *frames, uint64_t room, uint64_t *count)
{
    struct message message = { .type = KERNEL_TABLES_TAKE };
    struct kernel_tables_take_request request = { .frames = (uint64_t)frames, .room = room };
    struct kernel_tables_take_reply reply;
    int result;

    kernel_tables_take_request_put(&message, &request);
    result = kernel_exchange(&message);
    if (result == 0) {
        kernel_tables_take_reply_get(&message, &reply);
        *count = reply.count;
    }
    return result;
}

int kcall_kernel_frames(uint64_t first, uint8_t *bits, uint64_t bytes)
{
    struct message message = { .type = KERNEL_GETINFO };
    struct kernel_getinfo_request request = { .what = KERNEL_INFO_FRAMES, .address = (uint64_t)bits, .length = bytes, .argument = first };

    kernel_getinfo_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_query_memory(endpoint_t process, uint64_t base, uint64_t length)
{
    struct message message = { .type = KERNEL_PRIVCTL };
    struct kernel_privctl_request request = {
        .process = process, .request = KERNEL_PRIVILEGE_REQUEST_QUERY_MEM, .base = base, .length = length
    };

    kernel_privctl_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_update(endpoint_t source, endpoint_t destination)
{
    struct message message = { .type = KERNEL_UPDATE };
    struct kernel_update_request request = { .source = source, .destination = destination };

    kernel_update_request_put(&message, &request);
    return kernel_exchange(&message);
}

int kcall_copy_from(endpoint_t source, uint64_t address, void *to, size_t length)
{
    return sys_copy_from(source, address, to, length);
}

int kcall_copy_to(endpoint_t destination, uint64_t address, const void *from, size_t length)
{
    return sys_copy_to(destination, address, from, length);
}

int kcall_safecopy_to(endpoint_t granter, grant_t grant, const void *from, size_t length)
{
    return sys_safecopyto(granter, grant, 0, from, length);
}
