/* SPDX-License-Identifier: MIT */
/*
 * Telling the others about a service: its label to DS, its existence to PM (for a pid), its devices to VFS. All asynchronous; each of them
 * is told again when it has been started afresh and has forgotten.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/ds_client.h"
#include "protocols/pm_client.h"
#include "protocols/sched_client.h"
#include "protocols/vfs_client.h"
#include "state.h"
#include "sys/log.h"

static void tell_ds(struct rs_state *state, const struct rs_slot *slot, struct outbox *outbox)
{
    struct ds_publish_label_request request = { .service = slot->endpoint, .flags = DS_FLAGS_OVERWRITE };

    string_copy(request.label, sizeof(request.label), slot->manifest.label);
    ds_send_publish_label(outbox, ENDPOINT_DS, rs_transaction(RS_FOR_DS, rs_index(state, slot), 0), &request);
}

static void tell_pm(struct rs_state *state, const struct rs_slot *slot, struct outbox *outbox)
{
    struct pm_add_service_request request = { .service = slot->endpoint };

    string_copy(request.label, sizeof(request.label), slot->manifest.label);
    pm_send_add_service(outbox, ENDPOINT_PM, rs_transaction(RS_FOR_PM, rs_index(state, slot), 0), &request);
}

static void tell_vfs(struct rs_state *state, const struct rs_slot *slot, struct outbox *outbox)
{
    for (uint32_t i = 0; i < slot->manifest.device_count; i++) {
        const struct manifest_device *device = &slot->manifest.device[i];
        struct vfs_map_driver_request request = {
            .driver = slot->endpoint,
            .major = device->major,
            .minor_first = device->first,
            .minor_last = device->last,
        };

        string_copy(request.label, sizeof(request.label), slot->manifest.label);
        vfs_send_map_driver(outbox, ENDPOINT_VFS, rs_transaction(RS_FOR_VFS, rs_index(state, slot), i), &request);
    }
}

enum { SCHED_NORMAL = 10, NICE_PER_PRIORITY = 5 }; /* servers/sched: nice 0 is priority 10 */

/* The scheduler that the manifest names takes the service over; without one the kernel keeps to what the manifest says. */
static void tell_scheduler(struct rs_state *state, const struct rs_slot *slot, struct outbox *outbox)
{
    const struct rs_slot *scheduler = rs_find_label(state, slot->manifest.scheduler);
    struct sched_start_request request = {
        .process = slot->endpoint,
        .parent = ENDPOINT_RS,
        .nice = ((int32_t)slot->manifest.priority - SCHED_NORMAL) * NICE_PER_PRIORITY,
    };

    if (slot->manifest.scheduler[0] != '\0' && scheduler != NULL)
        sched_send_start(outbox, scheduler->endpoint, 0, &request);
}

static void leave_scheduler(struct rs_state *state, const struct rs_slot *slot, struct outbox *outbox)
{
    const struct rs_slot *scheduler = rs_find_label(state, slot->manifest.scheduler);
    struct sched_stop_request request = { .process = slot->endpoint };

    if (slot->manifest.scheduler[0] != '\0' && scheduler != NULL)
        sched_send_stop(outbox, scheduler->endpoint, 0, &request);
}

void rs_announce(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    slot->flags |= RS_PUBLISHED;
    tell_ds(state, slot, outbox);
    tell_pm(state, slot, outbox);
    tell_vfs(state, slot, outbox);
    tell_scheduler(state, slot, outbox);
}

void rs_announce_replica(struct rs_state *state, const struct rs_slot *replica, struct outbox *outbox)
{
    tell_pm(state, replica, outbox);
}

void rs_withdraw_replica(const struct rs_slot *replica, struct outbox *outbox)
{
    struct pm_remove_service_request process = { .service = replica->endpoint };

    pm_send_remove_service(outbox, ENDPOINT_PM, 0, &process);
}

void rs_announce_all_to(struct rs_state *state, endpoint_t listener, struct outbox *outbox)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct rs_slot *slot = &state->slot[i];

        if ((slot->flags & RS_REPLICA) != 0 && listener == ENDPOINT_PM)
            tell_pm(state, slot, outbox);
        if ((slot->flags & RS_ACTIVE) == 0)
            continue;
        if (listener == ENDPOINT_DS)
            tell_ds(state, slot, outbox);
        else if (listener == ENDPOINT_PM)
            tell_pm(state, slot, outbox);
        else if (listener == ENDPOINT_VFS)
            tell_vfs(state, slot, outbox);
        else if (strcmp(slot->manifest.scheduler, state->slot[endpoint_slot(listener)].manifest.label) == 0)
            tell_scheduler(state, slot, outbox);
    }
}

void rs_withdraw(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    struct ds_delete_label_request label = { 0 };
    struct pm_remove_service_request process = { .service = slot->endpoint };

    if ((slot->flags & RS_PUBLISHED) == 0)
        return;
    slot->flags &= ~(uint32_t)RS_PUBLISHED;
    string_copy(label.label, sizeof(label.label), slot->manifest.label);
    ds_send_delete_label(outbox, ENDPOINT_DS, rs_transaction(RS_FOR_DS, rs_index(state, slot), 0), &label);
    pm_send_remove_service(outbox, ENDPOINT_PM, 0, &process);
    leave_scheduler(state, slot, outbox);
}

static void remember_pid(struct rs_state *state, uint32_t index, const struct message *reply)
{
    struct pm_add_service_reply answer;

    pm_add_service_reply_get(reply, &answer);
    state->slot[index].pid = answer.pid;
    rs_publish_row(state, &state->slot[index]);
}

/* RS-51: what cannot be published is of no use to anybody. A peer that died is told again when it is back. */
static void refused(struct rs_state *state, struct rs_slot *slot, int status, struct outbox *outbox)
{
    bool is_new = (slot->flags & (RS_INITIALIZING | RS_RESTARTING)) == RS_INITIALIZING;

    if (status == -EDEADSRCDST || status == -ESRVRESTART || rs_index(state, slot) < RS_FIRST_DYNAMIC || (slot->flags & RS_ACTIVE) == 0)
        return;
    if (is_new)
        rs_init_done(state, slot, status, outbox);
    else
        rs_remove(state, slot, outbox);
}

bool rs_announce_reply(struct rs_state *state, const struct message *reply, struct outbox *outbox)
{
    static const char *const who[] = { [RS_FOR_DS] = "ds", [RS_FOR_PM] = "pm", [RS_FOR_VFS] = "vfs" };
    uint32_t kind = reply->transaction >> 28;
    uint32_t index = reply->transaction & 0xffff;

    if (kind != RS_FOR_DS && kind != RS_FOR_PM && kind != RS_FOR_VFS)
        return false;
    if (index >= SERVICE_SLOTS || (state->slot[index].flags & (RS_ACTIVE | RS_REPLICA)) == 0)
        return true;
    if (reply->status != 0) {
        log_warn("%s did not take %s: error %d", who[kind], state->slot[index].manifest.label, reply->status);
        refused(state, &state->slot[index], reply->status, outbox);
    } else if (kind == RS_FOR_PM && reply->type == (PM_ADD_SERVICE | MESSAGE_REPLY)) {
        remember_pid(state, index, reply);
    }
    return true;
}
