/* SPDX-License-Identifier: MIT */
/*
 * Live update, the new version's side: the state of the old one, which waits stopped and untouched, is copied. Any refusal here makes RS put the
 * old version back.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/vm.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/layout.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef_update.h"
#include "sys/service_header.h"

extern const struct service_header service_header;

/* Copy memory of the old version. */
static int fetch(uint64_t address, void *to, uint64_t length)
{
    struct kernel_statectl_request request = {
        .request = KERNEL_STATE_REQUEST_TAKE, .address = address, .length = length, .to = (uint64_t)(uintptr_t)to
    };
    struct message message = { .type = KERNEL_STATECTL };

    kernel_statectl_request_put(&message, &request);
    return length == 0 ? 0 : kernel_request(&message);
}

extern char __layout_start[], __layout_end[], __state_start[], __state_end[], __outbox_start[], __outbox_end[];
extern char __derived_start[], __derived_end[], __journal_start[], __journal_end[];

enum { SCRATCH_ARENA = 63 }; /* VM's last number; goes with the next restart */

static const struct layout_arenas arenas = { 0x200000000000ull, 0x300000000000ull }; /* servers/vm/layout.h */
static struct layout_side old_side, new_side;
static struct service_header old_header;

static int scratch(uint64_t bytes, uint8_t **memory)
{
    struct vm_arena_request request = { .number = SCRATCH_ARENA, .length = bytes };
    struct message message = { .type = VM_ARENA };
    struct vm_arena_reply reply;
    int result;

    vm_arena_request_put(&message, &request);
    result = ipc_sendrec(ENDPOINT_VM, &message);
    if (result == 0)
        result = message.status;
    vm_arena_reply_get(&message, &reply);
    *memory = (uint8_t *)(uintptr_t)reply.address;
    return result;
}

static void find_sections(const struct service_header *header, struct layout_side *side)
{
    const uint64_t *border = &header->state;

    for (uint32_t i = 0; i < LAYOUT_SECTIONS; i++) {
        side->section[i] = (uint8_t *)(uintptr_t)border[2 * i];
        side->bytes[i] = border[2 * i + 1] - border[2 * i];
    }
}

/* Copies of the old version's layout and sections, one behind the other. */
static int fetch_old(void)
{
    uint64_t layout_bytes = (old_header.layout_end - old_header.layout + 7) & ~7ull, total = layout_bytes;
    uint8_t *memory;
    int result;

    find_sections(&old_header, &old_side);
    for (uint32_t i = 0; i < LAYOUT_SECTIONS; i++)
        total += old_side.bytes[i];
    result = scratch(total, &memory);
    if (result == 0)
        result = fetch(old_header.layout, memory, layout_bytes);
    old_side.layout = (const struct layout *)memory;
    memory += layout_bytes;
    for (uint32_t i = 0; i < LAYOUT_SECTIONS && result == 0; i++) {
        result = fetch((uint64_t)(uintptr_t)old_side.section[i], memory, old_side.bytes[i]);
        old_side.section[i] = memory;
        memory += old_side.bytes[i];
    }
    return result;
}

/* Where something that the old version had lent is now; 0: nowhere. */
static uint64_t translate(uint64_t address, uint64_t length)
{
    const uint64_t *border = &old_header.state;

    for (uint32_t i = 0; i < LAYOUT_SECTIONS; i++) {
        uint32_t moved;

        if (address < border[2 * i] || address >= border[2 * i + 1])
            continue;
        moved = layout_moved(&old_side, &new_side, i, (uint32_t)(address - border[2 * i]), length);
        return moved == LAYOUT_NONE ? 0 : (uint64_t)(uintptr_t)new_side.section[i] + moved;
    }
    return address;
}

static int convert(void)
{
    char problem[LAYOUT_PROBLEM_BYTES];

    new_side.layout = (const struct layout *)(const void *)__layout_start;
    find_sections(&service_header, &new_side);
    if (!layout_is_good(&old_side, old_header.layout_end - old_header.layout) ||
        !layout_is_good(&new_side, (uint64_t)(__layout_end - __layout_start))) {
        log_error("no good description of the state: old %llu bytes, new %llu",
                  (unsigned long long)(old_header.layout_end - old_header.layout), (unsigned long long)(__layout_end - __layout_start));
        return -ENOEXEC;
    }
    if (!layout_convert(&old_side, &new_side, &arenas, problem)) {
        log_error("the state of the old version does not fit: %s", problem);
        return -EINVAL;
    }
    if (!grant_relocate(translate)) {
        log_error("the old version has lent memory that is no more: not now");
        return -EBUSY;
    }
    log_info("the state was converted to the new layout");
    return 0;
}

/* Arenas that this version has made longer stay so. */
static int take_arenas(const struct journal_arena *own, uint32_t own_count)
{
    int result = resume_take_arenas();

    for (uint32_t i = 0; i < own_count && i < journal.arena_count; i++) {
        if (own[i].bytes > journal.arena[i].bytes)
            journal.arena[i].bytes = own[i].bytes;
    }
    return result;
}

static bool is_same_layout(void)
{
    const struct layout *own = (const struct layout *)(const void *)__layout_start;
    struct layout old = { 0 };

    if (memcmp(&old_header, &service_header, sizeof(old_header)) != 0)
        return false;
    if (service_header.layout == service_header.layout_end)
        return true;
    return fetch(old_header.layout, &old, sizeof(old)) == 0 && memcmp(&old, own, sizeof(old)) == 0;
}

int update_take(void)
{
    struct journal_arena own[JOURNAL_ARENAS];
    uint32_t own_count = journal.arena_count;
    int result = fetch((uint64_t)(uintptr_t)&service_header, &old_header, sizeof(old_header));

    memcpy(own, journal.arena, sizeof(own));
    if (result != 0 || old_header.magic != service_header.magic) {
        log_error("the old version is no service that is linked for %p: error %d", (const void *)&service_header, result);
        return result != 0 ? result : -ENOEXEC;
    }
    if (is_same_layout())
        return resume_take();
    result = fetch_old();
    if (result == 0)
        result = convert();
    return result == 0 ? take_arenas(own, own_count) : result;
}
