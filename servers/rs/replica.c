/* SPDX-License-Identifier: MIT */
/*
 * Proactive replicas (behaviour.md RS-27, RS-55): a second instance that waits, made and loaded but never run, so that a crash needs neither memory
 * nor time for one. The next is made when the one before has taken over. Without a replica one is made at the crash (recovery.c).
 */
#include "base/string.h"
#include "errors.h"
#include "privilege.h"
#include "state.h"
#include "sys/log.h"

bool rs_wants_replica(const struct rs_slot *slot)
{
    return (slot->manifest.sys_flags & RS_SYS_USE_REPLICA) != 0;
}

int rs_replica_make(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    uint32_t index = rs_free_slot(state);
    struct rs_slot *replica;
    endpoint_t created;
    int result;

    if (index == RS_NO_SLOT)
        return -ENOMEM;
    result = rs_create(state, slot, index, PRIVILEGE_RST_SYS_PROC, RS_STAYS, &created);
    if (result != 0)
        return result;
    replica = &state->slot[index];
    *replica = (struct rs_slot){ .flags = RS_IN_USE | RS_REPLICA, .endpoint = created, .other = RS_NO_SLOT, .late = RS_NO_SLOT };
    string_copy(replica->manifest.label, sizeof(replica->manifest.label), slot->manifest.label);
    slot->replica = index;
    rs_announce_replica(state, replica, outbox);
    rs_publish_row(state, replica);
    return 0;
}

void rs_replica_keep(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    int result;

    if (!rs_wants_replica(slot) || slot->replica != 0 || slot->endpoint == ENDPOINT_RS || slot->endpoint == ENDPOINT_VM)
        return;
    result = rs_replica_make(state, slot, outbox);
    if (result != 0)
        log_warn("%s has no replica: error %d; one will be made when it is needed", slot->manifest.label, result);
}

void rs_replica_drop(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    struct rs_slot *replica = &state->slot[slot->replica];

    if (slot->replica == 0)
        return;
    slot->replica = 0;
    rs_withdraw_replica(replica, outbox);
    rs_destroy(replica->endpoint);
    rs_release(state, replica);
}

void rs_replica_renew(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    rs_replica_drop(state, slot, outbox);
    rs_replica_keep(state, slot, outbox);
}

uint32_t rs_replica_take(struct rs_state *state, struct rs_slot *slot, endpoint_t *endpoint, struct outbox *outbox)
{
    uint32_t index = slot->replica;
    struct rs_slot *replica = &state->slot[index];

    if (index == 0)
        return RS_NO_SLOT;
    slot->replica = 0;
    *endpoint = replica->endpoint;
    rs_withdraw_replica(replica, outbox);
    /* Others have come and gone since it was made: whom it may talk to is today's. */
    if (rs_prepare(state, &slot->manifest, replica->endpoint, PRIVILEGE_RST_SYS_PROC) != 0) {
        rs_destroy(replica->endpoint);
        index = RS_NO_SLOT;
    }
    rs_release(state, replica);
    return index;
}

/* RS and VM have their second instances by other ways (successor.c, standby.c). */
static bool has_second(const struct rs_state *state, const struct rs_slot *slot)
{
    if (slot->endpoint == ENDPOINT_RS)
        return rs_has_successor(state);
    if (slot->endpoint == ENDPOINT_VM)
        return state->vm_standby != 0;
    return slot->replica != 0;
}

int rs_clone(struct rs_state *state, struct rs_slot *slot, struct outbox *outbox)
{
    int result;

    if (has_second(state, slot))
        return -EEXIST;
    if (slot->endpoint == ENDPOINT_RS || slot->endpoint == ENDPOINT_VM)
        return -EBUSY;
    result = rs_replica_make(state, slot, outbox);
    if (result == 0)
        slot->manifest.sys_flags |= RS_SYS_USE_REPLICA;
    return result;
}
