/* SPDX-License-Identifier: MIT */
/*
 * Mutation faults (lib/sys/mutate.h): the service chooses the instruction, VM writes it, and only for a service whose operator asked for it. A VM that dies
 * of its own changed text, and an RS that dies meanwhile, are followed by others to whom this is not done again.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/rs_server.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"
#include "sys/service.h"

static struct vm_patch_text_request asked SERVICE_DERIVED; /* the last time: what is derived is not rolled back */

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
    if (memcmp(&asked, &patch, sizeof(patch)) == 0) {
        memset(&asked, 0, sizeof(asked));
        return 0;
    }
    asked = patch;
    rs_standby_ask_once(true);
    result = vm_call_patch_text(ENDPOINT_VM, &patch);
    rs_standby_ask_once(false);
    if (result != 0)
        log_error("the text of %s cannot be changed: error %d", slot->manifest.label, result);
    return result;
}
