/* SPDX-License-Identifier: MIT */
/*
 * State of the demo service of test_code.py, shared by demo_handlers.c and demo_program.c.
 */
#pragma once

#include "message.h"

struct demo_state {
    uint32_t calls;
    uint32_t major;
    endpoint_t caller;
    uint32_t transaction;
};
