/* SPDX-License-Identifier: MIT */
/*
 * random: /dev/random and /dev/urandom.
 */
#include "driver/announce.h"
#include "generator.h"
#include "protocols/random_char_server.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"

SERVICE_STATE static struct random_state generator;

static int init(int type, struct sef_init_info *info)
{
    (void)type;
    (void)info;
    generator_init(&generator, sys_uptime());
    driver_announce();
    return 0;
}

int main(void)
{
    static const struct service_protocol protocols[] = { { CHAR_PROTOCOL, char_dispatch } };
    static const struct service service = {
        .name = "random",
        .state = &generator,
        .state_bytes = sizeof(generator),
        .protocols = protocols,
        .protocol_count = 1,
        .looks_often = true,
    };
    sef_setcb_init_fresh(init);
    service_run(&service);
}
