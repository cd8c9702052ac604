/* SPDX-License-Identifier: MIT */
/*
 * Privilege slots: id n belongs to service slot n for ever; user threads share the last one.
 */
#include "process/privileges.h"

#include "base/string.h"

struct privilege_slot privileges[PRIVILEGE_COUNT];

static void allow_send(struct privilege *p, uint32_t id)
{
    p->send_mask[id >> 6] |= 1ull << (id & 63);
}

void privilege_init(void)
{
    struct privilege_slot *user = &privileges[PRIVILEGE_ID_USER];

    for (uint32_t id = 0; id < PRIVILEGE_COUNT; id++)
        privilege_reset(id);
    user->in_use = true;
    user->p.flags = PRIVILEGE_PREEMPTIBLE | PRIVILEGE_BILLABLE;
    user->p.trap_mask = 1u << IPC_SENDREC;
    user->p.signal_manager = ENDPOINT_PM;
    user->p.backup_signal_manager = ENDPOINT_NONE;
    allow_send(&user->p, ENDPOINT_RS);
    allow_send(&user->p, ENDPOINT_PM);
}

void privilege_reset(uint32_t id)
{
    struct privilege_slot *slot = &privileges[id];

    memset(slot, 0, sizeof(*slot));
    slot->p.id = (int32_t)id;
    slot->p.signal_manager = ENDPOINT_RS;
    slot->p.backup_signal_manager = ENDPOINT_NONE;
    slot->owner = ENDPOINT_NONE;
    slot->predecessor = ENDPOINT_NONE;
}

void privilege_allow_all(struct privilege *p)
{
    p->flags |= PRIVILEGE_SYS_PROC | PRIVILEGE_PREEMPTIBLE | PRIVILEGE_BILLABLE;
    p->trap_mask = UINT32_MAX;
    memset(p->send_mask, 0xff, sizeof(p->send_mask));
    memset(p->call_mask, 0xff, sizeof(p->call_mask));
}
