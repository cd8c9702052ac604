/* SPDX-License-Identifier: MIT */
/*
 * Harness of the kernel tests: one program that boots as rs (runs the tests), vm (serves page faults in LAZY), pm and ds (peers). rs makes further threads
 * in its own space, so that a test is a few functions in one file. Nothing of lib/sys is used.
 */
#pragma once

#include "errors.h"
#include "message.h"
#include "privilege.h"
#include "protocols/kernel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- traps ---- */
struct trap_result {
    int64_t error;
    uint64_t status;
};

static inline struct trap_result trap(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    struct trap_result r = { .error = (int64_t)number, .status = c };

    __asm__ volatile("syscall" : "+a"(r.error), "+d"(r.status) : "D"(a), "S"(b) : "rcx", "r11", "r8", "r9", "r10", "memory");
    return r;
}

static inline int ipc(uint32_t verb, endpoint_t peer, struct message *message)
{
    return (int)trap(TRAP_BASE + verb, (uint64_t)(int64_t)peer, (uint64_t)message, 0).error;
}

static inline int receive(endpoint_t from, struct message *message, uint32_t *status)
{
    struct trap_result r = trap(TRAP_BASE + IPC_RECEIVE, (uint64_t)(int64_t)from, (uint64_t)message, 0);
    *status = (uint32_t)r.status;
    return (int)r.error;
}

static inline int64_t linux_trap(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    return trap(number, a, b, c).error;
}

/* ---- kernel calls: CALL(kill, .process = p, .signal = 9) returns the status; the reply stays in call_reply. ---- */
extern struct message call_reply;
int kernel_call(uint32_t type, const void *request, size_t bytes);
#define CALL(name, NAME, ...) \
    kernel_call(KERNEL_##NAME, &(struct kernel_##name##_request){ __VA_ARGS__ }, sizeof(struct kernel_##name##_request))

/* ---- threads in the space of rs ---- */
enum { SPACE_TEST = ENDPOINT_RS, SLOT_A = 20, SLOT_B = 21, SLOT_USER = 300 };
typedef void thread_function(endpoint_t self);
/* A service with all rights, or (slots from SERVICE_SLOTS on) a user thread; runs at once. */
endpoint_t thread_start(uint32_t slot, thread_function *function);
/* Not yet allowed to run. */
endpoint_t thread_make(uint32_t slot, thread_function *function);
/* All privileges of a service, and go. */
void thread_allow(endpoint_t thread);
void thread_end(endpoint_t thread);
/* Wait until it is blocked with all these rts flags. */
void wait_for_flags(endpoint_t thread, uint32_t flags);
uint32_t flags_of(endpoint_t thread);
/* Let everybody else run for a millisecond. */
void let_others_run(void);
/* A thread that has nothing more to do. */
void sleep_forever(void) __attribute__((noreturn));
void sleep_forever_thread(endpoint_t self);

/* Memory that VM maps at the first touch. */
#define LAZY_BASE  0x700000000ull
#define LAZY_BYTES 0x1000000ull

/* ---- results ---- */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern bool test_failed;
#define CHECK_EQ(actual, expected)                                                                               \
    do {                                                                                                         \
        long long actual_value = (long long)(actual), expected_value = (long long)(expected);                    \
        if (actual_value != expected_value) {                                                                    \
            print("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, actual_value, expected_value); \
            test_failed = true;                                                                                  \
        }                                                                                                        \
    } while (0)
#define CHECK(condition) CHECK_EQ(!!(condition), 1)

struct test {
    const char *name;
    void (*run)(void);
};
extern const struct test ipc_tests[], call_tests[], checksum_tests[], fault_tests[];

/* To pm: answer the parked call of thread word[0] with -ERESTARTSYS; the reply's word[1] says how many signal_ready came so far. */
/* To pm: end the parked call of the thread word[0]; release all programs whose calls it holds but the thread word[0]. */
enum { PEER_CANCEL = 100 << 16 | 5, PEER_FORGET = 100 << 16 | 6 };

void vm_main(void) __attribute__((noreturn));
void pm_main(void) __attribute__((noreturn));
