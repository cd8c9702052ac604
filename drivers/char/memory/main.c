/* SPDX-License-Identifier: MIT */
/*
 * memory: /dev/null, zero, full and kmsg.
 */
#include "driver/announce.h"
#include "memory_char_server.h"
#include "state.h"
#include "sys/sef.h"
#include "sys/service.h"

SERVICE_STATE static struct memory_state memory;

static int init(int type, struct sef_init_info *info)
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
        .name = "memory",
        .state = &memory,
        .state_bytes = sizeof(memory),
        .protocols = protocols,
        .protocol_count = 1,
        .looks_often = true,
    };

    sef_setcb_init_fresh(init);
    service_run(&service);
}
