/* SPDX-License-Identifier: MIT */
/*
 * VM after a crash. The old instance may have stopped between any two stores, and what killed it may have damaged any of its records. So primary facts
 * only are believed: what the kernel says, its page tables above all, and the records of regions, objects, chunks and slots as far as they make
 * sense (derive.h). Trees, lists, hash chains, counters, reference counts and free lists are made anew. The message in hand is handled again.
 */
#include "restart.h"

#include "boot.h"
#include "check.h"
#include "derive.h"
#include "errors.h"
#include "frame.h"
#include "kcall.h"
#include "object.h"
#include "pool.h"
#include "protocols/kernel.h"
#include "space.h"
#include "sys/log.h"

enum { ATTEMPTS = 4 };

/* ---- the instances of VM ---- */

static uint32_t own_space(const struct facts *facts)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (facts_is_instance(&facts->services[i]) && facts->services[i].slot == ENDPOINT_VM) {
            return facts->services[i].space;
        }
    }
    return UINT32_MAX;
}

static bool has_tables(uint32_t space)
{
    uint64_t entry = 0;

    return kcall_read_entries(space, FRAME_TABLE_ADDRESS, 1, &entry) == 0 && entry != 0;
}

/* Who lives in which space after the instances have changed places is known to the kernel only. The old instance is the one that its own state names, if that
 * is one; else the other one that has tables, the dead one first: while VM is updated there are three. */
static uint32_t old_space(const struct vm_state *state, const struct facts *facts, uint32_t own)
{
    uint32_t found = UINT32_MAX;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct process_info *service = &facts->services[i];

        if (!facts_is_instance(service) || service->space == own) {
            continue;
        }
        if (service->space == state->own_space) {
            return service->space;
        }
        if ((found == UINT32_MAX || (service->rts_flags & PROCESS_SIG_PENDING) != 0) && has_tables(service->space)) {
            found = service->space;
        }
    }
    return found;
}

/* ---- tables of the old instance ---- */

/* Show what the old instance has of a table at the same place in another space, whatever is there, and nothing behind it. */
static int take_table(uint32_t from, uint32_t to, const struct own_table *table, uint32_t flags)
{
    uint64_t entries[ENTRY_ROOM];
    uint64_t at = 0, taken = ENTRY_ROOM, present = 0, done = 0;
    int result = 0;

    while (at < table->limit && taken == ENTRY_ROOM && result == 0) {
        uint64_t left = (table->limit - at) >> PAGE_BITS, count = left < ENTRY_ROOM ? left : ENTRY_ROOM;

        result = kcall_read_entries(from, table->address + at, count, entries);
        for (taken = 0; result == 0 && taken < count && entries[taken] != 0; taken++) {
            entries[taken] = entry_frame(entries[taken]) << PAGE_BITS;
        }
        if (result == 0 && taken > 0) {
            result = kcall_map(to, table->address + at, entries, taken, flags | KERNEL_MAP_FLAGS_USER | KERNEL_MAP_FLAGS_RESERVE, &done);
        }
        at += taken << PAGE_BITS;
    }
    if (result == 0 && at < table->bytes) {
        return -EFAULT;
    }
    return result != 0 || at >= table->limit
               ? result
               : kcall_unmap(to, table->address + at, (table->limit - at) >> PAGE_BITS, NULL, &present, &done);
}

static int take_tables(const struct vm_state *state, uint32_t from, uint32_t to, uint32_t flags)
{
    struct own_table table[OWN_TABLES];
    int result = 0;

    own_tables(state, table);
    for (uint32_t i = 0; i < OWN_TABLES && result == 0; i++) {
        result = take_table(from, to, &table[i], flags);
    }
    return result;
}

/* ---- the rest of the state ---- */

static void derive_parked(struct vm_state *state, struct losses *losses)
{
    struct parked *parked = (struct parked *)PARKED_ADDRESS;

    if (state->answered >= state->parked.high || (state->answered != VM_NONE && parked[state->answered].is_used != PARKED_ANSWERED)) {
        state->answered = VM_NONE;
    }
    for (uint32_t i = state->parked.high - 1; i > VM_NONE; i--) {
        bool is_answered = parked[i].is_used == PARKED_ANSWERED && i == state->answered;

        if (parked[i].is_used != PARKED_WAITS && !is_answered) {
            losses->waiting += parked[i].is_used != PARKED_FREE;
            pool_give(&state->parked, i);
        }
    }
    state->parked.used = 0;
    for (uint32_t i = 1; i < state->parked.high; i++) {
        state->parked.used += parked[i].is_used != PARKED_FREE;
    }
}

/* Objects that nobody holds. */
static void drop_orphans(struct vm_state *state)
{
    for (uint32_t i = 1; i < state->objects.high; i++) {
        if (object_at(i)->is_used && object_at(i)->is_released) {
            object_release(state, i);
        }
    }
}

static void derive_exchanged(struct vm_state *state)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        uint32_t other = state->exchanged[i];

        if (other > SERVICE_SLOTS || (other != 0 && state->exchanged[other - 1] != i + 1)) {
            state->exchanged[i] = 0;
        }
    }
}

/* ---- all of it ---- */

static void tell(const struct losses *l)
{
    if (l->regions + l->objects + l->chunks + l->pages + l->spaces + l->slots + l->waiting + l->entries != 0) {
        log_warn(
            "%u regions, %u objects, %u chunks and %u pages of objects, %u spaces, %u slots, %u waiting calls, %llu pages shown of the old "
            "instance made no sense: dropped",
            l->regions, l->objects, l->chunks, l->pages, l->spaces, l->slots, l->waiting, (unsigned long long)l->entries);
    }
}

static const char *derive(struct vm_state *state, const struct facts *facts, struct losses *losses)
{
    boot_constants(state, facts);
    state->frames_free = 0; /* nothing is to be taken before it is known what is free */
    state->replies_in_row = UINT32_MAX;
    if (pools_measure(state) != 0 || frames_classify(state, &facts->boot) != 0) {
        return "the kernel does not tell of frames";
    }
    frames_mark_own(state);
    derive_evidence(state);
    derive_spaces(state, facts, losses);
    derive_objects(state, losses);
    derive_chunks(state, losses);
    derive_regions(state, losses);
    derive_pages(state, losses);
    derive_limits(state);
    derive_parked(state, losses);
    derive_exchanged(state);
    drop_orphans(state);
    return vm_state_check(state);
}

/* The last resort: records that the check complains of although they made sense. Whoever they belong to loses them. */
static void drop_broken(struct vm_state *state)
{
    for (uint32_t space = 1; space < state->spaces.high; space++) {
        bool is_broken = space_at(space)->is_used && check_space(state, space) != NULL;

        for (uint32_t i = 1; i < state->regions.high && is_broken; i++) {
            if (region_at(i)->space == space) {
                *region_at(i) = (struct region){ .left = VM_NONE };
            }
        }
    }
    for (uint32_t i = 1; i < state->objects.high; i++) {
        if (object_at(i)->is_used && check_object(state, i) != NULL) {
            object_at(i)->is_used = 0;
        }
    }
}

const char *restart_derive(struct vm_state *state)
{
    const struct facts *facts = facts_ask();
    const char *problem = "the kernel does not tell of spaces";

    for (int attempt = 0; facts != NULL && attempt < ATTEMPTS && problem != NULL; attempt++) {
        struct losses losses = { .regions = 0 };

        if (attempt > 0) {
            log_error("state of the old instance: %s; what is broken is dropped", problem);
            drop_broken(state);
        }
        problem = derive(state, facts, &losses);
        tell(&losses);
    }
    return problem;
}

int restart_commit(struct vm_state *state)
{
    int result = take_tables(state, state->own_space, state->own_space, KERNEL_MAP_FLAGS_WRITE);

    if (result == 0) { /* what the conversion needed */
        result = space_unmap(state, space_index(state->own_space), ARENA_ADDRESS + ARENA_PAST_LAYOUT * ARENA_STRIDE,
                             ARENA_ADDRESS + ARENA_COUNT * ARENA_STRIDE);
    }
    return result;
}

/* An update believes the records, but not what two instances in turn have made of the slots. */
static void note_instances(struct vm_state *state, const struct facts *facts)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct process_info *service = &facts->services[i];

        if (facts_is_instance(service) && space_find(state, service->space) != VM_NONE) {
            state->slot_space[service->slot] = space_index(service->space);
        }
    }
}

static const char *adopt(struct vm_state *state, const struct facts *facts)
{
    state->seal = vm_constants_seal(state);
    note_instances(state, facts);
    return vm_state_check_tables(state);
}

int restart_rebuild(void *opaque, bool is_update)
{
    struct vm_state *state = opaque;
    const struct facts *facts = facts_ask();
    uint32_t own = facts != NULL ? own_space(facts) : UINT32_MAX;
    uint32_t old = own != UINT32_MAX ? old_space(state, facts, own) : UINT32_MAX;
    const char *problem;
    int result;

    if (old == UINT32_MAX) {
        log_error("the old instance cannot be found");
        return -ESRCH;
    }
    if (!is_update) {
        boot_constants(state, facts);
    }
    result = take_tables(state, old, own, is_update ? 0 : KERNEL_MAP_FLAGS_WRITE);
    if (result != 0) {
        log_error("the tables of the old instance (space %u) cannot be taken over: error %d", old, result);
        return result;
    }
    state->own_space = own;
    problem = is_update ? adopt(state, facts) : restart_derive(state);
    if (problem != NULL) {
        log_error("state of the old instance: %s", problem);
        return -EGENERIC;
    }
    if (!is_update) {
        log_warn("took over from a dead instance, %llu KiB free", (unsigned long long)state->frames_free * 4);
    }
    return 0;
}
