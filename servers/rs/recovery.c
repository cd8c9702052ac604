/* SPDX-License-Identifier: MIT */
/*
 * Death and life of services (behaviour.md sections 8 and 9): signals, side-by-side restart with the endpoint kept, growing delays,
 * heartbeat, stopping.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/pm.h"
#include "protocols/service_client.h"
#include "protocols/vm_client.h"
#include "rs_info.h"
#include "state.h"
#include "sys/log.h"
#include "sys/syscalls.h"

/* Linux's numbers. */
enum {
    SIGNAL_ILL = 4,
    SIGNAL_TRAP = 5,
    SIGNAL_ABRT = 6,
    SIGNAL_BUS = 7,
    SIGNAL_FPE = 8,
    SIGNAL_KILL = 9,
    SIGNAL_SEGV = 11,
    SIGNAL_PIPE = 13,
    SIGNAL_TERM = 15,
    SIGNAL_SYS = 31,
};

static bool is_termination(int signo)
{
    switch (signo) {
    case SIGNAL_ILL:
    case SIGNAL_TRAP:
    case SIGNAL_ABRT:
    case SIGNAL_BUS:
    case SIGNAL_FPE:
    case SIGNAL_KILL:
    case SIGNAL_SEGV:
    case SIGNAL_PIPE:
    case SIGNAL_SYS:
        return true;
    default:
        return false;
    }
}

/* ---- the old instance, once it is not needed any more ---- */

static void drop_old(struct rs_state *state, struct rs_slot *slot)
{
    struct rs_slot *old;

    if (slot->other == RS_NO_SLOT)
        return;
    old = &state->slot[slot->other];
    slot->other = RS_NO_SLOT;
    old->image_pages = 0; /* the image belongs to the active slot */
    rs_bury(state, old);
}

/* ---- stopping ---- */

void rs_clear_instances(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    rs_replica_drop(state, slot, outbox);
    drop_old(state, slot);
    rs_destroy(slot->endpoint);
}

static void remove_service(struct rs_state *state, struct rs_slot *slot, int status, struct outbox *outbox)
{
    rs_withdraw(state, slot, outbox);
    rs_replica_drop(state, slot, outbox);
    drop_old(state, slot);
    rs_late_reply(state, slot, status, outbox);
    slot->flags &= ~(uint32_t)RS_ACTIVE;
    rs_bury(state, slot);
}

void rs_remove(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    remove_service(state, slot, 0, outbox);
}

void rs_stop(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    struct service_signal_received_request request = { .signal = SIGNAL_TERM };

    if ((slot->flags & RS_TERMINATED) != 0) {
        remove_service(state, slot, 0, outbox);
        return;
    }
    slot->stop_ns = rs_deadline(state, RS_TERM_MS);
    service_send_signal_received(outbox, slot->endpoint, 0, &request);
    rs_publish_row(state, slot);
}

void rs_is_gone(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    remove_service(state, slot, (slot->flags & RS_EXITING) != 0 ? 0 : -EGENERIC, outbox);
}

/* ---- restart ---- */

/* RS-57: 0, then 2, 4, 8 .. 30 periods; with the image in memory 2, 4, 8 .. milliseconds, at most one period. */
static uint32_t backoff_ms(const struct rs_slot *slot)
{
    uint32_t doubled = slot->recent < 16 ? 1u << slot->recent : 1u << 16;

    if (slot->recent == 0)
        return 0;
    if ((slot->manifest.sys_flags & RS_SYS_USE_COPY) != 0)
        return doubled * (RS_BACKOFF_MS / 2) < RS_PERIOD_MS ? doubled * (RS_BACKOFF_MS / 2) : RS_PERIOD_MS;
    return (doubled < RS_BACKOFF_CAP ? doubled : RS_BACKOFF_CAP) * RS_PERIOD_MS;
}

static void wait_for_restart(struct rs_state *state, struct rs_slot *slot)
{
    slot->flags |= RS_TERMINATED;
    slot->flags &= ~(uint32_t)(RS_INITIALIZING | RS_NOPINGREPLY);
    slot->init_ns = slot->look_ns = 0;
    slot->restart_ns = rs_deadline(state, backoff_ms(slot));
    rs_publish_row(state, slot);
}

void rs_spaces_changed(struct rs_state *state, uint32_t a, uint32_t b)
{
    uint32_t space = state->space[a];

    state->space[a] = state->space[b];
    state->space[b] = space;
}

/* The replica, or a new instance. */
static int second_instance(struct rs_state *state, struct rs_slot *slot, uint32_t *index, endpoint_t *created, struct outbox *outbox)
{
    *index = rs_replica_take(state, slot, created, outbox);
    if (*index != RS_NO_SLOT)
        return 0;
    *index = rs_free_slot(state);
    return *index == RS_NO_SLOT ? -ENOMEM : rs_create(state, slot, *index, PRIVILEGE_RST_SYS_PROC, RS_PASSES, created);
}

/* Put it beside the dead one and let them change places. */
static int replace(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    uint32_t index;
    struct vm_update_request update = { .destination = slot->endpoint };
    struct rs_slot *old;
    endpoint_t created;
    int result = second_instance(state, slot, &index, &created, outbox);

    if (result != 0)
        return result;
    update.source = created;
    update.space = state->space[index];
    result = vm_call_update(ENDPOINT_VM, &update);
    if (result != 0) {
        rs_destroy(created);
        return result;
    }
    old = &state->slot[index];
    *old = (struct rs_slot){
        .flags = RS_IN_USE | RS_OLD, .endpoint = created, .other = (uint16_t)rs_index(state, slot), .late = RS_NO_SLOT
    };
    string_copy(old->manifest.label, sizeof(old->manifest.label), slot->manifest.label);
    old->restarts = slot->restarts;
    old->death = slot->death;
    slot->death.cause = RS_CAUSE_NONE;
    slot->other = (uint16_t)index;
    rs_spaces_changed(state, index, rs_index(state, slot));
    return 0;
}

void rs_restart(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    bool resume = slot->manifest.resume && (slot->flags & RS_FRESH) == 0;
    int result;

    if (!resume)
        rs_start_afresh(state, slot, outbox);
    drop_old(state, slot);
    result = replace(state, slot, outbox);
    if (result != 0) {
        log_error("%s cannot be replaced: error %d", slot->manifest.label, result);
        slot->recent++;
        wait_for_restart(state, slot);
        return;
    }
    slot->flags &= ~(uint32_t)(RS_TERMINATED | RS_NOPINGREPLY | RS_EXITING | RS_SCRIPT);
    slot->flags |= RS_RESTARTING;
    slot->restarts++;
    slot->recent++;
    slot->stop_ns = slot->restart_ns = 0;
    rs_send_init(state, slot, SERVICE_INIT_TYPE_RESTART, resume ? state->slot[slot->other].endpoint : ENDPOINT_NONE, outbox);
}

void rs_recover(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    if (sys_uptime() >= slot->started_ns + RS_SERVED_MS * 1000000ull)
        slot->recent = 0;
    if (slot->recent == 0)
        rs_restart(state, slot, outbox);
    else
        wait_for_restart(state, slot);
}

/* The new instance of a running service did not come up. */
static void restart_failed(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    bool was_fresh = (slot->flags & RS_FRESH) != 0 || !slot->manifest.resume;

    slot->flags &= ~(uint32_t)(RS_INITIALIZING | RS_RESTARTING);
    slot->flags |= RS_FRESH;
    if (!was_fresh) {
        log_warn("%s cannot go on with its old state: it starts afresh", slot->manifest.label);
        rs_restart(state, slot, outbox);
        return;
    }
    wait_for_restart(state, slot);
}

static void boot_failed(struct rs_state *state, const struct rs_slot *slot)
{
    struct kernel_abort_request request = { .how = KERNEL_SHUTDOWN_PANIC };

    log_error("unable to complete init for service %s", slot->manifest.label);
    if ((slot->manifest.sys_flags & RS_SYS_CORE) != 0 && state->boot_step != RS_BOOT_DONE)
        (void)kernel_call_abort(ENDPOINT_SYSTEM, &request);
}

/* RS-61: what dies in its first init is not started again. */
static void start_failed(struct rs_state *state, struct rs_slot *slot, int status, struct outbox *outbox)
{
    bool counted = state->boot_step != RS_BOOT_DONE && rs_index(state, slot) < RS_FIRST_DYNAMIC;

    boot_failed(state, slot);
    if (counted)
        rs_boot_ready(state, slot, outbox);
    remove_service(state, slot, status, outbox);
}

static void has_died(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    if (rs_update_died(state, slot, outbox))
        return;
    if (slot->endpoint == ENDPOINT_VM) {
        rs_vm_died(state, outbox);
        return;
    }
    if ((slot->flags & RS_REFRESHING) != 0) {
        slot->flags &= ~(uint32_t)(RS_REFRESHING | RS_EXITING);
        slot->recent = 0;
        if (rs_has_script(slot))
            rs_script_start(state, slot, PM_SCRIPT_REASON_RESTART, outbox);
        else
            rs_restart(state, slot, outbox);
    } else if ((slot->flags & RS_EXITING) != 0) {
        remove_service(state, slot, 0, outbox);
    } else if (state->shutting_down != 0) {
        slot->flags |= RS_TERMINATED;
    } else if ((slot->flags & RS_RESTARTING) != 0) {
        restart_failed(state, slot, outbox);
    } else if ((slot->flags & RS_INITIALIZING) != 0) {
        start_failed(state, slot, -EGENERIC, outbox);
    } else if (rs_has_script(slot) && (slot->flags & RS_FALLS) == 0) {
        bool silent = (slot->flags & RS_NOPINGREPLY) != 0;

        rs_script_start(state, slot, silent ? PM_SCRIPT_REASON_NO_HEARTBEAT : PM_SCRIPT_REASON_TERMINATED, outbox);
    } else {
        rs_recover(state, slot, outbox);
    }
}

void rs_note_signal(struct rs_slot *slot, int signo)
{
    slot->last_signal = (uint32_t)signo;
    if (slot->verdict != RS_CAUSE_NONE)
        slot->cause = slot->verdict;
    else
        slot->cause = (slot->flags & (RS_EXITING | RS_REFRESHING)) != 0 ? RS_CAUSE_STOPPED : RS_CAUSE_SIGNAL;
    slot->verdict = RS_CAUSE_NONE;
    rs_note_death(slot, slot->cause, signo, 0);
}

int rs_signal(struct rs_state *state, endpoint_t target, int signo, struct outbox *outbox)
{
    struct rs_slot *slot = rs_find_endpoint(state, target);
    struct service_signal_received_request request = { .signal = signo };

    if (slot == NULL) {
        log_warn("signal %d for endpoint %d, which is no service of mine", signo, target);
        return 0;
    }
    if ((slot->flags & RS_SPARE) != 0 && is_termination(signo)) {
        log_warn("a standby of rs died of signal %d", signo);
        rs_drop_spare(state, slot);
    }
    if ((slot->flags & RS_ACTIVE) == 0 ||
        (slot->flags & RS_TERMINATED) != 0) /* a body, or the body of the VM before, which stands by now */
        return -EDEADEPT;
    if (!is_termination(signo)) {
        service_send_signal_received(outbox, target, 0, &request);
        return 0;
    }
    rs_note_signal(slot, signo);
    rs_crash_armed(state, NULL, slot, outbox);
    log_info("%s died of signal %d%s", slot->manifest.label, signo, (slot->flags & RS_EXITING) != 0 ? ", as asked" : "");
    has_died(state, slot, outbox);
    return -EDEADEPT;
}

/* ---- init ---- */

static void init_succeeded(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    bool was_fresh = (slot->flags & RS_FRESH) != 0 || !slot->manifest.resume;
    bool restarted = (slot->flags & RS_RESTARTING) != 0;

    slot->flags &= ~(uint32_t)(RS_INITIALIZING | RS_RESTARTING | RS_FRESH | RS_FALLS | RS_REINCARNATE);
    slot->init_ns = 0;
    slot->started_ns = sys_uptime();
    rs_look_later(state, slot);
    if (slot->other != RS_NO_SLOT)
        state->slot[slot->other].death.resumed = !was_fresh;
    drop_old(state, slot);
    rs_publish_row(state, slot);
    rs_late_reply(state, slot, 0, outbox);
    rs_replica_keep(state, slot, outbox);
    if (!restarted)
        return;
    log_info("%s is back%s (restart %u)", slot->manifest.label, was_fresh ? " with a new state" : "", slot->restarts);
    if (was_fresh)
        rs_announce_all_to(state, slot->endpoint, outbox);
}

void rs_init_done(struct rs_state *state, struct rs_slot *slot, int result, struct outbox *outbox)
{
    if (result != 0)
        rs_note_death(slot, RS_CAUSE_INIT, 0, result);
    if (rs_update_init_done(state, slot, result, outbox))
        return;
    if (result == 0) {
        init_succeeded(state, slot, outbox);
        rs_boot_ready(state, slot, outbox);
        return;
    }
    if (result == -ERESTART && (slot->flags & RS_RESTARTING) != 0 && rs_may_reincarnate(slot)) {
        rs_reincarnate(state, slot, outbox);
        return;
    }
    slot->cause = RS_CAUSE_INIT;
    log_warn("%s: init failed: error %d", slot->manifest.label, result);
    if ((slot->flags & RS_RESTARTING) != 0)
        restart_failed(state, slot, outbox);
    else
        start_failed(state, slot, result, outbox);
}
