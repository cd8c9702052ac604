/* SPDX-License-Identifier: MIT */
/*
 * lib/sys for unit tests on the host: a service's handlers run against this instead of the kernel. Everything is a weak symbol, so a test
 * may define its own version of any function. Call fake_reset() first in each test.
 *   memory   addresses of other processes are host pointers, unless fake_memory() gave a process an address of its own
 *   outbox   what handlers queue is collected: fake_sent_count(), fake_sent(i)
 *   grants   cpf_grant_* and fake_grant() share one table; sys_safecopy* look ids up there, whoever the granter is
 *   calls    every SENDREC (generated x_call_*, kernel calls) goes to the hook fake_sendrec; without a hook: -ENOSYS
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "message.h"
#include "sys/call.h"
#include "sys/outbox.h"

struct fake_message {
    endpoint_t destination;
    struct message message;
};

typedef int (*fake_sendrec_t)(endpoint_t destination, struct message *message);

extern uint64_t fake_uptime_ns;
extern uint64_t fake_alarm_ns;
extern fake_sendrec_t fake_sendrec;

void fake_reset(void);
/* Messages queued since the last fake_sent_clear(), in order. */
uint32_t fake_sent_count(void);
const struct fake_message *fake_sent(uint32_t index);
void fake_sent_clear(void);
/* The newest message to a destination, or NULL. */
const struct fake_message *fake_sent_to(endpoint_t destination);
/* Let [address, address + length) of a process be this host memory. */
void fake_memory(endpoint_t process, uint64_t address, void *host, size_t length);
/* A grant over host memory, as another process would make it. */
grant_t fake_grant(void *host, size_t length);
/* A call as the loop makes it: from `caller`, zeroed reply. request and reply must live as long as the call. */
struct call fake_call(endpoint_t caller, uint32_t receive_status, struct message *request, struct message *reply);
/* The last line logged. */
const char *fake_log(void);
