/* SPDX-License-Identifier: MIT */
/*
 * What RS tells: the tables for root, rows and names for procfs.
 */
#include "operator.h"

#include "rs_info.h"

static struct rs_process table[SERVICE_SLOTS];
static struct rs_public public[SERVICE_SLOTS];

static int ask_table(uint32_t what, void *to, size_t length, uint32_t uid)
{
    struct rs_getsysinfo_request info = { .what = what, .address = (uint64_t)(uintptr_t)to, .length = length };

    request = (struct message){ .type = RS_GETSYSINFO };
    rs_getsysinfo_request_put(&request, &info);
    return ask_as(uid);
}

/* covers: RS-31 */
TEST(tables_are_for_root_and_of_exactly_their_size)
{
    (void)begin();
    CHECK_EQ(ask_table(RS_SYSINFO_PROCESSES, table, sizeof(table) - 1, 0), -EINVAL);
    CHECK_EQ(ask_table(RS_SYSINFO_PUBLIC, public, sizeof(public) + 1, 0), -EINVAL);
    CHECK_EQ(ask_table(RS_SYSINFO_PUBLIC, table, sizeof(table), 0), -EINVAL);
    CHECK_EQ(ask_table(3, table, 0, 0), -EINVAL);
    CHECK_EQ(ask_table(RS_SYSINFO_PROCESSES, table, sizeof(table), 1000), -EPERM);
    CHECK_EQ(ask_table(RS_SYSINFO_PUBLIC, public, sizeof(public), 1000), -EPERM);
}

/* covers: RS-31, RS-40 */
TEST(the_tables_have_a_row_for_each_slot)
{
    struct rs_slot *slot = begin();

    slot->restarts = 3;
    slot->cause = RS_CAUSE_HEARTBEAT;
    slot->flags |= RS_TERMINATED;
    CHECK_EQ(ask_table(RS_SYSINFO_PROCESSES, table, sizeof(table), 0), 0);
    CHECK_STR(table[HELLO].label, "hello");
    CHECK_EQ(table[HELLO].endpoint, HELLO);
    CHECK_EQ(table[HELLO].restarts, 3);
    CHECK_EQ(table[HELLO].cause, RS_CAUSE_HEARTBEAT);
    CHECK_EQ(table[HELLO].state, RS_STATE_WAITING);
    CHECK_EQ(table[HELLO].flags, slot->flags);
    CHECK_EQ(table[HELLO].sys_flags, RS_SYS_USE_COPY);
    CHECK_EQ(table[HELLO].quantum_ms, 10);
    CHECK_EQ(table[HELLO + 1].endpoint, ENDPOINT_NONE);
    CHECK_EQ(ask_table(RS_SYSINFO_PUBLIC, public, sizeof(public), 0), 0);
    CHECK_STR(public[HELLO].label, "hello");
    CHECK_EQ(public[PM_SLOT].endpoint, PM_SLOT);
    CHECK_EQ(public[HELLO + 1].endpoint, ENDPOINT_NONE);
}

/* The cause is what RS decided, or else the signal; it stays until the next end. covers: RS-31 */
TEST(the_cause_of_the_last_end_is_kept)
{
    struct rs_slot *slot = begin();

    die(slot, 11);
    CHECK_EQ(slot->cause, RS_CAUSE_SIGNAL);
    CHECK_EQ(slot->last_signal, 11);
    CHECK_EQ(ready(HELLO, 0), CALL_PARKED);
    CHECK_EQ(slot->cause, RS_CAUSE_SIGNAL);
    slot->verdict = RS_CAUSE_HEARTBEAT;
    die(slot, 9);
    CHECK_EQ(slot->cause, RS_CAUSE_HEARTBEAT);
    CHECK_EQ(slot->verdict, RS_CAUSE_NONE);
}
