/* SPDX-License-Identifier: MIT */
/*
 * What procfs and ps want to know: sizes, and the lines of /proc/PID/maps.
 */
#include "base/format.h"
#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "object.h"
#include "protocols/vm_server.h"
#include "space.h"
#include "sys/call.h"

enum { MAPS_LINE_MAX = 160, MAPS_NAME_COLUMN = 73 };

int vm_handle_space_info(struct vm_state *state, struct call *call, const struct vm_space_info_request *request,
                         struct vm_space_info_reply *reply)
{
    uint32_t index = space_of(state, request->process);

    (void)call;
    if (index == VM_NONE) {
        return -ESRCH;
    }
    reply->total_bytes = space_at(index)->total_pages << PAGE_BITS;
    reply->resident_bytes = space_at(index)->resident_pages << PAGE_BITS;
    for (uint32_t i = space_at(index)->first; i != VM_NONE; i = region_at(i)->next) {
        const struct region *region = region_at(i);
        uint64_t bytes = region->end - region->start;

        if ((region->flags & REGION_GROWSDOWN) != 0) {
            reply->stack_bytes += bytes;
        } else if (region->kind == REGION_SHARED) {
            reply->shared_bytes += bytes;
        } else if ((region->protection & VM_PROTECTION_EXECUTE) != 0) {
            reply->text_bytes += bytes;
        } else if ((region->protection & VM_PROTECTION_WRITE) != 0) {
            reply->data_bytes += bytes;
        }
    }
    return 0;
}

int vm_handle_info(struct vm_state *state, struct call *call, struct vm_info_reply *reply)
{
    (void)call;
    reply->total_bytes = state->frames_total << PAGE_BITS;
    reply->free_bytes = state->frames_free << PAGE_BITS;
    reply->available_bytes = frames_available(state) << PAGE_BITS;
    reply->shared_bytes = state->object_pages << PAGE_BITS;
    reply->table_bytes = state->frames_table << PAGE_BITS;
    reply->page_faults = state->faults;
    return 0;
}

static const char *region_name(const struct space *space, const struct region *region)
{
    if ((region->flags & REGION_GROWSDOWN) != 0 || (space->stack_top > region->start && space->stack_top <= region->end)) {
        return "[stack]";
    }
    if ((region->flags & REGION_HEAP) != 0) {
        return "[heap]";
    }
    if ((region->flags & REGION_VDSO) != 0) {
        return (region->protection & VM_PROTECTION_EXECUTE) != 0 ? "[vdso]" : "[vvar]";
    }
    return "";
}

/* One line in Linux's format (proc(5)); paths are filled in by procfs, which knows them by device and inode. */
static int format_region(char *text, const struct space *space, const struct region *region)
{
    const char *name = region_name(space, region);
    int length = format_string(text, MAPS_LINE_MAX, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %u", region->start, region->end,
                               (region->protection & VM_PROTECTION_READ) != 0 ? 'r' : '-',
                               (region->protection & VM_PROTECTION_WRITE) != 0 ? 'w' : '-',
                               (region->protection & VM_PROTECTION_EXECUTE) != 0 ? 'x' : '-', region->kind == REGION_SHARED ? 's' : 'p',
                               region->kind == REGION_PHYSICAL || region->object == VM_NONE ? 0 : region->offset, region->device >> 20,
                               region->device & 0xff, region->inode);

    if (name[0] != '\0') {
        while (length < MAPS_NAME_COLUMN) {
            text[length++] = ' ';
        }
        length += format_string(text + length, MAPS_LINE_MAX - (size_t)length, "%s", name);
    }
    text[length++] = '\n';
    return length;
}

int vm_handle_maps(struct vm_state *state, struct call *call, const struct vm_maps_request *request, struct vm_maps_reply *reply)
{
    uint32_t index = space_of(state, request->process);
    char *text = (char *)scratch()->bytes;
    uint32_t room = request->room < sizeof(scratch()->bytes) ? request->room : sizeof(scratch()->bytes);
    uint32_t line = 0;

    if (index == VM_NONE) {
        return -ESRCH;
    }
    for (uint32_t i = space_at(index)->first; i != VM_NONE; i = region_at(i)->next) {
        char one[MAPS_LINE_MAX + MAPS_NAME_COLUMN];
        int length;

        if (line++ < request->first) {
            continue;
        }
        length = format_region(one, space_at(index), region_at(i));
        if (reply->length + (uint32_t)length > room) {
            line--;
            break;
        }
        __builtin_memcpy(text + reply->length, one, (size_t)length);
        reply->length += (uint32_t)length;
    }
    reply->next = line;
    return reply->length == 0 ? 0 : kcall_safecopy_to(call->caller, request->text, text, reply->length);
}
