/* SPDX-License-Identifier: MIT */
/*
 * Runs the tests of one host test program and prints TAP. Tests register themselves before main; they run in the order in
 * which they stand in their file. A failed check jumps back here, so the tests after it still run.
 */
#include "testing/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

static struct test_case *first_test;
static struct test_case **last_link = &first_test;
static jmp_buf test_failed;

void testing_register(struct test_case *test)
{
    *last_link = test;
    last_link = &test->next;
}

_Noreturn void testing_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    printf("# %s:%d: ", file, line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    longjmp(test_failed, 1);
}

void testing_note(const char *format, ...)
{
    va_list arguments;
    printf("# ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

static bool run_one(struct test_case *test)
{
    if (setjmp(test_failed) != 0) {
        return false;
    }
    test->run();
    return true;
}

int main(int argc, char **argv)
{
    int number = 0;
    int failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct test_case *test = first_test; test != NULL; test = test->next) {
        if (argc > 1 && strstr(test->name, argv[1]) == NULL) {
            continue;
        }
        bool passed = run_one(test);
        number++;
        failed += !passed;
        printf("%s %d - %s\n", passed ? "ok" : "not ok", number, test->name);
    }
    printf("1..%d\n", number);
    return failed == 0 ? 0 : 1;
}
