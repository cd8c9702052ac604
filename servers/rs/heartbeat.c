/* SPDX-License-Identifier: MIT */
/*
 * Hangs (behaviour.md RS-58). Each period RS pings; who has not answered at the second look after that is suspected. Looks that come late do not count: a
 * machine that stood still kills nobody. Who runs in a circle keeps others from answering, who wait for it or for its processor; so of several suspects
 * only those die that used their time, or else those that do not wait for another one.
 */
#include "kernel_info.h"
#include "protocols/kernel_client.h"
#include "rs_info.h"
#include "state.h"
#include "sys/integrity.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/syscalls.h"

enum { NS_PER_MS = 1000000, SIGNAL_KILL = 9, LOOKS_UNANSWERED = 2 };

void rs_kill(struct rs_slot *slot, uint32_t cause, const char *why)
{
    struct kernel_stacktrace_request where = { .process = slot->endpoint };

    slot->verdict = cause;
    log_warn("%s %s: it is killed", slot->manifest.label, why);
    (void)kernel_call_stacktrace(ENDPOINT_SYSTEM, &where);
    (void)sys_kill(slot->endpoint, SIGNAL_KILL);
}

static uint64_t period_of(const struct rs_slot *slot)
{
    return (uint64_t)slot->manifest.heartbeat_ms * NS_PER_MS;
}

/* Everybody with the same period is looked at in the same moment, so that an idle machine wakes up seldom, and suspects are seen together. */
void rs_look_later(struct rs_state *state, struct rs_slot *slot)
{
    uint64_t period = period_of(slot);

    slot->look_ns = 0;
    if (period == 0 || slot->endpoint == ENDPOINT_RS)
        return;
    slot->look_ns = ((sys_uptime() + period / 2) / period + 1) * period;
    rs_arm(state, slot->look_ns);
}

/* Processor time of a service; 0 if the kernel does not say. */
static uint64_t used_ns(const struct rs_slot *slot)
{
    struct kernel_times_request request = { .process = slot->endpoint };
    struct kernel_times_reply reply = { 0 };

    if (kernel_call_times(ENDPOINT_SYSTEM, &request, &reply) != 0)
        return 0;
    return reply.user_ns + reply.system_ns;
}

static bool has_run(const struct rs_slot *slot)
{
    return used_ns(slot) - slot->used_ns >= period_of(slot) / 4;
}

void rs_look(struct rs_state *state, struct rs_slot *slot, uint64_t now, bool free_pass)
{
    bool late = now - slot->look_ns > period_of(slot) / 2;

    rs_look_later(state, slot);
    if ((slot->flags & (RS_NOPINGREPLY | RS_UPDATING)) != 0)
        return;
    if (!slot->pinged) {
        slot->pinged = true;
        slot->unanswered = 0;
        slot->used_ns = used_ns(slot);
        (void)ipc_notify(slot->endpoint);
        return;
    }
    if (late || (free_pass && !has_run(slot)))
        return;
    if (++slot->unanswered < LOOKS_UNANSWERED)
        slot->used_ns = used_ns(slot);
}

/* ---- who of the suspects it was ---- */

static bool is_suspect(const struct rs_slot *slot)
{
    return (slot->flags & RS_ACTIVE) != 0 && slot->pinged && slot->unanswered >= LOOKS_UNANSWERED && (slot->flags & RS_NOPINGREPLY) == 0;
}

static bool waits_for_another(struct rs_state *state, const struct rs_slot *slot, const struct process_info *process)
{
    endpoint_t other = process != NULL ? process[rs_index(state, slot)].waits_for : ENDPOINT_NONE;
    const struct rs_slot *holder = rs_find_endpoint(state, other);

    return holder != NULL && holder != slot && is_suspect(holder);
}

static uint32_t mark(struct rs_state *state, const struct process_info *process, bool runners)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        struct rs_slot *slot = &state->slot[i];

        if (!is_suspect(slot))
            continue;
        slot->is_guilty = runners ? has_run(slot) : !waits_for_another(state, slot, process);
        count += slot->is_guilty;
    }
    return count;
}

/* Who is about to start has waited for those that hung, or for their processor. */
static void allow_more_time(struct rs_state *state)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (state->slot[i].init_ns != 0)
            state->slot[i].init_ns = rs_deadline(state, RS_REINIT_MS);
    }
}

void rs_judge(struct rs_state *state)
{
    uint32_t suspects = 0, guilty;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        suspects += is_suspect(&state->slot[i]);
    if (suspects == 0)
        return;
    guilty = mark(state, NULL, true);
    if (guilty == 0)
        guilty = mark(state, rs_ask_kernel(), false);
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        struct rs_slot *slot = &state->slot[i];

        if (!is_suspect(slot))
            continue;
        if (guilty > 0 && !slot->is_guilty) {
            slot->unanswered--; /* one more period */
            slot->used_ns = used_ns(slot);
            continue;
        }
        slot->flags |= RS_NOPINGREPLY;
        rs_kill(slot, RS_CAUSE_HEARTBEAT, "gives no heartbeat");
    }
    if (guilty > 0)
        allow_more_time(state);
}

void rs_pong(struct rs_state *state, endpoint_t source)
{
    struct rs_slot *slot = rs_find_endpoint(state, source);

    if (slot == NULL) {
        log_warn("heartbeat from endpoint %d, which is no service of mine", source);
        return;
    }
    if ((slot->flags & RS_SPARE) != 0) {
        integrity_check();
        rs_spare_pings(slot);
        return;
    }
    slot->pinged = false;
    slot->flags &= ~(uint32_t)RS_NOPINGREPLY;
}
