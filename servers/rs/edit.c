/* SPDX-License-Identifier: MIT */
/*
 * `edit` (behaviour.md RS-28): other settings for a service that goes on running. First all of the new settings are read and checked; then the kernel
 * gets the new privileges, and what it refuses changes nothing.
 */
#include "base/string.h"
#include "errors.h"
#include "privilege.h"
#include "protocols/kernel_client.h"
#include "state.h"
#include "sys/log.h"
#include "sys/syscalls.h"

enum { FLAGS_OF_INSTANCE = PRIVILEGE_ROOT_SYS_PROC | PRIVILEGE_VM_SYS_PROC | PRIVILEGE_LU_SYS_PROC | PRIVILEGE_RST_SYS_PROC };

/* RS-43: whose label stands for all programs. */
#define PROGRAMS "init"

/* What the instance is by birth stays; what it may do is the manifest's. */
static int change_privileges(const struct rs_state *state, const struct rs_slot *slot, const struct manifest *manifest)
{
    struct privilege old, privilege;
    int result = rs_get_privileges(slot->endpoint, &old);

    if (result != 0)
        return result;
    rs_privileges(state, manifest, old.flags & FLAGS_OF_INSTANCE, &privilege);
    privilege.backup_signal_manager = old.backup_signal_manager;
    return rs_set_privileges(slot->endpoint, &privilege);
}

static int apply(struct rs_state *state, struct rs_slot *slot, const struct manifest *manifest, struct outbox *outbox)
{
    bool runs = (slot->flags & RS_TERMINATED) == 0;
    int result = runs ? change_privileges(state, slot, manifest) : 0;

    if (result == 0 && runs)
        result = rs_schedule(manifest, slot->endpoint);
    if (result == 0)
        result = rs_set_vm_mask(manifest, rs_index(state, slot));
    if (result != 0) {
        (void)change_privileges(state, slot, &slot->manifest);
        return result;
    }
    slot->manifest = *manifest;
    rs_update_peers(state, slot);
    rs_announce(state, slot, outbox);
    if (runs)
        rs_look_later(state, slot);
    if (!rs_wants_replica(slot))
        rs_replica_drop(state, slot, outbox);
    else
        rs_replica_renew(state, slot, outbox);
    rs_publish_row(state, slot);
    log_info("%s has other settings now", slot->manifest.label);
    return 0;
}

/* All programs share one privilege structure; which services they may call by themselves is in it. */
static int edit_programs(struct rs_state *state, endpoint_t program, const struct manifest *manifest)
{
    struct privilege privilege;
    int result = rs_get_privileges(program, &privilege);

    if (result != 0)
        return result;
    memset(privilege.send_mask, 0, sizeof(privilege.send_mask));
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) != 0 && rs_is_peer(manifest, slot->manifest.label))
            privilege.send_mask[i / 64] |= 1ull << (i % 64);
    }
    return rs_set_privileges(program, &privilege);
}

bool rs_is_programs(const char *label)
{
    return strcmp(label, PROGRAMS) == 0;
}

/* The settings as they are to be: a new manifest, or the present one, with what the command line adds. */
static int new_settings(struct rs_state *state, const struct rs_slot *slot, const struct rs_operation *operation,
                        const struct rs_start *start, struct manifest *manifest)
{
    int result = 0;

    if (start->manifest_length != 0 || slot == NULL)
        result = rs_take_manifest(state, operation->caller, start, manifest);
    else
        *manifest = slot->manifest;
    if (result == 0)
        result = rs_take_options(start, operation->flags, manifest);
    if (result == 0 && slot != NULL) {
        manifest->sys_flags &= ~(uint32_t)RS_SYS_IMMUTABLE;
        manifest->sys_flags |= slot->manifest.sys_flags & RS_SYS_IMMUTABLE;
    }
    return result;
}

int rs_edit(struct rs_state *state, struct rs_operation *operation, struct outbox *outbox)
{
    struct manifest manifest;
    struct rs_start start;
    struct rs_slot *slot;
    int result = rs_read_start(operation, &start);

    if (result != 0)
        return result;
    slot = rs_find_label(state, start.label);
    if (slot == NULL && !rs_is_programs(start.label))
        return -ESRCH;
    if (slot != NULL && (slot->endpoint == ENDPOINT_RS || slot->endpoint == ENDPOINT_VM))
        return -EPERM; /* the kernel has given them all that they need to give to others */
    result = rs_permission(state, operation, start.label, slot);
    if (result != 0)
        return result;
    result = new_settings(state, slot, operation, &start, &manifest);
    if (result != 0)
        return result;
    if (slot == NULL)
        return edit_programs(state, operation->caller, &manifest);
    if (manifest.script[0] != '\0' && (slot->manifest.sys_flags & RS_SYS_CORE) != 0)
        return -EPERM;
    if (rs_device_is_taken(state, &manifest, slot))
        return -EBUSY;
    return apply(state, slot, &manifest, outbox);
}
