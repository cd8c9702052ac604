/* SPDX-License-Identifier: MIT */
/*
 * Debug dump (behaviour.md SEF-64): on request the service tells the log what it knows. The library gives the summary, a callback the rest.
 */
#include <stddef.h>

#include "sys/journal.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/outbox_table.h"
#include "sys/sef.h"

static sef_cb_debug_dump_t debug_dump = sef_cb_debug_dump_null;

void sef_setcb_debug_dump(sef_cb_debug_dump_t callback)
{
    if (callback == NULL)
        service_panic("SEF: a callback must not be NULL");
    debug_dump = callback;
}

void sef_cb_debug_dump_null(void)
{
}

void sef_dump(void)
{
    uint64_t arena_bytes = 0;
    const char *problem = NULL;

    for (uint32_t i = 0; i < journal.arena_count; i++)
        arena_bytes += journal.arena[i].bytes;
    if (running_service->state_check != NULL)
        problem = running_service->state_check(running_service->state);
    log_info("dump: %llu messages handled; state %zu bytes, %u arenas of %llu bytes; %u of %d outbox entries free; state check: %s",
             (unsigned long long)journal.committed, running_service->state_bytes, journal.arena_count, (unsigned long long)arena_bytes,
             outbox_room(outbox_default()), OUTBOX_ENTRIES, problem != NULL ? problem : "good");
    debug_dump();
}
