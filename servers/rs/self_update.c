/* SPDX-License-Identifier: MIT */
/*
 * Live update of RS itself (behaviour.md LU-12, SEF-3, RS-11; ADR 0014). The new version is its own signal manager, and the old one its backup: at a commit
 * the old one lets the two change places and waits where the new one was. A new version that crashes, does not take over or hangs dies of a lethal signal,
 * of which the kernel tells the old one, who changes places again. One that is up makes standbys of its own kind, whereby the old one stops being
 * its backup, and removes it.
 */
#include "errors.h"
#include "kernel_signals.h"
#include "privilege.h"
#include "protocols/kernel_client.h"
#include "protocols/rs.h"
#include "protocols/vm_client.h"
#include "rs_info.h"
#include "state.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef.h"
#include "sys/syscalls.h"

enum { TAKE_OVER_MS = 2000 };

static struct rs_slot *other_of(struct rs_state *state)
{
    return &state->slot[state->slot[ENDPOINT_RS].other];
}

int rs_self_prepare(struct rs_state *state)
{
    endpoint_t new = other_of(state)->endpoint;
    struct privilege privilege;
    int result = rs_get_privileges(ENDPOINT_RS, &privilege);

    if (result != 0)
        return result;
    privilege.flags &= ~(uint32_t)PRIVILEGE_RST_SYS_PROC;
    privilege.flags |= PRIVILEGE_LU_SYS_PROC | PRIVILEGE_ROOT_SYS_PROC;
    privilege.signal_manager = ENDPOINT_RS;
    privilege.backup_signal_manager = new; /* that is where we shall be */
    result = rs_set_privileges(new, &privilege);
    return result == 0 ? sef_update_self((int)state->update.state, state->update.fault) : result;
}

/* ---- the old version ---- */

/* VM first: it takes our word only as long as we are RS. None of our pages is absent. */
static int change_places(const struct rs_state *state, endpoint_t other)
{
    struct vm_update_request told = { .source = other, .destination = ENDPOINT_RS, .swapped = 1 };
    struct kernel_update_request swap = { .source = other, .destination = ENDPOINT_RS };
    int result;

    told.space = state->space[endpoint_slot(other)];
    result = vm_call_update(ENDPOINT_VM, &told);
    if (result != 0)
        return result;
    result = kernel_call_update(ENDPOINT_SYSTEM, &swap);
    told.space = state->space[ENDPOINT_RS];
    if (result != 0)
        (void)vm_call_update(ENDPOINT_VM, &told);
    return result;
}

static bool has_died(struct rs_slot *new)
{
    struct kernel_getksig_reply reply = { .process = ENDPOINT_NONE };

    if (kernel_call_getksig(ENDPOINT_SYSTEM, &reply) != 0 || reply.process != ENDPOINT_RS)
        return false;
    sef_keep_details(&reply);
    rs_note_signal(new, reply.signals != 0 ? __builtin_ctzll(reply.signals) + 1 : SEF_SIGNAL_HANG);
    return true;
}

/* Returns when the new version has died; if it lives nobody returns from here. */
static void wait_for_its_death(struct rs_slot *new)
{
    struct message message;
    bool died = false;

    (void)sys_setalarm(sys_uptime() + TAKE_OVER_MS * 1000000ull);
    while (!died) {
        if (ipc_await(ENDPOINT_ANY, &message) != 0)
            continue;
        if (message.source == ENDPOINT_SYSTEM) {
            died = has_died(new);
        } else if (message.source == ENDPOINT_CLOCK) {
            log_warn("the new rs does not come up: it is killed");
            new->verdict = RS_CAUSE_INIT;
            (void)sys_kill(ENDPOINT_RS, SEF_SIGNAL_HANG);
        }
    }
}

static int come_back(const struct rs_state *state, endpoint_t place)
{
    struct kernel_update_request swap = { .source = place, .destination = ENDPOINT_RS };
    struct vm_update_request told = { .source = place, .destination = ENDPOINT_RS, .swapped = 1, .space = state->space[ENDPOINT_RS] };
    int result = kernel_call_update(ENDPOINT_SYSTEM, &swap);

    return result == 0 ? vm_call_update(ENDPOINT_VM, &told) : result;
}

int rs_self_hand_over(struct rs_state *state, int result)
{
    endpoint_t place = other_of(state)->endpoint;

    if (result == 0 && state->update.phase != RS_UPDATE_PREPARING)
        return -EINTR; /* given up meanwhile */
    state->update.deadline_ns = rs_deadline(state, 0);
    state->update.result = result;
    if (result != 0)
        return result;
    state->update.phase = RS_UPDATE_INIT;
    state->update.result = change_places(state, place);
    if (state->update.result == 0) {
        result = rs_allow(ENDPOINT_RS);
        if (result != 0) /* it cannot even die of that */
            (void)sys_kill(ENDPOINT_RS, SEF_SIGNAL_HANG);
        other_of(state)->restarts = state->slot[ENDPOINT_RS].restarts;
        wait_for_its_death(other_of(state));
        if (come_back(state, place) != 0)
            log_error("the old rs cannot come back");
        state->update.result = -ERESTART;
    }
    return (int)state->update.result;
}

int rs_self_came_back(struct rs_state *state)
{
    log_warn("rs: the new version failed, the old one goes on");
    (void)rs_settle(state, 0);
    rs_arm_first(state);
    return 0;
}

void rs_self_interrupted(struct rs_state *state)
{
    if (state->update.phase == RS_UPDATE_NONE || state->update.phase == RS_UPDATE_DONE || state->update.slot != ENDPOINT_RS)
        return;
    state->update.phase = RS_UPDATE_INIT;
    state->update.result = -ERESTART;
    state->update.deadline_ns = rs_deadline(state, 0);
}

/* ---- the new version ---- */

int rs_self_took_over(struct rs_state *state)
{
    struct rs_slot *rs = &state->slot[ENDPOINT_RS];
    uint32_t old_spare[RS_SPARES];
    int result = rs_map_archive(state);

    if (result != 0)
        return result;
    rs_spaces_changed(state, rs->other, ENDPOINT_RS);
    rs_update_adopt_image(state, rs);
    for (uint32_t i = 0; i < RS_SPARES; i++) {
        old_spare[i] = state->spare[i];
        state->spare[i] = 0;
    }
    state->update.phase = RS_UPDATE_DONE;
    state->update.result = 0;
    state->update.deadline_ns = rs_deadline(state, 0);
    rs_make_spares(state);
    if (!rs_has_successor(state))
        return -ENOMEM;

    /* From here on a crash is our own affair: the old version cannot come back. */
    rs_destroy(other_of(state)->endpoint);
    rs_release(state, other_of(state));
    rs->other = RS_NO_SLOT;
    for (uint32_t i = 0; i < RS_SPARES; i++) {
        if (old_spare[i] == 0)
            continue;
        rs_destroy(state->slot[old_spare[i]].endpoint);
        rs_release(state, &state->slot[old_spare[i]]);
    }
    rs_arm_first(state);
    return 0;
}
