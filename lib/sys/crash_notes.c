/* SPDX-License-Identifier: MIT */
/*
 * Crash notes: the calls of a handler and their answers (crash_notes.h).
 */
#include "sys/crash_notes.h"

#include "base/string.h"
#include "protocols/kernel.h"
#include "sys/service.h"

struct crash_notes crash_notes SERVICE_INSTANCE;

enum { COPIED_MAX = 4096, ALIGNMENT = 8 };

void crash_notes_record(bool on)
{
    crash_notes.recording = on;
    crash_notes.calls_used = 0;
    crash_notes.calls_lost = 0;
}

uint64_t crash_notes_copied(endpoint_t destination, const struct message *request, const struct message *answer, uint64_t *address)
{
    struct kernel_vircopy_request copy;
    struct kernel_copystring_request string;
    struct kernel_copystring_reply copied;
    struct kernel_safecopyfrom_request safe;
    struct kernel_getinfo_request info;

    if (destination != ENDPOINT_SYSTEM || answer->status != 0)
        return 0;
    switch (request->type) {
    case KERNEL_VIRCOPY:
        kernel_vircopy_request_get(request, &copy);
        *address = copy.destination_address;
        return copy.destination == ENDPOINT_SELF ? copy.length : 0;
    case KERNEL_COPYSTRING:
        kernel_copystring_request_get(request, &string);
        kernel_copystring_reply_get(answer, &copied);
        *address = string.destination_address;
        return copied.length + 1;
    case KERNEL_SAFECOPYFROM:
        kernel_safecopyfrom_request_get(request, &safe);
        *address = safe.address;
        return safe.length;
    case KERNEL_GETINFO:
        kernel_getinfo_request_get(request, &info);
        *address = info.address;
        return info.length;
    default:
        return 0;
    }
}

void crash_notes_call(endpoint_t destination, const struct message *request, int result, const struct message *answer)
{
    uint64_t address = 0, copied = result == 0 ? crash_notes_copied(destination, request, answer, &address) : 0;
    uint64_t room = CRASH_CALLS_BYTES - crash_notes.calls_used;
    struct crash_call call = { .destination = destination, .request_type = request->type, .result = result, .answer = *answer };

    if (destination == ENDPOINT_SYSTEM && request->type == KERNEL_LOG)
        return;
    call.copied = copied <= COPIED_MAX ? (uint32_t)copied : COPIED_MAX;
    copied = (call.copied + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
    if (sizeof(call) + copied > room) {
        crash_notes.calls_lost++;
        return;
    }
    memcpy(crash_notes.calls + crash_notes.calls_used, &call, sizeof(call));
    memcpy(crash_notes.calls + crash_notes.calls_used + sizeof(call), (const void *)(uintptr_t)address, call.copied);
    crash_notes.calls_used += (uint32_t)(sizeof(call) + copied);
}
