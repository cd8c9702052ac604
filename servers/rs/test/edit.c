/* SPDX-License-Identifier: MIT */
/*
 * `edit`: other settings for a running service.
 */
#include "operator.h"

/* covers: RS-28, RS-43, ISO-4 */
TEST(edit_changes_what_a_running_service_may_do)
{
    struct rs_slot *slot = begin();
    const uint64_t setalarm = 1ull << message_operation(KERNEL_SETALARM);

    privileges[HELLO].flags = PRIVILEGE_RST_SYS_PROC;
    privileges[HELLO].backup_signal_manager = 7;
    privileges[PM_SLOT].send_mask[0] = 1ull << HELLO;
    memcpy(start.label, "hello", sizeof("hello"));
    set_manifest("service x { system NONE; vm info; ipc vm; priority 9; quantum 20; heartbeat 700; }");
    CHECK_EQ(ask_edit(0), 0);
    CHECK_EQ(privileges[HELLO].call_mask[0] & setalarm, 0);
    CHECK_EQ(vm_masks[HELLO], slot->manifest.vm_mask);                                  /* ISO-4 */
    CHECK_EQ(privileges[HELLO].flags & PRIVILEGE_RST_SYS_PROC, PRIVILEGE_RST_SYS_PROC); /* of the instance */
    CHECK_EQ(privileges[HELLO].backup_signal_manager, 7);
    CHECK_EQ(privileges[PM_SLOT].send_mask[0] >> HELLO & 1, 0); /* talking is symmetric */
    CHECK_EQ(scheduled.priority, 9);
    CHECK_EQ(scheduled.quantum_us, 20000);
    CHECK_EQ(slot->manifest.heartbeat_ms, 700);
    CHECK_STR(slot->manifest.label, "hello");
    CHECK_EQ(slot->flags & (RS_EXITING | RS_INITIALIZING | RS_TERMINATED), 0);
    set_manifest("service x { system BASIC; ipc pm; }");
    CHECK_EQ(ask_edit(0), 0);
    CHECK(privileges[HELLO].call_mask[0] & setalarm);
    CHECK_EQ(privileges[PM_SLOT].send_mask[0] >> HELLO & 1, 1);
}

/* covers: RS-28, RS-41 */
TEST(edit_of_single_settings_keeps_the_others)
{
    struct rs_slot *slot = begin();

    slot->manifest.heartbeat_ms = 500;
    slot->manifest.sys_flags |= RS_SYS_SYNCH_BOOT;
    memcpy(start.label, "hello", sizeof("hello"));
    memcpy(start.script, "/etc/rescue", sizeof("/etc/rescue"));
    CHECK_EQ(ask_edit(RS_UP_FLAGS_REPLICA), 0);
    CHECK_EQ(slot->manifest.heartbeat_ms, 500);
    CHECK_STR(slot->manifest.script, "/etc/rescue");
    CHECK(slot->replica != 0);
    start.has_period = 1; /* 0: no heartbeat */
    set_manifest("service x { system BASIC; }");
    CHECK_EQ(ask_edit(0), 0);
    CHECK_EQ(slot->manifest.heartbeat_ms, 0);
    CHECK_EQ(slot->replica, 0); /* the new manifest wants none */
    CHECK_EQ(slot->manifest.sys_flags & RS_SYS_IMMUTABLE, RS_SYS_SYNCH_BOOT);
    CHECK_EQ(RS_SYS_IMMUTABLE, 0x1 | 0x2 | 0x4 | 0x10);
}

TEST(a_replica_has_the_new_settings_too)
{
    struct rs_slot *slot = begin();
    endpoint_t twin;

    CHECK_EQ(ask_label(RS_CLONE, "hello"), 0);
    twin = state.slot[slot->replica].endpoint;
    memcpy(start.label, "hello", sizeof("hello"));
    CHECK_EQ(ask_edit(0), 0);
    CHECK_EQ(cleared, twin);
    CHECK(slot->replica != 0 && state.slot[slot->replica].endpoint != twin);
}

static int edit_label(const char *label)
{
    memset(start.label, 0, sizeof(start.label));
    memcpy(start.label, label, strlen(label));
    return ask_edit(0);
}

/* covers: RS-28 */
TEST(what_edit_refuses_changes_nothing)
{
    struct rs_slot *slot = begin();
    struct manifest before = slot->manifest;

    state.slot[ENDPOINT_RS] = (struct rs_slot){ .flags = RS_IN_USE | RS_ACTIVE,
                                                .endpoint = ENDPOINT_RS,
                                                .manifest = { .label = "rs", .quantum_ms = 10 } };
    state.slot[ENDPOINT_RS].other = state.slot[ENDPOINT_RS].late = RS_NO_SLOT;
    CHECK_EQ(edit_label("nobody"), -ESRCH);
    CHECK_EQ(edit_label("rs"), -EPERM);
    CHECK_EQ(edit_label(""), -EINVAL);
    set_manifest("service x { fly 1; }");
    CHECK_EQ(edit_label("hello"), -EINVAL);
    set_manifest("service x { priority 99; }");
    CHECK_EQ(edit_label("hello"), -EINVAL);
    set_manifest("service x { system NONE; }");
    update_answer = -EPERM; /* the kernel does not want it */
    CHECK_EQ(edit_label("hello"), -EPERM);
    update_answer = 0;
    memcpy(start.script, "/etc/rescue", sizeof("/etc/rescue"));
    CHECK_EQ(edit_label("pm"), -EPERM); /* core services have no scripts */
    start.script[0] = '\0';
    slot->flags |= RS_UPDATING;
    CHECK_EQ(edit_label("hello"), -EBUSY);
    CHECK_EQ(memcmp(&before, &slot->manifest, sizeof(before)), 0);
}

/* covers: RS-28 */
TEST(programs_can_be_edited)
{
    struct privilege *programs = &privileges[OPERATOR % SERVICE_SLOTS];

    (void)begin();
    programs->send_mask[0] = 1ull << HELLO;
    set_manifest("service init { ipc pm; }");
    CHECK_EQ(edit_label("init"), 0);
    CHECK_EQ(programs->send_mask[0], 1ull << PM_SLOT);
}
