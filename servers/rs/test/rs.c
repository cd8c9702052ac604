/* SPDX-License-Identifier: MIT */
/*
 * RS as a state machine: manifests, recovery side by side, back-off, heartbeat, operators' requests. The kernel, VM and PM are scripted.
 */
#include "../state.h"

#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/pm.h"
#include "protocols/protocol_trace.h"
#include "protocols/rs_server.h"
#include "protocols/service.h"
#include "protocols/vm.h"
#include "sys/syscalls.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

enum { HELLO = 12 };

static struct rs_state state;
static struct message request, reply;
static endpoint_t cleared, killed;
static uint32_t updates;
static int load_answer;
static bool runs_always, loaded_under_alarm;

int sys_kill(endpoint_t process, int signo)
{
    CHECK_EQ(signo, 9);
    killed = process;
    return 0;
}

static int world(endpoint_t destination, struct message *message)
{
    struct kernel_create_request create;
    struct kernel_create_reply created;
    struct kernel_clear_request clear;

    (void)destination;
    message->status = 0;
    switch (message->type) {
    case KERNEL_CREATE:
        kernel_create_request_get(message, &create);
        created.process = endpoint_make(1, create.slot);
        kernel_create_reply_put(message, &created);
        break;
    case KERNEL_CLEAR:
        kernel_clear_request_get(message, &clear);
        cleared = clear.process;
        break;
    case KERNEL_TIMES:
        kernel_times_reply_put(message, &(struct kernel_times_reply){ .user_ns = runs_always ? fake_uptime_ns : 0 });
        break;
    case VM_LOAD_SERVICE:
        loaded_under_alarm = fake_alarm_ns > fake_uptime_ns;
        message->status = load_answer;
        break;
    case VM_UPDATE:
        updates++;
        break;
    default:
        break;
    }
    return 0;
}

/* Let time pass: RS's alarm rings, on time, whenever it is due. */
static void pass(uint64_t milliseconds)
{
    uint64_t end = fake_uptime_ns + milliseconds * 1000000;

    while (state.alarm_ns != 0 && state.alarm_ns <= end) {
        CHECK_EQ(fake_alarm_ns, state.alarm_ns);
        CHECK(state.alarm_ns >= fake_uptime_ns);
        fake_uptime_ns = state.alarm_ns;
        rs_tick(&state, outbox_default());
        CHECK(state.alarm_ns == 0 || state.alarm_ns > fake_uptime_ns);
    }
    fake_uptime_ns = end;
}

static struct rs_slot *start(bool resume)
{
    struct rs_slot *slot = &state.slot[HELLO];

    fake_reset();
    fake_sendrec = world;
    load_answer = 0;
    runs_always = false;
    updates = 0;
    cleared = killed = ENDPOINT_NONE;
    memset(&state, 0, sizeof(state));
    for (int i = 0; i < SERVICE_SLOTS; i++) {
        state.slot[i].other = state.slot[i].late = RS_NO_SLOT;
        state.slot[i].endpoint = ENDPOINT_NONE;
    }
    state.boot_step = RS_BOOT_DONE;
    slot->flags = RS_IN_USE | RS_ACTIVE | RS_PUBLISHED;
    slot->endpoint = HELLO;
    slot->image_length = 1000;
    memcpy(slot->manifest.label, "hello", sizeof("hello"));
    slot->manifest.resume = resume;
    slot->manifest.sys_flags = RS_SYS_USE_COPY;
    slot->manifest.quantum_ms = 10;
    slot->manifest.heartbeat_ms = 2000;
    return slot;
}

static void die(int signo)
{
    CHECK_EQ(rs_signal(&state, HELLO, signo, outbox_default()), -EDEADEPT);
    CHECK(rs_state_check(&state) == NULL);
}

static struct service_init_request last_init(void)
{
    struct service_init_request init;

    CHECK(fake_sent_to(HELLO) != NULL);
    CHECK_EQ(fake_sent_to(HELLO)->message.type, SERVICE_INIT);
    service_init_request_get(&fake_sent_to(HELLO)->message, &init);
    return init;
}

static void ready(int result)
{
    struct rs_init_ready_request init = { .result = result };
    struct call call;

    request.type = RS_INIT_READY;
    call = fake_call(HELLO, IPC_SENDREC, &request, &reply);
    fake_sent_clear();
    CHECK_EQ(rs_handle_init_ready(&state, &call, &init), CALL_PARKED);
    CHECK(rs_state_check(&state) == NULL);
}

/* covers RS-54 */
TEST(a_crashed_service_is_replaced_side_by_side)
{
    struct rs_slot *slot = start(true);
    endpoint_t old;

    die(11);
    CHECK_EQ(updates, 1);
    CHECK_EQ(slot->endpoint, HELLO);
    CHECK(slot->other != RS_NO_SLOT);
    old = state.slot[slot->other].endpoint;
    CHECK_EQ(last_init().kind, SERVICE_INIT_TYPE_RESTART);
    CHECK_EQ(last_init().old_endpoint, old);
    CHECK_EQ(cleared, ENDPOINT_NONE); /* only when the new one is up */
    ready(0);
    CHECK_EQ(cleared, old);
    CHECK_EQ(slot->other, RS_NO_SLOT);
    CHECK_EQ(slot->restarts, 1);
    CHECK_EQ(fake_sent_to(HELLO)->message.type, RS_INIT_READY | MESSAGE_REPLY);
}

TEST(resume_that_fails_falls_back_to_fresh_then_waits)
{
    struct rs_slot *slot = start(true);

    die(11);
    ready(-EGENERIC);
    CHECK_EQ(updates, 2);
    CHECK_EQ(last_init().old_endpoint, ENDPOINT_NONE);
    ready(-EGENERIC);
    CHECK((slot->flags & RS_TERMINATED) != 0);
    CHECK_EQ(updates, 2);
    pass(100);
    CHECK_EQ(updates, 3);
    CHECK(loaded_under_alarm); /* VM may hang in a call that RS makes on its clock */
    ready(0);
    CHECK_EQ(slot->flags & (RS_TERMINATED | RS_INITIALIZING | RS_FRESH), 0);
}

/* The delays, in milliseconds, between the death of a service that never serves and its next start. */
static void check_gaps(struct rs_slot *slot, const uint32_t *gaps, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t died = fake_uptime_ns;

        die(11);
        if ((slot->flags & RS_TERMINATED) != 0)
            pass(gaps[i]);
        CHECK_EQ(slot->flags & RS_TERMINATED, 0);
        CHECK_EQ((fake_uptime_ns - died) / 1000000, gaps[i]);
        ready(0);
    }
}

/* covers: RS-57 */
TEST(crash_loops_wait_longer_and_longer)
{
    static const uint32_t gaps[] = { 0, 2000, 4000, 8000, 16000, 30000, 30000 };
    struct rs_slot *slot = start(false);

    slot->manifest.sys_flags = 0;
    check_gaps(slot, gaps, 7);
}

/* covers: RS-57 */
TEST(with_the_image_in_memory_the_delays_are_short)
{
    static const uint32_t gaps[] = { 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000 };

    check_gaps(start(false), gaps, 12);
}

/* covers: RS-57 */
TEST(who_served_for_a_while_is_back_at_once)
{
    struct rs_slot *slot = start(true);

    for (int i = 0; i < 100; i++) {
        die(11);
        CHECK_EQ(slot->flags & RS_TERMINATED, 0);
        ready(0);
        pass(RS_SERVED_MS);
    }
    CHECK_EQ(slot->restarts, 100);
}

/* covers: RS-58 */
TEST(no_heartbeat_means_death_within_three_periods)
{
    struct rs_slot *slot = start(true);
    uint64_t hung;

    fake_uptime_ns = 1234567890;
    rs_look_later(&state, slot);
    hung = fake_uptime_ns;
    while (killed == ENDPOINT_NONE && fake_uptime_ns < hung + 20000000000)
        pass(10);
    CHECK_EQ(killed, HELLO);
    CHECK(fake_uptime_ns - hung >= 2 * 2000000000ull && fake_uptime_ns - hung <= 4 * 2000000000ull);
    CHECK((slot->flags & RS_NOPINGREPLY) != 0);
}

/* covers: RS-58 */
TEST(who_is_being_updated_or_waits_for_somebodys_init_is_not_killed)
{
    struct rs_slot *slot = start(true);

    slot->flags |= RS_UPDATING;
    rs_look_later(&state, slot);
    pass(50000);
    CHECK_EQ(killed, ENDPOINT_NONE);
    slot->flags &= ~(uint32_t)RS_UPDATING;
    state.slot[HELLO + 1].flags = RS_IN_USE | RS_INITIALIZING;
    pass(50000);
    CHECK_EQ(killed, ENDPOINT_NONE);
}

/* covers: RS-58 */
TEST(who_runs_in_a_circle_is_killed_although_another_one_is_starting_and_that_one_gets_more_time)
{
    struct rs_slot *slot = start(true), *starting = &state.slot[HELLO + 1];

    runs_always = true;
    slot->manifest.heartbeat_ms = 500;
    starting->flags = RS_IN_USE | RS_ACTIVE | RS_INITIALIZING;
    starting->endpoint = HELLO + 1;
    starting->init_ns = rs_deadline(&state, 2900);
    rs_look_later(&state, slot);
    pass(2500);
    CHECK_EQ(killed, HELLO);
    killed = ENDPOINT_NONE;
    pass(1000); /* beyond the first deadline */
    CHECK_EQ(killed, ENDPOINT_NONE);
    pass(2000);
    CHECK_EQ(killed, HELLO + 1);
}

TEST(a_machine_that_stood_still_kills_nobody)
{
    struct rs_slot *slot = start(true);

    rs_look_later(&state, slot);
    pass(4000);
    CHECK(slot->pinged);
    fake_uptime_ns += 3600000000000;
    rs_tick(&state, outbox_default());
    CHECK_EQ(killed, ENDPOINT_NONE);
    pass(500);
    CHECK_EQ(killed, ENDPOINT_NONE);
    rs_pong(&state, HELLO);
    pass(4000);
    CHECK_EQ(killed, ENDPOINT_NONE);
}

TEST(a_heartbeat_that_is_answered_is_life)
{
    struct rs_slot *slot = start(true);

    rs_look_later(&state, slot);
    for (int i = 0; i < 500; i++) {
        pass(700);
        rs_pong(&state, HELLO);
    }
    CHECK_EQ(killed, ENDPOINT_NONE);
}

/* covers: RS-61 */
TEST(an_init_that_hangs_is_killed)
{
    (void)start(true);
    die(11);
    pass(RS_REINIT_MS - 1);
    CHECK_EQ(killed, ENDPOINT_NONE);
    pass(1);
    CHECK_EQ(killed, HELLO);
}

/* covers SIG-8 */
TEST(other_signals_become_messages)
{
    (void)start(true);
    CHECK_EQ(rs_signal(&state, HELLO, 10, outbox_default()), 0);
    CHECK_EQ(fake_sent_to(HELLO)->message.type, SERVICE_SIGNAL_RECEIVED);
    CHECK_EQ(rs_signal(&state, 77, 10, outbox_default()), 0);
    CHECK_EQ(updates, 0);
}

static void operator_asks(uint32_t type, const char *label, uint32_t uid, int *result)
{
    struct rs_down_request down = { 0 };
    struct pm_identify_reply who = { .euid = uid };
    struct message answer = { 0 };
    struct call call;

    request.type = type;
    call = fake_call(300, IPC_SENDREC | IPC_STATUS_FROM_USER, &request, &reply);
    memcpy(down.label, label, strlen(label) + 1);
    if (type == RS_DOWN)
        *result = rs_handle_down(&state, &call, &down);
    else
        *result = rs_handle_restart(&state, &call, &(struct rs_restart_request){ .label = "hello" });
    CHECK_EQ(*result, CALL_PARKED);
    answer.transaction = fake_sent_to(ENDPOINT_PM)->message.transaction;
    pm_identify_reply_put(&answer, &who);
    rs_identified(&state, &answer, outbox_default());
}

/* covers ISO-1, RS-22, RS-63 */
TEST(down_is_for_root_and_answered_at_death)
{
    struct rs_slot *slot = start(true);
    int result;

    operator_asks(RS_DOWN, "hello", 1000, &result);
    CHECK_EQ(fake_sent_to(300)->message.status, -EPERM);
    fake_sent_clear();
    operator_asks(RS_DOWN, "nothing", 0, &result);
    CHECK_EQ(fake_sent_to(300)->message.status, -ESRCH);
    fake_sent_clear();
    operator_asks(RS_DOWN, "hello", 0, &result);
    CHECK(fake_sent_to(300) == NULL);
    CHECK_EQ(fake_sent_to(HELLO)->message.type, SERVICE_SIGNAL_RECEIVED);
    pass(RS_TERM_MS - 1);
    CHECK(killed != HELLO);
    pass(1);
    CHECK_EQ(killed, HELLO); /* covers: RS-59 */
    die(9);
    CHECK_EQ(fake_sent_to(300)->message.status, 0);
    CHECK_EQ(slot->flags, 0);
    CHECK_EQ(updates, 0);
}

TEST(core_services_stay)
{
    struct rs_slot *slot = start(true);
    int result;

    slot->manifest.sys_flags |= RS_SYS_CORE;
    operator_asks(RS_DOWN, "hello", 0, &result);
    CHECK_EQ(fake_sent_to(300)->message.status, -EPERM);
}

/* covers RS-24 */
TEST(restart_is_for_the_dead)
{
    int result;

    (void)start(true);
    operator_asks(RS_RESTART, "hello", 0, &result);
    CHECK_EQ(fake_sent_to(300)->message.status, -EBUSY);
}

TEST(a_replacement_that_cannot_be_made_is_tried_again)
{
    struct rs_slot *slot = start(true);

    load_answer = -ENOMEM;
    die(11);
    CHECK((slot->flags & RS_TERMINATED) != 0);
    CHECK_EQ(updates, 0);
    load_answer = 0;
    pass(RS_BACKOFF_MS);
    CHECK_EQ(updates, 1);
}

static int read_text(const char *text, const char *label, struct manifest *manifest)
{
    char error[MANIFEST_ERROR_BYTES];
    int result = manifest_read(text, strlen(text), label, manifest, error);

    if (result != 0)
        testing_note("%s", error);
    return result;
}

/* covers ISO-5 */
TEST(who_may_talk_is_symmetric)
{
    static struct manifest a, b, ds;

    CHECK_EQ(read_text("service a { ipc b; }", "a", &a), 0);
    CHECK_EQ(read_text("service b { ipc NONE; }", "b", &b), 0);
    CHECK_EQ(read_text("service ds { ipc NONE; }", "ds", &ds), 0);
    CHECK(rs_may_talk(&a, &b) && rs_may_talk(&b, &a));
    CHECK(rs_may_talk(&a, &ds));
    CHECK_EQ(read_text("service a { ipc NONE; }", "a", &a), 0);
    CHECK(!rs_may_talk(&a, &b));
}
