/* SPDX-License-Identifier: MIT */
/*
 * Faults on request (service.crash, sent by RS for an operator or for tools/chaos). They are no part of the state: a new instance has none, so that
 * the message in hand does not crash twice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "protocols/service.h"

struct fault {
    uint32_t armed;  /* waits for its handler */
    uint32_t kind;   /* enum service_fault */
    uint32_t call;   /* message type, 0: any */
    uint32_t after;  /* handlers of this type that it lets pass */
    uint32_t number; /* for the log */
    uint32_t random;
};

extern struct fault fault;
/* In the handler that runs: 1 if its next kernel or VM call is to fail; in the middle of one of VM's, the call before which it crashes. */
extern uint32_t fault_in_calls;

/* Takes a request; what is to happen at once does. */
void fault_take(const struct service_crash_request *request);
/* Around the handler of a message, if a fault is armed. */
void fault_before(uint32_t type);
void fault_after(uint32_t type);
/* true: this SENDREC is the one that fails; the answer is in the message. */
bool fault_call_fails(endpoint_t destination, struct message *message);
