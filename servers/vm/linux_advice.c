/* SPDX-License-Identifier: MIT */
/*
 * mprotect, madvise, msync, mincore, mlock. There is no swap, so locking only checks the range; files are memory objects, so msync has nothing to write.
 */
#include "errors.h"
#include "fault.h"
#include "kcall.h"
#include "linux_flags.h"
#include "linux_vm_dispatch.h"
#include "object.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "protocols/vm.h"
#include "repeat.h"
#include "space.h"
#include "sys/call.h"

/* Most of these calls take a range: aligned start, any length. 1: empty range. */
static int get_range(struct vm_state *state, const struct call *call, uint32_t *index, uint64_t *start, uint64_t *end)
{
    uint64_t length = page_up(linux_argument(call, 1));

    *index = space_of(state, call->caller);
    *start = linux_argument(call, 0);
    *end = *start + length;
    if (*index == VM_NONE || (*start & (PAGE_BYTES - 1)) != 0) {
        return -EINVAL;
    }
    if (*end < *start || (length == 0 && linux_argument(call, 1) != 0)) {
        return -ENOMEM;
    }
    return *end == *start ? 1 : 0;
}

/* ---- mprotect ---- */

/* Page tables of a region after its protection changed: private pages get `write` back by fault, because they may be shared with a child. */
static int protect_pages(const struct region *region)
{
    uint32_t flags = region_map_flags(region);

    if (region->kind != REGION_SHARED) {
        flags &= ~(uint32_t)KERNEL_MAP_FLAGS_WRITE;
    }
    return kcall_protect(space_id(region->space), region->start, (region->end - region->start) >> PAGE_BITS, flags);
}

static bool only_adds_write(uint8_t old, uint8_t new, uint8_t kind)
{
    return kind != REGION_SHARED && old != 0 && (new & ~old) == VM_PROTECTION_WRITE && (old & ~new) == 0;
}

static int protect_range(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end, uint8_t protection)
{
    uint64_t at = start;
    int result = space_cut(state, index, start, end);

    for (uint32_t i = region_find(space_at(index), start); result == 0 && i != VM_NONE && region_at(i)->start == at && at < end;
         i = region_at(i)->next) {
        struct region *region = region_at(i);
        uint8_t old = region->protection;

        if (region->kind == REGION_PHYSICAL && (protection & ~old & VM_PROTECTION_WRITE) != 0) {
            return -EACCES;
        }
        at = region->end;
        region->protection = protection;
        if (repeat_may_be() || (old != protection && !only_adds_write(old, protection, region->kind))) {
            result = protect_pages(region);
        }
    }
    space_merge(state, index, start, end);
    return result != 0 ? result : at >= end ? 0 : -ENOMEM;
}

int vm_linux_mprotect(struct vm_state *state, struct call *call)
{
    uint32_t protection = (uint32_t)linux_argument(call, 2);
    uint32_t index;
    uint64_t start;
    uint64_t end;
    int result = get_range(state, call, &index, &start, &end);

    if ((protection & PROT_GROWSDOWN) != 0 && (protection & PROT_GROWSUP) != 0) {
        return -EINVAL;
    }
    if (result != 0) {
        return result > 0 ? 0 : result;
    }
    if ((protection & ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP)) != 0) {
        return -EINVAL;
    }
    if ((protection & PROT_GROWSDOWN) != 0) {
        uint32_t region = region_containing(space_at(index), start);

        if (region == VM_NONE || (region_at(region)->flags & REGION_GROWSDOWN) == 0) {
            return -EINVAL;
        }
        start = region_at(region)->start;
    }
    return protect_range(state, index, start, end, (uint8_t)(protection & 7));
}

/* ---- madvise ---- */

static bool is_known_advice(uint32_t advice)
{
    return advice <= MADV_DONTNEED || (advice >= MADV_FREE && advice <= MADV_COLLAPSE);
}

static uint16_t advice_flag(uint32_t advice)
{
    return advice == MADV_DONTFORK || advice == MADV_DOFORK ? REGION_DONTFORK : REGION_WIPEONFORK;
}

static int set_region_flag(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end, uint32_t advice)
{
    uint16_t flag = advice_flag(advice);
    bool is_set = advice == MADV_DONTFORK || advice == MADV_WIPEONFORK;
    int result = space_cut(state, index, start, end);

    for (uint32_t i = region_find(space_at(index), start); result == 0 && i != VM_NONE && region_at(i)->start < end;
         i = region_at(i)->next) {
        if (advice == MADV_WIPEONFORK && region_at(i)->kind != REGION_ANONYMOUS) {
            result = -EINVAL;
        } else {
            region_at(i)->flags = (uint16_t)(is_set ? region_at(i)->flags | flag : region_at(i)->flags & ~flag);
        }
    }
    space_merge(state, index, start, end);
    return result;
}

/* Private memory becomes zero or the file's contents again; shared memory only leaves the page table. */
static void drop_pages(struct vm_state *state, uint32_t index, uint64_t start, uint64_t end)
{
    for (uint32_t i = region_find(space_at(index), start); i != VM_NONE && region_at(i)->start < end; i = region_at(i)->next) {
        const struct region *region = region_at(i);
        uint64_t low = region->start > start ? region->start : start;
        uint64_t high = region->end < end ? region->end : end;

        if (region->kind != REGION_PHYSICAL) {
            space_unmap_pages(state, index, low, high, region_has_counted(region));
        }
    }
}

int vm_linux_madvise(struct vm_state *state, struct call *call)
{
    uint32_t advice = (uint32_t)linux_argument(call, 2);
    uint32_t index;
    uint64_t start;
    uint64_t end;
    int result = get_range(state, call, &index, &start, &end);

    if (!is_known_advice(advice) || result == -ENOMEM) {
        return -EINVAL;
    }
    if (result != 0) {
        return result > 0 ? 0 : result;
    }
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
        drop_pages(state, index, start, end);
        break;
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_WIPEONFORK:
    case MADV_KEEPONFORK:
        result = set_region_flag(state, index, start, end, advice);
        break;
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
        result = fault_range(state, index, start, end - start, advice == MADV_POPULATE_WRITE ? FAULT_WRITE : FAULT_READ);
        break;
    case MADV_REMOVE:
        return -EINVAL;
    default:
        break;
    }
    return result != 0 ? result : space_is_covered(space_at(index), start, end) ? 0 : -ENOMEM;
}

/* ---- ranges that need only exist ---- */

static int check_covered(struct vm_state *state, struct call *call)
{
    uint32_t index;
    uint64_t start = linux_argument(call, 0);
    uint64_t end;

    index = space_of(state, call->caller);
    end = page_up(start + linux_argument(call, 1));
    start = page_down(start);
    if (index == VM_NONE || end < start) {
        return -EINVAL;
    }
    return start == end || space_is_covered(space_at(index), start, end) ? 0 : -ENOMEM;
}

int vm_linux_msync(struct vm_state *state, struct call *call)
{
    uint32_t flags = (uint32_t)linux_argument(call, 2);

    if ((flags & ~(uint32_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC) ||
        (linux_argument(call, 0) & (PAGE_BYTES - 1)) != 0) {
        return -EINVAL;
    }
    return check_covered(state, call);
}

int vm_linux_mlock(struct vm_state *state, struct call *call)
{
    return check_covered(state, call);
}

int vm_linux_mlock2(struct vm_state *state, struct call *call)
{
    return (linux_argument(call, 2) & ~1ull) != 0 ? -EINVAL : check_covered(state, call);
}

int vm_linux_munlock(struct vm_state *state, struct call *call)
{
    return check_covered(state, call);
}

int vm_linux_mlockall(struct vm_state *state, struct call *call)
{
    uint64_t flags = linux_argument(call, 0);

    (void)state;
    return flags == 0 || (flags & ~7ull) != 0 || flags == 4 ? -EINVAL : 0;
}

int vm_linux_munlockall(struct vm_state *state, struct call *call)
{
    (void)state;
    (void)call;
    return 0;
}

/* ---- mincore ---- */

static void residence(struct vm_state *state, uint32_t index, uint64_t page, uint64_t count, const uint64_t *entries, uint8_t *vector)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = page + (i << PAGE_BITS);
        const struct region *region = region_at(region_containing(space_at(index), at));

        vector[i] = entries[i] != 0 ||
                    (region->object != VM_NONE &&
                     object_frame(state, region->object, (region->offset + (at - region->start)) >> PAGE_BITS) != VM_NONE);
    }
}

int vm_linux_mincore(struct vm_state *state, struct call *call)
{
    uint32_t index;
    uint64_t start;
    uint64_t end;
    uint64_t done = 0;
    int result = get_range(state, call, &index, &start, &end);

    if (result != 0) {
        return result > 0 ? 0 : result;
    }
    if (!space_is_covered(space_at(index), start, end)) {
        return -ENOMEM;
    }
    while (start < end && result == 0) {
        uint64_t count = (end - start) >> PAGE_BITS;

        count = count < ENTRY_ROOM ? count : ENTRY_ROOM;
        result = kcall_read_entries(space_id(index), start, count, scratch()->entries);
        if (result == 0) {
            residence(state, index, start, count, scratch()->entries, scratch()->bytes);
            result = kcall_copy_to(call->caller, linux_argument(call, 2) + done, scratch()->bytes, count);
        }
        start += count << PAGE_BITS;
        done += count;
    }
    return result;
}
