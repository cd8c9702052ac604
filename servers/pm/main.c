/* SPDX-License-Identifier: MIT */
/*
 * PM, the Process Manager: processes, threads, ids, signals, timers, futexes, execve. Read state.h next.
 */
#include "deliver.h"
#include "derive.h"
#include "dump.h"
#include "errors.h"
#include "events.h"
#include "init.h"
#include "kernel_calls.h"
#include "process.h"
#include "protocols/event.h"
#include "protocols/pm.h"
#include "protocols/pm_event_server.h"
#include "protocols/pm_server.h"
#include "state.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "timer.h"

SERVICE_STATE struct pm_state pm_state;
SERVICE_DERIVED struct pm_tables tables;

static int attach(void)
{
    return pm_tables_acquire() ? 0 : -ENOMEM;
}

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    if (attach() != 0)
        return -ENOMEM;
    init_start(&pm_state);
    return 0;
}

static void mend(void *state)
{
    derive_lists(state);
}

/* After a restart with the old state. */
static int rebuild(void *state)
{
    thread_enter(NULL);
    thread_answered_by_asker(false);
    derive_hashes(state);
    publish_all_pending(state);
    kernel_publish();
    timer_rearm(state);
    return 0;
}

int main(void)
{
    static const struct service_protocol protocols[] = {
        { PM_PROTOCOL, pm_dispatch },
        { PROTOCOL_EVENT, event_dispatch },
        { PROTOCOL_LINUX, pm_linux_entry },
    };
    static const struct service service = {
        .name = "pm",
        .state = &pm_state,
        .state_bytes = sizeof(pm_state),
        .protocols = protocols,
        .protocol_count = sizeof(protocols) / sizeof(protocols[0]),
        .handle_reply = pm_handle_reply,
        .handle_notify = pm_handle_notify,
        .mark_waiters = pm_mark_waiters,
        .state_check = pm_state_check,
        .attach = attach,
        .rebuild = rebuild,
        .mend = mend,
    };

    sef_setcb_init_fresh(init_fresh);
    sef_setcb_debug_dump(pm_debug_dump);
    service_run(&service);
}
