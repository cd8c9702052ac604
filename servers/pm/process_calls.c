/* SPDX-License-Identifier: MIT */
/*
 * exit and exit_group. The caller is gone when these return; pm_linux_entry sees that.
 */
#include "caller.h"
#include "exit.h"
#include "linux_pm_dispatch.h"

int pm_linux_exit(struct pm_state *pm, struct call *call)
{
    thread_exit(pm, caller_thread(call), ((uint32_t)linux_argument(call, 0) & 0xff) << 8);
    return CALL_PARKED;
}

int pm_linux_exit_group(struct pm_state *pm, struct call *call)
{
    process_exit(pm, caller_process(call), ((uint32_t)linux_argument(call, 0) & 0xff) << 8);
    return CALL_PARKED;
}
