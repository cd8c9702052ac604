/* SPDX-License-Identifier: MIT */
/*
 * DS, the Data Store: labels to endpoints, values that services publish, subscriptions to changes of them.
 */
#include "protocols/ds_server.h"
#include "state.h"
#include "sys/sef.h"
#include "sys/service.h"

static struct ds_state ds_state SERVICE_STATE;

static int init_fresh(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    ds_start(&ds_state);
    return 0;
}

int main(void)
{
    static const struct service_protocol protocols[] = { { DS_PROTOCOL, ds_dispatch } };
    static const struct service service = {
        .name = "ds",
        .state = &ds_state,
        .state_bytes = sizeof(ds_state),
        .protocols = protocols,
        .protocol_count = 1,
        .looks_often = true,
        .state_check = ds_state_check,
    };

    sef_setcb_init_fresh(init_fresh);
    service_run(&service);
}
