/* SPDX-License-Identifier: MIT */
/*
 * The service marks whom it knows; the kernel knows who waits.
 */
#include "sys/waiters.h"

#include "errors.h"
#include "protocols/kernel.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/outbox_table.h"
#include "sys/syscalls.h"

static struct waiters waiters;

static void mark(void)
{
    waiters = (struct waiters){ 0 };
    if (running_service->mark_waiters != NULL)
        running_service->mark_waiters(running_service->state, &waiters);
}

void waiters_clear_forgotten(void)
{
    struct kernel_statectl_request request = {
        .request = KERNEL_STATE_REQUEST_CLEAR_FORGOTTEN,
        .address = (uint64_t)(uintptr_t)waiters.slot,
        .length = sizeof(waiters.slot),
    };
    struct message message = { .type = KERNEL_STATECTL };
    struct kernel_statectl_reply reply;
    int result;

    mark();
    kernel_statectl_request_put(&message, &request);
    result = kernel_request(&message);
    kernel_statectl_reply_get(&message, &reply);
    if (result != 0)
        log_warn("who waits for the old instance is not known: error %d", result);
    else if (reply.cleared != 0)
        log_warn("%u programs wait for calls that the old instance has forgotten: they are released", reply.cleared);
}

#ifdef ASSERT_SLOW
/* By the handler itself, as it answers others. */
static bool is_answered(endpoint_t caller)
{
    for (uint32_t i = own_outbox.committed; i < own_outbox.tail; i++) {
        if (own_outbox.entry[i].destination == caller && (own_outbox.entry[i].message.type & MESSAGE_REPLY) != 0)
            return true;
    }
    return false;
}

static void want_mark(const struct message *request)
{
    uint32_t slot = endpoint_slot(request->source);

    mark();
    if (!is_answered(request->source) && (waiters.slot[slot / 64] >> (slot % 64) & 1) == 0)
        service_panic("message type %#x of endpoint %d is parked, and nobody knows of it", request->type, request->source);
}
#else
static void want_mark(const struct message *request)
{
    (void)request;
}
#endif

void waiters_check(const struct message *request, bool waits)
{
    if (__builtin_expect(running_service->mark_waiters == NULL, 0))
        service_panic("message type %#x: this service parks no calls", request->type);
    if (waits && endpoint_slot(request->source) >= SERVICE_SLOTS)
        want_mark(request);
}
