/* SPDX-License-Identifier: MIT */
/*
 * The syscall instruction. In front the short paths: SENDREC (or a Linux call) to a server that waits, and the server's reply to a caller that waits.
 * They run straight from one thread to the other, without the run queue; whatever is unusual falls through to the general functions, which
 * mean the same.
 */
#include "calls/calls.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "ipc/linux_abi.h"
#include "ipc/public.h"
#include "linux_route.h"
#include "process/event.h"
#include "process/privileges.h"
#include "process/work.h"
#include "protocols/event.h"
#include "sched/sched.h"

ALWAYS_INLINE bool address_is_bad(uint64_t address)
{
    return address & ((~0ull << USER_ADDRESS_BITS) | (sizeof(struct message) - 1));
}

/*
 * `to` is current, its space is loaded, and it has no work left. The clock is not read: the kernel's time since the entry (some 100 instructions) will
 * count as user time of the thread that runs now.
 */
ALWAYS_INLINE __attribute__((noreturn)) void run_now(struct cpu_state *cpu, struct thread *to)
{
    if (quantum_needs_attention(cpu, to))
        schedule_and_resume();
    arch_resume_switched(to);
}

/* The same if there may be work, or others that wait. */
ALWAYS_INLINE __attribute__((noreturn)) void run_short(struct cpu_state *cpu, struct thread *to)
{
    if (to->misc_flags & MF_WORK || cpu->ready)
        schedule_and_resume();
    run_now(cpu, to);
}

/* `to` is current now: give it its message and run it. */
ALWAYS_INLINE __attribute__((noreturn)) void run_receiver(struct cpu_state *cpu, struct thread *to, const struct message *message)
{
    space_switch(to, to->space);
    if (!copy64((void *)to->message_address, message)) {
        to->inbox = *message;
        to->misc_flags |= MF_DELIVER_MESSAGE;
        schedule_and_resume();
    }
    run_now(cpu, to);
}

ALWAYS_INLINE bool waits_for_request_of(const struct thread *to, const struct thread *from)
{
    return to->rts_flags == RTS_RECEIVING && !(to->misc_flags & (MF_REPLY_PENDING | MF_LINUX_CALL | MF_EVENT | MF_WORK)) &&
           (to->receive_from == ENDPOINT_ANY || to->receive_from == from->endpoint);
}

/* Second half of the calls below. */
ALWAYS_INLINE __attribute__((noreturn)) void hand_over(struct cpu_state *cpu, struct thread *t, struct thread *to, struct message *message,
                                                       uint32_t status)
{
    message->source = t->endpoint;
    t->receive_from = to->endpoint;
    t->rts_flags |= RTS_RECEIVING;
    t->messages_sent++;
    to->rts_flags = 0;
    to->frame.rax = 0;
    to->frame.rdx = status;
    sched_hand_off(cpu, to);
    run_receiver(cpu, to, message);
}

/* The message of a native call goes straight from one program's memory to the other's; then the receiver's space is loaded. */
ALWAYS_INLINE bool pass_message(struct thread *t, struct thread *to, uint64_t address, uint32_t *type)
{
    if (!message_pass(address, to->message_address, to->space, (uint32_t)t->endpoint, type))
        return false;
    if (__builtin_expect(!ipc_type_is_forged(*type), 1))
        return true;
    space_switch(t, t->space);
    return false;
}

ALWAYS_INLINE void fast_sendrec(struct cpu_state *cpu, struct thread *t)
{
    struct thread *to = thread_find((endpoint_t)t->frame.rdi);
    const struct privilege_slot *privilege = thread_privilege(t);
    uint64_t address = t->frame.rsi;
    uint32_t type;

    if (!to || !waits_for_request_of(to, t) || !sched_may_hand_off(cpu, to) || address_is_bad(address))
        return;
    if (!(privilege->p.trap_mask & 1u << IPC_SENDREC) || !privilege_may_send(privilege, to->privilege_id))
        return;
    if (!pass_message(t, to, address, &type))
        return;
    /* Cannot fail from here on. */
    t->message_address = address;
    t->misc_flags |= MF_REPLY_PENDING;
    t->receive_from = to->endpoint;
    t->rts_flags |= RTS_RECEIVING;
    t->messages_sent++;
    to->rts_flags = 0;
    to->frame.rax = 0;
    to->frame.rdx = t->call_status;
    sched_hand_off(cpu, to);
    run_now(cpu, to);
}

/* A Linux call of a user's thread to a server that waits (linux_prepare and linux_call mean the same). */
ALWAYS_INLINE void fast_linux_call(struct cpu_state *cpu, struct thread *t, uint64_t number)
{
    static const uint8_t owner_slot[] = { [ROUTE_PM] = ENDPOINT_PM, [ROUTE_VFS] = ENDPOINT_VFS, [ROUTE_VM] = ENDPOINT_VM };
    const struct trap_frame *f = &t->frame;

    if (number >= LINUX_SYSCALL_COUNT || (uint32_t)(linux_route[number] - ROUTE_PM) > ROUTE_VM - ROUTE_PM || public_calls[number] ||
        trace_is_on)
        return;
    struct thread *to = &threads[owner_slot[linux_route[number]]];
    KEEP_POINTER(to);
    if (!waits_for_request_of(to, t) || !sched_may_hand_off(cpu, to) || thread_is_service(t) || t->misc_flags & MF_SIGNAL_POSTED)
        return;
    t->request.type = (uint32_t)(PROTOCOL_LINUX << 16 | number);
    t->request.status = 0;
    t->request.transaction = ++t->transaction;
    t->request.word[0] = f->rdi;
    t->request.word[1] = f->rsi;
    t->request.word[2] = f->rdx;
    t->request.word[3] = f->r10;
    t->request.word[4] = f->r8;
    t->request.word[5] = f->r9;
    t->misc_flags |= MF_REPLY_PENDING | MF_LINUX_CALL;
    hand_over(cpu, t, to, &t->request, SEND_FROM_KERNEL | IPC_STATUS_FROM_USER);
}

/* event_page_fault to a VM that waits. */
void trap_page_fault(struct cpu_state *cpu, struct thread *t, uint64_t address, uint64_t error)
{
    struct thread *vm = thread_find(ENDPOINT_VM);
    struct event_page_fault_request request = { .address = address, .flags = (uint32_t)error & 0x17, .instruction = t->frame.rip };

    if (!vm || vm == t || address >> USER_ADDRESS_BITS || !waits_for_request_of(vm, t) || !sched_may_hand_off(cpu, vm))
        return;
    request.entry = error & 1 ? space_entry(t->space, address & ~4095ull) : 0;
    t->request.source = t->endpoint;
    t->request.type = EVENT_PAGE_FAULT;
    t->request.status = 0;
    t->request.transaction = ++t->transaction;
    event_page_fault_request_put(&t->request, &request);
    t->misc_flags |= MF_EVENT | MF_REPLY_PENDING;
    t->event_kind = WAIT_PAGE_FAULT;
    t->rts_flags |= RTS_PAGEFAULT;
    hand_over(cpu, t, vm, &t->request, SEND_FROM_KERNEL | (thread_is_service(t) ? 0 : IPC_STATUS_FROM_USER));
}

/* The second half of REPLY_RECEIVE for a server that nobody else waits for. */
ALWAYS_INLINE void begin_receive(struct thread *t, uint64_t address)
{
    t->message_address = address;
    t->receive_from = ENDPOINT_ANY;
    t->rts_flags |= RTS_RECEIVING;
    t->messages_sent++;
}

/* VM's reply to it, when all went well. */
ALWAYS_INLINE void fast_fault_reply(struct cpu_state *cpu, struct thread *t, struct thread *to)
{
    const struct privilege_slot *privilege = thread_privilege(t);
    uint64_t address = t->frame.rsi;

    if (t->endpoint != ENDPOINT_VM || to->event_kind != WAIT_PAGE_FAULT || to->receive_from != ENDPOINT_VM || address_is_bad(address))
        return;
    if ((to->misc_flags & (MF_REPLY_PENDING | MF_EVENT)) != (MF_REPLY_PENDING | MF_EVENT) || t->caller_queue || privilege->has_pending)
        return;
    if (!sched_may_hand_off(cpu, to) || !copy_message_in(&t->inbox, address) || t->inbox.type != (EVENT_PAGE_FAULT | MESSAGE_REPLY) ||
        t->inbox.status || t->inbox.transaction != to->request.transaction)
        return;
    /* Cannot fail from here on. */
    event_map_page(&t->inbox);
    begin_receive(t, address);
    to->rts_flags = 0;
    to->misc_flags &= ~(MF_EVENT | MF_REPLY_PENDING);
    sched_hand_off(cpu, to);
    space_switch(to, to->space);
    run_short(cpu, to);
}

/* The reply to a Linux call ends here, in the server's own inbox, which is free while it runs. */
ALWAYS_INLINE void fast_linux_reply(struct cpu_state *cpu, struct thread *t, struct thread *to, uint64_t address)
{
    const struct message *message = &t->inbox;

    if (!copy_message_in(&t->inbox, address) || ipc_type_is_forged(message->type) || message->transaction != to->request.transaction)
        return;
    /* Cannot fail from here on. */
    begin_receive(t, address);
    to->rts_flags = 0;
    to->misc_flags &= ~MF_REPLY_PENDING;
    sched_hand_off(cpu, to);
    linux_reply(to, message->status ? message->status : (int64_t)message->word[0]);
    space_switch(to, to->space);
    run_short(cpu, to);
}

ALWAYS_INLINE void fast_reply_receive(struct cpu_state *cpu, struct thread *t)
{
    uint32_t type;
    struct thread *to = thread_find((endpoint_t)t->frame.rdi);
    const struct privilege_slot *privilege = thread_privilege(t);
    uint64_t address = t->frame.rsi;

    if (to && to->rts_flags == (RTS_RECEIVING | RTS_PAGEFAULT))
        fast_fault_reply(cpu, t, to);
    if (!to || to->rts_flags != RTS_RECEIVING || to->receive_from != t->endpoint || address_is_bad(address))
        return;
    uint32_t misc = to->misc_flags;
    if ((misc & (MF_REPLY_PENDING | MF_EVENT | MF_WORK)) != MF_REPLY_PENDING || t->caller_queue || privilege->has_pending)
        return;
    if (!sched_may_hand_off(cpu, to) || !(privilege->p.trap_mask & 1u << IPC_REPLY_RECEIVE))
        return;
    if (misc & MF_LINUX_CALL)
        fast_linux_reply(cpu, t, to, address);
    if (misc & MF_LINUX_CALL || !pass_message(t, to, address, &type))
        return;
    /* Cannot fail from here on. */
    begin_receive(t, address);
    to->rts_flags = 0;
    to->misc_flags = misc & ~MF_REPLY_PENDING;
    to->frame.rax = 0;
    to->frame.rdx = 0;
    sched_hand_off(cpu, to);
    run_now(cpu, to);
}

/* Read the message of a trap into t->request. False: the result or an event stands instead. */
static bool read_message(struct thread *t)
{
    uint64_t address = t->frame.rsi;

    if (address_is_bad(address)) {
        t->frame.rax = (uint64_t)-EFAULT;
        return false;
    }
    if (copy_message_in(&t->request, address)) {
        t->request.source = t->endpoint;
        t->message_address = address;
        return true;
    }
    struct copy_fault fault = { .space = t->space, .address = address };
    if (!event_memory(t, WAIT_TRAP_MEMORY, t->endpoint, &fault, sizeof(struct message)))
        t->frame.rax = (uint64_t)-EFAULT;
    return false;
}

static int trap_send(struct thread *t, endpoint_t destination, uint32_t verb)
{
    if (destination == ENDPOINT_ANY)
        return -EINVAL;
    if (destination < 0 && destination != ENDPOINT_SELF && destination != ENDPOINT_NONE)
        return -ETRAPDENIED;
    return read_message(t) ? ipc_send(t, destination, verb) : (int)t->frame.rax;
}

static int trap_receive(struct thread *t, endpoint_t from)
{
    if (address_is_bad(t->frame.rsi))
        return -EFAULT;
    t->message_address = t->frame.rsi;
    return ipc_receive(t, from);
}

static int trap_notify(struct thread *t, endpoint_t destination)
{
    struct thread *to = thread_find(destination);

    if (destination == ENDPOINT_ANY)
        return -EINVAL;
    if (destination < 0)
        return -ETRAPDENIED;
    if (!to)
        return -EDEADSRCDST;
    if (!privilege_may_send(thread_privilege(t), to->privilege_id) || !thread_is_service(to))
        return -ECALLDENIED;
    ipc_notify(to, t);
    return 0;
}

static int trap_senda(struct thread *t)
{
    struct copy_fault fault;
    uint64_t table = t->frame.rdi, count = t->frame.rsi;

    if (table >> USER_ADDRESS_BITS)
        return -EFAULT;
    int error = ipc_senda(t, table, count, &fault);
    if (error == -EFAULT && event_memory(t, WAIT_TRAP_MEMORY, t->endpoint, &fault, sizeof(struct asynsend_entry)))
        return 0;
    return error;
}

static int trap_reply_receive(struct thread *t)
{
    struct thread *to = thread_find((endpoint_t)t->frame.rdi);

    if (!read_message(t))
        return (int)t->frame.rax;
    if (t->endpoint == ENDPOINT_VM && t->request.type == (EVENT_PAGE_FAULT | MESSAGE_REPLY))
        event_map_page(&t->request);
    if (to && !ipc_type_is_forged(t->request.type) && !ipc_check_send(t, to) && ipc_will_receive(to, t->endpoint, &t->request)) {
        ipc_deliver(to, &t->request, IPC_SENDNB);
        t->messages_sent++;
    }
    return ipc_receive(t, ENDPOINT_ANY);
}

static int trap_native(struct thread *t, uint64_t verb)
{
    endpoint_t peer = (endpoint_t)t->frame.rdi;

    if (verb < IPC_SEND || verb > IPC_REPLY_RECEIVE)
        return -EBADCALL;
    if (!(thread_privilege(t)->p.trap_mask & 1u << verb))
        return -ETRAPDENIED;
    switch (verb) {
    case IPC_RECEIVE:
        return trap_receive(t, peer);
    case IPC_NOTIFY:
        return trap_notify(t, peer);
    case IPC_SENDA:
        return trap_senda(t);
    case IPC_REPLY_RECEIVE:
        return trap_reply_receive(t);
    case IPC_SENDREC:
        if (peer != ENDPOINT_SYSTEM)
            return trap_send(t, peer, IPC_SENDREC);
        if (read_message(t))
            call_execute(t);
        return (int)t->frame.rax;
    default:
        return trap_send(t, peer, (uint32_t)verb);
    }
}

static void linux_trap(struct thread *t, uint64_t number)
{
    struct thread *owner = linux_prepare(t, number);

    if (!owner)
        return;
    if (t->misc_flags & MF_SIGNAL_POSTED) { /* the signal comes first, then the call begins again */
        linux_reply(t, -RESTART_NOINTR);
        return;
    }
    linux_call(t, owner);
}

static __attribute__((noinline, noreturn)) void general_trap(struct cpu_state *cpu, struct thread *t, uint64_t number)
{
    if (number < TRAP_BASE) {
        linux_trap(t, number);
    } else {
        /* What delivers or blocks sets rax itself; it must not be overwritten once the thread has its message. */
        t->frame.rax = 0;
        int result = trap_native(t, number - TRAP_BASE);
        if (result)
            t->frame.rax = (uint64_t)(int64_t)result;
    }
    if (t->rts_flags)
        schedule_and_resume();
    space_switch(t, t->space);
    if ((t->misc_flags & MF_WORK) == MF_DELIVER_MESSAGE && copy64((void *)t->message_address, &t->inbox))
        t->misc_flags &= ~MF_DELIVER_MESSAGE;
    run_short(cpu, t);
}

/* The outermost function: there is no frame above it that a backtrace could want. */
__attribute__((optimize("omit-frame-pointer"))) void handle_syscall(struct thread *t)
{
    if (!t)
        __builtin_unreachable();
    struct cpu_state *cpu = kernel_enter(t);
    uint64_t number = t->frame.orig_rax;

    if (number < TRAP_BASE)
        fast_linux_call(cpu, t, number);
    else if (number == TRAP_BASE + IPC_SENDREC)
        fast_sendrec(cpu, t);
    else if (number == TRAP_BASE + IPC_REPLY_RECEIVE)
        fast_reply_receive(cpu, t);
    general_trap(cpu, t, number);
}
