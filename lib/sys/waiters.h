/* SPDX-License-Identifier: MIT */
/*
 * Who waits for a service, as its parked records have it. A handler that went wrong before its instance died may have lost a request: its caller would wait
 * for ever, since nobody asks twice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

/* A bit for each slot of a process. */
struct waiters {
    uint64_t slot[PROCESS_SLOTS / 64];
};

static inline void waiters_mark(struct waiters *waiters, endpoint_t caller)
{
    uint32_t slot = endpoint_slot(caller);

    if (caller >= 0 && slot < PROCESS_SLOTS)
        waiters->slot[slot / 64] |= 1ull << (slot % 64);
}

/* Only lib/sys calls these. After a restart with the old state, when everything that was queued has left: programs that wait for an answer which the service
 * does not know of are released. Their Linux call ends with EIO, a kernel's event comes again (struct service, mark_waiters). */
void waiters_clear_forgotten(void);
/* A handler says that it parked the call of somebody who waits in SENDREC, or of an asynchronous one: panics if the service never parks; builds with
 * SLOW_ASSERTS=1 also want the mark of a program that waits. */
void waiters_check(const struct message *request, bool waits);
