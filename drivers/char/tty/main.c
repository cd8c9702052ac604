/* SPDX-License-Identifier: MIT */
/*
 * tty: terminals. Serial ports, pseudo-terminals, the line discipline between them and the programs, job control.
 */
#include "devfs_client.h"
#include "driver/announce.h"
#include "errors.h"
#include "pty.h"
#include "serial.h"
#include "settle.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"
#include "tty_char_server.h"

SERVICE_STATE static struct tty_state tty;

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    tty_state_init(&tty);
    serial_start(&tty);
    driver_announce();
    return 0;
}

static int rebuild(void *state)
{
    struct tty_state *old = state;

    serial_start(old);
    if (old->alarm_ns != 0)
        sys_setalarm(old->alarm_ns);
    return 0;
}

static uint32_t parked_requests(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < TTY_WAITERS; i++)
        count += tty.waiter[i].kind != WAITER_FREE ? 1 : 0;
    return count;
}

static uint32_t awaited_events(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < TTY_LINES; i++)
        count += (tty.line[i].watch | tty.line[i].watch_console | tty.line[i].watch_master) != 0 ? 1 : 0;
    return count;
}

/* Live update: parked requests and awaited events are part of the state, so any moment will do; who asks for a quiet one gets it (SEF-47). */
static int prepare(int state)
{
    if (state >= SEF_LU_STATE_REQUEST_FREE && parked_requests() > 0)
        return -ENOTREADY;
    return state >= SEF_LU_STATE_PROTOCOL_FREE && awaited_events() > 0 ? -ENOTREADY : 0;
}

static void dump(int state)
{
    log_info("for state %d: parked_requests=%u awaited_events=%u", state, parked_requests(), awaited_events());
}

static int dispatch(void *state, struct call *call)
{
    serial_begin(state, (uint64_t)call->type << 32 | call->transaction);
    return char_dispatch(state, call);
}

static void handle_reply(void *state, const struct message *reply, struct outbox *outbox)
{
    serial_begin(state, (uint64_t)reply->type << 32 | reply->transaction);
    if (reply->type == (DEVFS_MAKE_NODE | MESSAGE_REPLY))
        pty_node_made(state, reply, outbox);
}

static void handle_notify(void *state, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    struct tty_state *now = state;

    serial_begin(state, (uint64_t)(uint32_t)source << 32);
    if (source == ENDPOINT_CLOCK)
        settle_timeouts(now, sys_uptime(), outbox);
    if (source != ENDPOINT_HARDWARE)
        return;
    for (uint32_t port = 0; port < SERIAL_LINES; port++) {
        if (message->word[0] >> port & 1) {
            serial_interrupt(&now->line[port], port);
            settle_line(now, &now->line[port], outbox);
        }
    }
}

int main(void)
{
    static const struct service_protocol protocols[] = { { CHAR_PROTOCOL, dispatch } };
    static const struct service service = {
        .name = "tty",
        .state = &tty,
        .state_bytes = sizeof(tty),
        .protocols = protocols,
        .protocol_count = 1,
        .looks_often = true,
        .handle_reply = handle_reply,
        .handle_notify = handle_notify,
        .mark_waiters = tty_mark_waiters,
        .state_check = tty_state_check,
        .rebuild = rebuild,
    };

    sef_setcb_init_fresh(init_fresh);
    sef_setcb_lu_prepare(prepare);
    sef_setcb_lu_state_dump(dump);
    service_run(&service);
}
