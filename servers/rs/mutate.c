/* SPDX-License-Identifier: MIT */
/*
 * Mutation faults (lib/sys/mutate.h): the service chooses the instruction, VM writes it, and only for a service whose operator asked for it.
 */
#include "errors.h"
#include "protocols/rs_server.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"

int rs_handle_mutate(struct rs_state *state, struct call *call, const struct rs_mutate_request *request)
{
    struct vm_patch_text_request patch = {
        .slot = endpoint_slot(call->caller), .length = request->length, .address = request->address, .code = request->code
    };
    struct rs_slot *slot = rs_find_endpoint(state, call->caller);
    int result;

    if (slot == NULL || (slot->flags & RS_MAY_MUTATE) == 0)
        return -EPERM;
    slot->flags &= ~(uint32_t)RS_MAY_MUTATE;
    result = vm_call_patch_text(ENDPOINT_VM, &patch);
    if (result != 0)
        log_error("the text of %s cannot be changed: error %d", slot->manifest.label, result);
    return result;
}
