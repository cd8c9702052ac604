/* SPDX-License-Identifier: MIT */
/*
 * The raw native traps (abi/message.h). Only lib/sys and generated stubs use them: services receive through sef_receive_status() in the one loop.
 */
#pragma once

#include <stdbool.h>

#include "message.h"

/* All return 0 or a negative error (errors.h); messages are 64-byte aligned. */
int ipc_send(endpoint_t destination, struct message *message);
int ipc_receive(endpoint_t source, struct message *message, uint32_t *status);
/* The next message of one service and nothing else, for a signal manager that can do nothing without it. -EINTR: it died, or our alarm rang. */
int ipc_await(endpoint_t source, struct message *message);
int ipc_sendrec(endpoint_t destination, struct message *message);
/* Asked when a call was taken back (EINTR, ELOCKED), if it is set: is it to be made again? Only a signal manager needs it. */
extern bool (*ipc_interrupted)(endpoint_t destination, int error, uint32_t repeats);
int ipc_notify(endpoint_t destination);
int ipc_sendnb(endpoint_t destination, struct message *message);
int ipc_senda(struct asynsend_entry *table, uint32_t count);
int ipc_reply_receive(endpoint_t destination, struct message *message, uint32_t *status);
