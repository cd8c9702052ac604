/* SPDX-License-Identifier: MIT */
/*
 * Test programs for the Linux ABI: run on Linux first, then on Planaria; the output must be the same. A program is a list of TEST(name) { ... } and
 * ends with TAP_MAIN. A failed CHECK ends its test. Nothing that differs from run to run is printed.
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tap_test {
    const char *name;
    void (*run)(void);
    struct tap_test *next;
};

static struct tap_test *tap_first;
static struct tap_test **tap_link = &tap_first;
static jmp_buf tap_failed;
static pid_t tap_process;

#define TEST(test_name)                                                              \
    static void test_##test_name(void);                                              \
    static struct tap_test tap_##test_name = { #test_name, test_##test_name, NULL }; \
    __attribute__((constructor)) static void tap_add_##test_name(void)               \
    {                                                                                \
        *tap_link = &tap_##test_name;                                                \
        tap_link = &tap_##test_name.next;                                            \
    }                                                                                \
    static void test_##test_name(void)

/* In a forked child a failed check ends it with status 99. */
static inline void tap_fail(const char *file, int line, const char *text, long actual, long expected)
{
    printf("# %s:%d: %s: %ld, expected %ld (errno %d)\n", file, line, text, actual, expected, errno);
    fflush(stdout);
    if (getpid() != tap_process)
        _exit(99);
    longjmp(tap_failed, 1);
}

#define CHECK(condition)                                    \
    do {                                                    \
        if (!(condition))                                   \
            tap_fail(__FILE__, __LINE__, #condition, 0, 1); \
    } while (0)

#define CHECK_EQ(actual, expected)                         \
    do {                                                   \
        long a_ = (long)(actual);                          \
        long e_ = (long)(expected);                        \
        if (a_ != e_)                                      \
            tap_fail(__FILE__, __LINE__, #actual, a_, e_); \
    } while (0)

/* The call fails with this error. */
#define CHECK_ERROR(call, number)                                               \
    do {                                                                        \
        errno = 0;                                                              \
        long r_ = (long)(call);                                                 \
        if (r_ != -1 || errno != (number))                                      \
            tap_fail(__FILE__, __LINE__, #call, r_ == -1 ? errno : r_, number); \
    } while (0)

static inline int tap_run(void)
{
    volatile int number = 0;
    volatile int failures = 0;

    tap_process = getpid();
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct tap_test *test = tap_first; test != NULL; test = test->next) {
        volatile int failed = 1;
        number++;
        if (setjmp(tap_failed) == 0) {
            test->run();
            failed = 0;
        }
        failures += failed;
        printf("%s %d - %s\n", failed ? "not ok" : "ok", number, test->name);
    }
    printf("1..%d\n", number);
    return failures != 0;
}

#define TAP_MAIN          \
    int main(void)        \
    {                     \
        return tap_run(); \
    }
