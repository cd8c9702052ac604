/* SPDX-License-Identifier: MIT */
/*
 * Roles by label; what happens is told in the log (tests/system/events.test).
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/service.h"
#include "sys/ds.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum { SIGNAL_USR1 = 10, SLOW_INIT_NS = 1000000000 };

struct events_state {
    uint32_t reached; /* messages that SEF left to the dispatcher */
};

static struct events_state events_state SERVICE_STATE;

/* ---- counter ---- */

static int count_call(void *data, struct call *call)
{
    struct events_state *state = data;

    state->reached++;
    log_info("message type %#x from endpoint %d has reached the service", call->type, call->caller);
    return -EDONTREPLY;
}

static void count_notification(void *data, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    struct events_state *state = data;

    (void)message;
    (void)outbox;
    state->reached++;
    log_info("a notification from endpoint %d has reached the service", source);
}

static void tell_signal(int signo)
{
    log_info("signal %d; messages that reached the service: %u", signo, events_state.reached);
}

/* ---- forger ---- */

static void send_as_if_from_rs(endpoint_t target, uint32_t type)
{
    struct message message = { .type = type };
    int result = ipc_send(target, &message);

    if (result != 0)
        log_error("send: error %d", result);
}

/* Init and a request for a live update are RS's alone; anybody's notification is no ping. */
static void forge(int signo)
{
    endpoint_t target;

    if (signo != SIGNAL_USR1 || ds_retrieve_label_endpt("counter", &target) != 0)
        return;
    send_as_if_from_rs(target, SERVICE_LU_PREPARE);
    send_as_if_from_rs(target, SERVICE_INIT);
    (void)ipc_notify(target);
}

/* ---- canceller: a receive loop of its own ---- */

static void cancel(int signo)
{
    log_info("signal %d cancels", signo);
    sef_cancel();
}

static void receive_until_cancelled(void)
{
    struct message message;
    uint32_t status;
    int result;

    do
        result = sef_receive_status(ENDPOINT_ANY, &message, &status);
    while (result == 0);
    log_info("receive: error %d; the loop is left", result);
    sef_exit(0);
}

/* ---- leaver, slow, silent ---- */

static void leave(int signo)
{
    if (signo == SIGNAL_USR1)
        sef_exit(0);
    sef_cb_signal_handler_term(signo);
}

static int init_slowly(int type, struct sef_init_info *info)
{
    struct message message;
    uint32_t status;
    int result = sys_setalarm(sys_uptime() + SLOW_INIT_NS);

    (void)type;
    (void)info;
    if (result == 0)
        result = ipc_receive(ENDPOINT_CLOCK, &message, &status);
    log_info("the slow init is done");
    return result;
}

static void wait_in_silence(void)
{
    struct message message;
    uint32_t status;

    while (ipc_receive(ENDPOINT_CLOCK, &message, &status) == 0)
        ;
}

/* Init callbacks are for those that start up; true: the role does not use service_run. */
static void take_role(const char *label)
{
    sef_setcb_signal_handler(sef_cb_signal_handler_term);
    if (strcmp(label, "counter") == 0 || strcmp(label, "own") == 0)
        sef_setcb_signal_handler(tell_signal);
    else if (strcmp(label, "forger") == 0)
        sef_setcb_signal_handler(forge);
    else if (strcmp(label, "canceller") == 0)
        sef_setcb_signal_handler(cancel);
    else if (strcmp(label, "leaver") == 0)
        sef_setcb_signal_handler(leave);
    else if (strcmp(label, "posix") == 0)
        sef_setcb_signal_handler(sef_cb_signal_handler_posix_default);
    else if (strcmp(label, "slow") == 0)
        sef_setcb_init_fresh(init_slowly);
    else if (strcmp(label, "deaf") == 0)
        sef_setcb_signal_handler(sef_cb_signal_handler_null);
}

int main(void)
{
    static const struct service_protocol protocols[] = { { SERVICE_PROTOCOL, count_call } };
    static const struct service service = {
        .name = "events",
        .state = &events_state,
        .state_bytes = sizeof(events_state),
        .protocols = protocols,
        .protocol_count = sizeof(protocols) / sizeof(protocols[0]),
        .handle_notify = count_notification,
    };
    const char *label = service_name();

    if (strcmp(label, "silent") == 0)
        wait_in_silence();
    take_role(label);
    if (strcmp(label, "canceller") == 0) {
        sef_startup();
        receive_until_cancelled();
    }
    service_run(&service);
}
