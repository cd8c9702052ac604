/* SPDX-License-Identifier: MIT */
/*
 * Replies of VFS find their thread by the transaction: index | sequence << 16. Exceptions come as SIGKSIG: ask the kernel whose.
 */
#include "events.h"

#include "caller.h"
#include "deliver.h"
#include "exec.h"
#include "exit.h"
#include "fork.h"
#include "ids.h"
#include "kernel_calls.h"
#include "kernel_signals.h"
#include "linux_pm_dispatch.h"
#include "linux_syscalls.h"
#include "protocols/kernel_client.h"
#include "protocols/rs_client.h"
#include "protocols/vfs.h"
#include "signal.h"
#include "sleep.h"
#include "sys/log.h"
#include "system.h"

/* The handler is done: note what a late answer needs, and look at signals that came up on the way. */
static int leave(struct pm_state *pm, struct call *call, struct pm_thread *thread, int result)
{
    uint32_t number = message_operation(call->type);
    int64_t value = result < 0 ? result : (int64_t)call->reply->word[0];

    if (result == CALL_PARKED || thread_has_news()) {
        thread->transaction = call->transaction;
        thread->linux_number = number;
    }
    if (result == CALL_PARKED) {
        thread_leave_parked(pm, thread);
        return CALL_PARKED;
    }
    if (thread->restarts) {
        thread->restarts = false; /* what the call did not use is not for the next one */
    }
    return thread_leave_call(pm, thread, number == LINUX_SYS_rt_sigreturn ? -1 : (int64_t)number, value) ? CALL_PARKED : result;
}

int pm_linux_entry(void *state, struct call *call)
{
    struct pm_thread *thread = thread_find(call->caller);
    int result;

    if (thread == NULL)
        return CALL_PARKED; /* cleared while its message was on the way */
    thread_enter(thread);
    result = pm_linux_dispatch(state, call);
    if (thread->endpoint != call->caller || thread->state == THREAD_LEAVING) {
        thread_enter(NULL);
        return CALL_PARKED; /* it ended itself */
    }
    return leave(state, call, thread, result);
}

/* ---- VFS ---- */

static struct pm_thread *thread_of_reply(const struct message *reply)
{
    struct pm_thread *thread = thread_at((reply->transaction & 0xffff) % THREADS);

    if (thread->vfs_request == VFS_REQUEST_NONE || (thread->sequence & 0xffff) != reply->transaction >> 16)
        return NULL;
    return thread;
}

static void live_reply(struct pm_state *pm, struct pm_thread *thread, uint8_t request, const struct message *reply)
{
    struct vfs_exec_open_reply opened = { 0 };

    switch (request) {
    case VFS_REQUEST_EXEC_OPEN:
        if (reply->status == 0) {
            vfs_exec_open_reply_get(reply, &opened);
        }
        exec_opened(pm, thread, reply->status, &opened);
        break;
    case VFS_REQUEST_EXEC_DONE:
        exec_finished(pm, thread);
        break;
    case VFS_REQUEST_IDS:
        ids_done(pm, thread);
        break;
    case VFS_REQUEST_REBOOT:
        reboot_ready(pm, thread);
        break;
    default:
        break;
    }
}

static const uint32_t type_of_request[] = {
    [VFS_REQUEST_FORK] = VFS_FORK,  [VFS_REQUEST_EXEC_OPEN] = VFS_EXEC_OPEN, [VFS_REQUEST_EXEC_DONE] = VFS_EXEC_DONE,
    [VFS_REQUEST_IDS] = VFS_SETIDS, [VFS_REQUEST_EXIT] = VFS_EXIT,           [VFS_REQUEST_REBOOT] = VFS_REBOOT,
};

void pm_handle_reply(void *state, const struct message *reply, struct outbox *outbox)
{
    struct pm_state *pm = state;
    struct pm_thread *thread = thread_of_reply(reply);
    uint8_t request;

    (void)outbox;
    if (thread == NULL || reply->type != (type_of_request[thread->vfs_request] | MESSAGE_REPLY))
        return; /* events that could not be delivered, and answers for a slot that is used again */
    request = thread->vfs_request;
    if (request == VFS_REQUEST_FORK) {
        fork_done(pm, thread, reply->status);
    } else if (thread->state == THREAD_LEAVING) {
        thread_left(pm, thread, request == VFS_REQUEST_EXIT);
    } else {
        thread->vfs_request = VFS_REQUEST_NONE;
        live_reply(pm, thread, request, reply);
    }
    leaving_flush(pm);
}

/* ---- notifications ---- */

/* A service whose signal manager PM is: it stays as it is until RS has cleared it away. */
static void service_died(const struct kernel_getksig_reply *exception)
{
    struct rs_child_died_request died = { .service = exception->process,
                                          .signal = exception->signals == 0 ? 0 : __builtin_ctzll(exception->signals) + 1 };

    rs_send_child_died(outbox_default(), ENDPOINT_RS, 0, &died);
}

static void take_exception(struct pm_state *pm, const struct kernel_getksig_reply *exception)
{
    struct kernel_endksig_request end = { .process = exception->process };
    struct pm_thread *thread = thread_find(exception->process);

    if (endpoint_slot(exception->process) < SERVICE_SLOTS) {
        service_died(exception);
        return;
    }
    if (thread == NULL)
        return;
    for (int signal = 1; signal <= LINUX_SIGNALS && thread_find(exception->process) == thread; signal++) {
        struct signal_info info = { .signal = signal, .code = exception->code, .value = exception->address };
        if (exception->signals & signal_bit(signal)) {
            signal_force(pm, thread, &info);
        }
    }
    if (thread_find(exception->process) == thread) {
        int result;
        TRY_AGAIN(result, -EINVAL, kernel_call_endksig(ENDPOINT_SYSTEM, &end));
    }
}

static void take_exceptions(struct pm_state *pm)
{
    struct kernel_getksig_reply exception;

    for (;;) {
        int result;
        TRY_AGAIN(result, 1, kernel_call_getksig(ENDPOINT_SYSTEM, &exception));
        if (result != 0 || exception.process == ENDPOINT_NONE)
            return;
        take_exception(pm, &exception);
    }
}

void pm_handle_notify(void *state, endpoint_t source, const struct message *message, struct outbox *outbox)
{
    (void)outbox;
    if (source == ENDPOINT_CLOCK) {
        timers_run(state, sys_uptime());
    } else if (source == ENDPOINT_SYSTEM && (message->word[0] >> (SIGKSIG - 1) & 1) != 0) {
        take_exceptions(state);
    }
}
