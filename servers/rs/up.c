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

/* Why the manifest was refused goes to the log and, if there is room, to the operator. */
static void tell_error(endpoint_t caller, const struct rs_start *start, const char *source, const char *error)
{
    log_warn("manifest of %s: %s:%s", start->label, source, error);
    if (start->error != 0)
        (void)sys_copy_to(caller, start->error, error, strlen(error) + 1);
}

/* The text that came with the request, or else the service's entry in system.conf, or else the defaults. */
static int take_manifest(struct rs_state *state, endpoint_t caller, const struct rs_start *start, struct manifest *manifest)
{
    static const char defaults[] = "service x { }";
    char text[RS_MANIFEST_MAX];
    char error[MANIFEST_ERROR_BYTES];
    const char *all = (const char *)(uintptr_t)state->manifests;
    bool is_own = start->manifest_length != 0;
    int result;

    if (start->manifest_length > sizeof(text))
        return -E2BIG;
    if (is_own) {
        result = sys_copy_from(caller, start->manifest, text, start->manifest_length);
        if (result != 0)
            return result;
        result = manifest_read(text, start->manifest_length, NULL, manifest, error);
    } else {
        result = manifest_read(all, state->manifests_length, start->label, manifest, error);
        if (result == -ESRCH)
            result = manifest_read(defaults, sizeof(defaults) - 1, NULL, manifest, error);
    }
    if (result == 0)
        result = rs_check_manifest(state, manifest, error);
    if (result != 0) {
        tell_error(caller, start, is_own ? "its text" : "system.conf", error);
        return -EINVAL;
    }
    string_copy(manifest->label, sizeof(manifest->label), start->label);
    manifest->sys_flags &= ~(uint32_t)RS_SYS_IMMUTABLE; /* the boot image's to say */
    if (start->period_ms != 0)
        manifest->heartbeat_ms = start->period_ms;
    return 0;
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
    result = rs_permission(state, operation, start->label, NULL);
    if (result != 0)
        return result;
    if (rs_find_label(state, start->label) != NULL)
        return -EBUSY;
    result = take_manifest(state, operation->caller, start, &slot->manifest);
    if (result != 0)
        return result;
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
        slot->manifest.sys_flags |= (operation->flags & RS_UP_FLAGS_COPY) != 0 ? RS_SYS_USE_COPY : 0;
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
