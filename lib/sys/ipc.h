/* SPDX-License-Identifier: MIT */
/*
 * The raw native traps (abi/message.h). Only lib/sys and generated stubs use them: services receive through sef_receive_status() in the one loop.
 */
#pragma once

#include "message.h"

/* All return 0 or a negative error (errors.h); messages are 64-byte aligned. */
int ipc_send(endpoint_t destination, struct message *message);
int ipc_receive(endpoint_t source, struct message *message, uint32_t *status);
int ipc_sendrec(endpoint_t destination, struct message *message);
int ipc_notify(endpoint_t destination);
int ipc_sendnb(endpoint_t destination, struct message *message);
int ipc_senda(struct asynsend_entry *table, uint32_t count);
int ipc_reply_receive(endpoint_t destination, struct message *message, uint32_t *status);
