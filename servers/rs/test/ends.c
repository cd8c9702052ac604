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

static int (*usual)(endpoint_t destination, struct message *message);
static uint32_t programs, ends;

/* The kernel has `programs` threads, one after the other. */
static int with_programs(endpoint_t destination, struct message *message)
{
    struct kernel_getinfo_request ask;
    struct kernel_getinfo_reply listed = { 0 };
    struct kernel_clear_request clear;
    struct process_info *list;

    if (message->type == KERNEL_GETINFO) {
        kernel_getinfo_request_get(message, &ask);
        list = (struct process_info *)(uintptr_t)ask.address;
        for (uint64_t i = ask.argument - SERVICE_SLOTS; i < programs && listed.length_bytes < ask.length; i++) {
            list[listed.length_bytes / sizeof(*list)] = (struct process_info){ .endpoint = (endpoint_t)(SERVICE_SLOTS + i),
                                                                               .slot = (uint32_t)(SERVICE_SLOTS + i) };
            listed.length_bytes += sizeof(*list);
        }
        kernel_getinfo_reply_put(message, &listed);
        message->status = 0;
        return 0;
    }
    if (message->type == KERNEL_CLEAR) {
        kernel_clear_request_get(message, &clear);
        ends += endpoint_slot(clear.process) >= SERVICE_SLOTS;
    }
    return usual(destination, message);
}

/* hello, on which pm depends, has lost its state. */
static struct rs_slot *lose_state(void)
{
    struct rs_slot *slot = begin();

    usual = fake_sendrec;
    fake_sendrec = with_programs;
    programs = 40;
    ends = 0;
    state.slot[PM_SLOT].manifest.resume = slot->manifest.resume = 1;
    memcpy(slot->manifest.dependent[0], "pm", sizeof("pm"));
    memcpy(state.slot[PM_SLOT].manifest.dependent[0], "hello", sizeof("hello"));
    slot->manifest.dependent_count = state.slot[PM_SLOT].manifest.dependent_count = 1;
    die(slot, 11);
    CHECK_EQ(killed, ENDPOINT_NONE); /* it may still resume */
    CHECK_EQ(ready(HELLO, -EGENERIC), CALL_PARKED);
    return slot;
}

/* covers: RS-54 */
TEST(who_depends_on_a_lost_state_starts_afresh_and_the_programs_end)
{
    struct rs_slot *slot = lose_state(), *pm = &state.slot[PM_SLOT];
    struct service_init_request init;

    CHECK_EQ(killed, PM_SLOT);
    CHECK_EQ(ends, programs);
    killed = ENDPOINT_NONE;
    die(pm, 9);
    CHECK_EQ(killed, ENDPOINT_NONE); /* hello starts afresh already */
    CHECK_EQ(pm->cause, RS_CAUSE_DEPENDS);
    service_init_request_get(&fake_sent_to(PM_SLOT)->message, &init);
    CHECK_EQ(init.old_endpoint, ENDPOINT_NONE);
    CHECK_EQ(ready(PM_SLOT, 0), CALL_PARKED);
    CHECK_EQ(ready(HELLO, 0), CALL_PARKED);
    CHECK_EQ((pm->flags | slot->flags) & (RS_FALLS | RS_FRESH), 0);
    fake_uptime_ns += 1000000000;
    die(pm, 11); /* the next time is as usual */
    CHECK_EQ(killed, ENDPOINT_NONE);
    service_init_request_get(&fake_sent_to(PM_SLOT)->message, &init);
    CHECK(init.old_endpoint != ENDPOINT_NONE);
}

/* covers: RS-54, LU-9 */
TEST(an_update_does_not_bring_a_state_back_that_is_worth_nothing)
{
    struct rs_slot *pm = &state.slot[PM_SLOT];
    struct service_init_request init;

    lose_state();
    pm->flags |= RS_UPDATING | RS_INITIALIZING;
    state.update = (struct rs_update_record){ .phase = RS_UPDATE_INIT, .slot = PM_SLOT, .operation = RS_NO_SLOT };
    add(RS_FIRST_DYNAMIC + 1, "pm")->flags = RS_IN_USE | RS_OLD;
    state.slot[RS_FIRST_DYNAMIC + 1].other = PM_SLOT;
    pm->other = RS_FIRST_DYNAMIC + 1;
    die(pm, 9);
    CHECK_EQ(state.update.phase, RS_UPDATE_NONE);
    service_init_request_get(&fake_sent_to(PM_SLOT)->message, &init);
    CHECK_EQ(init.old_endpoint, ENDPOINT_NONE);
    CHECK_EQ(init.kind, SERVICE_INIT_TYPE_RESTART);
}

/* covers: RS-40 */
TEST(no_two_flags_share_a_bit)
{
    static const uint32_t flags[] = {
        RS_IN_USE, RS_EXITING,     RS_REFRESHING, RS_NOPINGREPLY, RS_TERMINATED, RS_LATEREPLY,  RS_INITIALIZING, RS_UPDATING,
        RS_ACTIVE, RS_REINCARNATE, RS_OLD,        RS_RESTARTING,  RS_FRESH,      RS_PUBLISHED,  RS_REPLICA,      RS_MAY_MUTATE,
        RS_SCRIPT, RS_OWN_IMAGE,   RS_SPARE,      RS_CORPSE,      RS_TAKEN,      RS_ASKS_AGAIN, RS_FALLS,
    };
    uint32_t all = 0;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        CHECK_EQ(all & flags[i], 0);
        all |= flags[i];
    }
}
