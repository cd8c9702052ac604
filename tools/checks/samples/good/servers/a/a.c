/* SPDX-License-Identifier: MIT */
/*
 * A file that no check has a word against: the rules must let good code pass.
 */
#include "base/number.h"

struct a_state {
    number_t count;
};

struct a_state a_state_object __attribute__((section(".bss.state")));
static number_t cache __attribute__((section(".bss.derived")));
static const char *const names[] = { "one", "two" };
const char *a_next(void);

const char *a_next(void)
{
    cache = a_state_object.count++;
    return names[cache & 1]; /* printf(1) in a comment is fine */
}
