/* SPDX-License-Identifier: MIT */
/*
 * PM on the host: kernel and VM as counters, VFS as a queue that the test answers. Programs make Linux calls with call_linux(); what PM answers
 * is taken with answered(). Included by one test file each.
 */
#pragma once

#include <stdlib.h>

#include "../deliver.h"
#include "../events.h"
#include "../exit.h"
#include "../limits.h"
#include "../process.h"
#include "../signal.h"
#include "../state.h"
#include "../timer.h"
#include "errors.h"
#include "linux/signal_frame.h"
#include "linux_pm_dispatch.h"
#include "linux_syscalls.h"
#include "protocols/event.h"
#include "protocols/kernel.h"
#include "protocols/pm_event_server.h"
#include "protocols/sched.h"
#include "protocols/vfs.h"
#include "protocols/vm.h"
#include "sys/service.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"
#include "vm_exec.h"

struct pm_state pm_state;
struct pm_tables tables;

enum { FAKE_TID_GENERATION = 1 };

/* What the fake kernel and VM saw. */
static __attribute__((unused)) uint32_t frames_built;
static __attribute__((unused)) struct signal_frame_request last_frame;
static __attribute__((unused)) uint32_t cleared;
static __attribute__((unused)) uint32_t posted[THREADS];
static __attribute__((unused)) uint32_t next_space;
static __attribute__((unused)) uint32_t generation[THREADS];
static __attribute__((unused)) int vm_fork_result;
static __attribute__((unused)) int kernel_create_result;
static __attribute__((unused)) endpoint_t resumed;
static __attribute__((unused)) uint32_t exec_entry_count;
static __attribute__((unused)) uint64_t exec_entry;
static __attribute__((unused)) uint8_t new_stack[1 << 20]; /* the top of the stack that exec wrote */
static __attribute__((unused)) uint64_t new_stack_top;
static __attribute__((unused)) endpoint_t waits_for;

/* Instead of the fake's: a test can make the outbox full. */
static uint32_t room_in_outbox = 1024;

uint32_t outbox_room(const struct outbox *outbox)
{
    (void)outbox;
    return room_in_outbox;
}

static inline void kernel_call(struct message *m)
{
    struct kernel_fork_request fork;
    struct kernel_fork_reply forked;
    struct kernel_create_request create;
    struct kernel_runctl_request control;
    struct kernel_sigsend_request sigsend;
    struct kernel_signal_post_request post;
    struct kernel_signal_post_reply post_reply = { 0 };
    struct kernel_exec_request exec;
    struct kernel_times_reply times = { .user_ns = 1000000, .system_ns = 2000000 };
    struct kernel_getregs_request regs;

    m->status = 0;
    switch (m->type) {
    case KERNEL_FORK:
        kernel_fork_request_get(m, &fork);
        forked.child = endpoint_make(generation[fork.slot - SERVICE_SLOTS]++, fork.slot);
        kernel_fork_reply_put(m, &forked);
        break;
    case KERNEL_CREATE:
        kernel_create_request_get(m, &create);
        m->status = kernel_create_result;
        forked.child = endpoint_make(generation[create.slot - SERVICE_SLOTS]++, create.slot);
        kernel_fork_reply_put(m, &forked);
        break;
    case KERNEL_RUNCTL:
        kernel_runctl_request_get(m, &control);
        resumed = control.action == KERNEL_RUN_CONTROL_RESUME ? control.process : resumed;
        break;
    case KERNEL_CLEAR:
        cleared++;
        break;
    case KERNEL_SIGSEND:
        kernel_sigsend_request_get(m, &sigsend);
        memcpy(&last_frame, (void *)(uintptr_t)sigsend.request, sizeof(last_frame));
        frames_built++;
        break;
    case KERNEL_SIGNAL_POST:
        kernel_signal_post_request_get(m, &post);
        posted[endpoint_slot(post.process) - SERVICE_SLOTS]++;
        post_reply.waits_for = waits_for;
        kernel_signal_post_reply_put(m, &post_reply);
        break;
    case KERNEL_EXEC:
        kernel_exec_request_get(m, &exec);
        exec_entry = exec.entry;
        exec_entry_count++;
        break;
    case KERNEL_TIMES:
        times.uptime_ns = fake_uptime_ns;
        times.waits = 1;
        kernel_times_reply_put(m, &times);
        break;
    case KERNEL_GETREGS:
        kernel_getregs_request_get(m, &regs);
        memset((void *)(uintptr_t)regs.registers, 0, 27 * 8);
        break;
    default:
        break;
    }
}

static inline void vm_call(struct message *m)
{
    struct vm_fork_reply forked = { .space = ++next_space };
    struct vm_exec_write_request write;
    struct vm_exec_build_request build;

    m->status = 0;
    switch (m->type) {
    case VM_FORK:
        m->status = vm_fork_result;
        vm_fork_reply_put(m, &forked);
        break;
    case VM_EXEC_BEGIN:
        vm_fork_reply_put(m, &forked);
        break;
    case VM_SHARE:
        forked.space = 1;
        vm_fork_reply_put(m, &forked);
        break;
    case VM_EXEC_BUILD:
        vm_exec_build_request_get(m, &build);
        for (uint32_t i = 0; i < build.count; i++) {
            const struct vm_exec_piece *piece = (const struct vm_exec_piece *)(uintptr_t)build.pieces + i;
            if (piece->kind == VM_PIECE_WRITE) {
                memcpy(new_stack + sizeof(new_stack) - (new_stack_top - piece->address), (void *)(uintptr_t)piece->offset, piece->length);
            }
        }
        vm_fork_reply_put(m, &forked);
        break;
    case VM_EXEC_WRITE:
        vm_exec_write_request_get(m, &write);
        if (new_stack_top - write.destination <= sizeof(new_stack)) {
            memcpy(new_stack + sizeof(new_stack) - (new_stack_top - write.destination), (void *)(uintptr_t)write.source, write.length);
        }
        break;
    default:
        break;
    }
}

static inline int fake_exchange(endpoint_t destination, struct message *m)
{
    if (destination == ENDPOINT_SYSTEM) {
        kernel_call(m);
    } else if (destination == ENDPOINT_VM) {
        vm_call(m);
    } else {
        return -ENOSYS;
    }
    return 0;
}

static inline struct pm_thread *new_first_thread(void)
{
    struct pm_thread *thread = thread_take(&pm_state, true);
    struct pm_process *process = process_take(&pm_state, 1);

    process->is_init = true;
    process->group = 1;
    process->session = 1;
    limits_init(process);
    thread_name(&pm_state, thread, 1);
    process_add_thread(process, thread);
    pm_state.init = (uint16_t)process_index(process);
    thread->endpoint = endpoint_make(generation[0]++, SERVICE_SLOTS);
    thread->state = THREAD_ALIVE;
    thread->space = 1;
    return thread;
}

static inline struct pm_thread *start(void)
{
    static bool has_tables;

    fake_reset();
    room_in_outbox = 1024;
    fake_sendrec = fake_exchange;
    if (!has_tables) {
        pm_tables_acquire();
        has_tables = true;
    }
    pm_state_init(&pm_state);
    frames_built = 0;
    cleared = 0;
    vm_fork_result = 0;
    kernel_create_result = 0;
    resumed = ENDPOINT_NONE;
    exec_entry_count = 0;
    next_space = 1;
    waits_for = ENDPOINT_NONE;
    memset(posted, 0, sizeof(posted));
    return new_first_thread();
}

static inline void check_state(void)
{
    const char *problem = pm_state_check(&pm_state);

    if (problem != NULL) {
        testing_fail(__FILE__, __LINE__, "%s", problem);
    }
}

enum { PARKED = 12345678 };

/* Make a Linux call as a thread: its result, or PARKED. */
static inline int64_t call_linux6(struct pm_thread *thread, uint32_t number, const uint64_t *arguments)
{
    struct message request = { .source = thread->endpoint, .type = PROTOCOL_LINUX << 16 | number, .transaction = 7 };
    struct message reply = { 0 };
    struct call call;
    int result;

    memcpy(request.word, arguments, sizeof(request.word));
    call = fake_call(thread->endpoint, IPC_SENDREC | IPC_STATUS_FROM_KERNEL | IPC_STATUS_FROM_USER, &request, &reply);
    call.outbox = outbox_default();
    result = pm_linux_entry(&pm_state, &call);
    check_state();
    if (result == CALL_PARKED)
        return PARKED;
    return result < 0 ? result : (int64_t)reply.word[0];
}

#define call_linux(thread, number, ...) call_linux6((thread), LINUX_SYS_##number, (const uint64_t[6]){ __VA_ARGS__ })

/* The newest answer to a waiting call of an endpoint; PARKED if there is none. */
static inline int64_t answered(endpoint_t endpoint)
{
    const struct fake_message *sent = fake_sent_to(endpoint);

    if (sent == NULL || message_protocol(sent->message.type) != PROTOCOL_LINUX)
        return PARKED;
    return (int64_t)sent->message.word[0];
}

/* Answer the oldest request of a type to VFS. False: there is none. */
static inline bool vfs_answers(uint32_t type, int status, const void *payload, size_t bytes)
{
    for (uint32_t i = 0; i < fake_sent_count(); i++) {
        struct fake_message *sent = (struct fake_message *)fake_sent(i);
        struct message reply;
        if (sent->destination != ENDPOINT_VFS || sent->message.type != type)
            continue;
        reply = sent->message;
        sent->message.type = 0; /* answered */
        reply.source = ENDPOINT_VFS;
        reply.type |= MESSAGE_REPLY;
        reply.status = status;
        memset(reply.payload, 0, sizeof(reply.payload));
        if (bytes != 0) {
            memcpy(reply.payload, payload, bytes);
        }
        pm_handle_reply(&pm_state, &reply, outbox_default());
        check_state();
        return true;
    }
    return false;
}

/* fork to the end; the child. */
static inline struct pm_thread *do_fork(struct pm_thread *parent)
{
    int64_t pid;

    fake_sent_clear();
    CHECK_EQ(call_linux(parent, fork, 0), PARKED);
    CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    pid = answered(parent->endpoint);
    CHECK(pid > 1 && pid != PARKED);
    fake_sent_clear();
    return thread_by_tid(&pm_state, (uint32_t)pid);
}

/* The kernel reports the thread at the border; the reply of PM, or NULL if it stays there. */
static inline const struct message *signal_ready(struct pm_thread *thread, int64_t number, int64_t result)
{
    struct event_signal_ready_request in = { .number = number, .result = result };
    struct event_signal_ready_reply reply = { 0 };
    struct message request = { .source = thread->endpoint, .type = EVENT_SIGNAL_READY, .transaction = 9 };
    struct message answer = { 0 };
    endpoint_t endpoint = thread->endpoint;
    struct call call = fake_call(endpoint, IPC_SENDREC | IPC_STATUS_FROM_KERNEL, &request, &answer);
    const struct fake_message *sent;

    fake_sent_clear();
    call.outbox = outbox_default();
    event_handle_signal_ready(&pm_state, &call, &in, &reply);
    check_state();
    sent = fake_sent_to(endpoint);
    return sent == NULL ? NULL : &sent->message;
}

static inline void set_handler(struct pm_thread *thread, int signal, uint64_t handler, uint64_t flags)
{
    struct linux_sigaction action = { .handler = handler, .flags = flags | LINUX_SA_RESTORER };

    CHECK_EQ(call_linux(thread, rt_sigaction, (uint64_t)signal, (uint64_t)(uintptr_t)&action, 0, 8), 0);
}

static inline uint32_t pid_of(const struct pm_thread *thread)
{
    return process_of(thread)->pid;
}
