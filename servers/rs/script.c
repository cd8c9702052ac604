/* SPDX-License-Identifier: MIT */
/*
 * Recovery scripts (behaviour.md RS-60): a service with a script is not started again when it dies; PM runs the script, which decides with
 * `service restart LABEL` or `service down LABEL`. RS does not wait: if PM cannot run it, or it ends undecided, the built-in policy applies.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/pm_client.h"
#include "protocols/rs_server.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"

bool rs_has_script(const struct rs_slot *slot)
{
    return slot->manifest.script[0] != '\0' && (slot->manifest.sys_flags & RS_SYS_CORE) == 0;
}

void rs_script_start(struct rs_state *state, struct rs_slot *slot, uint32_t reason, struct outbox *outbox)
{
    struct pm_run_script_request request = {
        .script = (uint64_t)(uintptr_t)slot->manifest.script,
        .reason = reason,
        .incarnation = slot->restarts,
    };

    memcpy(request.label, slot->manifest.label, sizeof(request.label));
    slot->flags |= RS_TERMINATED | RS_SCRIPT;
    slot->flags &= ~(uint32_t)(RS_INITIALIZING | RS_NOPINGREPLY);
    slot->init_ns = slot->look_ns = slot->stop_ns = 0;
    rs_publish_row(state, slot);
    pm_send_run_script(outbox, ENDPOINT_PM, rs_transaction(RS_FOR_SCRIPT, rs_index(state, slot), slot->restarts), &request);
}

void rs_script_give_up(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    slot->flags &= ~(uint32_t)(RS_SCRIPT | RS_TERMINATED);
    rs_recover(state, slot, outbox);
}

static bool is_waited_for(const struct rs_slot *slot, uint32_t incarnation)
{
    return (slot->flags & RS_SCRIPT) != 0 && (slot->restarts & 0xfff) == (incarnation & 0xfff);
}

void rs_script_answered(struct rs_state *state, const struct message *reply, struct outbox *outbox)
{
    struct rs_slot *slot = &state->slot[reply->transaction & (SERVICE_SLOTS - 1)];

    if (reply->status == 0 || !is_waited_for(slot, reply->transaction >> 16))
        return;
    log_error("%s: pm cannot run %s: error %d; the built-in policy applies", slot->manifest.label, slot->manifest.script, reply->status);
    rs_script_give_up(state, slot, outbox);
}

int rs_handle_script_ended(struct rs_state *state, struct call *call, const struct rs_script_ended_request *request)
{
    struct rs_slot *slot = rs_find_label(state, request->label);

    if (slot == NULL || slot->restarts != request->incarnation || !is_waited_for(slot, request->incarnation))
        return 0;
    log_warn("%s: its script ended with status %#x and decided nothing; the built-in policy applies", slot->manifest.label,
             request->status);
    rs_script_give_up(state, slot, call->outbox);
    return 0;
}
