/* SPDX-License-Identifier: MIT */
/*
 * The masks come from the manifests (`vm`), by RS. Until it has said something a boot service may make all calls that the IDL allows.
 * RS itself is never refused: it repairs the masks when VM's state was damaged.
 */
#include "mask.h"

#include "errors.h"
#include "protocols/vm_server.h"

int vm_handle_set_mask(struct vm_state *state, struct call *call, const struct vm_set_mask_request *request)
{
    (void)call;
    if (request->slot >= SERVICE_SLOTS)
        return -EINVAL;
    state->refused_calls[request->slot] = ~request->mask;
    return 0;
}

int mask_dispatch(void *opaque, struct call *call)
{
    const struct vm_state *state = opaque;
    uint32_t slot = endpoint_slot(call->caller);
    uint32_t operation = message_operation(call->type);

    if (slot < SERVICE_SLOTS && slot != ENDPOINT_RS && operation < 64 && (state->refused_calls[slot] >> operation & 1) != 0)
        return -EPERM;
    return vm_dispatch(opaque, call);
}
