/* SPDX-License-Identifier: MIT */
/*
 * RS, the Reincarnation Server: starts, watches and replaces services; default signal manager of all of them.
 */
#include "protocols/rs_server.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"

enum { SIGNAL_TERM = 15 };

static struct rs_state rs_state SERVICE_STATE;
static int cause_of_death SERVICE_INSTANCE; /* of the RS before us; set once, before its state is taken */

static int attach(void)
{
    rs_state.image_area = (uint64_t)(uintptr_t)SERVICE_TABLE(images, uint8_t, RS_IMAGE_PAGES * RS_PAGE_BYTES);
    return 0; /* without it there is room for boot services only */
}

static int init_fresh(int type, struct sef_init_info *info)
{
    int result = rs_boot(&rs_state, outbox_default());

    (void)type;
    (void)info;
    return result == 0 ? attach() : result;
}

static int manage_signal(endpoint_t target, int signo)
{
    return rs_signal(&rs_state, target, signo, outbox_default());
}

/* SIGCHLD is rs.child_died. */
static void handle_signal(int signo)
{
    if (signo != SIGNAL_TERM)
        return;
    log_info("shutdown: nothing is started again");
    (void)rs_shutdown(&rs_state);
}

static void handle_notify(void *state, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    (void)message;
    if (source == ENDPOINT_CLOCK)
        rs_tick(state, outbox);
    else if (source >= 0)
        rs_pong(state, source);
}

static void handle_reply(void *state, const struct message *reply, struct outbox *outbox)
{
    if (reply->transaction >> 28 == RS_FOR_OPERATION)
        rs_identified(state, reply, outbox);
    else if (reply->transaction >> 28 == RS_FOR_CRASH)
        rs_crash_armed(state, reply, NULL, outbox);
    else if (reply->transaction >> 28 == RS_FOR_SCRIPT)
        rs_script_answered(state, reply, outbox);
    else
        (void)rs_announce_reply(state, reply, outbox);
}

/* As what rebuild is called. */
static enum { AS_OLD_VERSION, AS_SUCCESSOR, AS_NEW_VERSION } role SERVICE_INSTANCE;

static int init_lu(int type, struct sef_init_info *info)
{
    int result;

    info->old_endpoint = rs_backup_of(ENDPOINT_RS);
    role = AS_NEW_VERSION;
    result = sef_cb_init_resume(type, info);
    role = AS_OLD_VERSION;
    return result;
}

static int lu_response(struct message *message)
{
    struct rs_lu_ready_request ready;

    rs_lu_ready_request_get(message, &ready);
    return rs_self_hand_over(&rs_state, ready.result);
}

static int init_restart(int type, struct sef_init_info *info)
{
    int result = rs_take_place(&rs_state, info->old_endpoint);

    role = AS_SUCCESSOR;
    if (result == 0 && rs_how_taken()->trust == RS_TRUST_STATE) {
        result = sef_cb_init_resume(type, info);
    } else if (result == 0) {
        log_warn("state of the old instance: the one before died of it; deriving a new one from the world");
        result = sef_cb_init_salvage(type, info);
    }
    if (result == 0)
        rs_place_is_taken();
    role = AS_OLD_VERSION;
    return result;
}

static int rebuild(void *state)
{
    if (role == AS_SUCCESSOR)
        return rs_succeed(state, (uint32_t)cause_of_death);
    return role == AS_NEW_VERSION ? rs_self_took_over(state) : rs_self_came_back(state);
}

static int salvage(void *state)
{
    return rs_salvage(state, (uint32_t)cause_of_death);
}

int main(void)
{
    static const struct service_protocol protocols[] = { { RS_PROTOCOL, rs_dispatch } };
    static const struct service service = {
        .name = "rs",
        .state = &rs_state,
        .state_bytes = sizeof(rs_state),
        .protocols = protocols,
        .protocol_count = 1,
        .handle_reply = handle_reply,
        .handle_notify = handle_notify,
        .mark_waiters = rs_mark_waiters,
        .state_check = rs_state_check,
        .attach = attach,
        .rebuild = rebuild,
        .salvage = salvage,
    };

    sef_setcb_init_fresh(init_fresh);
    sef_setcb_init_restart(init_restart);
    sef_setcb_init_lu(init_lu);
    sef_setcb_lu_response(lu_response);
    sef_setcb_signal_manager(manage_signal);
    sef_setcb_signal_handler(handle_signal);
    rs_standby_watch(&rs_state);
    if (service_endpoint() != ENDPOINT_RS)
        cause_of_death = sef_stand_by(ENDPOINT_RS, RS_WATCH_MS);
    service_run(&service);
}
