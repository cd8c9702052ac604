/* SPDX-License-Identifier: MIT */
/*
 * The raw native traps as functions. The one loop (loop.c) uses trap.h directly.
 */
#include "sys/ipc.h"

#include <stddef.h>

#include "sys/fault.h"
#include "sys/trap.h"

int ipc_send(endpoint_t destination, struct message *message)
{
    uint32_t status;

    return trap_ipc(IPC_SEND, destination, message, &status);
}

int ipc_receive(endpoint_t source, struct message *message, uint32_t *status)
{
    return trap_ipc(IPC_RECEIVE, source, message, status);
}

int ipc_sendrec(endpoint_t destination, struct message *message)
{
    uint32_t status;

    if (__builtin_expect(fault_in_calls != 0, 0) && fault_call_fails(destination, message))
        return 0;
    return trap_ipc(IPC_SENDREC, destination, message, &status);
}

int ipc_notify(endpoint_t destination)
{
    uint32_t status;

    return trap_ipc(IPC_NOTIFY, destination, NULL, &status);
}

int ipc_sendnb(endpoint_t destination, struct message *message)
{
    uint32_t status;

    return trap_ipc(IPC_SENDNB, destination, message, &status);
}

int ipc_senda(struct asynsend_entry *table, uint32_t count)
{
    uint32_t status;

    return trap_ipc(IPC_SENDA, (int64_t)(uintptr_t)table, (const void *)(uintptr_t)count, &status);
}

int ipc_reply_receive(endpoint_t destination, struct message *message, uint32_t *status)
{
    return trap_ipc(IPC_REPLY_RECEIVE, destination, message, status);
}
