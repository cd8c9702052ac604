/* SPDX-License-Identifier: MIT */
/*
 * From manifests to what the kernel enforces.
 */
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/log.h"

static void allow_send(struct privilege *privilege, uint32_t id)
{
    privilege->send_mask[id / 64] |= 1ull << (id % 64);
}

bool rs_is_peer(const struct manifest *manifest, const char *label)
{
    for (uint32_t i = 0; i < manifest->peer_count; i++) {
        if (strcmp(manifest->peer[i], label) == 0)
            return true;
    }
    return false;
}

/* Every service needs these: its life is theirs. */
static bool is_everybodys(const char *label)
{
    return strcmp(label, "rs") == 0 || strcmp(label, "ds") == 0 || strcmp(label, "vm") == 0;
}

bool rs_may_talk(const struct manifest *from, const struct manifest *to)
{
    return from->all_peers || to->all_peers || rs_is_peer(from, to->label) || rs_is_peer(to, from->label) || is_everybodys(to->label) ||
           is_everybodys(from->label);
}

static void add_resources(const struct rs_state *state, const struct manifest *manifest, struct privilege *privilege)
{
    privilege->io_count = manifest->io_count;
    for (uint32_t i = 0; i < manifest->io_count; i++)
        privilege->io[i] = manifest->io[i];
    privilege->irq_count = manifest->irq_count;
    for (uint32_t i = 0; i < manifest->irq_count; i++)
        privilege->irq[i] = manifest->irq[i];
    privilege->memory_count = manifest->memory_count;
    for (uint32_t i = 0; i < manifest->memory_count; i++)
        privilege->memory[i] = manifest->memory[i];
    if (manifest->boot_image) {
        uint64_t start = state->archive_physical & ~(uint64_t)(RS_PAGE_BYTES - 1);
        uint64_t end = state->archive_physical + state->archive_length + RS_PAGE_BYTES - 1;

        privilege->memory[privilege->memory_count].base = start;
        privilege->memory[privilege->memory_count].length = (end & ~(uint64_t)(RS_PAGE_BYTES - 1)) - start;
        privilege->memory_count++;
    }
}

static endpoint_t endpoint_of(const struct rs_state *state, const char *label)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & RS_ACTIVE) != 0 && strcmp(state->slot[i].manifest.label, label) == 0)
            return state->slot[i].endpoint;
    }
    return ENDPOINT_NONE;
}

/* A manager that is gone leaves its services to RS. */
static endpoint_t signal_manager(const struct rs_state *state, const struct manifest *manifest)
{
    endpoint_t manager;

    if (strcmp(manifest->signal_manager, MANIFEST_SELF) == 0)
        return ENDPOINT_SELF;
    manager = manifest->signal_manager[0] != '\0' ? endpoint_of(state, manifest->signal_manager) : ENDPOINT_RS;
    return manager != ENDPOINT_NONE ? manager : ENDPOINT_RS;
}

void rs_privileges(const struct rs_state *state, const struct manifest *manifest, uint32_t flags, struct privilege *privilege)
{
    memset(privilege, 0, sizeof(*privilege));
    privilege->flags = PRIVILEGE_SYS_PROC | PRIVILEGE_PREEMPTIBLE | PRIVILEGE_BILLABLE | PRIVILEGE_CHECK_IO_PORT | PRIVILEGE_CHECK_IRQ |
                       PRIVILEGE_CHECK_MEM | flags;
    privilege->trap_mask = UINT32_MAX;
    privilege->signal_manager = signal_manager(state, manifest);
    /* Whoever cannot hear of a death any more, the service itself above all: RS does. */
    privilege->backup_signal_manager = privilege->signal_manager != ENDPOINT_RS ? ENDPOINT_RS : ENDPOINT_NONE;
    memcpy(privilege->call_mask, manifest->call_mask, sizeof(privilege->call_mask));
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) != 0 && rs_may_talk(manifest, &slot->manifest))
            allow_send(privilege, i);
    }
    if (manifest->user_peers)
        allow_send(privilege, PRIVILEGE_ID_USER);
    add_resources(state, manifest, privilege);
}

int rs_set_vm_mask(const struct manifest *manifest, uint32_t slot)
{
    struct vm_set_mask_request request = { .slot = slot, .mask = manifest->vm_mask };

    return vm_call_set_mask(ENDPOINT_VM, &request);
}

void rs_set_vm_masks(const struct rs_state *state)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if ((state->slot[i].flags & RS_ACTIVE) != 0 && rs_set_vm_mask(&state->slot[i].manifest, i) != 0)
            log_warn("vm does not take the mask of slot %u", i);
    }
}

static bool is_service(const struct rs_state *state, const char *label)
{
    return endpoint_of(state, label) != ENDPOINT_NONE;
}

int rs_check_manifest(const struct rs_state *state, const struct manifest *manifest, char error[MANIFEST_ERROR_BYTES])
{
    const char *manager = manifest->signal_manager, *scheduler = manifest->scheduler;

    if (manager[0] != '\0' && strcmp(manager, MANIFEST_SELF) != 0 && !is_service(state, manager))
        format_string(error, MANIFEST_ERROR_BYTES, " sigmgr: there is no service '%s'", manager);
    else if (scheduler[0] != '\0' && !is_service(state, scheduler))
        format_string(error, MANIFEST_ERROR_BYTES, " scheduler: there is no service '%s'", scheduler);
    else
        return 0;
    return -EINVAL;
}

int rs_get_privileges(endpoint_t process, struct privilege *privilege)
{
    struct kernel_getpriv_request request = { .process = process, .privileges = (uint64_t)(uintptr_t)privilege };

    return kernel_call_getpriv(ENDPOINT_SYSTEM, &request);
}

int rs_set_privileges(endpoint_t process, struct privilege *privilege)
{
    struct kernel_privctl_request request = { .process = process,
                                              .request = KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS,
                                              .privileges = (uint64_t)(uintptr_t)privilege };

    return kernel_call_privctl(ENDPOINT_SYSTEM, &request);
}

/* Talking is symmetric: the others' masks follow. */
void rs_update_peers(struct rs_state *state, const struct rs_slot *slot)
{
    uint32_t id = rs_index(state, slot);

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *other = &state->slot[i];
        struct privilege privilege;
        uint64_t bit = 1ull << (id % 64);
        bool had;

        if (other == slot || (other->flags & RS_ACTIVE) == 0 || other->endpoint == ENDPOINT_RS || other->endpoint == ENDPOINT_VM)
            continue;
        if (rs_get_privileges(other->endpoint, &privilege) != 0)
            continue;
        had = (privilege.send_mask[id / 64] & bit) != 0;
        if (had == rs_may_talk(&other->manifest, &slot->manifest))
            continue;
        privilege.send_mask[id / 64] ^= bit;
        (void)rs_set_privileges(other->endpoint, &privilege);
    }
}
