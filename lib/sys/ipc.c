/* SPDX-License-Identifier: MIT */
/*
 * The raw native traps as functions. The one loop (loop.c) uses trap.h directly.
 */
#include "sys/ipc.h"

#include <stddef.h>

#include "errors.h"
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

bool (*ipc_interrupted)(endpoint_t destination, int error, uint32_t repeats);

int ipc_sendrec(endpoint_t destination, struct message *message)
{
    uint32_t status, repeats = 0;
    int result;

    if (__builtin_expect(fault_in_calls != 0, 0) && fault_call_fails(destination, message))
        return 0;
    do {
        result = trap_ipc(IPC_SENDREC, destination, message, &status);
    } while (__builtin_expect(result == -EINTR || result == -ELOCKED, 0) && ipc_interrupted != NULL &&
             ipc_interrupted(destination, result, repeats++));
    return result;
}

int ipc_notify(endpoint_t destination)
{
    uint32_t status;

    return trap_ipc(IPC_NOTIFY, destination, NULL, &status);
}

int ipc_await(endpoint_t source, struct message *message)
{
    uint32_t status;

    return trap_ipc(IPC_RECEIVE, source, message, &status);
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
