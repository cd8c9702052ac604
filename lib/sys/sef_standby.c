/* SPDX-License-Identifier: MIT */
/*
 * Standing by for RS (behaviour.md SEF-3, RS-70; ADR 0012). An instance that waits here is RS's backup signal manager, or the backup's backup. It takes RS's
 * place when the kernel says that RS died; and it sees to it that RS dies of a hang too: it pings RS each period, and RS must answer.
 */
#include <stddef.h>

#include "errors.h"
#include "privilege.h"
#include "protocols/kernel.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef.h"
#include "sys/syscalls.h"

enum { NS_PER_MS = 1000000, LOOKS_UNANSWERED = 2 };

struct watch {
    endpoint_t watched;
    uint64_t period_ns;
    uint64_t look_ns;
    uint32_t unanswered;
    bool pinged;
    bool is_ours; /* to judge, since the look before */
};

/* The signals of the next process that is ours to manage; NONE: no more. */
static endpoint_t next_signalled(uint64_t *signals)
{
    struct message message = { .type = KERNEL_GETKSIG };
    struct kernel_getksig_reply reply;

    if (kernel_request(&message) != 0)
        return ENDPOINT_NONE;
    kernel_getksig_reply_get(&message, &reply);
    sef_keep_details(&reply);
    *signals = reply.signals;
    return reply.process;
}

/* Of several that stand by only the first is called by the kernel, so only that one may judge. */
static bool is_first(endpoint_t watched)
{
    struct privilege privilege = { .backup_signal_manager = ENDPOINT_NONE };
    struct kernel_getpriv_request request = { .process = watched, .privileges = (uint64_t)(uintptr_t)&privilege };
    struct message message = { .type = KERNEL_GETPRIV };

    kernel_getpriv_request_put(&message, &request);
    return kernel_request(&message) == 0 && privilege.backup_signal_manager == service_endpoint();
}

static void kill_watched(endpoint_t watched)
{
    struct kernel_stacktrace_request where = { .process = watched };
    struct message message = { .type = KERNEL_STACKTRACE };

    log_warn("endpoint %d gives no heartbeat: it is killed", watched);
    kernel_stacktrace_request_put(&message, &where);
    (void)kernel_request(&message);
    (void)sys_kill(watched, SEF_SIGNAL_HANG);
}

static void look_later(struct watch *watch)
{
    watch->look_ns = sys_uptime() + watch->period_ns;
    (void)sys_setalarm(watch->look_ns);
}

/* What was not answered before counts for the one who was there then. */
static bool may_judge(struct watch *watch)
{
    bool was_ours = watch->is_ours;

    watch->is_ours = is_first(watch->watched);
    return was_ours && watch->is_ours;
}

/* A look that comes late does not count: the whole machine stood still. */
static void look(struct watch *watch)
{
    bool late = sys_uptime() - watch->look_ns > watch->period_ns / 2;

    if (may_judge(watch) && watch->pinged && !late && ++watch->unanswered == LOOKS_UNANSWERED) {
        watch->unanswered = 0;
        kill_watched(watch->watched);
    }
    watch->pinged = true;
    (void)ipc_notify(watch->watched);
    look_later(watch);
}

static uint64_t wait_for_death(struct watch *watch)
{
    endpoint_t signalled = ENDPOINT_NONE;
    struct message message;
    uint64_t signals = 0;
    uint32_t status;

    while (signalled != watch->watched) {
        if (ipc_receive(ENDPOINT_ANY, &message, &status) != 0)
            service_panic("standby: cannot receive");
        if (message.source == ENDPOINT_SYSTEM) {
            signalled = next_signalled(&signals);
        } else if (message.source == ENDPOINT_CLOCK) {
            look(watch);
        } else if (message.source == watch->watched) {
            watch->pinged = false;
            watch->unanswered = 0;
        }
    }
    return signals;
}

int sef_stand_by(endpoint_t endpoint, uint32_t period_ms)
{
    struct kernel_update_request update = { .source = service_endpoint(), .destination = endpoint };
    struct watch watch = { .watched = endpoint, .period_ns = (uint64_t)period_ms * NS_PER_MS };
    struct message message = { .type = KERNEL_UPDATE };
    uint64_t signals;

    look_later(&watch);
    signals = wait_for_death(&watch);
    (void)sys_setalarm(0);
    kernel_update_request_put(&message, &update);
    if (kernel_request(&message) != 0)
        service_panic("standby: cannot take the place of endpoint %d", endpoint);
    identity.known = false;
    identity_ask();
    identity.predecessor = update.source;
    identity.flags |= PRIVILEGE_RST_SYS_PROC;
    return signals != 0 ? __builtin_ctzll(signals) + 1 : 0;
}
