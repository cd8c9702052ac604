/* SPDX-License-Identifier: MIT */
/*
 * From a message to SYSTEM to a handler: call mask, table, reply.
 */
#include "calls/calls.h"
#include "errors.h"
#include "protocols/kernel.h"

typedef int call_handler(struct thread *caller, const struct message *request, struct message *reply);

enum { CALL_COUNT = 128, FIRST_SPACE_CALL = 40, LAST_SPACE_CALL = 53 };

#define CALL_ENTRY(name, NAME) [KERNEL_##NAME & MESSAGE_OPERATION_MASK] = call_##name,
static call_handler *const handlers[CALL_COUNT] = { KERNEL_CALLS(CALL_ENTRY) };

uint64_t kernel_call_count;

static void finish(struct thread *t, struct message *reply, uint32_t type, uint32_t transaction, int status)
{
    reply->source = ENDPOINT_SYSTEM;
    reply->type = type | MESSAGE_REPLY;
    reply->status = status;
    reply->transaction = transaction;
    t->frame.rax = 0;
    t->frame.rdx = 0;
    t->misc_flags |= MF_DELIVER_MESSAGE;
}

void call_finish(struct thread *t, int status)
{
    t->inbox = status < 0 ? t->request : (struct message){ 0 };
    finish(t, &t->inbox, t->request.type, t->request.transaction, status);
}

static int check(const struct thread *t, uint32_t type)
{
    uint32_t operation = message_operation(type);
    const struct privilege *p = &thread_privilege(t)->p;

    if (message_protocol(type) != PROTOCOL_KERNEL || type & MESSAGE_REPLY || operation >= CALL_COUNT || !handlers[operation])
        return -EBADREQUEST;
    if (!(p->call_mask[operation >> 6] >> (operation & 63) & 1))
        return -ECALLDENIED;
    if (operation >= FIRST_SPACE_CALL && operation <= LAST_SPACE_CALL && !(p->flags & PRIVILEGE_VM_SYS_PROC))
        return -ECALLDENIED;
    return 0;
}

void call_execute(struct thread *t)
{
    uint32_t type = t->request.type, transaction = t->request.transaction;
    int result = check(t, type);

    t->inbox = (struct message){ 0 };
    if (!result) {
        t->kernel_calls++;
        kernel_call_count++;
        result = handlers[message_operation(type)](t, &t->request, &t->inbox);
    }
    if (result < 0)
        t->inbox = t->request; /* as it came, so that it can be made again */
    if (result == CALL_RETRY)
        t->misc_flags |= MF_KCALL_RESUME;
    else if (result <= 0)
        finish(t, &t->inbox, type, transaction, result);
}

struct thread *call_process(struct thread *caller, endpoint_t endpoint)
{
    return endpoint == ENDPOINT_SELF ? caller : thread_find(endpoint);
}
