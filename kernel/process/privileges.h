/* SPDX-License-Identifier: MIT */
/*
 * Defaults of privileges and tests on them.
 */
#pragma once

#include "process/thread.h"

/* What user threads share; called once. */
void privilege_init(void);
/* Nothing allowed, RS is signal manager; the rest of the slot is cleared. */
void privilege_reset(uint32_t id);
/* All traps, targets and calls: rs and vm at boot, tests. */
void privilege_allow_all(struct privilege *privilege);

ALWAYS_INLINE bool privilege_may_send(const struct privilege_slot *from, uint32_t id)
{
    return from->p.send_mask[id >> 6] >> (id & 63) & 1;
}
