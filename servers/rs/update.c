/* SPDX-License-Identifier: MIT */
/*
 * Live update (behaviour.md section 10): the new version is made first, the old one asked to become ready; then they change places and the new
 * one takes the state over. Until it says that it serves the old one waits, stopped and whole, and comes back if anything fails.
 */
#include "base/string.h"
#include "errors.h"
#include "privilege.h"
#include "protocols/rs_server.h"
#include "protocols/service_client.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/syscalls.h"

enum { TIME_DEFAULT_MS = 2000, TIME_MAX_MS = 20000 };

static struct rs_slot *updated(struct rs_state *state)
{
    return &state->slot[state->update.slot];
}

static bool is_updating(const struct rs_state *state, const struct rs_slot *slot, enum rs_update_phase phase)
{
    return state->update.phase == phase && rs_index(state, slot) == state->update.slot;
}

/* Take the second instance away: the new version, or after a success the old one. */
static void drop_other(struct rs_state *state, struct rs_slot *slot)
{
    struct rs_slot *other = &state->slot[slot->other];

    slot->other = RS_NO_SLOT;
    rs_bury(state, other);
}

/* LU-11 */
static void end_update(struct rs_state *state, int result, struct outbox *outbox)
{
    struct rs_slot *slot = updated(state);

    state->update.phase = RS_UPDATE_NONE;
    slot->flags &= ~(uint32_t)(RS_UPDATING | RS_INITIALIZING);
    slot->init_ns = 0;
    slot->pinged = false;
    rs_look_later(state, slot);
    if (slot->other != RS_NO_SLOT)
        drop_other(state, slot);
    rs_publish_row(state, slot);
    outbox_release(outbox, slot->endpoint);
    if (state->update.operation != RS_NO_SLOT)
        rs_finish(&state->operation[state->update.operation], result, outbox);
}

static int change_places(struct rs_state *state)
{
    struct rs_slot *slot = updated(state);
    struct vm_update_request request = { .source = state->slot[slot->other].endpoint,
                                         .destination = slot->endpoint,
                                         .space = state->space[slot->other] };

    int result = vm_call_update(ENDPOINT_VM, &request);

    if (result == 0)
        rs_spaces_changed(state, slot->other, rs_index(state, slot));
    return result;
}

/* LU-9 */
static void roll_back(struct rs_state *state, struct outbox *outbox)
{
    struct rs_slot *slot = updated(state);
    int result = (slot->flags & RS_FALLS) != 0 ? -ERESTART : change_places(state); /* nobody wants the old version's state back */

    if (result != 0) {
        log_error("%s: the old version cannot come back: error %d", slot->manifest.label, result);
        end_update(state, -ERESTART, outbox);
        slot->flags |= RS_FRESH;
        rs_restart(state, slot, outbox);
        return;
    }
    state->slot[slot->other].death = slot->death;
    string_copy(state->slot[slot->other].manifest.label, RS_LABEL_MAX, slot->manifest.label);
    slot->death.cause = RS_CAUSE_NONE;
    log_warn("%s: the new version failed, the old one goes on", slot->manifest.label);
    outbox_reply_status(outbox, slot->endpoint, RS_LU_READY, state->update.transaction, -ERESTART);
    end_update(state, -ERESTART, outbox);
}

static void swap_images(struct rs_slot *a, struct rs_slot *b)
{
    struct rs_slot old = *a;

    a->image_first = b->image_first;
    a->image_pages = b->image_pages;
    a->image = b->image;
    a->image_length = b->image_length;
    b->image_first = old.image_first;
    b->image_pages = old.image_pages;
    b->image = old.image;
    b->image_length = old.image_length;
}

void rs_update_adopt_image(struct rs_state *state, struct rs_slot *slot)
{
    if ((slot->flags & RS_OWN_IMAGE) != 0)
        swap_images(slot, &state->slot[slot->other]);
    slot->flags &= ~(uint32_t)RS_OWN_IMAGE;
}

static void succeed(struct rs_state *state, struct outbox *outbox)
{
    struct rs_slot *slot = updated(state);

    slot->updates++;
    log_info("%s: update succeeded (update %u)", slot->manifest.label, slot->updates);
    end_update(state, 0, outbox);
}

bool rs_update_init_done(struct rs_state *state, struct rs_slot *slot, int result, struct outbox *outbox)
{
    if (!is_updating(state, slot, RS_UPDATE_INIT))
        return false;
    if (result != 0) {
        log_warn("%s: the new version does not take over: error %d", slot->manifest.label, result);
        roll_back(state, outbox);
        return true;
    }
    rs_update_adopt_image(state, slot);
    succeed(state, outbox);
    rs_replica_renew(state, slot, outbox);
    return true;
}

/* LU-9, LU-10 */
bool rs_update_died(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    if (is_updating(state, slot, RS_UPDATE_INIT)) {
        roll_back(state, outbox);
        return true;
    }
    if (is_updating(state, slot, RS_UPDATE_PREPARING))
        end_update(state, -ERESTART, outbox);
    return false;
}

/* LU-5 */
void rs_update_tick(struct rs_state *state, struct outbox *outbox)
{
    struct service_lu_prepare_request cancel = { .state = 0 };

    if (state->update.phase == RS_UPDATE_NONE || state->update.deadline_ns == 0 || sys_uptime() < state->update.deadline_ns)
        return;
    if (state->update.phase == RS_UPDATE_DONE) {
        succeed(state, outbox);
        return;
    }
    if (state->update.slot == ENDPOINT_RS && (state->update.phase == RS_UPDATE_INIT || state->update.result != 0)) {
        end_update(state, state->update.result, outbox);
        return;
    }
    log_warn("%s is not ready for its update in time", updated(state)->manifest.label);
    if (state->update.slot == ENDPOINT_RS)
        (void)sef_update_self(0, SERVICE_UPDATE_FAULT_NONE);
    else
        service_send_lu_prepare(outbox, updated(state)->endpoint, 0, &cancel);
    end_update(state, -EINTR, outbox);
}

/* LU-6, LU-7 */
int rs_handle_lu_ready(struct rs_state *state, struct call *call, const struct rs_lu_ready_request *request)
{
    struct rs_slot *slot = rs_find_endpoint(state, call->caller);
    int result = request->result;

    if (slot == NULL || !is_updating(state, slot, RS_UPDATE_PREPARING) || request->state != state->update.state)
        return -EINVAL;
    if (result == 0) {
        outbox_hold(call->outbox, slot->endpoint);
        result = change_places(state);
    }
    if (result != 0) {
        log_info("%s cannot be updated: error %d", slot->manifest.label, result);
        end_update(state, result, call->outbox);
        return result;
    }
    state->update.phase = RS_UPDATE_INIT;
    state->update.deadline_ns = 0; /* now it is the init's */
    state->update.transaction = call->transaction;
    rs_send_init(state, slot, SERVICE_INIT_TYPE_LU, state->slot[slot->other].endpoint, call->outbox);
    return CALL_PARKED;
}

/* ---- the request ---- */

static int check(const struct rs_state *state, const struct rs_update *request)
{
    if (request->state == 0 || request->state > INT32_MAX || request->maxtime_ms < 0 || request->maxtime_ms > TIME_MAX_MS)
        return -EINVAL;
    return state->update.phase != RS_UPDATE_NONE ? -EBUSY : 0;
}

/* LU-3: the new version, which does not run yet. */
static int make_new(struct rs_state *state, struct rs_slot *slot, const struct rs_operation *operation, const struct rs_update *request)
{
    char problem[SERVICE_PROBLEM_BYTES] = "";
    uint32_t index = rs_free_slot(state);
    struct rs_slot *new;
    int result = 0;

    if (index == RS_NO_SLOT)
        return -ENOMEM;
    new = &state->slot[index];
    rs_release(state, new);
    new->manifest = slot->manifest;
    if ((request->flags & RS_UPDATE_SELF) == 0) {
        result = rs_update_image(state, new, operation, request);
        if (result == 0)
            result = rs_check_layouts(slot, new, problem);
        if (result != 0 && problem[0] != '\0')
            rs_explain(operation, slot->manifest.label, problem);
    } else {
        new->image = slot->image;
        new->image_length = slot->image_length;
    }
    if (result == 0)
        result = rs_create(state, new, index, PRIVILEGE_LU_SYS_PROC, RS_PASSES, &new->endpoint);
    if (result != 0) {
        rs_release(state, new);
        return result;
    }
    new->flags = RS_IN_USE | RS_OLD;
    new->other = (uint16_t)rs_index(state, slot);
    slot->other = (uint16_t)index;
    slot->flags &= ~(uint32_t)RS_OWN_IMAGE;
    if ((request->flags & RS_UPDATE_SELF) == 0)
        slot->flags |= RS_OWN_IMAGE;
    return 0;
}

static int begin(struct rs_state *state, struct rs_operation *operation, const struct rs_update *request, struct outbox *outbox)
{
    struct service_lu_prepare_request prepare = { .state = request->state, .fault = request->fault };
    struct rs_slot *slot = rs_find_label(state, request->label);
    bool waits = (request->flags & RS_UPDATE_NOBLOCK) == 0;
    int result;

    if (slot == NULL)
        return -ESRCH;
    result = rs_permission(state, operation, request->label, slot);
    if (result == 0 && rs_is_about_images(request))
        return rs_update_images(state, slot, operation, request);
    if (result == 0)
        result = check(state, request);
    if (result != 0)
        return result;
    if (slot->endpoint == ENDPOINT_VM)
        return rs_update_vm(state, operation, request);
    result = make_new(state, slot, operation, request);
    if (result != 0)
        return result;
    slot->flags |= RS_UPDATING;
    state->update.phase = RS_UPDATE_PREPARING;
    state->update.slot = rs_index(state, slot);
    state->update.state = request->state;
    state->update.fault = request->fault;
    state->update.operation = waits ? (uint32_t)(operation - state->operation) : RS_NO_SLOT;
    state->update.deadline_ns = rs_deadline(state, request->maxtime_ms != 0 ? (uint32_t)request->maxtime_ms : TIME_DEFAULT_MS);
    state->update.result = 0;
    rs_publish_row(state, slot);
    if (slot->endpoint == ENDPOINT_RS)
        result = rs_self_prepare(state);
    else
        service_send_lu_prepare(outbox, slot->endpoint, 0, &prepare);
    if (result != 0) {
        state->update.operation = RS_NO_SLOT; /* answered by who called us */
        end_update(state, result, outbox);
        return result;
    }
    if (!waits)
        return 0;
    operation->stage = RS_STAGE_LATE;
    return CALL_PARKED;
}

int rs_update(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox)
{
    struct rs_update request;
    int result = sys_copy_from(operation->caller, operation->address, &request, sizeof(request));

    if (result != 0)
        return result;
    if (memchr(request.label, '\0', sizeof(request.label)) == NULL)
        return -EINVAL;
    return begin(state, operation, &request, outbox);
}
