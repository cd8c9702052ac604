/* SPDX-License-Identifier: MIT */
/*
 * Instances: making one in a kernel slot, letting it run, taking it away; and the table of slots.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel_client.h"
#include "protocols/service_client.h"
#include "protocols/vm_client.h"
#include "state.h"
#include "sys/log.h"
#include "sys/syscalls.h"

uint32_t rs_index(const struct rs_state *state, const struct rs_slot *slot)
{
    return (uint32_t)(slot - state->slot);
}

struct rs_slot *rs_find_label(struct rs_state *state, const char *label)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_ACTIVE) != 0 && strcmp(slot->manifest.label, label) == 0)
            return slot;
    }
    return NULL;
}

struct rs_slot *rs_find_endpoint(struct rs_state *state, endpoint_t endpoint)
{
    struct rs_slot *slot;

    if (endpoint < 0 || endpoint_slot(endpoint) >= SERVICE_SLOTS)
        return NULL;
    slot = &state->slot[endpoint_slot(endpoint)];
    return (slot->flags & RS_IN_USE) != 0 && slot->endpoint == endpoint ? slot : NULL;
}

uint32_t rs_free_slot(const struct rs_state *state)
{
    for (uint32_t i = RS_FIRST_DYNAMIC; i < SERVICE_SLOTS; i++) {
        if (state->slot[i].flags == 0)
            return i;
    }
    return RS_NO_SLOT;
}

static uint32_t public_state(const struct rs_slot *slot)
{
    if ((slot->flags & RS_REPLICA) != 0)
        return RS_STATE_REPLICA;
    if ((slot->flags & RS_SCRIPT) != 0)
        return RS_STATE_SCRIPT;
    if ((slot->flags & RS_EXITING) != 0)
        return RS_STATE_STOPPING;
    if ((slot->flags & RS_TERMINATED) != 0)
        return RS_STATE_WAITING;
    if ((slot->flags & RS_UPDATING) != 0)
        return RS_STATE_UPDATING;
    return (slot->flags & RS_INITIALIZING) != 0 ? RS_STATE_STARTING : RS_STATE_RUNNING;
}

void rs_publish_row(struct rs_state *state, const struct rs_slot *slot)
{
    struct rs_public *row = &state->table[rs_index(state, slot)];

    memset(row, 0, sizeof(*row));
    row->endpoint = ENDPOINT_NONE;
    if ((slot->flags & (RS_ACTIVE | RS_REPLICA)) == 0)
        return;
    string_copy(row->label, sizeof(row->label), slot->manifest.label);
    row->endpoint = slot->endpoint;
    row->pid = slot->pid;
    row->state = public_state(slot);
    row->flags = slot->flags;
    row->restarts = slot->restarts;
    row->updates = slot->updates;
    row->last_signal = slot->last_signal;
    row->period_ms = slot->manifest.heartbeat_ms;
    row->started_ns = slot->started_ns;
}

void rs_destroy(endpoint_t endpoint)
{
    struct kernel_clear_request clear = { .process = endpoint };
    struct vm_exit_request leave = { .slot = endpoint_slot(endpoint) };
    int result = kernel_call_clear(ENDPOINT_SYSTEM, &clear);
    int left = vm_call_exit(ENDPOINT_VM, &leave); /* in any case: an RS before us may have died between the two */

    if (result != 0 || left != 0)
        log_warn("removing endpoint %d: errors %d, %d", endpoint, result, left);
}

/* A new version of VM converts the state of the old one, and cannot ask anybody for memory for that. */
enum { SCRATCH_PAGES = 128 };

static int load(struct rs_state *state, const struct rs_slot *model, uint32_t index, uint32_t flags, enum rs_stay stay, endpoint_t process)
{
    const uint32_t new_vm = PRIVILEGE_LU_SYS_PROC | PRIVILEGE_VM_SYS_PROC;
    struct vm_load_service_request request = { .slot = index, .image = model->image, .length = model->image_length };
    struct vm_load_service_reply reply;
    struct kernel_exec_request exec = { .process = process };
    int result;

    request.scratch_pages = (flags & new_vm) == new_vm ? SCRATCH_PAGES : 0;
    request.lent = stay == RS_PASSES;
    result = vm_call_load_service(ENDPOINT_VM, &request, &reply);
    if (result == -ENOMEM && rs_drop_corpses(state)) /* reports are not worth a service */
        result = vm_call_load_service(ENDPOINT_VM, &request, &reply);
    if (result != 0)
        return result;
    state->space[index] = reply.space;
    exec.space = reply.space;
    exec.entry = reply.entry;
    exec.stack = reply.stack;
    string_copy(exec.name, sizeof(exec.name), model->manifest.label);
    return kernel_call_exec(ENDPOINT_SYSTEM, &exec);
}

static int give_privileges(const struct rs_state *state, const struct manifest *manifest, endpoint_t process, uint32_t flags)
{
    struct privilege privilege;
    struct kernel_privctl_request request = {
        .process = process,
        .request = KERNEL_PRIVILEGE_REQUEST_SET_SYS,
        .privileges = (uint64_t)(uintptr_t)&privilege,
    };

    rs_privileges(state, manifest, flags, &privilege);
    privilege.id = (int32_t)endpoint_slot(process);
    return kernel_call_privctl(ENDPOINT_SYSTEM, &request);
}

int rs_schedule(const struct manifest *manifest, endpoint_t process)
{
    struct kernel_schedctl_request request = {
        .process = process,
        .scheduler = ENDPOINT_NONE,
        .priority = (int32_t)manifest->priority,
        .quantum_us = manifest->quantum_ms * 1000,
        .cpu = manifest->cpu,
    };

    return kernel_call_schedctl(ENDPOINT_SYSTEM, &request);
}

int rs_prepare(const struct rs_state *state, const struct manifest *manifest, endpoint_t process, uint32_t flags)
{
    int result = give_privileges(state, manifest, process, flags);

    return result == 0 ? rs_schedule(manifest, process) : result;
}

int rs_create(struct rs_state *state, const struct rs_slot *model, uint32_t index, uint32_t flags, enum rs_stay stay, endpoint_t *endpoint)
{
    struct kernel_create_request create = { .slot = index, .space = UINT32_MAX }; /* no space yet */
    struct kernel_create_reply created;
    int result;

    if (model->image_length == 0)
        return -EPERM;
    string_copy(create.name, sizeof(create.name), model->manifest.label);
    result = kernel_call_create(ENDPOINT_SYSTEM, &create, &created);
    if (result != 0)
        return result;
    *endpoint = created.process;
    result = rs_prepare(state, &model->manifest, created.process, flags);
    if (result == 0)
        result = load(state, model, index, flags, stay, created.process);
    if (result == 0)
        result = rs_set_vm_mask(&model->manifest, index);
    if (result != 0)
        rs_destroy(created.process);
    return result;
}

int rs_allow(endpoint_t endpoint)
{
    struct kernel_privctl_request request = { .process = endpoint, .request = KERNEL_PRIVILEGE_REQUEST_ALLOW };

    return kernel_call_privctl(ENDPOINT_SYSTEM, &request);
}

void rs_send_init(struct rs_state *state, struct rs_slot *slot, uint32_t kind, endpoint_t old, struct outbox *outbox)
{
    struct service_init_request request = {
        .kind = kind,
        .old_endpoint = old,
        .restarts = slot->restarts,
        .rproctab = state->public_grant,
        .fault = kind == SERVICE_INIT_TYPE_LU ? state->update.fault : SERVICE_UPDATE_FAULT_NONE,
    };
    int result;

    slot->flags |= RS_INITIALIZING;
    slot->init_ns = rs_deadline(state, kind == SERVICE_INIT_TYPE_FRESH ? RS_INIT_MS : RS_REINIT_MS);
    slot->look_ns = 0;
    slot->pinged = false;
    result = rs_allow(slot->endpoint);
    if (result != 0)
        log_error("%s cannot run: error %d", slot->manifest.label, result);
    service_send_init(outbox, slot->endpoint, 0, &request);
    rs_publish_row(state, slot);
}

void rs_release(struct rs_state *state, struct rs_slot *slot)
{
    rs_release_image(state, slot);
    memset(slot, 0, sizeof(*slot));
    slot->other = RS_NO_SLOT;
    slot->late = RS_NO_SLOT;
    slot->endpoint = ENDPOINT_NONE;
    rs_publish_row(state, slot);
}
