/* SPDX-License-Identifier: MIT */
/*
 * What operators ask of RS: every request with every error that it can have, through the dispatcher.
 */
#include "operator.h"

/* covers: RS-20 */
TEST(unknown_requests_are_answered)
{
    struct call call;

    (void)begin();
    request = (struct message){ .type = RS_PROTOCOL << 16 | 0x7e };
    call = fake_call(OPERATOR, IPC_SENDREC | IPC_STATUS_FROM_USER, &request, &reply);
    CHECK_EQ(rs_dispatch(&state, &call), -ENOSYS);
    request.type = RS_SCRIPT_ENDED; /* pm's to say */
    CHECK_EQ(rs_dispatch(&state, &call), -EDONTREPLY);
    request.type = RS_INIT_READY;
    CHECK_EQ(rs_dispatch(&state, &call), -ECALLDENIED);
    rs_pong(&state, 99); /* a notification from nowhere is a warning */
    CHECK(strstr(fake_log(), "no service of mine") != NULL);
}

/* covers: RS-21, RS-51, RS-52, RS-63 */
TEST(up_publishes_before_it_runs_and_answers_after_init)
{
    struct rs_slot *slot;
    uint32_t published = 0, init = 0;

    (void)begin();
    CHECK_EQ(ask_up(0), NO_ANSWER_YET);
    slot = rs_find_label(&state, "probe");
    CHECK(slot != NULL && (slot->flags & RS_INITIALIZING) != 0);
    for (uint32_t i = 0; i < fake_sent_count(); i++) {
        published = fake_sent(i)->message.type == DS_PUBLISH_LABEL ? i : published;
        init = fake_sent(i)->message.type == SERVICE_INIT ? i : init;
    }
    CHECK(init > published && sent_count(SERVICE_INIT) == 1 && sent_count(DS_PUBLISH_LABEL) == 1);
    CHECK_EQ(ready(slot->endpoint, 0), CALL_PARKED);
    CHECK_EQ(fake_sent(0)->destination, slot->endpoint); /* RS-33: the service hears of it first */
    CHECK_EQ(fake_sent_to(OPERATOR)->message.status, 0);
    CHECK_EQ(ready(slot->endpoint, 0), -EINVAL); /* covers: RS-30, RS-33 */
}

/* covers: RS-21, RS-42 */
TEST(up_without_waiting)
{
    (void)begin();
    CHECK_EQ(ask_up(RS_UP_FLAGS_NOBLOCK), 0);
    CHECK_EQ(RS_UP_FLAGS_COPY, 1);
    CHECK_EQ(RS_UP_FLAGS_REUSE, 4);
    CHECK_EQ(RS_UP_FLAGS_NOBLOCK, 8);
    CHECK_EQ(RS_UP_FLAGS_REPLICA, 16);
}

static int up_with(void (*change)(void))
{
    int result;

    (void)begin();
    change();
    result = ask_up(0);
    CHECK(rs_find_label(&state, start.label) == NULL || strcmp(start.label, "hello") == 0);
    CHECK_EQ(state.image_used[0], 0);
    return result;
}

static void no_label(void)
{
    start.label[0] = '\0';
}

static void endless_label(void)
{
    memset(start.label, 'x', sizeof(start.label));
}

static void label_with_a_space(void)
{
    memcpy(start.label, "x y", sizeof("x y"));
}

static void label_of_programs(void)
{
    memcpy(start.label, "init", sizeof("init"));
}

static void label_twice(void)
{
    memcpy(start.label, "hello", sizeof("hello"));
}

static void relative_path(void)
{
    memcpy(start.command, "probe", sizeof("probe"));
}

static void no_path(void)
{
    start.command[0] = '\0';
}

static void endless_path(void)
{
    memset(start.command, '/', sizeof(start.command));
}

static void relative_script(void)
{
    memcpy(start.script, "rescue", sizeof("rescue"));
}

static void endless_script(void)
{
    memset(start.script, '/', sizeof(start.script));
}

static void no_image(void)
{
    start.image_length = 0;
}

static void huge_image(void)
{
    start.image_length = (4 << 20) + 1;
}

static void no_room_for_the_image(void)
{
    state.image_used[0] = 0;
    start.image_length = (AREA_PAGES + 1) * RS_PAGE_BYTES;
}

static void huge_manifest(void)
{
    start.manifest_length = RS_MANIFEST_MAX + 1;
}

static void unknown_key(void)
{
    set_manifest("service x { fly 1; }");
}

static void unknown_manager(void)
{
    set_manifest("service x { sigmgr nobody; }");
}

static void unknown_scheduler(void)
{
    set_manifest("service x { scheduler nobody; }");
}

static void queue_beyond_the_last(void)
{
    set_manifest("service x { priority 16; }");
}

static void no_quantum(void)
{
    set_manifest("service x { quantum 0; }");
}

static void device_of_another(void)
{
    state.slot[HELLO].manifest.device_count = 1;
    state.slot[HELLO].manifest.device[0] = (struct manifest_device){ 240, 3, 5 };
    set_manifest("service x { device 240 5-9; }");
}

static void major_of_another(void)
{
    state.slot[HELLO].manifest.device_count = 1;
    state.slot[HELLO].manifest.device[0] = (struct manifest_device){ 240, 3, 5 };
    start.device_major = 240;
    start.has_device = 1;
}

static void no_process(void)
{
    create_answer = -ENOMEM;
}

static void no_program(void)
{
    load_answer = -ENOEXEC;
}

/* covers: RS-21, RS-44, RS-50, ISO-6 */
TEST(what_up_refuses_leaves_nothing)
{
    CHECK_EQ(up_with(no_label), -EINVAL);
    CHECK_EQ(up_with(endless_label), -EINVAL);
    CHECK_EQ(up_with(label_with_a_space), -EINVAL);
    CHECK_EQ(up_with(label_of_programs), -EINVAL);
    CHECK_EQ(up_with(label_twice), -EBUSY);
    CHECK_EQ(up_with(relative_path), -EINVAL);
    CHECK_EQ(up_with(no_path), -EINVAL);
    CHECK_EQ(up_with(endless_path), -E2BIG);
    CHECK_EQ(up_with(relative_script), -EINVAL);
    CHECK_EQ(up_with(endless_script), -E2BIG);
    CHECK_EQ(up_with(no_image), -ENOEXEC);
    CHECK_EQ(up_with(huge_image), -E2BIG);
    CHECK_EQ(up_with(no_room_for_the_image), -ENOMEM);
    CHECK_EQ(up_with(huge_manifest), -E2BIG);
    CHECK_EQ(up_with(unknown_key), -EINVAL);
    CHECK(strstr(told, "fly") != NULL);
    CHECK_EQ(up_with(unknown_manager), -EINVAL);
    CHECK(strstr(told, "nobody") != NULL);
    CHECK_EQ(up_with(unknown_scheduler), -EINVAL);
    CHECK_EQ(up_with(queue_beyond_the_last), -EINVAL);
    CHECK_EQ(up_with(no_quantum), -EINVAL);
    CHECK_EQ(up_with(device_of_another), -EBUSY);
    CHECK_EQ(up_with(major_of_another), -EBUSY);
    CHECK_EQ(up_with(no_process), -ENOMEM);
    CHECK_EQ(up_with(no_program), -ENOEXEC);
}

/* covers: RS-50 */
TEST(without_a_free_slot_up_fails_and_rs_goes_on)
{
    (void)begin();
    for (uint32_t i = RS_FIRST_DYNAMIC; i < SERVICE_SLOTS; i++)
        add(i, "filler");
    CHECK_EQ(ask_up(0), -ENOMEM);
    CHECK_EQ(ask_label(RS_CLONE, "hello"), -ENOMEM);
    CHECK(!rs_wants_replica(&state.slot[HELLO]));
}

/* covers: RS-20 */
TEST(a_crowd_of_operators_is_busy_for_the_last)
{
    (void)begin();
    for (uint32_t i = 0; i < RS_OPERATIONS; i++)
        state.operation[i].stage = RS_STAGE_LATE;
    CHECK_EQ(ask_up(0), -EBUSY);
}

/* covers: RS-61, RS-63, RS-33 */
TEST(a_failed_init_is_the_answer_to_up)
{
    struct rs_slot *slot;

    (void)begin();
    CHECK_EQ(ask_up(0), NO_ANSWER_YET);
    slot = rs_find_label(&state, "probe");
    CHECK_EQ(ready(slot->endpoint, -EIO), CALL_PARKED);
    CHECK_EQ(fake_sent_to(OPERATOR)->message.status, -EIO);
    CHECK_EQ(slot->flags, 0);
    CHECK_EQ(state.image_used[0], 0);
}

static struct rs_slot *run_probe(uint32_t flags)
{
    struct rs_slot *slot;

    CHECK_EQ(ask_up(flags), NO_ANSWER_YET);
    slot = rs_find_label(&state, start.label);
    CHECK_EQ(ready(slot->endpoint, 0), CALL_PARKED);
    fake_sent_clear();
    return slot;
}

/* covers: RS-51 */
TEST(what_cannot_be_published_does_not_run)
{
    struct message answer = { .type = DS_PUBLISH_LABEL | MESSAGE_REPLY, .status = -ENOMEM };
    struct rs_slot *slot;

    (void)begin();
    CHECK_EQ(ask_up(0), NO_ANSWER_YET);
    slot = rs_find_label(&state, "probe");
    answer.transaction = rs_transaction(RS_FOR_DS, rs_index(&state, slot), 0);
    CHECK(rs_announce_reply(&state, &answer, outbox_default()));
    CHECK_EQ(fake_sent_to(OPERATOR)->message.status, -ENOMEM);
    CHECK_EQ(slot->flags, 0);

    slot = run_probe(0);
    answer.type = VFS_MAP_DRIVER | MESSAGE_REPLY;
    answer.transaction = rs_transaction(RS_FOR_VFS, rs_index(&state, slot), 0);
    answer.status = -EDEADSRCDST; /* it will be told again */
    CHECK(rs_announce_reply(&state, &answer, outbox_default()));
    CHECK((slot->flags & RS_ACTIVE) != 0);
    answer.status = -EINVAL;
    CHECK(rs_announce_reply(&state, &answer, outbox_default()));
    CHECK_EQ(slot->flags, 0);
}

/* covers: ISO-1 */
TEST(only_root_and_only_who_pm_knows)
{
    struct rs_down_request down = { .label = "hello" };
    struct call call;

    (void)begin();
    request = (struct message){ .type = RS_DOWN };
    rs_down_request_put(&request, &down);
    CHECK_EQ(ask_as(1000), -EPERM);
    fake_sent_clear();
    call = fake_call(OPERATOR, IPC_SENDREC | IPC_STATUS_FROM_USER, &request, &reply);
    CHECK_EQ(rs_dispatch(&state, &call), CALL_PARKED);
    identify(0, -ESRCH);
    CHECK_EQ(fake_sent_to(OPERATOR)->message.status, -ESRCH);
}

/* covers: RS-22, RS-23, RS-24, RS-27 */
TEST(requests_about_a_label)
{
    static const uint32_t all[] = { RS_DOWN, RS_REFRESH, RS_RESTART, RS_CLONE };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct rs_slot *slot = begin();

        CHECK_EQ(ask_label(all[i], "nobody"), -ESRCH);
        CHECK_EQ(ask_label(all[i], "init"), -EPERM);
        slot->flags |= RS_INITIALIZING;
        CHECK_EQ(ask_label(all[i], "hello"), -EBUSY);
    }
    (void)begin();
    CHECK_EQ(ask_label(RS_DOWN, "pm"), -EPERM);
    CHECK_EQ(ask_label(RS_RESTART, "hello"), -EBUSY);
}

/* covers: RS-23 */
TEST(refresh_ends_and_restarts)
{
    struct rs_slot *slot = begin();

    CHECK_EQ(ask_label(RS_REFRESH, "hello"), 0);
    CHECK_EQ(fake_sent_to(HELLO)->message.type, SERVICE_SIGNAL_RECEIVED);
    CHECK_EQ(slot->flags & (RS_EXITING | RS_REFRESHING), RS_EXITING | RS_REFRESHING);
    CHECK_EQ(ask_label(RS_REFRESH, "hello"), -EBUSY);
    die(slot, 6);
    CHECK_EQ(fake_sent_to(HELLO)->message.type, SERVICE_INIT);
    CHECK_EQ(slot->flags & (RS_EXITING | RS_REFRESHING | RS_RESTARTING), RS_RESTARTING);
}

/* covers: RS-27, RS-53, RS-55 */
TEST(a_replica_waits_and_takes_over)
{
    struct rs_slot *slot = begin();
    uint32_t first;
    endpoint_t twin;

    CHECK_EQ(ask_label(RS_CLONE, "hello"), 0);
    CHECK_EQ(ask_label(RS_CLONE, "hello"), -EEXIST);
    first = slot->replica;
    twin = state.slot[first].endpoint;
    CHECK_EQ(state.slot[first].flags & (RS_REPLICA | RS_ACTIVE), RS_REPLICA);
    CHECK(rs_find_label(&state, "hello") == slot);
    create_answer = load_answer = -ENOMEM; /* the crash needs neither */
    die(slot, 11);
    CHECK_EQ(slot->replica, 0);
    CHECK_EQ(slot->other, first);
    CHECK_EQ(slot->endpoint, HELLO);
    CHECK_EQ(sent_count(SERVICE_INIT), 1);
    CHECK_EQ(sent_count(PM_REMOVE_SERVICE), 1);
    create_answer = load_answer = 0;
    CHECK_EQ(ready(HELLO, 0), CALL_PARKED);
    CHECK_EQ(cleared, twin);
    CHECK(slot->replica != 0); /* the next one */
    CHECK_EQ(ask_label(RS_DOWN, "hello"), NO_ANSWER_YET);
    die(slot, 9);
    for (uint32_t i = RS_FIRST_DYNAMIC; i < SERVICE_SLOTS; i++)
        CHECK_EQ(state.slot[i].flags, 0);
}

TEST(a_crash_without_a_replica_that_should_be_there_is_an_ordinary_one)
{
    struct rs_slot *slot = begin();

    slot->manifest.sys_flags |= RS_SYS_USE_REPLICA;
    load_answer = -ENOMEM;
    rs_replica_keep(&state, slot, outbox_default());
    CHECK_EQ(slot->replica, 0);
    load_answer = 0;
    die(slot, 11);
    CHECK(slot->other != RS_NO_SLOT);
    CHECK_EQ(ready(HELLO, 0), CALL_PARKED);
    CHECK(slot->replica != 0);
}

/* covers: RS-42, RS-55 */
TEST(up_with_a_replica)
{
    struct rs_slot *slot;

    (void)begin();
    slot = run_probe(RS_UP_FLAGS_REPLICA);
    CHECK(slot->replica != 0 && slot->replica != rs_index(&state, slot));
    CHECK_EQ(state.slot[slot->replica].flags & RS_REPLICA, RS_REPLICA);
}

/* covers: RS-56 */
TEST(an_image_is_shared_and_freed_with_its_last_user)
{
    struct rs_slot *one, *two;

    (void)begin();
    one = run_probe(0);
    memcpy(start.label, "second", sizeof("second"));
    memcpy(start.command, "/service/probe", sizeof("/service/probe"));
    start.image_length = 0; /* it is not even looked at */
    two = run_probe(RS_UP_FLAGS_REUSE);
    CHECK_EQ(two->image, one->image);
    CHECK_EQ(state.image_used[0], 3);
    CHECK_EQ(ask_label(RS_DOWN, "probe"), NO_ANSWER_YET);
    die(one, 9);
    CHECK_EQ(state.image_used[0], 3);
    CHECK_EQ(ask_label(RS_DOWN, "second"), NO_ANSWER_YET);
    die(two, 9);
    CHECK_EQ(state.image_used[0], 0);
    memcpy(start.command, "/service/other", sizeof("/service/other"));
    CHECK_EQ(ask_up(RS_UP_FLAGS_REUSE), -ENOEXEC); /* nobody to share with, and nothing given */
}

TEST(a_boot_image_is_shared_too)
{
    struct rs_slot *slot = begin();

    memcpy(start.command, "/service/hello x", sizeof("/service/hello x"));
    CHECK_EQ(run_probe(RS_UP_FLAGS_REUSE)->image, slot->image);
    CHECK_EQ(state.image_used[0], 0);
}

/* covers: RS-44 */
TEST(a_service_asks_for_its_arguments)
{
    char text[RS_COMMAND_MAX] = "?";
    struct rs_arguments_request ask = { .text = (uint64_t)(uintptr_t)text, .room = sizeof(text) };
    struct rs_slot *slot;
    struct call call;

    (void)begin();
    slot = run_probe(0);
    request = (struct message){ .type = RS_ARGUMENTS };
    rs_arguments_request_put(&request, &ask);
    call = fake_call(slot->endpoint, IPC_SENDREC, &request, &reply);
    CHECK_EQ(rs_dispatch(&state, &call), 0);
    CHECK_STR(text, "one two");
    ask.room = 7;
    rs_arguments_request_put(&request, &ask);
    CHECK_EQ(rs_dispatch(&state, &call), -EINVAL);
    ask.room = 8;
    rs_arguments_request_put(&request, &ask);
    call = fake_call(HELLO, IPC_SENDREC, &request, &reply);
    CHECK_EQ(rs_dispatch(&state, &call), 0);
    CHECK_STR(text, "");
}

/* covers: RS-25 */
TEST(after_shutdown_nothing_is_started_again)
{
    struct rs_slot *slot = begin();
    struct rs_slot *pm = &state.slot[PM_SLOT];
    struct call call;

    request = (struct message){ .type = RS_SHUTDOWN };
    call = fake_call(HELLO, IPC_SENDREC, &request, &reply);
    CHECK_EQ(rs_dispatch(&state, &call), -EPERM);
    CHECK_EQ(ask_as(1000), -EPERM);
    CHECK_EQ(ask_as(0), 0);
    CHECK((slot->flags & RS_EXITING) != 0 && (pm->flags & RS_EXITING) != 0);
    die(slot, 11);
    CHECK_EQ(sent_count(SERVICE_INIT), 0);
    CHECK_EQ(slot->flags, 0);
}

/* covers: RS-29 */
TEST(lookup_is_for_everybody)
{
    static const struct {
        const char *label;
        int result;
    } cases[] = { { "h", -EINVAL }, { "", -EINVAL }, { "nobody", -ESRCH }, { "hello", 0 } };

    (void)begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rs_lookup_request lookup = { 0 };
        struct rs_lookup_reply found;
        struct call call;

        memcpy(lookup.label, cases[i].label, strlen(cases[i].label));
        request = (struct message){ .type = RS_LOOKUP };
        rs_lookup_request_put(&request, &lookup);
        call = fake_call(OPERATOR, IPC_SENDREC | IPC_STATUS_FROM_USER, &request, &reply);
        CHECK_EQ(rs_dispatch(&state, &call), cases[i].result);
        rs_lookup_reply_get(&reply, &found);
        if (cases[i].result == 0)
            CHECK_EQ(found.service, HELLO);
    }
    memset(request.word, 'x', sizeof(request.word)); /* a label without an end never arrives */
    CHECK_EQ(ask_as(0), -EBADREQUEST);
}

/* covers: RS-40, RS-41, RS-45 */
TEST(flags_have_their_numbers)
{
    CHECK_EQ(RS_IN_USE, 1);
    CHECK_EQ(RS_EXITING, 2);
    CHECK_EQ(RS_REFRESHING, 4);
    CHECK_EQ(RS_NOPINGREPLY, 8);
    CHECK_EQ(RS_TERMINATED, 0x10);
    CHECK_EQ(RS_LATEREPLY, 0x20);
    CHECK_EQ(RS_INITIALIZING, 0x40);
    CHECK_EQ(RS_UPDATING, 0x80);
    CHECK_EQ(RS_ACTIVE, 0x100);
    CHECK_EQ(RS_REINCARNATE, 0x200);
    CHECK_EQ(RS_SYS_CORE, 1);
    CHECK_EQ(RS_SYS_SYNCH_BOOT, 2);
    CHECK_EQ(RS_SYS_NEED_COPY, 4);
    CHECK_EQ(RS_SYS_USE_COPY, 8);
    CHECK_EQ(RS_SYS_NEED_REPLICA, 0x10);
    CHECK_EQ(RS_SYS_USE_REPLICA, 0x20);
}

/* covers: RS-44 */
TEST(limits_and_times)
{
    CHECK_EQ(RS_INIT_MS, 10000);
    CHECK_EQ(RS_TERM_MS, 2000);
    CHECK_EQ(RS_PERIOD_MS, 1000);
    CHECK_EQ(RS_BACKOFF_CAP, 30);
    CHECK_EQ(RS_LABEL_MAX, 16);
    CHECK_EQ(RS_COMMAND_MAX, 512);
    CHECK_EQ(RS_SCRIPT_MAX, 256);
    CHECK_EQ(MANIFEST_CONTROL, 8);
    CHECK(PRIVILEGE_IRQS >= 16 && PRIVILEGE_IO_RANGES >= 64 && PRIVILEGE_MEMORY_RANGES >= 20);
}
