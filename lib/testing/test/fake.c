/* SPDX-License-Identifier: MIT */
/*
 * The fake kernel: what it collects and copies is what was given to it.
 */
#include "errors.h"
#include "sys/grant.h"
#include "sys/syscalls.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

TEST(queued_messages_are_collected)
{
    fake_reset();
    outbox_reply_status(outbox_default(), 7, 6 << 16 | 3, 42, -EIO);
    CHECK_EQ(fake_sent_count(), 1);
    CHECK_EQ(fake_sent_to(7)->message.status, -EIO);
    CHECK(fake_sent_to(8) == NULL);
}

TEST(memory_of_a_process_has_bounds)
{
    char memory[16] = "hello";
    char copy[16];

    fake_reset();
    fake_memory(300, 0x1000, memory, sizeof(memory));
    CHECK_EQ(sys_copy_string(300, 0x1000, copy, sizeof(copy)), 5);
    CHECK_STR(copy, "hello");
    CHECK_EQ(sys_copy_from(300, 0x1008, copy, 9), -EFAULT);
}

TEST(grants_are_checked)
{
    char memory[8] = "abcdefg";
    char copy[8];
    grant_t grant;

    fake_reset();
    grant = fake_grant(memory, sizeof(memory));
    CHECK_EQ(sys_safecopyfrom(5, grant, 2, copy, 6), 0);
    CHECK_STR(copy, "cdefg");
    CHECK_EQ(sys_safecopyfrom(5, grant, 3, copy, 6), -EPERM);
    CHECK_EQ(cpf_revoke(grant), 0);
    CHECK_EQ(sys_safecopyfrom(5, grant, 0, copy, 1), -EPERM);
}
