/* SPDX-License-Identifier: MIT */
/*
 * Telling about services: the tables for root (behaviour.md RS-31), rows and names for /proc/service. All answered at once from the state.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/rs_server.h"
#include "rs_info.h"
#include "state.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

_Static_assert(sizeof(((struct rs_process *)0)->peer) == sizeof(((struct manifest *)0)->peer), "the same peers");
_Static_assert(sizeof(((struct rs_process *)0)->control) == sizeof(((struct manifest *)0)->control), "the same control list");
_Static_assert(sizeof(((struct rs_process *)0)->script) == sizeof(((struct manifest *)0)->script), "the same script");

static void describe_policy(const struct manifest *manifest, struct rs_process *row)
{
    row->sys_flags = manifest->sys_flags;
    row->uid = manifest->uid;
    row->level = manifest->level;
    row->heartbeat_ms = manifest->heartbeat_ms;
    row->priority = manifest->priority;
    row->quantum_ms = manifest->quantum_ms;
    row->cpu = manifest->cpu;
    row->resume = manifest->resume;
    row->all_peers = manifest->all_peers;
    row->user_peers = manifest->user_peers;
    row->peer_count = manifest->peer_count;
    row->control_count = manifest->control_count;
    row->device_count = manifest->device_count;
    row->io_count = manifest->io_count;
    row->irq_count = manifest->irq_count;
    row->memory_count = manifest->memory_count + manifest->boot_image;
    row->pci_count = manifest->pci_device_count + manifest->pci_class_count;
    row->vm_mask = manifest->vm_mask;
    memcpy(row->call_mask, manifest->call_mask, sizeof(row->call_mask));
    memcpy(row->signal_manager, manifest->signal_manager, sizeof(row->signal_manager));
    memcpy(row->scheduler, manifest->scheduler, sizeof(row->scheduler));
    memcpy(row->peer, manifest->peer, sizeof(row->peer));
    memcpy(row->control, manifest->control, sizeof(row->control));
    memcpy(row->script, manifest->script, sizeof(row->script));
}

static void describe(struct rs_state *state, const struct rs_slot *slot, struct rs_process *row)
{
    const struct rs_public *public = &state->table[rs_index(state, slot)];

    memset(row, 0, sizeof(*row));
    row->endpoint = row->other = ENDPOINT_NONE;
    if ((slot->flags & RS_ACTIVE) == 0)
        return;
    rs_publish_row(state, slot);
    describe_policy(&slot->manifest, row);
    string_copy(row->label, sizeof(row->label), public->label);
    row->endpoint = slot->endpoint;
    if (slot->other != RS_NO_SLOT)
        row->other = state->slot[slot->other].endpoint;
    else if (slot->replica != 0)
        row->other = state->slot[slot->replica].endpoint;
    row->pid = slot->pid;
    row->state = public->state;
    row->flags = slot->flags;
    row->restarts = slot->restarts;
    row->recent = slot->recent;
    row->updates = slot->updates;
    row->cause = slot->cause;
    row->last_signal = slot->last_signal;
    row->started_ns = slot->started_ns;
    row->image_bytes = slot->image_length;
    row->reports = rs_count_corpses(state, slot->manifest.label);
}

/* ---- for root ---- */

static int give_processes(struct rs_state *state, const struct rs_operation *operation)
{
    struct rs_process row;
    int result = 0;

    for (uint32_t i = 0; i < SERVICE_SLOTS && result == 0; i++) {
        describe(state, &state->slot[i], &row);
        result = sys_copy_to(operation->caller, operation->address + i * sizeof(row), &row, sizeof(row));
    }
    return result;
}

static int give_public(struct rs_state *state, const struct rs_operation *operation)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        rs_publish_row(state, &state->slot[i]);
    return sys_copy_to(operation->caller, operation->address, state->table, sizeof(state->table));
}

size_t rs_sysinfo_bytes(uint32_t kind)
{
    if (kind == RS_SYSINFO_PUBLIC)
        return sizeof(((struct rs_state *)0)->table);
    return kind == RS_SYSINFO_PROCESSES ? sizeof(struct rs_process) * SERVICE_SLOTS : 0;
}

int rs_getsysinfo(struct rs_state *state, const struct rs_operation *operation)
{
    return operation->call == RS_SYSINFO_PUBLIC ? give_public(state, operation) : give_processes(state, operation);
}

/* ---- for procfs ---- */

int rs_handle_service_info(struct rs_state *state, struct call *call, const struct rs_service_info_request *request,
                           struct rs_service_info_reply *reply)
{
    const struct rs_slot *slot = NULL;
    struct rs_process row;

    if (request->label[0] != '\0')
        slot = rs_find_label(state, request->label);
    else if (request->slot < SERVICE_SLOTS)
        slot = &state->slot[request->slot];
    if (slot == NULL || (slot->flags & RS_ACTIVE) == 0)
        return -ESRCH;
    describe(state, slot, &row);
    reply->slot = rs_index(state, slot);
    return sys_safecopyto(call->caller, request->info, 0, &row, sizeof(row));
}

int rs_handle_service_names(struct rs_state *state, struct call *call, const struct rs_service_names_request *request)
{
    int result = 0;

    for (uint32_t i = 0; i < SERVICE_SLOTS && result == 0; i++) {
        const struct rs_slot *slot = &state->slot[i];
        char label[RS_LABEL_MAX] = "";

        if ((slot->flags & RS_ACTIVE) != 0)
            memcpy(label, slot->manifest.label, sizeof(label));
        result = sys_safecopyto(call->caller, request->names, (uint64_t)i * sizeof(label), label, sizeof(label));
    }
    return result;
}
