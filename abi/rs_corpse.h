/* SPDX-License-Identifier: MIT */
/*
 * What RS tells the coroner (user/coroner) of a dead instance: rs.corpse_take.
 */
#pragma once

#include "message.h"
#include "protocols/rs.h"
#include "rs_info.h"

struct rs_death {
    uint32_t cause; /* enum rs_cause; INIT: it gave up with `result`, or, if that is 0, did not come up in time */
    int32_t signo;
    int32_t result;
    int32_t code; /* Linux's si_code */
    uint32_t trap;
    uint32_t resumed; /* the next instance has taken its state over: the state check was good */
    uint64_t error;
    uint64_t address;
    uint64_t time_ns;
};

enum { RS_CORPSE_REGISTERS = 27 }; /* Linux's user_regs_struct */

struct rs_corpse {
    char label[RS_LABEL_MAX];
    endpoint_t endpoint;
    uint32_t restarts;
    uint32_t missed;   /* deaths since the last report of which there will be none */
    endpoint_t served; /* its endpoint while it lived; NONE: the service is gone */
    struct rs_death death;
    uint64_t entry; /* where its image begins: struct service_image is near (lib/sys/service_header.h) */
    uint64_t registers[RS_CORPSE_REGISTERS];
};
