/* SPDX-License-Identifier: MIT */
/*
 * Programs of services: an area of pages for those that were given to RS; boot services stay in the boot archive.
 */
#include "base/string.h"
#include "errors.h"
#include "state.h"
#include "sys/syscalls.h"

enum { IMAGE_MAX = 4 << 20 };

/* First page of a free run in the image area. */
static uint32_t find_pages(const struct rs_state *state, uint32_t count)
{
    uint32_t run = 0;

    for (uint32_t page = 0; page < RS_IMAGE_PAGES; page++) {
        bool used = (state->image_used[page / 64] >> (page % 64) & 1) != 0;

        run = used ? 0 : run + 1;
        if (run == count)
            return page + 1 - count;
    }
    return RS_IMAGE_PAGES;
}

int rs_take_image(struct rs_state *state, struct rs_slot *slot, endpoint_t caller, uint64_t image, uint64_t length)
{
    uint32_t pages = (uint32_t)((length + RS_PAGE_BYTES - 1) / RS_PAGE_BYTES);
    uint32_t first;

    if (length == 0)
        return -ENOEXEC;
    if (length > IMAGE_MAX)
        return -E2BIG;
    first = state->image_area != 0 ? find_pages(state, pages) : RS_IMAGE_PAGES;
    if (first == RS_IMAGE_PAGES)
        return -ENOMEM;
    for (uint32_t page = first; page < first + pages; page++)
        state->image_used[page / 64] |= 1ull << (page % 64);
    slot->image_first = first;
    slot->image_pages = pages;
    slot->image = state->image_area + (uint64_t)first * RS_PAGE_BYTES;
    slot->image_length = length;
    /* Not sys_copy_from: what these pages held before is nobody's, so the journal need not keep it. */
    return sys_vircopy(caller, image, ENDPOINT_SELF, slot->image, length);
}

/* The first word of a command. */
static size_t program_length(const char *command)
{
    const char *space = strchr(command, ' ');

    return space == NULL ? strlen(command) : (size_t)(space - command);
}

static bool is_same_program(const struct rs_slot *a, const struct rs_slot *b)
{
    size_t length = program_length(a->command);

    return length == program_length(b->command) && memcmp(a->command, b->command, length) == 0;
}

bool rs_reuse_image(struct rs_state *state, struct rs_slot *slot)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *other = &state->slot[i];

        if (other == slot || (other->flags & RS_ACTIVE) == 0 || other->image_length == 0 || !is_same_program(other, slot))
            continue;
        slot->image_first = other->image_first;
        slot->image_pages = other->image_pages;
        slot->image = other->image;
        slot->image_length = other->image_length;
        return true;
    }
    return false;
}

void rs_release_image(struct rs_state *state, const struct rs_slot *slot)
{
    uint32_t first = slot->image_first, end = first + slot->image_pages;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (&state->slot[i] != slot && state->slot[i].image_pages != 0 && state->slot[i].image_first == first)
            return; /* shared */
    }
    if (slot->image_pages == 0 || rs_is_kept(state, first))
        return;
    for (uint32_t page = first; page < end; page++)
        state->image_used[page / 64] &= ~(1ull << (page % 64));
}
