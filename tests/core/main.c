/* SPDX-License-Identifier: MIT */
/*
 * Runs the tests and prints TAP on the log; helpers for threads and kernel calls.
 */
#include "core.h"

#include "base/format.h"
#include "base/string.h"
#include "kernel_info.h"

enum { STACK_BYTES = 16384, THREADS = 8, RTS_STOPPED_MASK = 0xffff };

struct message call_reply;
bool test_failed;
static uint8_t stacks[THREADS][STACK_BYTES] __attribute__((aligned(4096)));
static uint32_t stack_next;
static struct process_info processes[64];

void core_main(endpoint_t self);

static int call_with(struct message *message, uint32_t type, const void *request, size_t bytes)
{
    *message = (struct message){ .type = type };
    memcpy(message->payload, request, bytes);
    int error = ipc(IPC_SENDREC, ENDPOINT_SYSTEM, message);
    return error ? error : message->status;
}

int kernel_call(uint32_t type, const void *request, size_t bytes)
{
    return call_with(&call_reply, type, request, bytes);
}

void print(const char *format, ...)
{
    char text[300];
    struct message message;
    va_list arguments;

    va_start(arguments, format);
    int length = format_list(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct kernel_log_request request = { .level = 6, .length = (uint32_t)length, .text = (uint64_t)text };
    call_with(&message, KERNEL_LOG, &request, sizeof(request));
}

endpoint_t thread_make(uint32_t slot, thread_function *function)
{
    struct kernel_create_reply reply;
    uint8_t *stack = stacks[stack_next++ % THREADS];

    CHECK_EQ(CALL(create, CREATE, .slot = slot, .space = SPACE_TEST, .name = "thread"), 0);
    kernel_create_reply_get(&call_reply, &reply);
    CHECK_EQ(CALL(exec, EXEC, .process = reply.process, .space = SPACE_TEST, .entry = (uint64_t)function,
                  .stack = (uint64_t)stack + STACK_BYTES - 8, .name = "thread"),
             0);
    return reply.process;
}

void thread_allow(endpoint_t thread)
{
    static struct privilege all;

    all = (struct privilege){ .trap_mask = UINT32_MAX, .signal_manager = ENDPOINT_RS, .backup_signal_manager = ENDPOINT_NONE };
    memset(all.send_mask, 0xff, sizeof(all.send_mask));
    memset(all.call_mask, 0xff, sizeof(all.call_mask));
    CHECK_EQ(CALL(privctl, PRIVCTL, .process = thread, .request = KERNEL_PRIVILEGE_REQUEST_SET_SYS, .privileges = (uint64_t)&all), 0);
    CHECK_EQ(CALL(privctl, PRIVCTL, .process = thread, .request = KERNEL_PRIVILEGE_REQUEST_ALLOW), 0);
}

endpoint_t thread_start(uint32_t slot, thread_function *function)
{
    endpoint_t thread = thread_make(slot, function);

    if (slot >= SERVICE_SLOTS) {
        CHECK_EQ(CALL(runctl, RUNCTL, .process = thread, .action = KERNEL_RUN_CONTROL_RESUME), 0);
        return thread;
    }
    thread_allow(thread);
    return thread;
}

void thread_end(endpoint_t thread)
{
    CHECK_EQ(CALL(clear, CLEAR, .process = thread), 0);
}

uint32_t flags_of(endpoint_t thread)
{
    CHECK_EQ(CALL(getinfo, GETINFO, .what = KERNEL_INFO_PROCESSES, .address = (uint64_t)processes, .length = sizeof(processes)), 0);
    struct kernel_getinfo_reply reply;
    kernel_getinfo_reply_get(&call_reply, &reply);
    for (uint64_t i = 0; i < reply.length_bytes / sizeof(processes[0]); i++)
        if (processes[i].endpoint == thread)
            return processes[i].rts_flags;
    return 1;
}

void let_others_run(void)
{
    struct kernel_setalarm_reply reply;
    struct message message;
    uint32_t status;

    CALL(setalarm, SETALARM, .deadline_ns = 0);
    kernel_setalarm_reply_get(&call_reply, &reply);
    CALL(setalarm, SETALARM, .deadline_ns = reply.uptime_ns + 1000000);
    receive(ENDPOINT_CLOCK, &message, &status);
}

void wait_for_flags(endpoint_t thread, uint32_t flags)
{
    for (int tries = 0; tries < 2000; tries++) {
        if ((flags_of(thread) & flags) == flags)
            return;
        let_others_run();
    }
    print("# thread %d does not reach flags %x: has %x\n", thread, flags, flags_of(thread));
    test_failed = true;
}

void sleep_forever(void)
{
    struct message message;
    uint32_t status;

    for (;;)
        receive(ENDPOINT_SYSTEM, &message, &status);
}

void sleep_forever_thread(endpoint_t self)
{
    (void)self;
    sleep_forever();
}

static void run(const struct test *tests, int *number, int *failed)
{
    for (; tests->run; tests++) {
        test_failed = false;
        tests->run();
        print("%s %d - %s\n", test_failed ? "not ok" : "ok", ++*number, tests->name);
        *failed += test_failed;
    }
}

void core_main(endpoint_t self)
{
    int number = 0, failed = 0;

    if (self == ENDPOINT_VM)
        vm_main();
    if (self == ENDPOINT_PM)
        pm_main();
    if (self != ENDPOINT_RS)
        sleep_forever();
    thread_allow(ENDPOINT_PM);
    thread_allow(ENDPOINT_DS);
    run(ipc_tests, &number, &failed);
    run(call_tests, &number, &failed);
    run(checksum_tests, &number, &failed);
    run(fault_tests, &number, &failed);
    print("1..%d\n", number);
    CALL(abort, ABORT, .how = KERNEL_SHUTDOWN_POWEROFF);
}
