/* SPDX-License-Identifier: MIT */
/*
 * The scheduler of user threads and dynamic services: policy only.
 */
#include "protocols/event.h"
#include "protocols/sched_event_server.h"
#include "protocols/sched_server.h"
#include "state.h"
#include "sys/sef.h"
#include "sys/service.h"

static struct sched_state sched_state SERVICE_STATE;

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    sched_start(&sched_state);
    return 0;
}

static void handle_notify(void *state, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    (void)message;
    (void)outbox;
    if (source == ENDPOINT_CLOCK)
        sched_raise(state);
}

int main(void)
{
    static const struct service_protocol protocols[] = {
        { SCHED_PROTOCOL, sched_dispatch },
        { EVENT_PROTOCOL, event_dispatch },
    };
    static const struct service service = {
        .name = "sched",
        .state = &sched_state,
        .state_bytes = sizeof(sched_state),
        .protocols = protocols,
        .protocol_count = 2,
        .handle_notify = handle_notify,
        .state_check = sched_state_check,
        .rebuild = sched_rebuild,
        .mend = sched_mend,
    };

    sef_setcb_init_fresh(init_fresh);
    service_run(&service);
}
