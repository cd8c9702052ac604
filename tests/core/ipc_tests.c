/* SPDX-License-Identifier: MIT */
/*
 * behaviour.md IPC-1 to IPC-7: primitives, errors, order, asynchronous messages, deadlock, death.
 */
#include "core.h"

#include "base/string.h"

enum { PROTOCOL_TEST = 100 << 16, VERB_UNKNOWN = 9 };

static struct message m;
static volatile int result_a, result_b, step;
static volatile uint32_t status_a;

static void make(uint32_t operation)
{
    m = (struct message){ .type = PROTOCOL_TEST | operation, .transaction = operation };
}

/* ---- a server that answers word[0] + 1 ---- */
static void echo(endpoint_t self)
{
    static struct message e;
    uint32_t status;
    (void)self;

    receive(ENDPOINT_ANY, &e, &status);
    for (;;) {
        endpoint_t caller = e.source;
        e.word[0]++;
        e.word[1] = status;
        e.type |= MESSAGE_REPLY;
        struct trap_result r = trap(TRAP_BASE + IPC_REPLY_RECEIVE, (uint64_t)(int64_t)caller, (uint64_t)&e, 0);
        status = (uint32_t)r.status;
    }
}

/* covers IPC-3 */
static void sendrec_returns_the_reply(void)
{
    endpoint_t a = thread_start(SLOT_A, echo);

    for (int i = 0; i < 100; i++) {
        make(1);
        m.word[0] = (uint64_t)i;
        CHECK_EQ(ipc(IPC_SENDREC, a, &m), 0);
        CHECK_EQ(m.word[0], i + 1);
        CHECK_EQ(m.word[1], IPC_SENDREC);
        CHECK_EQ(m.source, a);
        CHECK_EQ(m.type, PROTOCOL_TEST | 1 | MESSAGE_REPLY);
    }
    thread_end(a);
}

static uint64_t cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* With `-icount shift=0` cycles are instructions. */
static void round_trips_are_counted(void)
{
    enum { ROUNDS = 1000 };
    endpoint_t a = thread_start(SLOT_A, echo);
    struct kernel_times_request times = { .process = ENDPOINT_SELF };

    make(1);
    ipc(IPC_SENDREC, a, &m);
    uint64_t start = cycles();
    for (int i = 0; i < ROUNDS; i++)
        ipc(IPC_SENDREC, a, &m);
    uint64_t middle = cycles();
    for (int i = 0; i < ROUNDS; i++)
        kernel_call(KERNEL_TIMES, &times, sizeof(times));
    uint64_t end = cycles();
    for (int i = 0; i < ROUNDS; i++)
        linux_trap(39, 0, 0, 0);
    uint64_t last = cycles();
    for (int i = 0; i < ROUNDS; i++)
        linux_trap(105, 1, 0, 0);
    print("# cycles: sendrec %lu, kernel call %lu, getpid %lu, linux call to pm %lu\n", (middle - start) / ROUNDS, (end - middle) / ROUNDS,
          (last - end) / ROUNDS, (cycles() - last) / ROUNDS);
    thread_end(a);
}

/* covers IPC-1 */
static void bad_calls_are_refused(void)
{
    make(1);
    CHECK_EQ(ipc(VERB_UNKNOWN, ENDPOINT_DS, &m), -EBADCALL);
    CHECK_EQ(ipc(IPC_SEND, ENDPOINT_ANY, &m), -EINVAL);
    CHECK_EQ(ipc(IPC_SENDREC, ENDPOINT_ANY, &m), -EINVAL);
    CHECK_EQ(ipc(IPC_SEND, 199, &m), -EDEADSRCDST);
    CHECK_EQ(ipc(IPC_SEND, ENDPOINT_NONE, &m), -EDEADSRCDST);
    CHECK_EQ(ipc(IPC_RECEIVE, 199, &m), -EDEADSRCDST);
    CHECK_EQ(ipc(IPC_SEND, ENDPOINT_SYSTEM, &m), -ETRAPDENIED);
    CHECK_EQ(ipc(IPC_NOTIFY, ENDPOINT_SYSTEM, &m), -ETRAPDENIED);
    CHECK_EQ(ipc(IPC_SENDREC, ENDPOINT_RS, &m), -ELOCKED);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDREC, ENDPOINT_DS, 4096 + 8, 0).error, -EFAULT);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDREC, ENDPOINT_DS, 0xffff800000000000ull, 0).error, -EFAULT);
    CHECK_EQ(trap(TRAP_BASE + IPC_RECEIVE, ENDPOINT_ANY, 0xffffffff80200000ull, 0).error, -EFAULT);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDREC, ENDPOINT_SYSTEM, 0x10000, 0).error, -EFAULT);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDREC, ENDPOINT_SYSTEM, 0x7ffffffff000, 0).error, -EFAULT); /* the lower half's last page is nobody's */
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDREC, ENDPOINT_DS, 0x7fffffffffc0, 0).error, -EFAULT);
    m.type = PROTOCOL_EVENT << 16 | 1;
    CHECK_EQ(ipc(IPC_SENDREC, ENDPOINT_DS, &m), -EBADREQUEST);
    m.type = PROTOCOL_LINUX << 16 | 1;
    CHECK_EQ(ipc(IPC_SEND, ENDPOINT_DS, &m), -EBADREQUEST);
}

static void masked(endpoint_t self)
{
    static struct message x;
    (void)self;
    x = (struct message){ .type = PROTOCOL_TEST | 1 };
    result_a = ipc(IPC_SEND, ENDPOINT_RS, &x);
    result_b = ipc(IPC_SENDREC, ENDPOINT_DS, &x);
    struct kernel_kill_request kill = { .process = ENDPOINT_DS, .signal = 1 };
    x = (struct message){ .type = KERNEL_KILL };
    kernel_kill_request_put(&x, &kill);
    ipc(IPC_SENDREC, ENDPOINT_SYSTEM, &x);
    step = x.status;
    sleep_forever();
}

/* covers IPC-1, RTS-3 */
static void masks_limit_traps_targets_and_calls(void)
{
    endpoint_t a = thread_make(SLOT_A, masked);
    static struct privilege p;

    p = (struct privilege){ .trap_mask = 1u << IPC_SENDREC | 1u << IPC_RECEIVE, .signal_manager = ENDPOINT_RS };
    step = result_a = result_b = 1;
    CHECK_EQ(CALL(privctl, PRIVCTL, .process = a, .request = KERNEL_PRIVILEGE_REQUEST_SET_SYS, .privileges = (uint64_t)&p), 0);
    CHECK_EQ(CALL(privctl, PRIVCTL, .process = a, .request = KERNEL_PRIVILEGE_REQUEST_ALLOW), 0);
    CHECK_EQ(CALL(privctl, PRIVCTL, .process = a, .request = KERNEL_PRIVILEGE_REQUEST_ALLOW), -EPERM);
    wait_for_flags(a, 8);
    CHECK_EQ(result_a, -ETRAPDENIED);
    CHECK_EQ(result_b, -ECALLDENIED);
    CHECK_EQ(step, -ECALLDENIED);
    thread_end(a);
}

/* covers IPC-1 */
static void sendnb_needs_a_receiver(void)
{
    endpoint_t a = thread_make(SLOT_A, echo);

    make(3);
    CHECK_EQ(ipc(IPC_SENDNB, a, &m), -ENOTREADY);
    thread_end(a);
    CHECK_EQ(ipc(IPC_SENDNB, a, &m), -EDEADSRCDST);
}

/* ---- order ---- */
static void sender(endpoint_t self)
{
    static struct message x[2];
    static struct asynsend_entry table[2];
    (void)self;
    table[0] = (struct asynsend_entry){ .flags = ASYN_VALID, .destination = ENDPOINT_RS, .message = { .type = PROTOCOL_TEST | 11 } };
    result_a = (int)trap(TRAP_BASE + IPC_SENDA, (uint64_t)table, 1, 0).error;
    ipc(IPC_NOTIFY, ENDPOINT_RS, NULL);
    x[0] = (struct message){ .type = PROTOCOL_TEST | 12 };
    ipc(IPC_SEND, ENDPOINT_RS, &x[0]);
    result_b = table[0].flags & ASYN_DONE ? table[0].result : 1;
    sleep_forever();
}

/* covers IPC-2 */
static void notifications_come_first_then_async_then_queue(void)
{
    uint32_t status;

    result_b = 1;
    endpoint_t a = thread_start(SLOT_A, sender);
    wait_for_flags(a, 4);
    CHECK_EQ(receive(ENDPOINT_ANY, &m, &status), 0);
    CHECK_EQ(m.type, PROTOCOL_NOTIFY << 16);
    CHECK_EQ(m.source, a);
    CHECK_EQ(status, IPC_NOTIFY | IPC_STATUS_FROM_KERNEL);
    CHECK_EQ(receive(a, &m, &status), 0);
    CHECK_EQ(m.type, PROTOCOL_TEST | 11);
    CHECK_EQ(status, IPC_SENDA);
    CHECK_EQ(receive(ENDPOINT_ANY, &m, &status), 0);
    CHECK_EQ(m.type, PROTOCOL_TEST | 12);
    CHECK_EQ(status, IPC_SEND);
    wait_for_flags(a, 8);
    CHECK_EQ(result_a, 0);
    CHECK_EQ(result_b, 0);
    thread_end(a);
}

/* A sends an async message with NOREPLY and then answers our call: the message must not be taken for the reply. */
static void tricky_server(endpoint_t self)
{
    static struct message x;
    static struct asynsend_entry table[1];
    uint32_t status;
    (void)self;

    receive(ENDPOINT_RS, &x, &status);
    table[0] = (struct asynsend_entry){ .flags = ASYN_VALID | ASYN_NOREPLY,
                                        .destination = ENDPOINT_RS,
                                        .message = { .type = PROTOCOL_TEST | 21 } };
    trap(TRAP_BASE + IPC_SENDA, (uint64_t)table, 1, 0);
    x.type = PROTOCOL_TEST | 22 | MESSAGE_REPLY;
    ipc(IPC_SEND, ENDPOINT_RS, &x);
    sleep_forever();
}

/* covers IPC-4 */
static void noreply_never_ends_a_sendrec(void)
{
    uint32_t status;
    endpoint_t a = thread_start(SLOT_A, tricky_server);

    make(20);
    CHECK_EQ(ipc(IPC_SENDREC, a, &m), 0);
    CHECK_EQ(m.type, PROTOCOL_TEST | 22 | MESSAGE_REPLY);
    CHECK_EQ(receive(a, &m, &status), 0);
    CHECK_EQ(m.type, PROTOCOL_TEST | 21);
    thread_end(a);
}

/* covers IPC-4 */
static void senda_reports_each_entry(void)
{
    static struct asynsend_entry table[3];

    table[0] = (struct asynsend_entry){ .flags = ASYN_VALID, .destination = 199 };
    table[1] = (struct asynsend_entry){ .flags = ASYN_EMPTY };
    table[2] = (struct asynsend_entry){ .flags = ASYN_VALID, .destination = ENDPOINT_DS, .message = { .type = PROTOCOL_LINUX << 16 } };
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDA, (uint64_t)table, 3, 0).error, 0);
    CHECK_EQ(table[0].flags, ASYN_VALID | ASYN_DONE);
    CHECK_EQ(table[0].result, -EDEADSRCDST);
    CHECK_EQ(table[2].result, -EBADREQUEST);
    table[0].flags = 0x80 | ASYN_VALID;
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDA, (uint64_t)table, 1, 0).error, -EINVAL);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDA, (uint64_t)table, 100000, 0).error, -EDOM);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDA, 0x1000, 1, 0).error, -EFAULT);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDA, 0, 0, 0).error, 0);
}

/* ---- deadlock and death ---- */
static void caller_of_b(endpoint_t self)
{
    static struct message x;
    (void)self;
    x = (struct message){ .type = PROTOCOL_TEST | 31 };
    result_a = ipc(IPC_SENDREC, SLOT_B | (endpoint_t)step, &x);
    sleep_forever();
}

static void calls_rs_in_turn(endpoint_t self)
{
    static struct message x;
    uint32_t status;
    (void)self;

    receive(ENDPOINT_ANY, &x, &status);
    x.type = PROTOCOL_TEST | 32;
    result_b = ipc(IPC_SENDREC, x.source, &x);
    x.type = PROTOCOL_TEST | 33 | MESSAGE_REPLY;
    ipc(IPC_SEND, x.source, &x);
    sleep_forever();
}

/* covers IPC-1 */
static void circles_are_refused(void)
{
    endpoint_t a = thread_start(SLOT_A, calls_rs_in_turn);

    result_b = 0;
    make(30);
    CHECK_EQ(ipc(IPC_SENDREC, a, &m), 0);
    CHECK_EQ(m.type, PROTOCOL_TEST | 33 | MESSAGE_REPLY);
    CHECK_EQ(result_b, -ELOCKED);
    thread_end(a);
}

/* covers IPC-7 */
static void callers_of_the_dead_wake_up(void)
{
    uint32_t status;
    endpoint_t b = thread_make(SLOT_B, sleep_forever_thread);

    step = b & ~SLOT_B;
    result_a = 0;
    endpoint_t a = thread_start(SLOT_A, caller_of_b);
    wait_for_flags(a, 4);
    thread_end(b);
    wait_for_flags(a, 8);
    CHECK_EQ(result_a, -EDEADSRCDST);
    CHECK_EQ(CALL(clear, CLEAR, .process = b), 0);
    endpoint_t again = thread_make(SLOT_B, sleep_forever_thread);
    CHECK(again != b);
    CHECK_EQ(receive(b, &m, &status), -EDEADSRCDST);
    thread_end(again);
    thread_end(a);
}

static void many_senders(endpoint_t self)
{
    struct message x = { .type = PROTOCOL_TEST | 40, .word = { (uint64_t)self } };
    ipc(IPC_SEND, ENDPOINT_RS, &x);
    sleep_forever();
}

static void queue_is_first_in_first_out(void)
{
    endpoint_t senders[4];
    uint32_t status;

    for (uint32_t i = 0; i < 4; i++) {
        senders[i] = thread_start(SLOT_A + i, many_senders);
        wait_for_flags(senders[i], 4);
    }
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(receive(ENDPOINT_ANY, &m, &status), 0);
        CHECK_EQ(m.source, senders[i]);
        CHECK_EQ(m.word[0], senders[i]);
    }
    for (uint32_t i = 0; i < 4; i++)
        thread_end(senders[i]);
}

/* ---- messages at absent memory ---- */
static void messages_may_be_at_absent_memory(void)
{
    uint32_t status;
    endpoint_t a = thread_start(SLOT_A, echo);
    struct message *absent = (struct message *)(LAZY_BASE + 0x5000);

    /* Fresh memory is a message of type 0, which only the kernel may send: so it was read. */
    CHECK_EQ(ipc(IPC_SENDREC, a, absent), -EBADREQUEST);
    absent += 64;
    CHECK_EQ(CALL(setalarm, SETALARM, .deadline_ns = 1), 0);
    CHECK_EQ(receive(ENDPOINT_CLOCK, absent, &status), 0);
    CHECK_EQ(absent->source, ENDPOINT_CLOCK);
    CHECK_EQ(trap(TRAP_BASE + IPC_SENDREC, (uint64_t)a, LAZY_BASE + LAZY_BYTES, 0).error, -EFAULT);
    thread_end(a);
}

static void alarm_is_a_notification(void)
{
    struct kernel_setalarm_reply reply;
    uint32_t status;

    CHECK_EQ(CALL(setalarm, SETALARM, .deadline_ns = 0), 0);
    kernel_setalarm_reply_get(&call_reply, &reply);
    uint64_t start = reply.uptime_ns;
    CHECK_EQ(CALL(setalarm, SETALARM, .deadline_ns = start + 20000000), 0);
    CHECK_EQ(receive(ENDPOINT_CLOCK, &m, &status), 0);
    CHECK_EQ(m.source, ENDPOINT_CLOCK);
    CHECK(m.word[1] >= start + 20000000);
    CHECK(m.word[1] < start + 2000000000);
}

const struct test ipc_tests[] = {
    { "sendrec_returns_the_reply", sendrec_returns_the_reply },
    { "round_trips_are_counted", round_trips_are_counted },
    { "bad_calls_are_refused", bad_calls_are_refused },
    { "masks_limit_traps_targets_and_calls", masks_limit_traps_targets_and_calls },
    { "sendnb_needs_a_receiver", sendnb_needs_a_receiver },
    { "notifications_come_first_then_async_then_queue", notifications_come_first_then_async_then_queue },
    { "noreply_never_ends_a_sendrec", noreply_never_ends_a_sendrec },
    { "senda_reports_each_entry", senda_reports_each_entry },
    { "circles_are_refused", circles_are_refused },
    { "callers_of_the_dead_wake_up", callers_of_the_dead_wake_up },
    { "queue_is_first_in_first_out", queue_is_first_in_first_out },
    { "messages_may_be_at_absent_memory", messages_may_be_at_absent_memory },
    { "alarm_is_a_notification", alarm_is_a_notification },
    { NULL, NULL },
};
