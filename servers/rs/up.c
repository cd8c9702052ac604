/* SPDX-License-Identifier: MIT */
/*
 * `up`: a new service from what an operator hands over.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/service.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"
#include "sys/syscalls.h"

static int take_manifest(struct rs_state *state, endpoint_t caller, const struct rs_start *start, struct manifest *manifest)
{
    char text[RS_MANIFEST_MAX];
    char error[MANIFEST_ERROR_BYTES];
    const char *all = (const char *)(uintptr_t)state->manifests;
    int result;

    if (start->manifest_length > sizeof(text))
        return -E2BIG;
    if (start->manifest_length == 0) {
        result = manifest_read(all, state->manifests_length, start->label, manifest, error);
        if (result == -ESRCH)
            result = manifest_read("service x { system BASIC; ipc ALL_SYS; }", 40, NULL, manifest, error);
    } else {
        result = sys_copy_from(caller, start->manifest, text, start->manifest_length);
        if (result == 0)
            result = manifest_read(text, start->manifest_length, NULL, manifest, error);
    }
    if (result == -EINVAL)
        log_warn("manifest of %s: %s", start->label, error);
    string_copy(manifest->label, sizeof(manifest->label), start->label);
    if (start->period_ms != 0)
        manifest->heartbeat_ms = start->period_ms;
    return result;
}

static bool is_good(const struct rs_start *start)
{
    return start->label[0] != '\0' && memchr(start->label, '\0', RS_LABEL_MAX) != NULL;
}

static int read_start(struct rs_state *state, struct rs_slot *slot, const struct rs_operation *operation, struct rs_start *start)
{
    int result = sys_copy_from(operation->caller, operation->address, start, sizeof(*start));

    if (result != 0)
        return result;
    if (!is_good(start))
        return -EINVAL;
    if (rs_find_label(state, start->label) != NULL)
        return -EBUSY;
    result = take_manifest(state, operation->caller, start, &slot->manifest);
    if (result != 0)
        return result;
    if (slot->manifest.priority > 15 || slot->manifest.quantum_ms == 0)
        return -EINVAL;
    return rs_take_image(state, slot, operation->caller, start->image, start->image_length);
}

int rs_up(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox)
{
    uint32_t index = rs_free_slot(state);
    struct rs_start start;
    struct rs_slot *slot;
    int result;

    if (index == RS_NO_SLOT)
        return -ENOMEM;
    slot = &state->slot[index];
    rs_release(state, slot);
    result = read_start(state, slot, operation, &start);
    if (result == 0) {
        slot->manifest.keep_copy |= (operation->flags & RS_UP_FLAGS_COPY) != 0;
        result = rs_create(state, slot, index, 0, &slot->endpoint);
    }
    if (result != 0) {
        rs_release(state, slot);
        return result;
    }
    slot->flags = RS_IN_USE | RS_ACTIVE;
    rs_update_peers(state, slot);
    rs_announce(state, slot, outbox);
    rs_send_init(state, slot, SERVICE_INIT_TYPE_FRESH, ENDPOINT_NONE, outbox);
    if ((operation->flags & RS_UP_FLAGS_NOBLOCK) != 0)
        return 0;
    slot->flags |= RS_LATEREPLY;
    slot->late = (uint16_t)(operation - state->operation);
    operation->stage = RS_STAGE_LATE;
    return CALL_PARKED;
}
