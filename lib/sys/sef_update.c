/* SPDX-License-Identifier: MIT */
/*
 * Live update, the old version's side: become ready for a state between two messages, say so to RS and wait there. Who comes back from that
 * call was not replaced and goes on.
 */
#include "sys/sef_update.h"

#include <stddef.h>

#include "errors.h"
#include "protocols/rs.h"
#include "protocols/service.h"
#include "sys/crash_notes.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef.h"
#include "sys/syscalls.h"

/* Our state carries itself and every message is a transaction: between two messages any service is ready (ADR 0011). */
static struct {
    sef_cb_lu_prepare_t prepare;
    sef_cb_lu_state_isvalid_t state_isvalid;
    sef_cb_lu_state_changed_t state_changed;
    sef_cb_lu_state_dump_t state_dump;
    sef_cb_lu_state_save_t state_save;
    sef_cb_lu_response_t response;
    int state;
    uint32_t cycle;
} update = {
    .prepare = sef_cb_lu_prepare_always_ready,
    .state_isvalid = sef_cb_lu_state_isvalid_standard,
    .state_changed = sef_cb_lu_state_changed_null,
    .state_dump = sef_cb_lu_state_dump_null,
    .state_save = sef_cb_lu_state_save_null,
    .response = sef_cb_lu_response_rs_reply,
};

bool update_wanted;

static void require(bool given)
{
    if (!given)
        service_panic("SEF: a callback must not be NULL");
}

void sef_setcb_lu_prepare(sef_cb_lu_prepare_t callback)
{
    require(callback != NULL);
    update.prepare = callback;
}

void sef_setcb_lu_state_isvalid(sef_cb_lu_state_isvalid_t callback)
{
    require(callback != NULL);
    update.state_isvalid = callback;
}

void sef_setcb_lu_state_changed(sef_cb_lu_state_changed_t callback)
{
    require(callback != NULL);
    update.state_changed = callback;
}

void sef_setcb_lu_state_dump(sef_cb_lu_state_dump_t callback)
{
    require(callback != NULL);
    update.state_dump = callback;
}

void sef_setcb_lu_state_save(sef_cb_lu_state_save_t callback)
{
    require(callback != NULL);
    update.state_save = callback;
}

void sef_setcb_lu_response(sef_cb_lu_response_t callback)
{
    require(callback != NULL);
    update.response = callback;
}

static void change_state(int state)
{
    int old = update.state;

    update.state = state;
    update_wanted = state != SEF_LU_STATE_NULL;
    if (old != state)
        update.state_changed(old, state);
}

/* Tell RS; returns only if there is no update (now). */
static void report(int state, int result)
{
    struct message message = { .type = RS_LU_READY };
    struct rs_lu_ready_request request = { .state = (uint32_t)state, .result = result };
    int answer;

    loop_settle();
    journal.stopped_ns = sys_uptime();
    rs_lu_ready_request_put(&message, &request);
    answer = update.response(&message);
    loop_unsettle();
    if (answer == -ERESTART) { /* the new version was here meanwhile, and failed: what it told the kernel and VM is told anew */
        grant_register();
        if (running_service != NULL && running_service->rebuild != NULL && running_service->rebuild(running_service->state) != 0)
            service_panic("the old version cannot go on");
    }
    log_info("no update for state %d: %s, error %d", state, result == 0 ? "RS gave it up" : "not possible here", answer);
    change_state(SEF_LU_STATE_NULL);
}

static int refusal(int state)
{
    if (state == SEF_LU_STATE_NULL || update.state_isvalid(state))
        return 0;
    return update.state_isvalid == sef_cb_lu_state_isvalid_null ? -ENOSYS : -EINVAL;
}

int sef_update_self(int state, uint32_t fault)
{
    int result = refusal(state);

    crash_notes.update_fault = fault;
    update.cycle = 0;
    if (result == 0)
        change_state(state);
    return result;
}

void update_requested(const struct message *message)
{
    struct service_lu_prepare_request request;
    int result;

    service_lu_prepare_request_get(message, &request);
    result = sef_update_self((int)request.state, request.fault);
    if (result != 0)
        report((int)request.state, result);
}

/* SEF-9, SEF-46: what the service waits for, with every message that may have changed it; ever more rarely, so that the log stays readable. */
static void debug_cycle(int state)
{
    if (!SEF_LU_DEBUG || (update.cycle & (update.cycle - 1)) != 0)
        return;
    log_info("live update, cycle=%u. Dumping state variables:", update.cycle);
    update.state_dump(state);
}

void update_before_receive(void)
{
    int state = update.state;
    int result;

    update.cycle++;
    if (crash_notes.update_fault == SERVICE_UPDATE_FAULT_PREPARE_CRASH)
        result = sef_cb_lu_prepare_crash(state);
    else if (crash_notes.update_fault == SERVICE_UPDATE_FAULT_NEVER_READY)
        result = sef_cb_lu_prepare_never_ready(state);
    else
        result = state == SEF_LU_STATE_WORK_FREE ? 0 : update.prepare(state);
    if (result == 0)
        report(state, update.state_save(state));
    else
        debug_cycle(state);
}

/* ---- predefined callbacks ---- */

int sef_cb_lu_prepare_null(int state)
{
    (void)state;
    return -ENOTREADY;
}

int sef_cb_lu_prepare_always_ready(int state)
{
    (void)state;
    return 0;
}

int sef_cb_lu_prepare_never_ready(int state)
{
    log_debug("state %d: never ready, as asked", state);
    return -ENOTREADY;
}

int sef_cb_lu_prepare_crash(int state)
{
    service_panic("crash while preparing for state %d, as asked", state);
}

bool sef_cb_lu_state_isvalid_null(int state)
{
    (void)state;
    return false;
}

bool sef_cb_lu_state_isvalid_standard(int state)
{
    return SEF_LU_STATE_IS_STANDARD(state);
}

bool sef_cb_lu_state_isvalid_workfree(int state)
{
    return state == SEF_LU_STATE_WORK_FREE;
}

void sef_cb_lu_state_changed_null(int old_state, int state)
{
    (void)old_state;
    (void)state;
}

void sef_cb_lu_state_dump_null(int state)
{
    (void)state;
    log_info("NULL");
}

int sef_cb_lu_state_save_null(int state)
{
    (void)state;
    return 0;
}

int sef_cb_lu_response_null(struct message *message)
{
    (void)message;
    return -ENOSYS;
}

int sef_cb_lu_response_rs_reply(struct message *message)
{
    int result = ipc_sendrec(ENDPOINT_RS, message);

    return result != 0 ? result : message->status;
}
