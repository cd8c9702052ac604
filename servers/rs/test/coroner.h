/* SPDX-License-Identifier: MIT */
/*
 * The program that asks RS for dead instances.
 */
#pragma once

#include "../state.h"

#include "protocols/rs_server.h"
#include "rs_corpse.h"
#include "testing/fake_kernel.h"

enum { CORONER = 300 };

static struct rs_state state;
static struct message request, reply;

/* It asks for the next one. */
static int take(struct rs_corpse *corpse)
{
    struct rs_corpse_take_request take_request = { .corpse = (uint64_t)(uintptr_t)corpse };
    struct call call;

    request.type = RS_CORPSE_TAKE;
    call = fake_call(CORONER, IPC_SENDREC, &request, &reply);
    return rs_handle_corpse_take(&state, &call, &take_request);
}
