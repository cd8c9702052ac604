/* SPDX-License-Identifier: MIT */
/*
 * System Event Framework: start-up and initialisation, ping, signals, crash injection (behaviour.md sections 1-3 and 5).
 */
#include "sys/sef.h"

#include <stdarg.h>
#include <stddef.h>

#include "base/format.h"
#include "errors.h"
#include "kernel_signals.h"
#include "privilege.h"
#include "protocols/kernel.h"
#include "protocols/rs.h"
#include "protocols/service.h"
#include "sys/fault.h"
#include "sys/integrity.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef_update.h"
#include "sys/syscalls.h"

static struct {
    sef_cb_init_t init_fresh;
    sef_cb_init_t init_lu;
    sef_cb_init_t init_restart;
    sef_cb_init_response_t init_response;
    sef_cb_ping_reply_t ping_reply;
    sef_cb_signal_handler_t signal_handler;
    sef_cb_signal_manager_t signal_manager;
    bool started;
} sef = {
    .init_fresh = sef_cb_init_null,
    .init_lu = sef_cb_init_lu_as_restart,
    .init_restart = sef_cb_init_resume,
    .init_response = sef_cb_init_response_rs_reply,
    .ping_reply = sef_cb_ping_reply_pong,
    .signal_handler = sef_cb_signal_handler_null,
    .signal_manager = sef_cb_signal_manager_null,
};

grant_t public_table_grant = -1;

static void require(bool given)
{
    if (!given)
        service_panic("SEF: a callback must not be NULL");
}

void sef_setcb_init_fresh(sef_cb_init_t callback)
{
    require(callback != NULL);
    sef.init_fresh = callback;
}

void sef_setcb_init_lu(sef_cb_init_t callback)
{
    require(callback != NULL);
    sef.init_lu = callback;
}

void sef_setcb_init_restart(sef_cb_init_t callback)
{
    require(callback != NULL);
    sef.init_restart = callback;
}

void sef_setcb_init_response(sef_cb_init_response_t callback)
{
    require(callback != NULL);
    sef.init_response = callback;
}

void sef_setcb_ping_reply(sef_cb_ping_reply_t callback)
{
    require(callback != NULL);
    sef.ping_reply = callback;
}

void sef_setcb_signal_handler(sef_cb_signal_handler_t callback)
{
    require(callback != NULL);
    sef.signal_handler = callback;
}

void sef_setcb_signal_manager(sef_cb_signal_manager_t callback)
{
    require(callback != NULL);
    sef.signal_manager = callback;
}

static char problem[SERVICE_PROBLEM_BYTES];

void sef_problem(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_list(problem, sizeof(problem), format, arguments);
    va_end(arguments);
    log_error("%s", problem);
}

int sef_init_fresh(int type, struct sef_init_info *info)
{
    return sef.init_fresh(type, info);
}

int sef_cb_init_lu_as_restart(int type, struct sef_init_info *info)
{
    return sef.init_restart(type, info);
}

static int run_init(int type, struct sef_init_info *info)
{
    switch (type) {
    case SEF_INIT_FRESH:
        return sef.init_fresh(type, info);
    case SEF_INIT_LU:
        if (info->fault == SERVICE_UPDATE_FAULT_INIT_CRASH)
            return sef_cb_init_crash(type, info);
        if (info->fault == SERVICE_UPDATE_FAULT_INIT_FAIL)
            return sef_cb_init_fail(type, info);
        return sef.init_lu(type, info);
    case SEF_INIT_RESTART:
        return sef.init_restart(type, info);
    default:
        return -EINVAL;
    }
}

/* RS and VM run before anybody could tell them to. What is to go wrong was told to the version before. */
static void init_by_itself(void)
{
    struct sef_init_info info = { .rproctab_gid = -1, .endpoint = identity.endpoint, .old_endpoint = identity.predecessor };
    int type = (identity.flags & PRIVILEGE_RST_SYS_PROC) != 0  ? SEF_INIT_RESTART
               : (identity.flags & PRIVILEGE_LU_SYS_PROC) != 0 ? SEF_INIT_LU
                                                               : SEF_INIT_FRESH;
    struct message message = { 0 };

    if (type == SEF_INIT_LU)
        info.fault = update_fault_asked();
    message.status = run_init(type, &info);
    /* RS waits for a VM that takes another one's place. */
    if (type != SEF_INIT_FRESH && identity.endpoint == ENDPOINT_VM)
        message.status = sef.init_response(&message);
    if (message.status == -ELOCKED) /* an RS that does not know of our start waits in a call to us: it gets served */
        message.status = 0;
    if (message.status != 0)
        service_panic("init failed: error %d", message.status);
}

/* What RS has asked the instance before us: we answer it. System events were for that one only. */
static struct message early[JOURNAL_EARLY];
static uint32_t early_status[JOURNAL_EARLY];
static uint32_t early_count;

static void keep_early(const struct message *message, uint32_t status)
{
    if (message_protocol(message->type) == SERVICE_PROTOCOL || (status & IPC_STATUS_VERB_MASK) == IPC_NOTIFY)
        return;
    if (early_count == JOURNAL_EARLY) {
        log_warn("message type %#x from rs is dropped", message->type);
        return;
    }
    early[early_count] = *message;
    early_status[early_count++] = status;
}

/* The journal has been taken over meanwhile, with what the old instance had kept in it. */
static void hand_over_early(void)
{
    for (uint32_t i = 0; i < early_count && journal.early_count < JOURNAL_EARLY; i++) {
        journal.early[journal.early_count] = early[i];
        journal.early_status[journal.early_count++] = early_status[i];
    }
}

static void wait_for_init(void)
{
    struct message message;
    struct service_init_request request;
    struct sef_init_info info;
    uint32_t status;
    int result;

    do {
        result = ipc_receive(ENDPOINT_RS, &message, &status);
        if (result != 0)
            service_panic("waiting for init: error %d", result);
        if (message.type != SERVICE_INIT)
            keep_early(&message, status);
    } while (message.type != SERVICE_INIT);
    service_init_request_get(&message, &request);
    info.rproctab_gid = request.rproctab;
    info.endpoint = identity.endpoint;
    info.old_endpoint = request.old_endpoint;
    info.restarts = request.restarts;
    info.fault = request.fault;
    public_table_grant = request.rproctab;
    message.status = run_init((int)request.kind, &info);
    hand_over_early();
    result = sef.init_response(&message);
    if (result != 0)
        service_panic("init response: error %d", result);
    if (request.kind == SEF_INIT_LU && journal.stopped_ns != 0)
        log_info("live update: nobody served for %llu ns", (unsigned long long)(sys_uptime() - journal.stopped_ns));
}

void sef_startup(void)
{
    if (sef.started)
        return;
    sef.started = true;
    identity_ask();
    if (identity.endpoint == ENDPOINT_RS || identity.endpoint == ENDPOINT_VM)
        init_by_itself();
    else
        wait_for_init();
}

int sef_cb_init_response_rs_reply(struct message *message)
{
    struct rs_init_ready_request request = { .result = message->status, .problem = (uint64_t)(uintptr_t)problem };
    struct message out = { .type = RS_INIT_READY };
    int result;

    do { /* RS itself may be restarted meanwhile */
        rs_init_ready_request_put(&out, &request);
        out.type = RS_INIT_READY;
        result = ipc_sendrec(ENDPOINT_RS, &out);
    } while (result == -EDEADSRCDST || (result == 0 && out.status == -ESRVRESTART));
    return result != 0 ? result : out.status;
}

/* Somebody sent init to a service that is up (VM, which does not wait for it): say yes. */
static void init_again(const struct message *message)
{
    struct message out = { .type = RS_INIT_READY, .transaction = message->transaction };
    struct rs_init_ready_request request = { .result = 0 };

    rs_init_ready_request_put(&out, &request);
    outbox_add(outbox_default(), ENDPOINT_RS, &out);
}

static void take_signals(uint64_t pending)
{
    for (int signo = 1; signo < SIGK_FIRST; signo++) {
        if ((pending >> (signo - 1) & 1) != 0)
            sef.signal_handler(signo);
    }
}

static struct sef_signal_details signal_details;

const struct sef_signal_details *sef_signal_details(void)
{
    return &signal_details;
}

void sef_keep_details(const struct kernel_getksig_reply *reply)
{
    signal_details = (struct sef_signal_details){
        .code = reply->code,
        .trap = reply->trap,
        .error = reply->error,
        .address = reply->address,
    };
}

/* Signals of one process; false: it is gone, nothing is to be ended. */
static bool manage_one(endpoint_t target, uint64_t signals)
{
    int result = 0;

    for (int signo = SIGS_FIRST; signo <= 64 && result != -EDEADEPT; signo++) {
        if ((signals >> (signo - 1) & 1) != 0)
            result = sef.signal_manager(target, signo);
    }
    return result == 0;
}

static void manage_signals(void)
{
    for (;;) {
        struct message message = { .type = KERNEL_GETKSIG };
        struct kernel_getksig_reply reply;
        struct kernel_endksig_request end;

        if (kernel_request(&message) != 0)
            service_panic("getksig: error %d", message.status);
        kernel_getksig_reply_get(&message, &reply);
        if (reply.process == ENDPOINT_NONE)
            return;
        sef_keep_details(&reply);
        if (!manage_one(reply.process, reply.signals))
            continue;
        message.type = KERNEL_ENDKSIG;
        end.process = reply.process;
        kernel_endksig_request_put(&message, &end);
        (void)kernel_request(&message); /* cleared meanwhile: EINVAL */
    }
}

static void take_system_notification(uint64_t pending)
{
    if ((pending >> (SIGKSIG - 1) & 1) != 0)
        manage_signals();
    take_signals(pending);
}

static void take_crash(const struct message *message)
{
    struct service_crash_request request;

    service_crash_request_get(message, &request);
    fault_take(&request); /* does not return if it is to happen at once */
    outbox_reply_status(outbox_default(), message->source, message->type, message->transaction, 0);
}

bool sef_is_managed(const struct message *message)
{
    return message->source == ENDPOINT_SYSTEM && sef.signal_manager != sef_cb_signal_manager_null &&
           (message->word[0] >> (SIGKSIG - 1) & 1) != 0;
}

static bool take_notification(const struct message *message)
{
    if (message->source == ENDPOINT_RS && identity.endpoint != ENDPOINT_RS) {
        integrity_check();
        sef.ping_reply(message->source);
        return true;
    }
    if (message->source != ENDPOINT_SYSTEM)
        return false;
    /* A manager that wants more of getksig than the signals themselves (PM) has no callback and takes the notification itself. */
    if (sef.signal_manager == sef_cb_signal_manager_null && (message->word[0] >> (SIGKSIG - 1) & 1) != 0)
        return false;
    take_system_notification(message->word[0]);
    return true;
}

bool sef_take(const struct message *message, uint32_t status)
{
    struct service_signal_received_request signal;

    if ((status & IPC_STATUS_VERB_MASK) == IPC_NOTIFY)
        return take_notification(message);
    if ((status & IPC_STATUS_FROM_USER) != 0)
        return false;
    if (message->type == SERVICE_SIGNAL_RECEIVED) {
        service_signal_received_request_get(message, &signal);
        sef.signal_handler(signal.signal);
        return true;
    }
    if (message->source != ENDPOINT_RS)
        return false;
    if (message->type == SERVICE_INIT)
        init_again(message);
    else if (message->type == SERVICE_LU_PREPARE)
        update_requested(message);
    else if (message->type == SERVICE_CRASH)
        take_crash(message);
    else if (message->type == SERVICE_DEBUG_DUMP)
        sef_dump();
    else
        return false;
    return true;
}

void sef_exit(int status)
{
    struct message message = { .type = KERNEL_EXIT };
    struct kernel_exit_request request = { .status = status };

    for (;;) {
        kernel_exit_request_put(&message, &request);
        (void)kernel_request(&message);
        __asm__ volatile("ud2");
    }
}
