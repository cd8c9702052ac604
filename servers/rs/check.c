/* SPDX-License-Identifier: MIT */
/*
 * Is the state one that RS can work with? Asked at each heartbeat and before a state is taken over. Nothing is followed before it has been checked, so
 * that a damaged state is refused and not stumbled over; what a heartbeat would have to look up elsewhere is left to who takes over.
 */
#include "base/string.h"
#include "errors.h"
#include "state.h"
#include "sys/waiters.h"

enum { DEADLINE_BITS = 57 }; /* nanoseconds: four years */

/* A bool that is neither must not be read as one. */
static bool is_bool(const bool *flag)
{
    uint8_t byte;

    memcpy(&byte, flag, sizeof(byte));
    return byte <= 1;
}

static bool are_deadlines(const struct rs_slot *slot)
{
    return (slot->restart_ns | slot->init_ns | slot->stop_ns | slot->look_ns | slot->started_ns) >> DEADLINE_BITS == 0;
}

static bool is_within(uint64_t address, uint64_t length, uint64_t start, uint64_t bytes)
{
    return address >= start && address - start <= bytes && length <= bytes - (address - start);
}

bool rs_is_in_area(const struct rs_state *state, uint32_t first, uint32_t pages, uint64_t image, uint64_t length)
{
    return first < RS_IMAGE_PAGES && pages <= RS_IMAGE_PAGES - first && image == state->image_area + (uint64_t)first * RS_PAGE_BYTES &&
           length <= (uint64_t)pages * RS_PAGE_BYTES;
}

/* In its pages of the image area; or in the boot archive, or the image of another instance, which has the pages. */
static bool is_image(const struct rs_state *state, uint32_t first, uint32_t pages, uint64_t image, uint64_t length)
{
    if (pages != 0)
        return rs_is_in_area(state, first, pages, image, length);
    return length == 0 || state->archive == 0 || is_within(image, length, state->archive, state->archive_length) ||
           is_within(image, length, state->image_area, (uint64_t)RS_IMAGE_PAGES * RS_PAGE_BYTES);
}

static bool is_index(const struct rs_state *state, uint32_t index, uint32_t flags)
{
    return index < SERVICE_SLOTS && (state->slot[index].flags & flags) == flags;
}

static const char *check_links(const struct rs_state *state, const struct rs_slot *slot, uint32_t index)
{
    if (endpoint_slot(slot->endpoint) != index || slot->endpoint < 0)
        return "a slot holds another slot's endpoint";
    if (slot->other != RS_NO_SLOT && (slot->other >= SERVICE_SLOTS || state->slot[slot->other].other != index))
        return "two instances of a service are not linked both ways";
    if ((slot->flags & RS_OLD) != 0 && slot->other == RS_NO_SLOT)
        return "an old instance has no successor";
    if (slot->replica != 0 && !is_index(state, slot->replica, RS_REPLICA))
        return "the replica of a service is none";
    if (slot->late != RS_NO_SLOT && slot->late >= RS_OPERATIONS)
        return "a service is waited for by no operation";
    return NULL;
}

static const char *check_slot(const struct rs_state *state, const struct rs_slot *slot, uint32_t index)
{
    const char *problem = check_links(state, slot, index);

    if (problem != NULL)
        return problem;
    if ((slot->flags & ~(uint32_t)RS_KNOWN_FLAGS) != 0 || (slot->flags & RS_IN_USE) == 0)
        return "a slot has flags that there are not";
    if (memchr(slot->manifest.label, '\0', RS_LABEL_MAX) == NULL)
        return "a label has no end";
    if (memchr(slot->command, '\0', RS_COMMAND_MAX) == NULL)
        return "a command has no end";
    if ((slot->flags & RS_ACTIVE) != 0 && !manifest_is_sound(&slot->manifest))
        return "a manifest is none";
    if (!is_image(state, slot->image_first, slot->image_pages, slot->image, slot->image_length))
        return "an image is nowhere";
    if (!are_deadlines(slot))
        return "a deadline is in another age";
    return is_bool(&slot->pinged) && is_bool(&slot->is_guilty) ? NULL : "a slot's flag is neither true nor false";
}

static const char *check_operations(const struct rs_state *state)
{
    for (uint32_t i = 0; i < RS_OPERATIONS; i++) {
        const struct rs_operation *operation = &state->operation[i];

        if (operation->stage > RS_STAGE_LATE || !is_bool(&operation->is_root))
            return "an operation is in no stage";
        if (operation->stage != 0 && (operation->slot >= SERVICE_SLOTS || memchr(operation->label, '\0', sizeof(operation->label)) == NULL))
            return "an operation is about no service";
    }
    return NULL;
}

static const char *check_update(const struct rs_state *state)
{
    const struct rs_update_record *update = &state->update;

    if (update->phase > RS_UPDATE_DONE)
        return "a live update is in no phase";
    if (update->phase == RS_UPDATE_NONE)
        return NULL;
    if (!is_index(state, update->slot, RS_ACTIVE))
        return "a live update is of no service";
    if (update->phase != RS_UPDATE_DONE && state->slot[update->slot].other == RS_NO_SLOT)
        return "a live update has one version only";
    return update->operation == RS_NO_SLOT || update->operation < RS_OPERATIONS ? NULL : "a live update answers no operation";
}

static const char *check_kept(const struct rs_state *state)
{
    for (uint32_t i = 0; i < RS_KEPT; i++) {
        const struct rs_kept *kept = &state->kept[i];

        if (kept->image_length != 0 && (memchr(kept->label, '\0', RS_LABEL_MAX) == NULL ||
                                        !is_image(state, kept->image_first, kept->image_pages, kept->image, kept->image_length)))
            return "a kept image is nowhere";
    }
    return NULL;
}

static const char *check_rest(const struct rs_state *state)
{
    for (uint32_t i = 0; i < RS_SPARES; i++) {
        if (state->spare[i] != 0 && !is_index(state, state->spare[i], RS_SPARE))
            return "a standby of rs is none";
    }
    if (state->vm_standby != 0 && !is_index(state, state->vm_standby, RS_IN_USE))
        return "the standby of vm is none";
    if (!is_bool(&state->verbose) || !is_bool(&state->coroner.is_there) || !is_bool(&state->coroner.waits))
        return "a flag is neither true nor false";
    if (state->coroner.waits && state->coroner.operation >= RS_OPERATIONS)
        return "the coroner waits in no operation";
    if (!is_within(state->manifests, state->manifests_length, state->archive, state->archive_length))
        return "the manifests are not in the boot archive";
    if ((state->rescan_ns | state->alarm_ns | state->rs_settle_ns | state->vm_settle_ns | state->coroner.deadline_ns |
         state->update.deadline_ns) >>
            DEADLINE_BITS !=
        0)
        return "a deadline is in another age";
    return state->boot_step <= RS_BOOT_DONE ? NULL : "the boot is at no step";
}

const char *rs_state_check(const void *opaque)
{
    const struct rs_state *state = opaque;
    const char *problem = check_rest(state);

    for (uint32_t i = 0; i < SERVICE_SLOTS && problem == NULL; i++) {
        if (state->slot[i].flags != 0)
            problem = check_slot(state, &state->slot[i], i);
    }
    if (problem == NULL)
        problem = check_operations(state);
    if (problem == NULL)
        problem = check_update(state);
    return problem != NULL ? problem : check_kept(state);
}

void rs_mark_waiters(const void *opaque, struct waiters *waiters)
{
    const struct rs_state *state = opaque;

    for (uint32_t i = 0; i < RS_OPERATIONS; i++) {
        if (state->operation[i].stage != 0)
            waiters_mark(waiters, state->operation[i].caller);
    }
}
