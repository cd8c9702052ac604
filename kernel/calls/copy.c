/* SPDX-License-Identifier: MIT */
/*
 * Copies between address spaces by endpoint (vircopy, copystring, memset, umap), checksums, and the helper for all calls that touch user memory.
 */
#include "base/string.h"
#include "calls/calls.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "process/event.h"
#include "protocols/kernel.h"

enum { PAGE_BYTES = 4096 };
#define ENTRY_PHYSICAL_MASK 0x000ffffffffff000ull

bool user_range_ok(uint64_t address, uint64_t length)
{
    return length <= 1ull << USER_ADDRESS_BITS && address <= (1ull << USER_ADDRESS_BITS) - length;
}

int call_suspend(struct thread *caller, const struct thread *target, const struct copy_fault *fault, uint64_t length)
{
    return event_memory(caller, WAIT_CALL_MEMORY, target->endpoint, fault, length) ? CALL_SUSPENDED : -EFAULT;
}

int call_copy(struct thread *caller, const struct thread *from, uint64_t from_address, const struct thread *to, uint64_t to_address,
              uint64_t length)
{
    struct copy_fault fault;

    if ((from && (from->space == SPACE_NONE || !user_range_ok(from_address, length))) ||
        (to &&
         (to->space == SPACE_NONE || !user_range_ok(to_address, length)))) /* without a space: just made, and no kernel address either */
        return -EFAULT;
    int error = copy_spaces(from ? from->space : SPACE_NONE, from_address, to ? to->space : SPACE_NONE, to_address, length, &fault);
    if (error != -EFAULT)
        return error;
    const struct thread *target = fault.write ? to : from;
    if (!target)
        return -EFAULT;
    uint64_t end = (fault.write ? to_address : from_address) + length;
    return call_suspend(caller, target, &fault, end - fault.address);
}

CALL_HANDLER(vircopy)
{
    struct kernel_vircopy_request r;
    (void)reply;

    kernel_vircopy_request_get(request, &r);
    const struct thread *from = call_process(caller, r.source), *to = call_process(caller, r.destination);
    if (!from || !to)
        return -EINVAL;
    return call_copy(caller, from, r.source_address, to, r.destination_address, r.length);
}

CALL_HANDLER(copystring)
{
    struct kernel_copystring_request r;
    uint64_t done = 0;

    kernel_copystring_request_get(request, &r);
    const struct thread *from = call_process(caller, r.source);
    if (!from || !r.room)
        return -EINVAL;
    while (done < r.room) {
        uint64_t address = r.source_address + done, part = PAGE_BYTES - address % PAGE_BYTES;
        part = part < r.room - done ? part : r.room - done;
        if (!user_range_ok(address, part))
            return -EFAULT;
        const char *text = space_pointer(from->space, address, false);
        if (!text)
            return call_suspend(caller, from, &(struct copy_fault){ .space = from->space, .address = address }, 1);
        uint64_t length = strnlen(text, part);
        int error = call_copy(caller, NULL, (uint64_t)text, caller, r.destination_address + done, length < part ? length + 1 : part);
        if (error)
            return error;
        done += length;
        if (length < part) {
            kernel_copystring_reply_put(reply, &(struct kernel_copystring_reply){ .length = (uint32_t)done });
            return 0;
        }
    }
    return -ENAMETOOLONG;
}

CALL_HANDLER(memset)
{
    struct kernel_memset_request r;
    (void)reply;

    kernel_memset_request_get(request, &r);
    const struct thread *to = call_process(caller, r.process);
    if (!to)
        return -EINVAL;
    if (!user_range_ok(r.address, r.length))
        return -EFAULT;
    for (uint64_t done = 0; done < r.length;) {
        uint64_t address = r.address + done, part = PAGE_BYTES - address % PAGE_BYTES;
        part = part < r.length - done ? part : r.length - done;
        void *pointer = space_pointer(to->space, address, true);
        if (!pointer)
            return call_suspend(caller, to, &(struct copy_fault){ .space = to->space, .address = address, .write = true }, r.length - done);
        memset(pointer, (int)r.byte, part);
        done += part;
    }
    return 0;
}

CALL_HANDLER(umap)
{
    struct kernel_umap_request r;

    kernel_umap_request_get(request, &r);
    const struct thread *process = call_process(caller, r.process);
    if (!process || !user_range_ok(r.address, 1))
        return -EINVAL;
    uint64_t entry = space_entry(process->space, r.address);
    if (!(entry & 1))
        return call_suspend(caller, process, &(struct copy_fault){ .space = process->space, .address = r.address, .write = true }, 1);
    struct kernel_umap_reply answer = { .address = (entry & ENTRY_PHYSICAL_MASK) + r.address % PAGE_BYTES };
    kernel_umap_reply_put(reply, &answer);
    return 0;
}

/* Pages that are absent stay so: a service looks at its text, and VM cannot wait for itself. */
CALL_HANDLER(checksum)
{
    struct kernel_checksum_request r;
    struct kernel_checksum_reply answer = { 0 };

    kernel_checksum_request_get(request, &r);
    if (r.address % sizeof(uint64_t) || r.length % sizeof(uint64_t) || r.length > KERNEL_CHECKSUM_MAX)
        return -EINVAL;
    if (!user_range_ok(r.address, r.length) || !space_checksum(caller->space, r.address, r.length, &answer.sum))
        return -EFAULT;
    kernel_checksum_reply_put(reply, &answer);
    return 0;
}
