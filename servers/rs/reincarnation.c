/* SPDX-License-Identifier: MIT */
/*
 * Ends that are not restarts: a service that wants to be born again as somebody else (behaviour.md RS-64), and one that died through another signal
 * manager (RS-65).
 */
#include "errors.h"
#include "protocols/rs_server.h"
#include "protocols/service.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"

bool rs_may_reincarnate(const struct rs_slot *slot)
{
    return (slot->manifest.sys_flags & RS_SYS_CORE) == 0; /* the endpoints of those are known to everybody for ever */
}

void rs_reincarnate(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    uint32_t index = rs_index(state, slot);
    int result;

    log_info("%s starts over with a new endpoint", slot->manifest.label);
    rs_withdraw(state, slot, outbox);
    rs_clear_instances(state, slot, outbox);
    result = rs_create(state, slot, index, 0, RS_STAYS, &slot->endpoint);
    if (result != 0) {
        log_error("%s cannot be created anew: error %d", slot->manifest.label, result);
        rs_late_reply(state, slot, result, outbox);
        rs_release(state, slot);
        return;
    }
    slot->flags &= ~(uint32_t)(RS_RESTARTING | RS_FRESH | RS_TERMINATED | RS_NOPINGREPLY);
    slot->flags |= RS_REINCARNATE;
    rs_update_peers(state, slot);
    rs_announce(state, slot, outbox);
    rs_send_init(state, slot, SERVICE_INIT_TYPE_FRESH, ENDPOINT_NONE, outbox);
}

int rs_handle_child_died(struct rs_state *state, struct call *call, const struct rs_child_died_request *request)
{
    struct rs_slot *slot = rs_find_endpoint(state, request->service);
    struct privilege privilege;

    if (slot == NULL || (slot->flags & RS_ACTIVE) == 0)
        return 0;
    rs_privileges(state, &slot->manifest, 0, &privilege);
    if (privilege.signal_manager != call->caller) {
        log_warn("endpoint %d says that %s died, but does not manage its signals", call->caller, slot->manifest.label);
        return 0;
    }
    slot->last_signal = (uint32_t)request->signal;
    rs_crash_armed(state, NULL, slot, call->outbox);
    log_info("%s died of signal %d; its signal manager does not want it back", slot->manifest.label, request->signal);
    if (!rs_update_died(state, slot, call->outbox))
        rs_remove(state, slot, call->outbox);
    return 0;
}
