/* SPDX-License-Identifier: MIT */
/*
 * Kernel-made calls. event_kind says what the thread was doing, so the reply (event_reply) can put it back on its way.
 */
#include "process/event.h"

#include "calls/calls.h"
#include "debug/debug.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "process/signal.h"
#include "process/work.h"
#include "protocols/event.h"
#include "sched/sched.h"

/* The payload of thread->request is filled in. */
static bool event_send(struct thread *t, struct thread *to, enum event_kind kind, uint32_t type)
{
    t->request.source = t->endpoint;
    t->request.type = type;
    t->request.status = 0;
    t->request.transaction = ++t->transaction;
    t->misc_flags |= MF_EVENT;
    t->event_kind = kind;
    if (!ipc_send_request(t, to, SEND_FROM_KERNEL))
        return true;
    t->misc_flags &= ~MF_EVENT;
    return false;
}

bool event_page_fault(struct thread *t)
{
    struct thread *vm = thread_find(ENDPOINT_VM);
    struct event_page_fault_request request = { .address = t->fault_address,
                                                .flags = (uint32_t)t->fault_error & 0x17,
                                                .instruction = t->frame.rip };

    if (!vm || vm == t || t->fault_address >> USER_ADDRESS_BITS)
        return false;
    request.entry = space_entry(t->space, t->fault_address & ~4095ull);
    t->request = (struct message){ 0 };
    event_page_fault_request_put(&t->request, &request);
    if (!event_send(t, vm, WAIT_PAGE_FAULT, EVENT_PAGE_FAULT))
        return false;
    t->rts_flags |= RTS_PAGEFAULT;
    return true;
}

bool event_memory(struct thread *t, enum event_kind kind, endpoint_t target, const struct copy_fault *fault, uint64_t length)
{
    struct thread *vm = thread_find(ENDPOINT_VM);
    struct event_memory_request_request request = { .target = target, .write = fault->write, .address = fault->address, .length = length };

    if (!vm || vm == t || target == ENDPOINT_VM)
        return false;
    if (kind == WAIT_CALL_MEMORY)
        t->event_saved = t->request;
    t->request = (struct message){ 0 };
    event_memory_request_request_put(&t->request, &request);
    if (!event_send(t, vm, kind, EVENT_MEMORY_REQUEST)) {
        if (kind == WAIT_CALL_MEMORY)
            t->request = t->event_saved;
        return false;
    }
    t->rts_flags |= RTS_VMREQUEST;
    return true;
}

bool event_signal_ready(struct thread *t)
{
    struct thread *pm = thread_find(ENDPOINT_PM);
    struct event_signal_ready_request request = { .number = thread_linux_number(t), .result = (int64_t)t->frame.rax };

    if (!pm)
        return false;
    t->request = (struct message){ 0 };
    event_signal_ready_request_put(&t->request, &request);
    return event_send(t, pm, WAIT_SIGNAL_READY, EVENT_SIGNAL_READY);
}

bool event_out_of_quantum(struct thread *t, struct thread *scheduler)
{
    struct event_out_of_quantum_request request = { .priority = (uint32_t)t->priority,
                                                    .cpu = (uint32_t)t->cpu,
                                                    .used_ns = (uint64_t)t->quantum_us * 1000 };

    t->request = (struct message){ 0 };
    event_out_of_quantum_request_put(&t->request, &request);
    if (!event_send(t, scheduler, WAIT_QUANTUM, EVENT_OUT_OF_QUANTUM))
        return false;
    t->rts_flags |= RTS_NO_QUANTUM;
    return true;
}

void event_map_page(const struct message *message)
{
    struct event_page_fault_reply reply;
    uint64_t done = 0;

    event_page_fault_reply_get(message, &reply);
    if (message->status || !reply.frame)
        return;
    int error = space_map_range(reply.space, reply.page, &reply.frame, 1, reply.map_flags, &done);
    space_flush(reply.space);
    if (error)
        log_printf("vm: page %lx of space %u cannot be mapped: error %d\n", reply.page, reply.space, error);
}

static void reply_page_fault(struct thread *t, int status)
{
    if (status == -EIO)
        signal_exception(t, SIGNAL_BUS, CODE_ADRERR, t->fault_address);
    else if (status)
        signal_exception(t, SIGNAL_SEGV, status == -EACCES ? CODE_ACCERR : CODE_MAPERR, t->fault_address);
}

static void reply_call_memory(struct thread *t, int status)
{
    t->request = t->event_saved;
    if (status)
        call_finish(t, -EFAULT);
    else
        t->misc_flags |= MF_KCALL_RESUME;
}

static void repeat_or_fail(struct thread *t, int status, uint32_t flag)
{
    if (status)
        t->frame.rax = (uint64_t)-EFAULT;
    else
        t->misc_flags |= flag;
}

/* PM says what becomes of the call that the thread comes from; after sigsend or sigreturn there is none any more. */
static void reply_signal_ready(struct thread *t, const struct message *message)
{
    struct event_signal_ready_reply reply;

    event_signal_ready_reply_get(message, &reply);
    if (thread_linux_number(t) < 0 || message->status)
        return;
    if (reply.restart)
        work_restart_call(t, reply.result);
    else
        t->frame.rax = (uint64_t)reply.result;
}

void event_reply(struct thread *t, const struct message *reply)
{
    int status = reply->status;

    t->misc_flags &= ~(MF_EVENT | MF_REPLY_PENDING);
    t->rts_flags &= ~(RTS_PAGEFAULT | RTS_VMREQUEST | RTS_NO_QUANTUM); /* still RECEIVING or SENDING: stays blocked */
    switch ((enum event_kind)t->event_kind) {
    case WAIT_PAGE_FAULT:
        reply_page_fault(t, status);
        break;
    case WAIT_CALL_MEMORY:
        reply_call_memory(t, status);
        break;
    case WAIT_TRAP_MEMORY:
        repeat_or_fail(t, status, MF_TRAP_RETRY);
        break;
    case WAIT_DELIVERY_MEMORY:
        repeat_or_fail(t, status, MF_DELIVER_MESSAGE);
        break;
    case WAIT_SIGNAL_READY:
        reply_signal_ready(t, reply);
        break;
    case WAIT_QUANTUM:
        sched_refill(t);
        break;
    }
}
