/* SPDX-License-Identifier: MIT */
/*
 * The raw native traps as functions. The one loop (loop.c) uses trap.h directly.
 */
#include "sys/ipc.h"

#include <stddef.h>

#include "errors.h"
#include "sys/crash_notes.h"
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

static inline int sendrec(endpoint_t destination, struct message *message)
{
    uint32_t status, repeats = 0;
    int result;

    do {
        result = trap_ipc(IPC_SENDREC, destination, message, &status);
    } while (__builtin_expect(result == -EINTR || result == -ELOCKED, 0) && ipc_interrupted != NULL &&
             ipc_interrupted(destination, result, repeats++));
    return result;
}

/* The calls of a handler that repeats what killed the instance before. */
static int sendrec_noted(endpoint_t destination, struct message *message)
{
    struct message request = *message;
    int result = sendrec(destination, message);

    crash_notes_call(destination, &request, result, message);
    return result;
}

int ipc_sendrec(endpoint_t destination, struct message *message)
{
    if (__builtin_expect((fault_in_calls | crash_notes.recording) == 0, 1))
        return sendrec(destination, message);
    if (fault_in_calls != 0 && fault_call_fails(destination, message))
        return 0;
    return crash_notes.recording != 0 ? sendrec_noted(destination, message) : sendrec(destination, message);
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
