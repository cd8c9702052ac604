/* SPDX-License-Identifier: MIT */
/*
 * A new instance of RS has the state of the last commit of the one before. What that one had told the kernel and VM after it is not in the state, and
 * is taken back here, so that the message in hand can be handled again from the beginning: processes that the state does not know, instances that have
 * changed places. Deaths that the kernel has already told of are found by rs_rescan.
 */
#include "base/string.h"
#include "errors.h"
#include "kernel_info.h"
#include "protocols/kernel_client.h"
#include "protocols/vm_client.h"
#include "rs_info.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum { SIGNAL_KILL = 9, FIRST_LOOK_NS = 100000000 };

/* What the kernel has in each slot; endpoint NONE: nothing. */
static struct process_info process[SERVICE_SLOTS] SERVICE_INSTANCE;

/* ---- taking the place ---- */

static struct rs_taking taking SERVICE_INSTANCE;

/* The RS that died at `old` had not yet taken the state over from the one before it: those two change places, and we take it. */
static int reach_behind(endpoint_t old, uint32_t stage, endpoint_t before)
{
    struct kernel_update_request swap = { .source = before, .destination = old };
    struct vm_update_request told = { .source = before, .destination = old, .space = process[endpoint_slot(before)].space };

    return stage == RS_PLACE_VM_IS_NOT_TOLD ? kernel_call_update(ENDPOINT_SYSTEM, &swap) : vm_call_update(ENDPOINT_VM, &told);
}

/* Who dies over the state before it has shown that it can live with it is followed by one that believes less of it. */
static uint32_t trust_after(const struct rs_taking *before)
{
    if (before->stage == RS_PLACE_SERVES || before->stage == RS_PLACE_VM_IS_NOT_TOLD)
        return RS_TRUST_STATE;
    return before->trust == RS_TRUST_STATE ? RS_TRUST_RECORDS : RS_TRUST_NOTHING;
}

/* What there must be should VM die now: standby.c works with it. */
static void prepare_for_vm(struct rs_state *state, endpoint_t old)
{
    if (sys_copy_from(old, (uint64_t)(uintptr_t)state, state, sizeof(*state)) != 0 || rs_state_check(state) != NULL) {
        rs_reset(state);
        state->slot[ENDPOINT_VM].endpoint = ENDPOINT_VM;
        string_copy(state->slot[ENDPOINT_VM].manifest.label, RS_LABEL_MAX, "vm");
        rs_standby_find(state, process);
    }
}

void rs_trust_less(void)
{
    if (taking.trust == RS_TRUST_STATE)
        taking.trust = RS_TRUST_RECORDS;
}

int rs_take_place(struct rs_state *state, endpoint_t old)
{
    struct vm_update_request swapped = { .source = old, .destination = ENDPOINT_RS, .swapped = 1, .space = UINT32_MAX };
    struct rs_taking before;
    int result = sys_copy_from(old, (uint64_t)(uintptr_t)&taking, &before, sizeof(before));

    if (result != 0)
        before = (struct rs_taking){ .stage = RS_PLACE_UNPROVEN };
    taking = (struct rs_taking){ .stage = RS_PLACE_VM_IS_NOT_TOLD, .dead = old, .trust = trust_after(&before) };
    (void)sys_setalarm(sys_uptime() + FIRST_LOOK_NS); /* should VM hang */
    if (rs_ask_kernel() != NULL)
        swapped.space = process[ENDPOINT_RS].space;
    prepare_for_vm(state, old);
    result = vm_call_update(ENDPOINT_VM, &swapped);
    if (result != 0)
        return result;
    taking.stage = RS_PLACE_STATE_IS_NOT_TAKEN;
    if (before.stage != RS_PLACE_SERVES)
        log_warn("rs died while it took over");
    if ((before.stage == RS_PLACE_VM_IS_NOT_TOLD || before.stage == RS_PLACE_STATE_IS_NOT_TAKEN) &&
        reach_behind(old, before.stage, before.dead) != 0)
        rs_trust_less(); /* that one is gone: what we see is a state half made */
    return 0;
}

const struct rs_taking *rs_how_taken(void)
{
    return &taking;
}

void rs_place_is_taken(void)
{
    taking.stage = RS_PLACE_UNPROVEN;
}

void rs_is_proven(void)
{
    taking.stage = RS_PLACE_SERVES;
    taking.trust = RS_TRUST_STATE;
}

/* ---- what was not committed ---- */

uint32_t rs_list_processes(uint64_t first, struct process_info *list, uint32_t room)
{
    struct kernel_getinfo_request request = {
        .what = KERNEL_INFO_PROCESSES,
        .address = (uint64_t)(uintptr_t)list,
        .length = room * sizeof(*list),
        .argument = first,
    };
    struct kernel_getinfo_reply reply = { 0 };
    uint64_t count;

    if (kernel_call_getinfo(ENDPOINT_SYSTEM, &request, &reply) != 0)
        return 0;
    count = reply.length_bytes / sizeof(*list);
    return count < room ? (uint32_t)count : room;
}

const struct process_info *rs_ask_kernel(void)
{
    static struct process_info answer[SERVICE_SLOTS] SERVICE_INSTANCE;
    size_t length = 0;
    int result = sys_getinfo(KERNEL_INFO_PROCESSES, answer, sizeof(answer), &length);

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        process[i].endpoint = ENDPOINT_NONE;
    for (uint32_t i = 0; result == 0 && i < SERVICE_SLOTS && i < length / sizeof(answer[0]); i++) {
        if (answer[i].slot < SERVICE_SLOTS)
            process[answer[i].slot] = answer[i];
    }
    return result == 0 ? process : NULL;
}

static bool is_well(endpoint_t endpoint)
{
    const struct process_info *there = &process[endpoint_slot(endpoint)];

    return there->endpoint == endpoint && (there->rts_flags & (PROCESS_SIGNALED | PROCESS_SIG_PENDING)) == 0;
}

/* The chain as the kernel has it is the chain. */
static void find_spares(struct rs_state *state)
{
    endpoint_t next = rs_backup_of(ENDPOINT_RS);

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & RS_SPARE) != 0)
            rs_release(state, &state->slot[i]);
    }
    for (uint32_t i = 0; i < RS_SPARES; i++)
        state->spare[i] = 0;
    for (uint32_t i = 0; i < RS_SPARES && next >= 0 && endpoint_slot(next) < SERVICE_SLOTS && is_well(next); i++) {
        rs_add_spare(state, endpoint_slot(next), next);
        state->space[endpoint_slot(next)] = process[endpoint_slot(next)].space;
        next = rs_backup_of(next);
    }
}

/* The service whose contents, as the state has it, are in slot `index` of the kernel; RS_NO_SLOT. */
static uint32_t whose_contents(const struct rs_state *state, uint32_t index)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (i != index && i != ENDPOINT_RS && i != ENDPOINT_VM && (state->slot[i].flags & RS_ACTIVE) != 0 &&
            state->space[i] == process[index].space)
            return i;
    }
    return RS_NO_SLOT;
}

void rs_change_back(uint32_t active, uint32_t index)
{
    struct kernel_privctl_request stop = { .process = process[active].endpoint, .request = KERNEL_PRIVILEGE_REQUEST_DISALLOW };
    struct vm_update_request update = { .source = process[index].endpoint,
                                        .destination = process[active].endpoint,
                                        .space = process[index].space };
    int result;

    (void)kernel_call_privctl(ENDPOINT_SYSTEM, &stop); /* EPERM: it has not run yet */
    result = vm_call_update(ENDPOINT_VM, &update);
    log_info("%s: half an exchange of instances is taken back: %d", process[active].name, result);
}

static void bury_predecessor(struct rs_state *state, struct rs_slot *dead, uint32_t signo)
{
    dead->flags = RS_IN_USE;
    dead->endpoint = taking.dead;
    dead->restarts = state->slot[ENDPOINT_RS].restarts;
    string_copy(dead->manifest.label, sizeof(dead->manifest.label), "rs");
    rs_note_death(dead, signo == SEF_SIGNAL_HANG ? RS_CAUSE_HEARTBEAT : RS_CAUSE_SIGNAL, (int)signo, 0);
    dead->death.resumed = 1;
    rs_bury(state, dead);
}

/* Slots that the state does not know are processes that were being made; and the dead RS. */
int rs_settle(struct rs_state *state, uint32_t signo)
{
    if (rs_ask_kernel() == NULL)
        return -EGENERIC;
    find_spares(state);
    state->space[ENDPOINT_RS] = process[ENDPOINT_RS].space;
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        uint32_t active;

        if (process[i].endpoint == ENDPOINT_NONE || (state->slot[i].flags & RS_ACTIVE) != 0)
            continue;
        active = whose_contents(state, i);
        if (active != RS_NO_SLOT)
            rs_change_back(active, i);
    }
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (process[i].endpoint == ENDPOINT_NONE || state->slot[i].flags != 0)
            continue;
        if (signo != 0 && process[i].endpoint == taking.dead)
            bury_predecessor(state, &state->slot[i], signo);
        else
            rs_destroy(process[i].endpoint);
    }
    return 0;
}

void rs_note_succession(struct rs_state *state, uint32_t signo)
{
    struct rs_slot *rs = &state->slot[ENDPOINT_RS];

    rs->restarts++;
    rs->last_signal = signo;
    rs->cause = signo == SEF_SIGNAL_HANG ? RS_CAUSE_HEARTBEAT : RS_CAUSE_SIGNAL;
    rs_publish_row(state, rs);
    state->rescan_ns = state->rs_settle_ns = rs_deadline(state, 0);
    rs_arm_first(state);
}

int rs_succeed(struct rs_state *state, uint32_t signo)
{
    int result = rs_map_archive(state);

    if (result == 0)
        result = rs_settle(state, signo);
    if (result != 0)
        return result;
    rs_self_interrupted(state);
    rs_note_succession(state, signo);
    log_info("rs is back (restart %u)", state->slot[ENDPOINT_RS].restarts);
    return 0;
}

/* ---- deaths that nobody has dealt with ---- */

void rs_rescan(struct rs_state *state, struct outbox *outbox)
{
    if (!rs_is_due(&state->rescan_ns, sys_uptime()) || rs_ask_kernel() == NULL)
        return;
    rs_crash_armed(state, NULL, &state->slot[ENDPOINT_RS], outbox);
    rs_standby_recheck(state, process);
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *slot = &state->slot[i];
        uint32_t flags = process[i].rts_flags & (PROCESS_SIGNALED | PROCESS_SIG_PENDING);

        if ((slot->flags & RS_ACTIVE) == 0 || (slot->flags & RS_TERMINATED) != 0 || i == ENDPOINT_RS)
            continue;
        if (process[i].endpoint == ENDPOINT_NONE) {
            rs_is_gone(state, &state->slot[i], outbox);
        } else if (flags == PROCESS_SIG_PENDING) {
            log_info("the death of %s was not dealt with", slot->manifest.label);
            (void)rs_signal(state, process[i].endpoint, SIGNAL_KILL, outbox);
        }
    }
}
