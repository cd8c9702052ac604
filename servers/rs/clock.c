/* SPDX-License-Identifier: MIT */
/*
 * Time (behaviour.md RS-57, RS-59): RS has no tick. Each wait is a deadline in the state, and the one alarm rings at the first of them.
 */
#include "rs_info.h"
#include "state.h"
#include "sys/syscalls.h"

enum { NS_PER_MS = 1000000 };

/* ---- the alarm ---- */

void rs_arm(struct rs_state *state, uint64_t deadline_ns)
{
    if (deadline_ns == 0 || (state->alarm_ns != 0 && state->alarm_ns <= deadline_ns))
        return;
    state->alarm_ns = deadline_ns;
    (void)sys_setalarm(deadline_ns);
}

uint64_t rs_deadline(struct rs_state *state, uint32_t milliseconds)
{
    uint64_t deadline = sys_uptime() + (uint64_t)milliseconds * NS_PER_MS;

    rs_arm(state, deadline);
    return deadline;
}

static void earlier(uint64_t *first, uint64_t deadline_ns)
{
    if (deadline_ns != 0 && deadline_ns < *first)
        *first = deadline_ns;
}

void rs_arm_first(struct rs_state *state)
{
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) == 0)
            continue;
        earlier(&first, slot->restart_ns);
        earlier(&first, slot->init_ns);
        earlier(&first, slot->stop_ns);
        earlier(&first, slot->look_ns);
    }
    earlier(&first, state->vm_settle_ns);
    earlier(&first, state->rs_settle_ns);
    earlier(&first, state->rescan_ns);
    for (uint32_t i = 0; i < RS_SPARES; i++)
        earlier(&first, state->spare[i] != 0 ? state->slot[state->spare[i]].look_ns : 0);
    earlier(&first, state->coroner.deadline_ns);
    earlier(&first, state->update.phase != RS_UPDATE_NONE ? state->update.deadline_ns : 0);
    state->alarm_ns = 0;
    if (first != UINT64_MAX)
        rs_arm(state, first);
}

bool rs_is_due(uint64_t *deadline_ns, uint64_t now)
{
    if (*deadline_ns == 0 || *deadline_ns > now)
        return false;
    *deadline_ns = 0;
    return true;
}

/* ---- the services ---- */

static void check_slot(struct rs_state *state, struct rs_slot *slot, uint64_t now, bool free_pass, struct outbox *outbox)
{
    if (rs_is_due(&slot->restart_ns, now))
        rs_restart(state, slot, outbox);
    if (rs_is_due(&slot->stop_ns, now))
        rs_kill(slot, RS_CAUSE_STOPPED, "does not stop");
    if (rs_is_due(&slot->init_ns, now))
        rs_kill(slot, RS_CAUSE_INIT, "does not come up");
    if (slot->look_ns != 0 && slot->look_ns <= now)
        rs_look(state, slot, now, free_pass);
}

void rs_tick(struct rs_state *state, struct outbox *outbox)
{
    uint64_t now = sys_uptime();
    const struct rs_slot *vm = &state->slot[ENDPOINT_VM];
    bool initialising = false, vm_is_silent = vm->pinged; /* for half a second at least: many may wait for it */

    if (state->shutting_down != 0)
        return;
    state->alarm_ns = 0;
    (void)rs_deadline(state, RS_WATCH_MS); /* should VM hang in a call of ours */
    rs_rescan(state, outbox);
    rs_standby_tick(state);
    rs_update_tick(state, outbox);
    rs_successor_tick(state);
    rs_coroner_tick(state);
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        initialising |= (state->slot[i].flags & RS_INITIALIZING) != 0;
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & RS_ACTIVE) != 0)
            check_slot(state, &state->slot[i], now, initialising || (vm_is_silent && i != ENDPOINT_VM), outbox);
    }
    rs_judge(state);
    rs_arm_first(state);
    rs_is_proven();
    rs_take_waiting_fault(); /* a successor finds it too: it may not die of that in a tick that has not shown anything yet */
}
