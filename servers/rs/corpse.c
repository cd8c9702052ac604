/* SPDX-License-Identifier: MIT */
/*
 * Dead instances that the coroner (user/coroner, a program) looks at before they go. Recovery never waits for it: what is kept here has a successor that
 * serves already. Few are kept, for a short time, and only while there is a coroner.
 */
#include "base/elf.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/rs_server.h"
#include "protocols/vm_client.h"
#include "rs_corpse.h"
#include "state.h"
#include "sys/call.h"
#include "sys/sef.h"
#include "sys/syscalls.h"

enum { KEPT_MAX = 4, PATIENCE_MS = 10000, READ_MAX = 65536, BURST = 3, ROOM_BYTES = 4 << 20 };

static const uint64_t interval_ns = 1000000000; /* between two reports of one service, but for BURST of them */

void rs_note_death(struct rs_slot *slot, uint32_t cause, int signo, int result)
{
    const struct sef_signal_details *details = sef_signal_details();

    slot->death = (struct rs_death){ .cause = cause, .signo = signo, .result = result, .time_ns = sys_uptime() };
    if (cause != RS_CAUSE_SIGNAL)
        return;
    slot->death.code = details->code;
    slot->death.trap = details->trap;
    slot->death.error = details->error;
    slot->death.address = details->address;
}

static void remove_corpse(struct rs_state *state, struct rs_slot *slot)
{
    rs_destroy(slot->endpoint);
    rs_release(state, slot);
}

/* The one that died first of those not taken yet, or the one that is. */
static struct rs_slot *find_corpse(struct rs_state *state, bool taken)
{
    struct rs_slot *first = NULL;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_CORPSE) == 0 || (slot->flags & RS_TAKEN) != (taken ? RS_TAKEN : 0))
            continue;
        if (first == NULL || slot->death.time_ns < first->death.time_ns)
            first = slot;
    }
    return first;
}

static bool is_corpse_of(const struct rs_slot *slot, const char *label)
{
    return (slot->flags & RS_CORPSE) != 0 && (label == NULL || strcmp(slot->manifest.label, label) == 0);
}

/* In slots; NULL: of all services. */
static uint32_t count_corpses(const struct rs_state *state, const char *label)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        count += is_corpse_of(&state->slot[i], label);
    return count;
}

uint32_t rs_count_corpses(const struct rs_state *state, const char *label)
{
    bool is_vm = strcmp(state->slot[ENDPOINT_VM].manifest.label, label) == 0;

    return count_corpses(state, label) + (is_vm && state->remains.is_there);
}

static bool is_rare(struct rs_slot *alive, uint64_t now)
{
    if (alive->reports_ns < now)
        alive->reports_ns = now;
    if (alive->reports_ns > now + (BURST - 1) * interval_ns)
        return false;
    alive->reports_ns += interval_ns;
    return true;
}

void rs_miss_report(struct rs_state *state)
{
    state->coroner.missed += state->coroner.is_there;
}

/* Is it worth a report, and is there somebody to write it? */
static bool is_wanted(const struct rs_state *state, const struct rs_death *death)
{
    return state->coroner.is_there && death->cause != RS_CAUSE_NONE && death->cause != RS_CAUSE_STOPPED && death->cause != RS_CAUSE_DEPENDS;
}

static bool is_too_often(struct rs_state *state, const char *label, const struct rs_death *death)
{
    struct rs_slot *alive = rs_find_label(state, label);

    return alive != NULL && !is_rare(alive, death->time_ns);
}

/* Programs are not to miss what a dead instance has. */
static bool is_memory_left(void)
{
    struct vm_info_reply memory;

    return vm_call_info(ENDPOINT_VM, &memory) == 0 && memory.available_bytes >= ROOM_BYTES;
}

static bool has_room(struct rs_state *state)
{
    if (is_memory_left())
        return count_corpses(state, NULL) < KEPT_MAX;
    return rs_drop_corpses(state) && is_memory_left();
}

static bool has_room_for_vm(struct rs_state *state)
{
    return !state->remains.is_there;
}

static bool is_kept(struct rs_state *state, const char *label, const struct rs_death *death, bool (*is_room)(struct rs_state *state))
{
    if (!is_wanted(state, death))
        return false;
    if (is_room(state) && !is_too_often(state, label, death))
        return true;
    rs_miss_report(state);
    return false;
}

static void tell_coroner(struct rs_state *state, int status)
{
    if (!state->coroner.waits)
        return;
    rs_finish(&state->operation[state->coroner.operation], status, outbox_default());
    state->coroner.waits = false;
}

static void call_coroner(struct rs_state *state)
{
    if (state->coroner.deadline_ns == 0)
        state->coroner.deadline_ns = rs_deadline(state, PATIENCE_MS);
    tell_coroner(state, 0);
}

void rs_bury(struct rs_state *state, struct rs_slot *dead)
{
    struct rs_slot kept = { .flags = RS_IN_USE | RS_CORPSE, .endpoint = dead->endpoint, .other = RS_NO_SLOT, .late = RS_NO_SLOT };

    if (!is_kept(state, dead->manifest.label, &dead->death, has_room)) {
        remove_corpse(state, dead);
        return;
    }
    kept.death = dead->death;
    kept.restarts = dead->restarts;
    string_copy(kept.manifest.label, sizeof(kept.manifest.label), dead->manifest.label);
    rs_release(state, dead);
    *dead = kept;
    call_coroner(state);
}

void rs_bury_vm(struct rs_state *state, const struct rs_slot *model, endpoint_t body, uint32_t restarts, bool is_resumed)
{
    struct rs_slot *vm = &state->slot[ENDPOINT_VM];
    struct rs_death death = vm->death;

    vm->death.cause = RS_CAUSE_NONE;
    death.resumed = is_resumed;
    if (!is_kept(state, vm->manifest.label, &death, has_room_for_vm))
        return;
    rs_remains_keep(model, body, death.time_ns);
    state->remains = (struct rs_remains){ .is_there = true, .restarts = restarts, .death = death };
    call_coroner(state);
}

bool rs_drop_corpses(struct rs_state *state)
{
    bool dropped = false;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & RS_CORPSE) == 0)
            continue;
        if ((state->slot[i].flags & RS_TAKEN) == 0)
            rs_miss_report(state);
        remove_corpse(state, &state->slot[i]);
        dropped = true;
    }
    return dropped;
}

void rs_coroner_tick(struct rs_state *state)
{
    if (!rs_is_due(&state->coroner.deadline_ns, sys_uptime()))
        return;
    state->coroner.is_there = false; /* until it asks again */
    state->remains = (struct rs_remains){ .is_there = false };
    (void)rs_drop_corpses(state);
}

static void bury_taken(struct rs_state *state)
{
    struct rs_slot *taken = find_corpse(state, true);

    if (taken != NULL)
        remove_corpse(state, taken);
    if (state->remains.is_taken)
        state->remains = (struct rs_remains){ .is_there = false };
}

int rs_corpse_wait(struct rs_state *state, struct rs_operation *operation)
{
    tell_coroner(state, -EAGAIN); /* another one, or the same after a signal */
    bury_taken(state);
    state->coroner.is_there = true;
    state->coroner.reader = operation->caller;
    if (find_corpse(state, false) != NULL || state->remains.is_there)
        return 0;
    state->coroner.deadline_ns = 0;
    state->coroner.waits = true;
    operation->stage = RS_STAGE_LATE;
    state->coroner.operation = (uint32_t)(operation - state->operation);
    return CALL_PARKED;
}

void rs_coroner_expect(struct rs_state *state)
{
    state->coroner.is_there = true;
    state->coroner.reader = ENDPOINT_NONE;
    state->coroner.deadline_ns = rs_deadline(state, PATIENCE_MS);
}

void rs_coroner_has_ended(struct rs_state *state)
{
    tell_coroner(state, -EAGAIN);
    state->coroner.is_there = false;
    bury_taken(state);
}

static bool is_coroner(const struct rs_state *state, const struct call *call)
{
    return state->coroner.is_there && call->caller == state->coroner.reader;
}

uint64_t rs_image_entry(const struct rs_slot *slot)
{
    struct elf_header header = { .entry = 0 };

    if (slot->image_length >= sizeof(header))
        memcpy(&header, (const uint8_t *)(uintptr_t)slot->image, sizeof(header));
    return header.entry;
}

static void describe(struct rs_state *state, const char *label, const struct rs_death *death, struct rs_corpse *corpse)
{
    const struct rs_slot *alive = rs_find_label(state, label);

    string_copy(corpse->label, sizeof(corpse->label), label);
    corpse->death = *death;
    corpse->entry = alive != NULL ? rs_image_entry(alive) : 0;
    corpse->served = alive != NULL ? alive->endpoint : ENDPOINT_NONE;
}

static void describe_instance(struct rs_state *state, const struct rs_slot *slot, struct rs_corpse *corpse)
{
    struct kernel_getregs_request registers = { .process = slot->endpoint, .registers = (uint64_t)(uintptr_t)corpse->registers };

    (void)kernel_call_getregs(ENDPOINT_SYSTEM, &registers); /* fails if it never ran: zeros */
    describe(state, slot->manifest.label, &slot->death, corpse);
    corpse->endpoint = slot->endpoint;
    corpse->restarts = slot->restarts;
}

/* False: there are none, or they were lost with the RS before us. */
static bool describe_remains(struct rs_state *state, struct rs_corpse *corpse)
{
    if (!state->remains.is_there)
        return false;
    if (!rs_remains_registers(state->remains.death.time_ns, corpse->registers)) {
        state->remains.is_there = false;
        rs_miss_report(state);
        return false;
    }
    describe(state, state->slot[ENDPOINT_VM].manifest.label, &state->remains.death, corpse);
    corpse->endpoint = ENDPOINT_VM;
    corpse->restarts = state->remains.restarts;
    return true;
}

int rs_handle_corpse_take(struct rs_state *state, struct call *call, const struct rs_corpse_take_request *request)
{
    struct rs_corpse corpse = { .missed = 0 };
    struct rs_slot *slot = NULL;
    int result;

    if (!is_coroner(state, call))
        return -EPERM;
    bury_taken(state);
    if (!describe_remains(state, &corpse)) {
        slot = find_corpse(state, false);
        if (slot == NULL)
            return -EAGAIN;
        describe_instance(state, slot, &corpse);
    }
    corpse.missed = state->coroner.missed;
    result = sys_copy_to(call->caller, request->corpse, &corpse, sizeof(corpse));
    if (result != 0)
        return result;
    if (slot != NULL)
        slot->flags |= RS_TAKEN;
    else
        state->remains.is_taken = true;
    state->coroner.missed = 0;
    state->coroner.deadline_ns = rs_deadline(state, PATIENCE_MS);
    return 0;
}

int rs_handle_corpse_read(struct rs_state *state, struct call *call, const struct rs_corpse_read_request *request)
{
    const struct rs_slot *slot = find_corpse(state, true);

    if (!is_coroner(state, call))
        return -EPERM;
    if ((slot == NULL && !state->remains.is_taken) || request->length > READ_MAX)
        return -EINVAL;
    if (slot == NULL)
        return rs_remains_read(call->caller, request->from, request->to, request->length);
    return sys_vircopy(slot->endpoint, request->from, call->caller, request->to, request->length);
}
