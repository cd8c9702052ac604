/* SPDX-License-Identifier: MIT */
/*
 * Which services may make which calls (behaviour.md ISO-4).
 */
#pragma once

#include "state.h"
#include "sys/call.h"

/* vm_dispatch, if RS lets the caller make this call; -EPERM otherwise. */
int mask_dispatch(void *state, struct call *call);
