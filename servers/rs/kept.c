/* SPDX-License-Identifier: MIT */
/*
 * `service update --all` replaces the services one after the other, and must be able to go back when one of them fails. So RS compares layouts
 * without an update (CHECK), keeps the images that run now (KEEP), updates to a kept image (BACK) and gives it up (FORGET).
 */
#include "base/string.h"
#include "errors.h"
#include "state.h"

static struct rs_kept *find_kept(struct rs_state *state, const char *label)
{
    for (uint32_t i = 0; i < RS_KEPT; i++) {
        if (state->kept[i].image_length != 0 && strcmp(state->kept[i].label, label) == 0)
            return &state->kept[i];
    }
    return NULL;
}

static struct rs_kept *find_free(struct rs_state *state)
{
    for (uint32_t i = 0; i < RS_KEPT; i++) {
        if (state->kept[i].image_length == 0)
            return &state->kept[i];
    }
    return NULL;
}

bool rs_is_kept(const struct rs_state *state, uint32_t first_page)
{
    for (uint32_t i = 0; i < RS_KEPT; i++) {
        if (state->kept[i].image_pages != 0 && state->kept[i].image_first == first_page)
            return true;
    }
    return false;
}

static void forget(struct rs_state *state, struct rs_kept *kept)
{
    struct rs_slot holder = { .image_first = kept->image_first, .image_pages = kept->image_pages };

    memset(kept, 0, sizeof(*kept));
    rs_release_image(state, &holder);
}

static int keep(struct rs_state *state, const struct rs_slot *slot)
{
    struct rs_kept *kept = find_kept(state, slot->manifest.label);

    if (kept != NULL)
        forget(state, kept);
    kept = find_free(state);
    if (kept == NULL)
        return -ENOMEM;
    string_copy(kept->label, sizeof(kept->label), slot->manifest.label);
    kept->image_first = slot->image_first;
    kept->image_pages = slot->image_pages;
    kept->image = slot->image;
    kept->image_length = slot->image_length;
    return 0;
}

static int compare(struct rs_state *state, const struct rs_slot *slot, const struct rs_operation *operation,
                   const struct rs_update *request)
{
    struct rs_slot model = { 0 };
    char problem[SERVICE_PROBLEM_BYTES] = "";
    int result = rs_take_image(state, &model, operation->caller, request->image, request->image_length);

    if (result == 0)
        result = rs_check_layouts(slot, &model, problem);
    if (problem[0] != '\0')
        rs_explain(operation, slot->manifest.label, problem);
    rs_release_image(state, &model);
    return result;
}

bool rs_is_about_images(const struct rs_update *request)
{
    return (request->flags & (RS_UPDATE_CHECK | RS_UPDATE_KEEP | RS_UPDATE_FORGET)) != 0;
}

int rs_update_images(struct rs_state *state, const struct rs_slot *slot, const struct rs_operation *operation,
                     const struct rs_update *request)
{
    struct rs_kept *kept = find_kept(state, slot->manifest.label);

    if ((request->flags & RS_UPDATE_CHECK) != 0)
        return compare(state, slot, operation, request);
    if ((request->flags & RS_UPDATE_KEEP) != 0)
        return keep(state, slot);
    if (kept == NULL)
        return -ESRCH;
    forget(state, kept);
    return 0;
}

int rs_update_image(struct rs_state *state, struct rs_slot *slot, const struct rs_operation *operation, const struct rs_update *request)
{
    const struct rs_kept *kept = find_kept(state, request->label);

    if ((request->flags & RS_UPDATE_BACK) == 0)
        return rs_take_image(state, slot, operation->caller, request->image, request->image_length);
    if (kept == NULL)
        return -ESRCH;
    slot->image_first = kept->image_first;
    slot->image_pages = kept->image_pages;
    slot->image = kept->image;
    slot->image_length = kept->image_length;
    return 0;
}
