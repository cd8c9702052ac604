/* SPDX-License-Identifier: MIT */
/*
 * Plans: names are compared once, neighbours that stay neighbours become one piece.
 */
#include "plan.h"

#include "base/string.h"
#include "internal.h"

static bool add_step(struct plan *plan, struct plan_step step)
{
    struct plan_step *last = plan->count > 0 ? &plan->step[plan->count - 1] : NULL;

    if (step.length != 0 && last != NULL && last->length != 0 && last->from + last->length == step.from &&
        last->to + last->length == step.to) {
        last->length += step.length;
        return true;
    }
    if (plan->count == PLAN_STEPS)
        return false;
    plan->step[plan->count++] = step;
    return true;
}

static bool add(struct plan *plan, uint32_t old_type, uint32_t from, uint32_t new_type, uint32_t to);

static bool add_array(struct plan *plan, const struct layout_type *ot, uint32_t from, const struct layout_type *nt, uint32_t to)
{
    uint32_t old_size = types(plan->old)[ot->element].size, new_size = types(plan->new)[nt->element].size;

    if (ot->count > nt->count)
        return false;
    for (uint32_t i = 0; i < ot->count; i++) {
        if (!add(plan, ot->element, from + i * old_size, nt->element, to + i * new_size))
            return false;
    }
    return true;
}

static bool add_struct(struct plan *plan, const struct layout_type *ot, uint32_t from, const struct layout_type *nt, uint32_t to)
{
    for (uint32_t i = nt->first; i < nt->first + nt->count; i++) {
        const struct layout_member *member = &members(plan->new)[i];
        const struct layout_member *before = layout_member(plan->old, ot, name_at(plan->new, member->name));

        if (before != NULL && !add(plan, before->type, from + before->offset, member->type, to + member->offset))
            return false;
    }
    return true;
}

static bool add(struct plan *plan, uint32_t old_type, uint32_t from, uint32_t new_type, uint32_t to)
{
    const struct layout_type *ot = &types(plan->old)[old_type], *nt = &types(plan->new)[new_type];

    if (ot->signature == nt->signature && ot->size == nt->size)
        return !layout_has_pointers(plan->old, ot) && add_step(plan, (struct plan_step){ from, to, ot->size, 0, 0 });
    if (is_integer(ot) && is_integer(nt))
        return add_step(plan, (struct plan_step){ from, to, 0, (uint16_t)old_type, (uint16_t)new_type });
    if (ot->kind != nt->kind || (ot->kind != LAYOUT_ARRAY && ot->kind != LAYOUT_STRUCT))
        return false;
    return ot->kind == LAYOUT_ARRAY ? add_array(plan, ot, from, nt, to) : add_struct(plan, ot, from, nt, to);
}

bool plan_make(struct plan *plan, const struct layout *old, uint32_t old_type, const struct layout *new, uint32_t new_type)
{
    plan->old = old;
    plan->new = new;
    plan->count = 0;
    return old->type_count <= UINT16_MAX && new->type_count <= UINT16_MAX &&add(plan, old_type, 0, new_type, 0);
}

/* Pieces are short: a call of memcpy would cost more than the copy. */
static void copy(uint8_t *to, const uint8_t *from, uint32_t length)
{
    if (length > 64) {
        memcpy(to, from, length);
        return;
    }
    for (; length >= 8; length -= 8, to += 8, from += 8)
        __builtin_memcpy(to, from, 8);
    for (; length > 0; length--)
        *to++ = *from++;
}

static bool run_once(const struct plan *plan, const uint8_t *from, uint8_t *to)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->step[i];

        if (step->length != 0)
            copy(to + step->to, from + step->from, step->length);
        else if (!layout_store(&types(plan->old)[step->old_type], from + step->from, &types(plan->new)[step->new_type], to + step->to))
            return false;
    }
    return true;
}

uint32_t plan_run(const struct plan *plan, const uint8_t *from, uint64_t old_size, uint8_t *to, uint64_t new_size, uint32_t count)
{
    uint32_t done = 0;

    while (done < count && run_once(plan, from + done * old_size, to + done * new_size))
        done++;
    return done;
}
