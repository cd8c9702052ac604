/* SPDX-License-Identifier: MIT */
/*
 * The test macros tested by themselves: what holds passes, and a test sees a fresh run.
 */
#include "testing/testing.h"

TEST(checks_that_hold_pass)
{
    CHECK(1 + 1 == 2);
    CHECK_EQ(-1, -1);
    CHECK_STR("planaria", "planaria");
    CHECK_MEM("abc", "abd", 2);
}

TEST(tests_run_in_file_order)
{
    static int runs;
    runs++;
    CHECK_EQ(runs, 1);
}
