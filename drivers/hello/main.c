/* SPDX-License-Identifier: MIT */
/*
 * hello: the smallest driver, and the one that tests of restart are written against (behaviour.md DR-9).
 */
#include "driver/announce.h"
#include "errors.h"
#include "protocols/hello_char_server.h"
#include "state.h"
#include "sys/log.h"
#include "sys/sef.h"
#include "sys/service.h"

static struct hello_state hello_state SERVICE_STATE;

/* Whoever has it open does not notice: nothing is announced. */
static int update(int type, struct sef_init_info *info)
{
    int result = sef_cb_init_resume(type, info);

    if (result == 0)
        result = hello_restore(&hello_state);
    if (result == 0)
        log_info("hello, I am a new version; opened %u times, open %u", (uint32_t)hello_state.open_counter, hello_state.opened);
    return result;
}

static int init(int type, struct sef_init_info *info)
{
    if (type == SEF_INIT_FRESH)
        log_info("hello, I am new");
    else
        log_info("hello, I was just restarted (%u)", info->restarts);
    driver_announce();
    return 0;
}

static int save(int state)
{
    (void)state;
    return hello_save(&hello_state);
}

/* There will be no new version now. */
static void state_changed(int old_state, int state)
{
    (void)old_state;
    if (state == SEF_LU_STATE_NULL)
        hello_forget();
}

#ifdef HELLO_LAYOUT_2
SERVICE_STATE_VERSION(2, 1);

/* Version 1 did not count updates: it is taken for as many as it was opened. */
static int hello_state_upgrade_from_1(void *opaque)
{
    struct hello_state *state = opaque;
    size_t bytes;
    const uint32_t *opened = service_past("hello_state.open_counter", &bytes);

    if (opened == NULL || bytes != sizeof(*opened))
        return -EINVAL;
    state->updates = *opened;
    log_info("state version 1 became 2: updates %u", state->updates);
    return 0;
}

static const service_upgrade_t upgrades[] = { [1] = hello_state_upgrade_from_1 };
#endif

int main(void)
{
    static const struct service_protocol protocols[] = { { CHAR_PROTOCOL, char_dispatch } };
    static const struct service service = {
        .name = "hello",
        .state = &hello_state,
        .state_bytes = sizeof(hello_state),
        .protocols = protocols,
        .protocol_count = 1,
        .looks_often = true,
        .state_check = hello_state_check,
#ifdef HELLO_LAYOUT_2
        .upgrades = upgrades,
        .upgrade_count = sizeof(upgrades) / sizeof(upgrades[0]),
#endif
    };

    sef_setcb_init_fresh(init);
    sef_setcb_init_lu(update);
    sef_setcb_init_restart(init);
    sef_setcb_lu_state_save(save);
    sef_setcb_lu_state_changed(state_changed);
    sef_setcb_signal_handler(sef_cb_signal_handler_term);
    service_run(&service);
}
