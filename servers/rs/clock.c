/* SPDX-License-Identifier: MIT */
/*
 * Time (behaviour.md RS-57 to RS-59): RS has no tick. Each wait is a deadline in the state, and the one alarm rings at the first of them. Heartbeats count
 * looks, not time: a look that comes late does not count, so nobody is killed because the machine (or RS) stood still.
 */
#include "errors.h"
#include "protocols/kernel_client.h"
#include "rs_info.h"
#include "state.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/syscalls.h"

enum { NS_PER_MS = 1000000, SIGNAL_KILL = 9, LOOKS_UNANSWERED = 2 };

/* ---- the alarm ---- */

static void arm(struct rs_state *state, uint64_t deadline_ns)
{
    if (deadline_ns == 0 || (state->alarm_ns != 0 && state->alarm_ns <= deadline_ns))
        return;
    state->alarm_ns = deadline_ns;
    (void)sys_setalarm(deadline_ns);
}

uint64_t rs_deadline(struct rs_state *state, uint32_t milliseconds)
{
    uint64_t deadline = sys_uptime() + (uint64_t)milliseconds * NS_PER_MS;

    arm(state, deadline);
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
    earlier(&first, state->update.phase != RS_UPDATE_NONE ? state->update.deadline_ns : 0);
    state->alarm_ns = 0;
    if (first != UINT64_MAX)
        arm(state, first);
}

bool rs_is_due(uint64_t *deadline_ns, uint64_t now)
{
    if (*deadline_ns == 0 || *deadline_ns > now)
        return false;
    *deadline_ns = 0;
    return true;
}

/* ---- the services ---- */

static void kill_service(struct rs_slot *slot, enum rs_cause cause, const char *why)
{
    struct kernel_stacktrace_request where = { .process = slot->endpoint };

    slot->verdict = cause;
    log_warn("%s %s: it is killed", slot->manifest.label, why);
    (void)kernel_call_stacktrace(ENDPOINT_SYSTEM, &where);
    (void)sys_kill(slot->endpoint, SIGNAL_KILL);
}

/* Everybody with the same period is looked at in the same moment, so that an idle machine wakes up seldom. */
void rs_look_later(struct rs_state *state, struct rs_slot *slot)
{
    uint64_t period = (uint64_t)slot->manifest.heartbeat_ms * NS_PER_MS;

    slot->look_ns = 0;
    if (period == 0 || slot->endpoint == ENDPOINT_RS)
        return;
    slot->look_ns = ((sys_uptime() + period / 2) / period + 1) * period;
    arm(state, slot->look_ns);
}

/* RS-58 */
static void look(struct rs_state *state, struct rs_slot *slot, bool free_pass)
{
    rs_look_later(state, slot);
    if ((slot->flags & (RS_NOPINGREPLY | RS_UPDATING)) != 0)
        return;
    if (!slot->pinged) {
        slot->pinged = true;
        slot->unanswered = 0;
        (void)ipc_notify(slot->endpoint);
    } else if (!free_pass && ++slot->unanswered == LOOKS_UNANSWERED) {
        slot->flags |= RS_NOPINGREPLY;
        kill_service(slot, RS_CAUSE_HEARTBEAT, "gives no heartbeat");
    }
}

static void check_slot(struct rs_state *state, struct rs_slot *slot, uint64_t now, bool free_pass, struct outbox *outbox)
{
    if (rs_is_due(&slot->restart_ns, now))
        rs_restart(state, slot, outbox);
    if (rs_is_due(&slot->stop_ns, now))
        kill_service(slot, RS_CAUSE_STOPPED, "does not stop");
    if (rs_is_due(&slot->init_ns, now))
        kill_service(slot, RS_CAUSE_INIT, "does not come up");
    if (slot->look_ns != 0 && slot->look_ns <= now)
        look(state, slot, free_pass || now - slot->look_ns > (uint64_t)slot->manifest.heartbeat_ms * NS_PER_MS / 2);
}

void rs_tick(struct rs_state *state, struct outbox *outbox)
{
    uint64_t now = sys_uptime();
    bool initialising = false;

    if (state->shutting_down != 0)
        return;
    rs_standby_tick(state);
    rs_update_tick(state, outbox);
    rs_successor_tick(state);
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        initialising |= (state->slot[i].flags & RS_INITIALIZING) != 0;
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & RS_ACTIVE) != 0)
            check_slot(state, &state->slot[i], now, initialising, outbox);
    }
    rs_arm_first(state);
}

void rs_pong(struct rs_state *state, endpoint_t source)
{
    struct rs_slot *slot = rs_find_endpoint(state, source);

    if (slot == NULL) {
        log_warn("heartbeat from endpoint %d, which is no service of mine", source);
        return;
    }
    slot->pinged = false;
    slot->flags &= ~(uint32_t)RS_NOPINGREPLY;
}
