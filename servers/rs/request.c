/* SPDX-License-Identifier: MIT */
/*
 * What operators ask for (behaviour.md section 7). Of a user thread PM says whose it is; the operation waits for PM's answer
 * in its record. permission.c says who may do what.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/pm_client.h"
#include "protocols/rs_client.h"
#include "protocols/rs_server.h"
#include "protocols/service_client.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/syscalls.h"

/* ---- records of operations ---- */

static struct rs_operation *new_operation(struct rs_state *state, const struct call *call)
{
    for (uint32_t i = 0; i < RS_OPERATIONS; i++) {
        struct rs_operation *operation = &state->operation[i];
        uint32_t sequence = operation->sequence + 1;

        if (operation->stage != 0)
            continue;
        memset(operation, 0, sizeof(*operation));
        operation->sequence = sequence;
        operation->stage = RS_STAGE_IDENTIFY;
        operation->caller = call->caller;
        operation->type = call->type;
        operation->transaction = call->transaction;
        return operation;
    }
    return NULL;
}

void rs_finish(struct rs_operation *operation, int status, struct outbox *outbox)
{
    operation->stage = 0;
    outbox_reply_status(outbox, operation->caller, operation->type, operation->transaction, status);
}

void rs_late_reply(struct rs_state *state, struct rs_slot *slot, int status, struct outbox *outbox)
{
    if (slot->late == RS_NO_SLOT)
        return;
    rs_finish(&state->operation[slot->late], status, outbox);
    slot->late = RS_NO_SLOT;
    slot->flags &= ~(uint32_t)RS_LATEREPLY;
}

static int perform(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox);

/* What a service asks: its manifest says whether it may. */
static int perform_for_service(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox)
{
    int result = perform(state, operation, outbox);

    if (result != CALL_PARKED)
        operation->stage = 0;
    return result;
}

/* Park the call and ask PM who the caller is, if it is not a service. */
static int ask_who(struct rs_state *state, struct call *call, const char *label, uint64_t address, uint32_t number, uint32_t flags)
{
    struct pm_identify_request request = { .process = call->caller };
    struct rs_operation *operation;

    operation = new_operation(state, call);
    if (operation == NULL)
        return -EBUSY;
    string_copy(operation->label, sizeof(operation->label), label);
    operation->address = address;
    operation->call = number;
    operation->flags = flags;
    if ((call->receive_status & IPC_STATUS_FROM_USER) == 0)
        return perform_for_service(state, operation, call->outbox);
    pm_send_identify(call->outbox, ENDPOINT_PM,
                     rs_transaction(RS_FOR_OPERATION, (uint32_t)(operation - state->operation), operation->sequence), &request);
    return CALL_PARKED;
}

/* ---- the others ---- */

static int do_down(struct rs_state *state, struct rs_slot *slot, struct rs_operation *operation, struct outbox *outbox)
{
    if ((slot->flags & RS_TERMINATED) == 0) {
        slot->flags |= RS_LATEREPLY;
        slot->late = (uint16_t)(operation - state->operation);
        operation->stage = RS_STAGE_LATE;
    }
    slot->flags |= RS_EXITING;
    rs_stop(state, slot, outbox);
    return operation->stage == RS_STAGE_LATE ? CALL_PARKED : 0;
}

static int do_refresh(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    if (slot->endpoint == ENDPOINT_RS || slot->endpoint == ENDPOINT_VM)
        return -EPERM;
    slot->flags |= RS_EXITING | RS_REFRESHING;
    rs_stop(state, slot, outbox);
    return 0;
}

/* RS-24: only what is dead and waits. */
static int do_restart(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    if ((slot->flags & RS_TERMINATED) == 0)
        return -EBUSY;
    rs_restart(state, slot, outbox);
    return 0;
}

void rs_crash_armed(struct rs_state *state, const struct message *reply, const struct rs_slot *slot, struct outbox *outbox)
{
    for (uint32_t i = 0; i < RS_OPERATIONS; i++) {
        struct rs_operation *operation = &state->operation[i];

        if (operation->stage != RS_STAGE_LATE || operation->type != RS_CRASH)
            continue;
        if (reply != NULL ? rs_transaction(RS_FOR_CRASH, i, operation->sequence) == reply->transaction
                          : operation->slot == rs_index(state, slot))
            rs_finish(operation, 0, outbox);
    }
}

static int do_crash(struct rs_state *state, struct rs_slot *slot, struct rs_operation *operation, struct outbox *outbox)
{
    struct service_crash_request request = {
        .call = operation->call,
        .fault = operation->address & 0xff,
        .number = operation->address >> 8 & 0xffffff,
        .seed = (uint32_t)(operation->address >> 32),
        .handler = operation->flags,
    };

    if (request.fault == SERVICE_FAULT_MUTATION)
        slot->flags |= RS_MAY_MUTATE;
    if (slot->endpoint == ENDPOINT_RS) {
        if (!rs_has_successor(state))
            return -EBUSY;
        rs_crash_myself(state, &request);
        if (request.call != 0 || request.fault != SERVICE_FAULT_CRASH)
            return 0;
        operation->slot = rs_index(state, slot); /* the next RS answers */
        operation->stage = RS_STAGE_LATE;
        return CALL_PARKED;
    }
    service_send_crash(outbox, slot->endpoint, rs_transaction(RS_FOR_CRASH, (uint32_t)(operation - state->operation), operation->sequence),
                       &request);
    if (request.call == 0 && request.fault == SERVICE_FAULT_CRASH)
        return 0;
    operation->slot = rs_index(state, slot);
    operation->stage = RS_STAGE_LATE;
    return CALL_PARKED;
}

static int do_dump(const struct rs_slot *slot, struct outbox *outbox)
{
    struct service_debug_dump_request request = { 0 };

    if (slot->endpoint == ENDPOINT_RS)
        sef_dump();
    else
        service_send_debug_dump(outbox, slot->endpoint, 0, &request);
    return 0;
}

int rs_shutdown(struct rs_state *state)
{
    state->shutting_down = 1;
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & RS_ACTIVE) != 0)
            state->slot[i].flags |= RS_EXITING;
    }
    return 0;
}

static int perform(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox)
{
    struct rs_slot *slot;
    int result;

    if (operation->type == RS_SHUTDOWN || operation->type == RS_GETSYSINFO) {
        result = rs_permission(state, operation, NULL, NULL);
        if (result == 0)
            result = operation->type == RS_SHUTDOWN ? rs_shutdown(state) : rs_getsysinfo(state, operation);
        return result;
    }
    if (operation->type == RS_UP)
        return rs_up(state, operation, outbox);
    if (operation->type == RS_UPDATE)
        return rs_update(state, operation, outbox);
    if (operation->type == RS_CORPSE_WAIT)
        return rs_corpse_wait(state, operation);
    if (operation->type == RS_EDIT)
        return rs_edit(state, operation, outbox);
    if (rs_is_programs(operation->label))
        return -EPERM; /* edit is all that can be done to programs */
    slot = rs_find_label(state, operation->label);
    if (slot == NULL)
        return -ESRCH;
    result = rs_permission(state, operation, operation->label, slot);
    if (result != 0)
        return result;
    switch (operation->type) {
    case RS_DOWN:
        return do_down(state, slot, operation, outbox);
    case RS_REFRESH:
        return do_refresh(state, slot, outbox);
    case RS_RESTART:
        return do_restart(state, slot, outbox);
    case RS_DUMP:
        return do_dump(slot, outbox);
    case RS_CLONE:
        return rs_clone(state, slot, outbox);
    case RS_CRASH:
        return do_crash(state, slot, operation, outbox);
    default:
        return -ENOSYS;
    }
}

void rs_identified(struct rs_state *state, const struct message *reply, struct outbox *outbox)
{
    uint32_t index = reply->transaction & 0xffff;
    struct rs_operation *operation;
    struct pm_identify_reply who;
    int result = reply->status;

    if (index >= RS_OPERATIONS)
        return;
    operation = &state->operation[index];
    if (operation->stage != RS_STAGE_IDENTIFY || (operation->sequence & 0xfff) != (reply->transaction >> 16 & 0xfff))
        return;
    pm_identify_reply_get(reply, &who);
    operation->is_root = result == 0 && who.euid == 0;
    if (result == 0)
        result = perform(state, operation, outbox);
    if (result != CALL_PARKED)
        rs_finish(operation, result, outbox);
}

/* ---- handlers ---- */

int rs_handle_up(struct rs_state *state, struct call *call, const struct rs_up_request *request)
{
    return ask_who(state, call, "", request->start, 0, request->flags);
}

int rs_handle_down(struct rs_state *state, struct call *call, const struct rs_down_request *request)
{
    return ask_who(state, call, request->label, 0, 0, 0);
}

int rs_handle_refresh(struct rs_state *state, struct call *call, const struct rs_refresh_request *request)
{
    return ask_who(state, call, request->label, 0, 0, 0);
}

int rs_handle_restart(struct rs_state *state, struct call *call, const struct rs_restart_request *request)
{
    return ask_who(state, call, request->label, 0, 0, 0);
}

int rs_handle_dump(struct rs_state *state, struct call *call, const struct rs_dump_request *request)
{
    return ask_who(state, call, request->label, 0, 0, 0);
}

int rs_handle_clone(struct rs_state *state, struct call *call, const struct rs_clone_request *request)
{
    return ask_who(state, call, request->label, 0, 0, 0);
}

int rs_handle_edit(struct rs_state *state, struct call *call, const struct rs_edit_request *request)
{
    return ask_who(state, call, "", request->start, 0, request->flags);
}

int rs_handle_update(struct rs_state *state, struct call *call, const struct rs_update_request *request)
{
    return ask_who(state, call, "", request->update, 0, 0);
}

int rs_handle_corpse_wait(struct rs_state *state, struct call *call)
{
    return ask_who(state, call, "", 0, 0, 0);
}

int rs_handle_shutdown(struct rs_state *state, struct call *call)
{
    return ask_who(state, call, "", 0, 0, 0);
}

int rs_handle_getsysinfo(struct rs_state *state, struct call *call, const struct rs_getsysinfo_request *request)
{
    if (request->length == 0 || request->length != rs_sysinfo_bytes(request->what))
        return -EINVAL;
    return ask_who(state, call, "", request->address, request->what, 0);
}

int rs_handle_crash(struct rs_state *state, struct call *call, const struct rs_crash_request *request)
{
    if (request->fault > SERVICE_FAULT_BAD_LOG || request->number >> 24 != 0)
        return -EINVAL;
    return ask_who(state, call, request->label, (uint64_t)request->seed << 32 | request->number << 8 | request->fault, request->call,
                   request->handler);
}

int rs_handle_lookup(struct rs_state *state, struct call *call, const struct rs_lookup_request *request, struct rs_lookup_reply *reply)
{
    const struct rs_slot *slot;

    (void)call;
    if (strlen(request->label) < 2)
        return -EINVAL;
    slot = rs_find_label(state, request->label);
    if (slot == NULL)
        return -ESRCH;
    reply->service = slot->endpoint;
    return 0;
}

int rs_handle_list(struct rs_state *state, struct call *call, const struct rs_list_request *request, struct rs_list_reply *reply)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        int result;

        if ((state->slot[i].flags & (RS_ACTIVE | RS_REPLICA)) == 0)
            continue;
        if (count < request->room) {
            rs_publish_row(state, &state->slot[i]);
            result = sys_copy_to(call->caller, request->table + count * sizeof(struct rs_public), &state->table[i],
                                 sizeof(struct rs_public));
            if (result != 0)
                return result;
        }
        count++;
    }
    reply->count = count;
    return 0;
}

int rs_handle_complain(struct rs_state *state, struct call *call, const struct rs_complain_request *request)
{
    const struct rs_slot *slot = rs_find_endpoint(state, request->service);

    if (slot != NULL)
        log_warn("endpoint %d complains about %s: reason %u", call->caller, slot->manifest.label, request->reason);
    return 0;
}

int rs_handle_init_ready(struct rs_state *state, struct call *call, const struct rs_init_ready_request *request)
{
    struct rs_slot *slot = rs_find_endpoint(state, call->caller);

    if (call->caller == ENDPOINT_VM)
        return 0; /* the RS that it told of it died meanwhile */
    if (slot != NULL && (slot->flags & (RS_ASKS_AGAIN | RS_INITIALIZING)) == RS_ASKS_AGAIN && request->result == 0) {
        slot->flags &= ~(uint32_t)RS_ASKS_AGAIN;
        return 0;
    }
    if (slot == NULL || (slot->flags & RS_INITIALIZING) == 0)
        return -EINVAL;
    if (request->result == 0)
        outbox_reply_status(call->outbox, call->caller, call->type, call->transaction, 0);
    else
        rs_explain_init(state, slot, request->problem);
    rs_init_done(state, slot, request->result, call->outbox);
    return CALL_PARKED; /* answered above, or never: it failed */
}
