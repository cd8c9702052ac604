/* SPDX-License-Identifier: MIT */
/*
 * RS's next lives (behaviour.md RS-11, RS-70; ADR 0012). Two further instances of RS stand by, in a chain: the first is RS's backup signal manager, the
 * second that of the first. When RS dies the first takes its place (takeover.c) and has a backup from that moment on; then it makes a new second one.
 * They watch RS, and RS watches them: their pings are their heartbeat.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "state.h"
#include "sys/fault.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum { SILENT_LOOKS = 3 };

/* A fault that waits until what asks for it is answered. The successor finds it taken. */
static struct service_crash_request waiting_fault SERVICE_DERIVED;
static bool fault_waits SERVICE_DERIVED;

void rs_crash_myself(struct rs_state *state, const struct service_crash_request *request)
{
    if (request->call != 0 && request->call != SERVICE_CALL_ANY) {
        fault_take(request);
        return;
    }
    waiting_fault = *request;
    fault_waits = true;
    (void)rs_deadline(state, 0);
}

void rs_take_waiting_fault(void)
{
    if (!fault_waits)
        return;
    fault_waits = false;
    fault_take(&waiting_fault);
}

/* ---- privileges: who is whose backup ---- */

endpoint_t rs_backup_of(endpoint_t process)
{
    struct privilege privilege = { .backup_signal_manager = ENDPOINT_NONE };

    return rs_get_privileges(process, &privilege) == 0 ? privilege.backup_signal_manager : ENDPOINT_NONE;
}

void rs_is_alive(void)
{
    endpoint_t watcher = rs_backup_of(ENDPOINT_RS);

    if (watcher != ENDPOINT_NONE)
        (void)ipc_notify(watcher);
}

static int set_backup(endpoint_t process, endpoint_t backup)
{
    struct privilege privilege = { .backup_signal_manager = ENDPOINT_NONE };
    int result = rs_get_privileges(process, &privilege);

    if (result != 0 || privilege.backup_signal_manager == backup)
        return result;
    privilege.backup_signal_manager = backup;
    return rs_set_privileges(process, &privilege);
}

static endpoint_t spare_endpoint(const struct rs_state *state, uint32_t number)
{
    if (number >= RS_SPARES || state->spare[number] == 0)
        return ENDPOINT_NONE;
    return state->slot[state->spare[number]].endpoint;
}

/* From the end of the chain to its head, so that nobody is anybody's backup before it has one itself. */
static int relink(const struct rs_state *state)
{
    int result = 0;

    for (uint32_t i = RS_SPARES; i > 0 && result == 0; i--) {
        if (state->spare[i - 1] != 0)
            result = set_backup(spare_endpoint(state, i - 1), spare_endpoint(state, i));
    }
    return result == 0 ? set_backup(ENDPOINT_RS, spare_endpoint(state, 0)) : result;
}

/* The same rights as ours; let it run into its wait. */
static int prepare(endpoint_t spare)
{
    struct privilege privilege;
    int result = rs_get_privileges(ENDPOINT_RS, &privilege);

    if (result != 0)
        return result;
    privilege.flags |= PRIVILEGE_ROOT_SYS_PROC;
    privilege.flags &= ~(uint32_t)(PRIVILEGE_LU_SYS_PROC | PRIVILEGE_RST_SYS_PROC);
    privilege.signal_manager = ENDPOINT_RS;
    privilege.backup_signal_manager = ENDPOINT_NONE;
    result = rs_set_privileges(spare, &privilege);
    return result == 0 ? rs_allow(spare) : result;
}

/* ---- the chain ---- */

static uint32_t count_spares(const struct rs_state *state)
{
    uint32_t count = 0;

    while (count < RS_SPARES && state->spare[count] != 0)
        count++;
    return count;
}

bool rs_has_successor(const struct rs_state *state)
{
    return count_spares(state) > 0;
}

void rs_add_spare(struct rs_state *state, uint32_t index, endpoint_t endpoint)
{
    struct rs_slot *slot = &state->slot[index];

    *slot = (struct rs_slot){ .flags = RS_IN_USE | RS_SPARE, .endpoint = endpoint, .other = RS_NO_SLOT, .late = RS_NO_SLOT };
    string_copy(slot->manifest.label, sizeof(slot->manifest.label), "rs");
    slot->look_ns = rs_deadline(state, RS_WATCH_MS);
    state->spare[count_spares(state)] = index;
}

static void forget(struct rs_state *state, struct rs_slot *slot)
{
    uint32_t index = rs_index(state, slot);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < RS_SPARES; i++) {
        if (state->spare[i] != index)
            state->spare[kept++] = state->spare[i];
    }
    while (kept < RS_SPARES)
        state->spare[kept++] = 0;
}

void rs_drop_spare(struct rs_state *state, struct rs_slot *slot)
{
    forget(state, slot);
    if (relink(state) != 0)
        log_error("the standbys of rs cannot be linked");
    rs_destroy(slot->endpoint);
    rs_release(state, slot);
    state->rs_settle_ns = rs_deadline(state, 0);
}

static int make_spare(struct rs_state *state)
{
    const struct rs_slot *rs = &state->slot[ENDPOINT_RS];
    uint32_t index = rs_free_slot(state);
    endpoint_t created;
    int result;

    if (index == RS_NO_SLOT)
        return -ENOMEM;
    result = rs_create(state, rs, index, PRIVILEGE_ROOT_SYS_PROC, RS_STAYS, &created);
    if (result != 0)
        return result;
    rs_add_spare(state, index, created);
    result = prepare(created);
    if (result == 0)
        result = relink(state);
    if (result != 0)
        rs_drop_spare(state, &state->slot[index]);
    return result;
}

void rs_make_spares(struct rs_state *state)
{
    int result = 0;

    state->rs_settle_ns = 0;
    while (result == 0 && count_spares(state) < RS_SPARES)
        result = make_spare(state);
    if (result == 0)
        return;
    log_error("rs has %u standbys, another one cannot be made: error %d", count_spares(state), result);
    state->rs_settle_ns = rs_deadline(state, RS_TRY_AGAIN_MS);
}

/* ---- they watch us, we watch them ---- */

void rs_spare_pings(struct rs_slot *slot)
{
    slot->unanswered = 0;
    (void)ipc_notify(slot->endpoint);
}

static void look(struct rs_state *state, struct rs_slot *slot, uint64_t now)
{
    bool late = now - slot->look_ns > RS_WATCH_MS * 1000000ull / 2;

    slot->look_ns = rs_deadline(state, RS_WATCH_MS);
    if (late || ++slot->unanswered < SILENT_LOOKS)
        return;
    log_warn("a standby of rs does not watch: it is replaced");
    rs_drop_spare(state, slot);
}

void rs_successor_tick(struct rs_state *state)
{
    uint64_t now = sys_uptime();

    for (uint32_t i = count_spares(state); i > 0; i--) {
        struct rs_slot *slot = &state->slot[state->spare[i - 1]];

        if (slot->look_ns <= now)
            look(state, slot, now);
    }
    if (rs_is_due(&state->rs_settle_ns, now))
        rs_make_spares(state);
}
