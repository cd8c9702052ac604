/* SPDX-License-Identifier: MIT */
/*
 * sample: a character driver that counts the lines written to it.
 */
#include "driver/announce.h"
#include "protocols/sample_char_server.h"
#include "state.h"
#include "sys/sef.h"
#include "sys/service.h"

static struct sample_state sample_state SERVICE_STATE;

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    driver_announce();
    return 0;
}

int main(void)
{
    static const struct service_protocol protocols[] = { { CHAR_PROTOCOL, char_dispatch } };
    static const struct service service = {
        .name = "sample",
        .state = &sample_state,
        .state_bytes = sizeof(sample_state),
        .protocols = protocols,
        .protocol_count = 1,
        .state_check = sample_state_check,
    };

    sef_setcb_init_fresh(init_fresh);
    sef_setcb_signal_handler(sef_cb_signal_handler_term);
    service_run(&service);
}
