/* SPDX-License-Identifier: MIT */
/*
 * `service dump pm`: the process table as PM itself sees it (behaviour.md SEF-64).
 */
#include "dump.h"

#include "state.h"
#include "sys/log.h"

enum { DUMP_LINES = 100 };

static const char *const state_names[] = {
    [PROCESS_RUNNING] = "running",
    [PROCESS_STOPPED] = "stopped",
    [PROCESS_ZOMBIE] = "zombie",
};

void pm_debug_dump(void)
{
    uint32_t lines = 0, left_out = 0;

    for (uint32_t i = 0; i < PROCESSES; i++) {
        const struct pm_process *process = process_at(i);

        if (process->state == PROCESS_FREE)
            continue;
        if (lines == DUMP_LINES) {
            left_out++;
            continue;
        }
        lines++;
        log_info("dump: pid %u %s: %s, %u threads, parent %u, group %u, session %u, uid %u, pending %#llx", process->pid, process->name,
                 state_names[process->state], process->thread_count, process->parent == NONE ? 0 : process_at(process->parent)->pid,
                 process->group, process->session, process->uid, (unsigned long long)process->pending);
    }
    if (left_out > 0)
        log_info("dump: %u more processes", left_out);
}
