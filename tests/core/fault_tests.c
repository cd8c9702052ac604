/* SPDX-License-Identifier: MIT */
/*
 * Page faults, kernel signals, Linux calls of user threads and signal delivery at the border to user mode.
 */
#include "core.h"

#include "kernel_signals.h"

static struct message m;
static volatile int64_t values[4];

static void faults_become_memory(void)
{
    volatile uint64_t *memory = (volatile uint64_t *)(LAZY_BASE + 0x100000);

    for (int i = 0; i < 64; i++) {
        CHECK_EQ(memory[i * 512], 0);
        memory[i * 512] = (uint64_t)i;
    }
    CHECK_EQ(memory[63 * 512], 63);
}

/* ---- signals: A dies, rs is its manager ---- */
static void bad_pointer(endpoint_t self)
{
    (void)self;
    *(volatile int *)0x1230 = 1;
    sleep_forever();
}

static void divides(endpoint_t self)
{
    volatile int zero = 0;
    values[0] = self / zero;
    sleep_forever();
}

static void bad_instruction(endpoint_t self)
{
    (void)self;
    __asm__ volatile("ud2");
}

static void expect_signal(thread_function *function, int signo, uint64_t address, int code)
{
    struct kernel_getksig_reply reply;
    uint32_t status;
    endpoint_t a = thread_start(SLOT_A, function);

    CHECK_EQ(receive(ENDPOINT_SYSTEM, &m, &status), 0);
    CHECK_EQ(m.word[0], 1ull << (SIGKSIG - 1));
    CHECK_EQ(kernel_call(KERNEL_GETKSIG, NULL, 0), 0);
    kernel_getksig_reply_get(&call_reply, &reply);
    CHECK_EQ(reply.process, a);
    CHECK_EQ(reply.signals, 1ull << (signo - 1));
    CHECK_EQ(reply.code, code);
    if (address)
        CHECK_EQ(reply.address, address);
    CHECK_EQ(kernel_call(KERNEL_GETKSIG, NULL, 0), 0);
    kernel_getksig_reply_get(&call_reply, &reply);
    CHECK_EQ(reply.process, ENDPOINT_NONE);
    /* Or else it may run into the same fault again before it is ended. */
    CHECK_EQ(CALL(runctl, RUNCTL, .process = a, .action = KERNEL_RUN_CONTROL_STOP), 0);
    CHECK_EQ(CALL(endksig, ENDKSIG, .process = a), 0);
    CHECK_EQ(CALL(endksig, ENDKSIG, .process = a), -EINVAL);
    thread_end(a);
}

/* covers SIG-2, SIG-3 */
static void exceptions_reach_the_manager(void)
{
    print("# three crash reports are expected now\n");
    expect_signal(bad_pointer, 11, 0x1230, 1);
    expect_signal(divides, 8, 0, 1);
    expect_signal(bad_instruction, 4, (uint64_t)bad_instruction, 2);
}

/* ---- Linux calls ---- */
static void user_calls(endpoint_t self)
{
    (void)self;
    values[0] = linux_trap(105, 41, 0, 0);
    values[1] = linux_trap(102, 0, 0, 0);
    values[2] = linux_trap(499, 0, 0, 0);
    values[3] = linux_trap(39, 0, 0, 0);
    for (;;)
        linux_trap(24, 0, 0, 0);
}

static void wait_for_value(int index, int64_t value)
{
    for (int i = 0; i < 2000 && values[index] != value; i++)
        let_others_run();
    CHECK_EQ(values[index], value);
}

static void linux_calls_reach_their_owner(void)
{
    values[0] = values[1] = values[2] = values[3] = -1;
    endpoint_t user = thread_make(SLOT_USER, user_calls);
    CHECK_EQ(CALL(setids, SETIDS, .process = user, .tid = 7, .tgid = 7), 0);
    CHECK_EQ(CALL(runctl, RUNCTL, .process = user, .action = KERNEL_RUN_CONTROL_RESUME), 0);
    wait_for_value(3, 7);
    CHECK_EQ(values[0], 42);
    CHECK_EQ(values[1], 77);
    CHECK_EQ(values[2], -ENOSYS);
    thread_end(user);
}

/* ---- user threads may only SENDREC, and only to rs and pm ---- */
static void user_natives(endpoint_t self)
{
    struct message x = { .type = 100 << 16 | 1 };
    (void)self;
    values[0] = ipc(IPC_SEND, ENDPOINT_RS, &x);
    values[1] = ipc(IPC_SENDREC, ENDPOINT_DS, &x);
    values[2] = ipc(IPC_SENDREC, ENDPOINT_SYSTEM, &x);
    values[2] = x.status;
    values[3] = ipc(IPC_SENDREC, ENDPOINT_RS, &x);
    for (;;)
        linux_trap(24, 0, 0, 0);
}

/* covers RTS-4 */
static void user_threads_have_few_rights(void)
{
    uint32_t status;

    values[0] = values[1] = values[2] = values[3] = 1;
    endpoint_t user = thread_start(SLOT_USER, user_natives);
    CHECK_EQ(receive(ENDPOINT_ANY, &m, &status), 0);
    CHECK_EQ(m.source, user);
    CHECK_EQ(status, IPC_SENDREC | IPC_STATUS_FROM_USER);
    CHECK_EQ(values[0], -ETRAPDENIED);
    CHECK_EQ(values[1], -ECALLDENIED);
    CHECK_EQ(values[2], -EBADREQUEST);
    m.type |= MESSAGE_REPLY;
    CHECK_EQ(ipc(IPC_SENDNB, user, &m), 0);
    wait_for_value(3, 0);
    thread_end(user);
}

/* ---- signal_post: the call is parked at pm; pm ends it with -ERESTARTSYS and its answer to signal_ready becomes the result ---- */
static void user_parks(endpoint_t self)
{
    (void)self;
    values[0] = linux_trap(105, 99, 0, 0);
    for (;;)
        values[1]++;
}

static void posted_signals_stop_at_the_border(void)
{
    struct kernel_signal_post_reply reply;

    values[0] = values[1] = 0;
    endpoint_t user = thread_start(SLOT_USER, user_parks);
    wait_for_flags(user, 8);
    CHECK_EQ(kernel_call(KERNEL_SIGNAL_POST, &(struct kernel_signal_post_request){ .process = user }, 4), 0);
    kernel_signal_post_reply_get(&call_reply, &reply);
    CHECK_EQ(reply.waits_for, ENDPOINT_PM);
    m = (struct message){ .type = PEER_CANCEL, .word = { (uint64_t)user } };
    CHECK_EQ(ipc(IPC_SENDREC, ENDPOINT_PM, &m), 0);
    wait_for_value(0, 4711);
    /* In the middle of user code there is no call, and so no result to change. */
    int64_t before = values[1];
    CHECK_EQ(CALL(signal_post, SIGNAL_POST, .process = user), 0);
    let_others_run();
    while (values[1] == before)
        let_others_run();
    m = (struct message){ .type = PEER_CANCEL, .word = { (uint64_t)ENDPOINT_NONE } };
    CHECK_EQ(ipc(IPC_SENDREC, ENDPOINT_PM, &m), 0);
    CHECK_EQ(m.word[1], 2);
    thread_end(user);
}

static void who_is_forgotten_is_released(void)
{
    values[0] = 0;
    endpoint_t user = thread_start(SLOT_USER, user_parks);
    wait_for_flags(user, 8);
    m = (struct message){ .type = PEER_FORGET, .word = { (uint64_t)user } };
    CHECK_EQ(ipc(IPC_SENDREC, ENDPOINT_PM, &m), 0);
    CHECK_EQ(m.status, 0);
    let_others_run();
    CHECK_EQ(values[0], 0);
    m = (struct message){ .type = PEER_FORGET, .word = { (uint64_t)ENDPOINT_NONE } };
    CHECK_EQ(ipc(IPC_SENDREC, ENDPOINT_PM, &m), 0);
    wait_for_value(0, -EIO);
    CHECK_EQ(CALL(statectl, STATECTL, .request = KERNEL_STATE_REQUEST_CLEAR_FORGOTTEN, .address = (uint64_t)&m, .length = 8), -EINVAL);
    CHECK_EQ(CALL(statectl, STATECTL, .request = KERNEL_STATE_REQUEST_CLEAR_FORGOTTEN, .address = 8, .length = PROCESS_SLOTS / 8), -EFAULT);
    thread_end(user);
}

const struct test fault_tests[] = {
    { "faults_become_memory", faults_become_memory },
    { "exceptions_reach_the_manager", exceptions_reach_the_manager },
    { "linux_calls_reach_their_owner", linux_calls_reach_their_owner },
    { "user_threads_have_few_rights", user_threads_have_few_rights },
    { "posted_signals_stop_at_the_border", posted_signals_stop_at_the_border },
    { "who_is_forgotten_is_released", who_is_forgotten_is_released },
    { NULL, NULL },
};
