/* SPDX-License-Identifier: MIT */
/*
 * What else is lost with a service's state (docs/adr/0017): its dependents (manifest key `dependents`) know things that are not so any more. They die with it and
 * all start afresh, so that nobody is asked about what only the old ones knew. If PM is among them, the programs end before anybody answers them, and
 * PM begins with init again. This is the last resort: a service starts afresh when neither its state nor the copy of it can be used.
 */
#include "errors.h"
#include "kernel_info.h"
#include "rs_info.h"
#include "state.h"
#include "sys/log.h"

/* ---- programs ---- */

enum { AT_ONCE = 16 };

static uint32_t end_some(uint64_t *first)
{
    struct process_info list[AT_ONCE];
    uint32_t count = rs_list_processes(*first, list, AT_ONCE);

    for (uint32_t i = 0; i < count; i++)
        rs_destroy(list[i].endpoint);
    if (count > 0)
        *first = list[count - 1].slot + 1;
    return count;
}

/* Requests about whose caller PM was asked. */
static void forget_operations(struct rs_state *state)
{
    for (uint32_t i = 0; i < RS_OPERATIONS; i++) {
        if (state->operation[i].stage == RS_STAGE_IDENTIFY)
            state->operation[i].stage = 0;
    }
}

static void forget_scripts(struct rs_state *state, struct outbox *outbox)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & (RS_ACTIVE | RS_SCRIPT)) == (RS_ACTIVE | RS_SCRIPT))
            rs_script_give_up(state, &state->slot[i], outbox);
    }
}

/* PM does not run: there will be no more of them than the kernel knows now. */
static void end_programs(struct rs_state *state, struct outbox *outbox)
{
    uint64_t first = SERVICE_SLOTS;
    uint32_t count, all = 0;

    while ((count = end_some(&first)) > 0)
        all += count;
    if (all > 0)
        log_warn("%u threads of programs end, and init begins anew", all);
    forget_operations(state);
    forget_scripts(state, outbox);
    rs_coroner_has_ended(state);
}

/* ---- services ---- */

static bool is_dead(const struct rs_slot *slot)
{
    return (slot->flags & RS_TERMINATED) != 0;
}

static void let_fall(struct rs_state *state, struct rs_slot *slot)
{
    slot->flags |= RS_FRESH | RS_FALLS;
    for (uint32_t i = 0; i < slot->manifest.dependent_count; i++) {
        struct rs_slot *dependent = rs_find_label(state, slot->manifest.dependent[i]);

        if (dependent == NULL || (dependent->flags & RS_FALLS) != 0)
            continue;
        if (!is_dead(dependent))
            rs_kill(dependent, RS_CAUSE_DEPENDS, "depends on a state that is lost");
        let_fall(state, dependent);
    }
}

void rs_start_afresh(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    bool is_first = (slot->flags & RS_FALLS) == 0;

    if (is_first)
        let_fall(state, slot);
    if (slot->endpoint == ENDPOINT_PM || (is_first && (state->slot[ENDPOINT_PM].flags & RS_FALLS) != 0))
        end_programs(state, outbox);
}
