/* SPDX-License-Identifier: MIT */
/*
 * The one loop: receive, dispatch, commit. The message in hand lies in the journal, so that a new instance finds it. The reply to a caller
 * in SENDREC leaves in the same trap that receives the next message; the two buffers of the journal change roles for that.
 */
#include <stddef.h>

#include "base/string.h"
#include "errors.h"
#include "protocols/char.h"
#include "protocols/service.h"
#include "sys/crash_notes.h"
#include "sys/fault.h"
#include "sys/integrity.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/journal_debug.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/mirror.h"
#include "sys/outbox_table.h"
#include "sys/sef.h"
#include "sys/sef_update.h"
#include "sys/trap.h"
#include "sys/waiters.h"

enum { PROTOCOLS = 64 };

const struct service *running_service;
bool resume_pending;

static int (*dispatchers[PROTOCOLS])(void *state, struct call *call);
static bool cancelled;

void sef_cancel(void)
{
    cancelled = true;
}

static void prepare_dispatch(const struct service *service)
{
    for (size_t i = 0; i < service->protocol_count; i++) {
        if (service->protocols[i].protocol >= PROTOCOLS)
            service_panic("protocol number %u is too large", service->protocols[i].protocol);
        dispatchers[service->protocols[i].protocol] = service->protocols[i].dispatch;
    }
}

static int dispatch(struct call *call)
{
    uint32_t protocol = message_protocol(call->type);

    if (protocol >= PROTOCOLS || dispatchers[protocol] == NULL)
        return -ENOSYS;
    return dispatchers[protocol](running_service->state, call);
}

/* Returns true if the reply in the other buffer is to leave with the next receive; otherwise it is queued, or there is none. */
static bool answer(const struct message *request, uint32_t status, struct message *reply, int result)
{
    bool waits = (status & IPC_STATUS_VERB_MASK) == IPC_SENDREC;

    if (result == CALL_PARKED) {
        waiters_check(request, waits);
        return false;
    }
    if ((uint32_t)-result > CALL_ERROR_MAX)
        service_panic("message type %#x: the handler's result %d is none", request->type, result);
    if (result == -EDONTREPLY && !waits)
        return false;
    reply->status = result == -EDONTREPLY ? -EBADREQUEST : result; /* an event sent as a call */
    if (!waits)
        outbox_add(&own_outbox, request->source, reply);
    return waits;
}

static bool handle_call(const struct message *request, uint32_t status)
{
    struct message *reply = &journal.buffer[journal.current ^ 1];
    struct call call = {
        .request = request,
        .reply = reply,
        .caller = request->source,
        .type = request->type,
        .transaction = request->transaction,
        .receive_status = status,
        .outbox = &own_outbox,
    };

    reply->type = request->type | MESSAGE_REPLY;
    reply->status = 0;
    reply->transaction = request->transaction;
    for (int i = 0; i < 6; i++)
        reply->word[i] = 0;
    return answer(request, status, reply, dispatch(&call));
}

/* Returns true if there is a reply in the other buffer. */
static bool handle_message(const struct message *request, uint32_t status)
{
    const struct service *service = running_service;

    if ((status & IPC_STATUS_VERB_MASK) == IPC_NOTIFY) {
        if (sef_is_managed(request))
            (void)sef_take(request, status);
        else if (service->handle_notify != NULL)
            service->handle_notify(service->state, request->source, request, &own_outbox);
    } else if ((request->type & MESSAGE_REPLY) == 0) {
        return handle_call(request, status);
    } else if ((status & IPC_STATUS_VERB_MASK) == IPC_SENDREC) { /* nobody waits for the answer to an answer: forged */
        outbox_reply_status(&own_outbox, request->source, request->type, request->transaction, -EBADREQUEST);
    } else if (service->handle_reply != NULL) {
        service->handle_reply(service->state, request, &own_outbox);
    }
    return false;
}

static void check_state(void)
{
#ifdef ASSERT_SLOW
    const char *problem = running_service->state_check != NULL ? running_service->state_check(running_service->state) : NULL;

    if (problem != NULL)
        service_panic("state: %s", problem);
#endif
}

/* One transaction; the message is journal.buffer[journal.current]. */
static void transact(uint32_t status)
{
    const struct message *request = &journal.buffer[journal.current];
    uint32_t type = request->type;
    bool replies;

    journal_debug_begin();
    mirror_begin();
    journal_begin();
    integrity_look();
    if (__builtin_expect(fault.armed != 0, 0))
        fault_before(type);
    replies = handle_message(request, status);
    if (__builtin_expect(fault.armed != 0, 0))
        fault_after(type);
    check_state();
    journal_debug_commit();
    if (replies)
        journal_commit(journal.current ^ 1u, request->source);
    else
        journal_commit(journal.current, ENDPOINT_NONE);
    mirror_follow();
    journal_debug_followed();
    if (!outbox_is_empty(&own_outbox))
        outbox_flush(&own_outbox);
    if (__builtin_expect(journal_has_grown(), 0))
        journal_shrink();
    journal.committed++;
}

/* The reply that was to leave with the next receive leaves now: the buffer is needed. */
static void send_reply(void)
{
    if (journal.reply_to == ENDPOINT_NONE)
        return;
    (void)ipc_sendnb(journal.reply_to, &journal.buffer[journal.current]);
    journal.reply_to = ENDPOINT_NONE;
}

void loop_settle(void)
{
    send_reply();
    outbox_flush(&own_outbox);
    journal.phase = JOURNAL_IDLE;
    (void)ipc_senda(NULL, 0); /* the new version has the same table: nothing may be delivered twice */
}

void loop_unsettle(void)
{
    outbox_register(&own_outbox);
}

/* A message that was not received just now. */
static void handle_apart(const struct message *message, uint32_t status)
{
    send_reply();
    journal.buffer[journal.current] = *message;
    journal.receive_status = status;
    crash_notes_message(message);
    transact(status);
}

/* Requests that could not be delivered come back as their replies. */
static void handle_failures(void)
{
    struct message reply;

    while (outbox_take_failure(&own_outbox, &reply))
        handle_apart(&reply, IPC_SENDA);
}

/* What RS has sent before our init. */
static void handle_early(void)
{
    while (journal.early_count > 0) {
        struct message message = journal.early[0];
        uint32_t status = journal.early_status[0];

        journal.early_count--;
        for (uint32_t i = 0; i < journal.early_count; i++) {
            journal.early[i] = journal.early[i + 1];
            journal.early_status[i] = journal.early_status[i + 1];
        }
        handle_apart(&message, status);
    }
}

static void receive_one(void)
{
    struct message *message = &journal.buffer[journal.current];
    uint32_t status;
    int result;

    journal.phase = JOURNAL_IDLE;
    if (journal.reply_to != ENDPOINT_NONE) {
        result = trap_ipc(IPC_REPLY_RECEIVE, journal.reply_to, message, &status);
        journal.reply_to = ENDPOINT_NONE;
    } else {
        result = trap_ipc(IPC_RECEIVE, ENDPOINT_ANY, message, &status);
    }
    if (result != 0)
        service_panic("receive: error %d", result);
    journal.receive_status = status;
    crash_notes_message(message);
    if (__builtin_expect(sef_might_take(message, status), 0) && !sef_is_managed(message) && sef_take(message, status)) {
        if ((status & IPC_STATUS_VERB_MASK) != IPC_NOTIFY || message->source != ENDPOINT_RS) { /* not for a heartbeat */
            journal_debug_outside();
            mirror_outside();
        }
        return;
    }
    transact(status);
}

/* The message in hand has crashed the service twice. If it is a reply, whoever waits for what hangs on it gets the error; false: it is none. */
static bool fail_reply(void)
{
    struct message *reply = &journal.buffer[journal.current];

    if ((journal.receive_status & IPC_STATUS_VERB_MASK) == IPC_NOTIFY || (reply->type & MESSAGE_REPLY) == 0)
        return false;
    log_error("reply type %#x crashed the service twice: it counts as error %d", reply->type, -EIO);
    reply->status = -EIO;
    return true;
}

/* The first thing after a restart with the old state: finish what the old instance had begun. */
static void resume(void)
{
    resume_pending = false;
    outbox_register(&own_outbox);
    if (journal.phase == JOURNAL_COMMITTED) {
        journal.attempts = 0;
        outbox_flush(&own_outbox);
        return;
    }
    if (journal.phase != JOURNAL_HANDLING) {
        /* Whether the last reply left is not known. Sent again it does no harm to a program; a service might take it for another. */
        if (journal.reply_to >= 0 && endpoint_slot(journal.reply_to) < SERVICE_SLOTS)
            journal.reply_to = ENDPOINT_NONE;
        return;
    }
    if (++journal.attempts < 2 || (journal.attempts == 2 && fail_reply())) {
        crash_notes_message(&journal.buffer[journal.current]);
        crash_notes_record(true);
        transact(journal.receive_status);
        journal.attempts = 0;
        crash_notes_record(false);
        return;
    }
    log_error("message type %#x crashed the service twice: it is given up", journal.buffer[journal.current].type);
    journal.attempts = 0;
    if ((journal.receive_status & IPC_STATUS_VERB_MASK) != IPC_NOTIFY && (journal.buffer[journal.current].type & MESSAGE_REPLY) == 0) {
        const struct message *request = &journal.buffer[journal.current];
        uint32_t protocol = message_protocol(request->type);
        bool is_io = protocol == PROTOCOL_LINUX || protocol == CHAR_PROTOCOL; /* VFS would ask a driver again after the other error */

        outbox_reply_status(&own_outbox, request->source, request->type, request->transaction, is_io ? -EIO : -ESRVRESTART);
        outbox_flush(&own_outbox);
    }
    journal.phase = JOURNAL_IDLE;
}

void service_run(const struct service *service)
{
    running_service = service;
    crash_notes.magic = CRASH_NOTES_MAGIC;
    prepare_dispatch(service);
    journal.reply_to = ENDPOINT_NONE;
    sef_startup();
    if (!outbox_is_empty(&own_outbox) && !resume_pending)
        outbox_flush(&own_outbox); /* what init queued */
    if (resume_pending) {
        resume();
        send_reply();
        waiters_clear_forgotten();
    }
    handle_early();
    while (!cancelled) {
        if (__builtin_expect(update_is_wanted(), 0))
            update_before_receive();
        receive_one();
        if (__builtin_expect(!outbox_is_empty(&own_outbox), 0)) {
            outbox_flush(&own_outbox);
            handle_failures();
        }
    }
    sef_exit(0);
}

int sef_receive_status(endpoint_t source, struct message *message, uint32_t *status)
{
    uint32_t own_status;
    int result;

    do {
        if (cancelled) {
            cancelled = false;
            return -EINTR;
        }
        if (update_is_wanted())
            update_before_receive();
        if (!outbox_is_empty(&own_outbox))
            outbox_flush(&own_outbox); /* what SEF has to say */
        result = ipc_receive(source, message, &own_status);
        if (status != NULL)
            *status = own_status;
    } while (result == 0 && sef_take(message, own_status));
    return result;
}

int sef_receive(endpoint_t source, struct message *message)
{
    return sef_receive_status(source, message, NULL);
}
