/* SPDX-License-Identifier: MIT */
/*
 * Ends and beginnings that are not plain restarts: recovery scripts, reincarnation, other signal managers.
 */
#include "operator.h"

static struct pm_run_script_request script_asked(void)
{
    struct pm_run_script_request run = { 0 };

    CHECK_EQ(sent_count(PM_RUN_SCRIPT), 1);
    for (uint32_t i = 0; i < fake_sent_count(); i++) {
        if (fake_sent(i)->message.type == PM_RUN_SCRIPT)
            pm_run_script_request_get(&fake_sent(i)->message, &run);
    }
    return run;
}

static void script_ends(uint32_t incarnation, uint32_t status)
{
    struct rs_script_ended_request ended = { .label = "hello", .incarnation = incarnation, .status = status };
    struct call call = fake_call(ENDPOINT_PM, IPC_SENDA, &request, &reply);

    fake_sent_clear();
    CHECK_EQ(rs_handle_script_ended(&state, &call, &ended), 0);
    CHECK(rs_state_check(&state) == NULL);
}

static struct rs_slot *begin_with_script(void)
{
    struct rs_slot *slot = begin();

    memcpy(slot->manifest.script, "/etc/rescue", sizeof("/etc/rescue"));
    return slot;
}

/* covers: RS-60, RS-24 */
TEST(a_script_decides)
{
    struct rs_slot *slot = begin_with_script();
    struct pm_run_script_request run;

    die(slot, 11);
    run = script_asked();
    CHECK_EQ(run.reason, PM_SCRIPT_REASON_TERMINATED);
    CHECK_STR((const char *)(uintptr_t)run.script, "/etc/rescue");
    CHECK_STR(run.label, "hello");
    CHECK_EQ(sent_count(SERVICE_INIT), 0);
    CHECK_EQ(slot->restart_ns, 0); /* no time brings it back */
    CHECK_EQ(ask_label(RS_RESTART, "hello"), 0);
    CHECK_EQ(sent_count(SERVICE_INIT), 1);
    CHECK_EQ(ready(HELLO, 0), CALL_PARKED);
    script_ends(0, 0); /* too late to count */
    CHECK_EQ(slot->flags & (RS_SCRIPT | RS_TERMINATED), 0);
    CHECK_EQ(slot->restarts, 1);
    slot->flags |= RS_NOPINGREPLY;
    die(slot, 9);
    run = script_asked();
    CHECK_EQ(run.reason, PM_SCRIPT_REASON_NO_HEARTBEAT);
    CHECK_EQ(run.incarnation, 1);
    CHECK_EQ(ask_label(RS_DOWN, "hello"), 0); /* covers: RS-22 */
    CHECK_EQ(slot->flags, 0);
}

/* covers: RS-60, RS-23 */
TEST(refresh_asks_the_script)
{
    struct rs_slot *slot = begin_with_script();

    CHECK_EQ(ask_label(RS_REFRESH, "hello"), 0);
    die(slot, 6);
    CHECK_EQ(script_asked().reason, PM_SCRIPT_REASON_RESTART);
}

/* covers: RS-60, RS-65 */
TEST(without_a_decision_the_built_in_policy_applies)
{
    struct rs_slot *slot = begin_with_script();
    struct message answer = { .type = PM_RUN_SCRIPT | MESSAGE_REPLY, .status = -EAGAIN };

    die(slot, 11);
    answer.transaction = rs_transaction(RS_FOR_SCRIPT, HELLO, 0);
    fake_sent_clear();
    rs_script_answered(&state, &answer, outbox_default()); /* PM cannot */
    CHECK_EQ(sent_count(SERVICE_INIT), 1);
    CHECK_EQ(ready(HELLO, 0), CALL_PARKED);
    fake_uptime_ns += 1000000000;
    die(slot, 11);
    script_ends(7, 0); /* another one's */
    CHECK_EQ(sent_count(SERVICE_INIT), 0);
    script_ends(1, 0x300);
    CHECK_EQ(sent_count(SERVICE_INIT), 1);
    CHECK_EQ(slot->flags & (RS_SCRIPT | RS_TERMINATED), 0);
}

TEST(core_services_have_no_script)
{
    struct rs_slot *slot = begin_with_script();

    slot->manifest.sys_flags |= RS_SYS_CORE;
    die(slot, 11);
    CHECK_EQ(sent_count(PM_RUN_SCRIPT), 0);
    CHECK_EQ(sent_count(SERVICE_INIT), 1);
}

/* covers: RS-64, SEF-24 */
TEST(reincarnation_gives_a_new_endpoint)
{
    struct rs_slot *slot = begin();
    struct service_init_request init;
    endpoint_t dead;

    die(slot, 11);
    dead = state.slot[slot->other].endpoint;
    CHECK_EQ(ready(HELLO, -ERESTART), CALL_PARKED);
    CHECK(slot->endpoint != HELLO && endpoint_slot(slot->endpoint) == HELLO);
    CHECK_EQ(slot->other, RS_NO_SLOT);
    CHECK_EQ(state.slot[endpoint_slot(dead)].flags, 0);
    service_init_request_get(&fake_sent_to(slot->endpoint)->message, &init);
    CHECK_EQ(init.kind, SERVICE_INIT_TYPE_FRESH);
    CHECK_EQ(sent_count(DS_DELETE_LABEL), 1);
    CHECK_EQ(sent_count(DS_PUBLISH_LABEL), 1);
    CHECK((slot->flags & RS_REINCARNATE) != 0);
    CHECK_EQ(ready(slot->endpoint, 0), CALL_PARKED);
    CHECK_EQ(slot->flags & (RS_REINCARNATE | RS_INITIALIZING), 0);
    CHECK_EQ(slot->restarts, 1);
}

/* covers: RS-64 */
TEST(reincarnation_that_makes_no_sense)
{
    struct rs_slot *slot = begin();

    slot->manifest.sys_flags |= RS_SYS_CORE; /* everybody knows its endpoint by heart */
    die(slot, 11);
    CHECK_EQ(ready(HELLO, -ERESTART), CALL_PARKED);
    CHECK_EQ(slot->endpoint, HELLO);
    CHECK((slot->flags & RS_REINCARNATE) == 0);

    slot = begin();
    CHECK_EQ(ask_up(0), NO_ANSWER_YET); /* a first init has nothing old to give up */
    slot = rs_find_label(&state, "probe");
    CHECK_EQ(ready(slot->endpoint, -ERESTART), CALL_PARKED);
    CHECK_EQ(fake_sent_to(OPERATOR)->message.status, -ERESTART);

    slot = begin();
    die(slot, 11);
    create_answer = -ENOMEM;
    CHECK_EQ(ready(HELLO, -ERESTART), CALL_PARKED);
    CHECK_EQ(slot->flags, 0);
}

static void child_died(endpoint_t manager, endpoint_t service)
{
    struct rs_child_died_request died = { .service = service, .signal = 11 };
    struct call call = fake_call(manager, IPC_SENDA, &request, &reply);

    fake_sent_clear();
    CHECK_EQ(rs_handle_child_died(&state, &call, &died), 0);
    CHECK(rs_state_check(&state) == NULL);
}

/* covers: RS-65, SIG-9 */
TEST(a_service_of_another_signal_manager_vanishes)
{
    struct rs_slot *slot = begin();

    child_died(ENDPOINT_PM, HELLO); /* not its manager: a lie */
    CHECK((slot->flags & RS_ACTIVE) != 0);
    memcpy(slot->manifest.signal_manager, "pm", sizeof("pm"));
    child_died(ENDPOINT_PM, 99);
    CHECK_EQ(ask_label(RS_CLONE, "hello"), 0);
    CHECK_EQ(ask_label(RS_DOWN, "hello"), NO_ANSWER_YET);
    child_died(ENDPOINT_PM, HELLO);
    CHECK_EQ(fake_sent_to(OPERATOR)->message.status, 0);
    CHECK_EQ(slot->flags, 0);
    CHECK_EQ(sent_count(SERVICE_INIT), 0);
    for (uint32_t i = RS_FIRST_DYNAMIC; i < SERVICE_SLOTS; i++)
        CHECK_EQ(state.slot[i].flags, 0);
}

/* covers: RS-40 */
TEST(no_two_flags_share_a_bit)
{
    static const uint32_t flags[] = {
        RS_IN_USE,   RS_EXITING,    RS_REFRESHING,  RS_NOPINGREPLY, RS_TERMINATED, RS_LATEREPLY, RS_INITIALIZING,
        RS_UPDATING, RS_ACTIVE,     RS_REINCARNATE, RS_OLD,         RS_RESTARTING, RS_FRESH,     RS_PUBLISHED,
        RS_REPLICA,  RS_MAY_MUTATE, RS_SCRIPT,      RS_OWN_IMAGE,   RS_SPARE,
    };
    uint32_t all = 0;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        CHECK_EQ(all & flags[i], 0);
        all |= flags[i];
    }
}
