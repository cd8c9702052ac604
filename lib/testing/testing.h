/* SPDX-License-Identifier: MIT */
/*
 * Unit tests on the host. A test file is a list of TEST(name_of_the_behaviour) { ... } and nothing else: main() is in testing.c, prints TAP
 * and exits 1 if a check failed. A failed check ends its test, not the program. An argument on the command line runs only the tests
 * whose name contains it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void testing_register(struct test_case *test);

/* Ends the running test as failed. */
_Noreturn void testing_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prints a TAP comment. */
void testing_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define TEST(test_name)                                                                         \
    static void test_##test_name(void);                                                         \
    static struct test_case case_##test_name = { .name = #test_name, .run = test_##test_name }; \
    __attribute__((constructor)) static void register_##test_name(void)                         \
    {                                                                                           \
        testing_register(&case_##test_name);                                                    \
    }                                                                                           \
    static void test_##test_name(void)

#define CHECK(condition)                                                 \
    do {                                                                 \
        if (!(condition)) {                                              \
            testing_fail(__FILE__, __LINE__, "%s is false", #condition); \
        }                                                                \
    } while (0)

/* Both sides are integers or pointers; printed as signed and as hex. */
#define CHECK_EQ(actual, expected)                                                                                                 \
    do {                                                                                                                           \
        intmax_t actual_ = (intmax_t)(actual);                                                                                     \
        intmax_t expected_ = (intmax_t)(expected);                                                                                 \
        if (actual_ != expected_) {                                                                                                \
            testing_fail(__FILE__, __LINE__, "%s is %jd (0x%jx), expected %s = %jd (0x%jx)", #actual, actual_, (uintmax_t)actual_, \
                         #expected, expected_, (uintmax_t)expected_);                                                              \
        }                                                                                                                          \
    } while (0)

#define CHECK_STR(actual, expected)                                                                                                      \
    do {                                                                                                                                 \
        const char *actual_ = (actual);                                                                                                  \
        const char *expected_ = (expected);                                                                                              \
        if (actual_ == NULL || strcmp(actual_, expected_) != 0) {                                                                        \
            testing_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #actual, actual_ == NULL ? "(null)" : actual_, expected_); \
        }                                                                                                                                \
    } while (0)

#define CHECK_MEM(actual, expected, length)                                                                              \
    do {                                                                                                                 \
        if (memcmp((actual), (expected), (length)) != 0) {                                                               \
            testing_fail(__FILE__, __LINE__, "%s and %s differ within %zu bytes", #actual, #expected, (size_t)(length)); \
        }                                                                                                                \
    } while (0)
