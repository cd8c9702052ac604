/* SPDX-License-Identifier: MIT */
/*
 * `up`: a new service from what an operator hands over.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/rs_server.h"
#include "protocols/service.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"
#include "sys/syscalls.h"

enum { MINOR_LAST = 0xfffff };

/* Why the manifest was refused goes to the log and, if there is room, to the operator. */
static void tell_error(endpoint_t caller, const struct rs_start *start, const char *source, const char *error)
{
    log_warn("manifest of %s: %s:%s", start->label, source, error);
    if (start->error != 0)
        (void)sys_copy_to(caller, start->error, error, strlen(error) + 1);
}

/* The text that came with the request, or else the service's entry in system.conf, or else the defaults. */
int rs_take_manifest(struct rs_state *state, endpoint_t caller, const struct rs_start *start, struct manifest *manifest)
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
    return 0;
}

/* Text of fixed room: must end, and be an absolute path if it is there at all. */
static int check_path(const char *text, size_t room)
{
    if (memchr(text, '\0', room) == NULL)
        return -E2BIG;
    return text[0] == '\0' || text[0] == '/' ? 0 : -EINVAL;
}

int rs_read_start(const struct rs_operation *operation, struct rs_start *start)
{
    int result = sys_copy_from(operation->caller, operation->address, start, sizeof(*start));

    if (result != 0)
        return result;
    if (!manifest_is_label(start->label))
        return -EINVAL;
    result = check_path(start->command, sizeof(start->command));
    return result == 0 ? check_path(start->script, sizeof(start->script)) : result;
}

int rs_take_options(const struct rs_start *start, uint32_t flags, struct manifest *manifest)
{
    if (start->has_period != 0)
        manifest->heartbeat_ms = start->period_ms;
    if (start->script[0] != '\0')
        memcpy(manifest->script, start->script, sizeof(manifest->script));
    if ((flags & RS_UP_FLAGS_COPY) != 0)
        manifest->sys_flags |= RS_SYS_USE_COPY;
    if ((flags & RS_UP_FLAGS_REPLICA) != 0)
        manifest->sys_flags |= RS_SYS_USE_REPLICA;
    if (start->has_device == 0)
        return 0;
    if (manifest->device_count == MANIFEST_DEVICES)
        return -E2BIG;
    manifest->device[manifest->device_count++] = (struct manifest_device){ .major = start->device_major, .last = MINOR_LAST };
    return 0;
}

static bool overlap(const struct manifest_device *a, const struct manifest_device *b)
{
    return a->major == b->major && a->first <= b->last && b->first <= a->last;
}

bool rs_device_is_taken(const struct rs_state *state, const struct manifest *manifest, const struct rs_slot *except)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *other = &state->slot[i];

        if (other == except || (other->flags & RS_ACTIVE) == 0)
            continue;
        for (uint32_t k = 0; k < manifest->device_count * other->manifest.device_count; k++) {
            if (overlap(&manifest->device[k / other->manifest.device_count], &other->manifest.device[k % other->manifest.device_count]))
                return true;
        }
    }
    return false;
}

static int take_image(struct rs_state *state, struct rs_slot *slot, const struct rs_operation *operation, const struct rs_start *start)
{
    if ((operation->flags & RS_UP_FLAGS_REUSE) != 0 && rs_reuse_image(state, slot))
        return 0;
    return rs_take_image(state, slot, operation->caller, start->image, start->image_length);
}

static int read_settings(struct rs_state *state, struct rs_slot *slot, const struct rs_operation *operation, struct rs_start *start)
{
    int result = rs_read_start(operation, start);

    if (result != 0)
        return result;
    if (start->command[0] == '\0' || rs_is_programs(start->label))
        return -EINVAL;
    result = rs_permission(state, operation, start->label, NULL);
    if (result != 0)
        return result;
    if (rs_find_label(state, start->label) != NULL)
        return -EBUSY;
    result = rs_take_manifest(state, operation->caller, start, &slot->manifest);
    if (result == 0)
        result = rs_take_options(start, operation->flags, &slot->manifest);
    if (result != 0)
        return result;
    if (rs_device_is_taken(state, &slot->manifest, slot))
        return -EBUSY;
    memcpy(slot->command, start->command, sizeof(slot->command));
    return take_image(state, slot, operation, start);
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
    result = read_settings(state, slot, operation, &start);
    if (result == 0)
        result = rs_create(state, slot, index, 0, RS_STAYS, &slot->endpoint);
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

int rs_handle_arguments(struct rs_state *state, struct call *call, const struct rs_arguments_request *request,
                        struct rs_arguments_reply *reply)
{
    const struct rs_slot *slot = rs_find_endpoint(state, call->caller);
    const char *text = slot == NULL ? NULL : strchr(slot->command, ' ');

    text = text == NULL ? "" : text + 1;
    reply->length = (uint32_t)strlen(text) + 1;
    return reply->length > request->room ? -EINVAL : sys_copy_to(call->caller, request->text, text, reply->length);
}
