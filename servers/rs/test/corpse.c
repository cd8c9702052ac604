/* SPDX-License-Identifier: MIT */
/*
 * Dead instances and the coroner: recovery is done before it hears of anything, few are kept, and not for long.
 */
#include "../state.h"

#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/rs_server.h"
#include "protocols/vm.h"
#include "rs_corpse.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

#include "coroner.h"

enum { HELLO = 12, ENTRY = 0x1000, SECOND_MS = 1000 };

static uint32_t cleared;
static uint64_t memory_left;
static uint8_t image[64];

static int world(endpoint_t destination, struct message *message)
{
    struct kernel_create_request create;
    struct kernel_create_reply created;

    (void)destination;
    message->status = 0;
    if (message->type == KERNEL_CREATE) {
        kernel_create_request_get(message, &create);
        created.process = endpoint_make(1, create.slot);
        kernel_create_reply_put(message, &created);
    }
    if (message->type == VM_INFO)
        vm_info_reply_put(message, &(struct vm_info_reply){ .available_bytes = memory_left });
    cleared += message->type == KERNEL_CLEAR;
    return 0;
}

static void start(void)
{
    struct rs_slot *slot = &state.slot[HELLO];
    uint64_t entry = ENTRY;

    fake_reset();
    fake_sendrec = world;
    memset(&state, 0, sizeof(state));
    memcpy(image + 24, &entry, sizeof(entry));
    cleared = 0;
    memory_left = 1ull << 30;
    for (int i = 0; i < SERVICE_SLOTS; i++) {
        state.slot[i].other = state.slot[i].late = RS_NO_SLOT;
        state.slot[i].endpoint = ENDPOINT_NONE;
    }
    state.boot_step = RS_BOOT_DONE;
    slot->flags = RS_IN_USE | RS_ACTIVE | RS_PUBLISHED;
    slot->endpoint = HELLO;
    slot->image = (uint64_t)(uintptr_t)image;
    slot->image_length = sizeof(image);
    memcpy(slot->manifest.label, "hello", sizeof("hello"));
    slot->manifest.resume = 1;
    slot->manifest.quantum_ms = 10;
    fake_uptime_ns = 100ull * SECOND_MS * 1000000;
}

static void pass(uint64_t milliseconds)
{
    fake_uptime_ns += milliseconds * 1000000;
    rs_tick(&state, outbox_default());
}

/* One death and a whole recovery. */
static void die_and_return(void)
{
    struct rs_init_ready_request init = { .result = 0 };
    struct call call;

    pass(100);
    CHECK_EQ(rs_signal(&state, HELLO, 11, outbox_default()), -EDEADEPT);
    request.type = RS_INIT_READY;
    call = fake_call(HELLO, IPC_SENDREC, &request, &reply);
    CHECK_EQ(rs_handle_init_ready(&state, &call, &init), CALL_PARKED);
    CHECK_EQ(state.slot[HELLO].flags & (RS_INITIALIZING | RS_TERMINATED), 0);
    CHECK(rs_state_check(&state) == NULL);
}

/* What request.c does when PM has said that the caller is root. */
static int wait_for_death(void)
{
    struct rs_operation *operation = &state.operation[1];

    operation->caller = CORONER;
    operation->type = RS_CORPSE_WAIT;
    return rs_corpse_wait(&state, operation);
}

TEST(without_a_coroner_nothing_is_kept)
{
    struct rs_corpse corpse;

    start();
    die_and_return();
    CHECK_EQ(cleared, 1);
    CHECK_EQ(take(&corpse), -EPERM);
}

TEST(the_coroner_hears_of_a_death_when_the_service_is_back)
{
    struct rs_corpse corpse = { 0 };

    start();
    CHECK_EQ(wait_for_death(), CALL_PARKED);
    CHECK(fake_sent_to(CORONER) == NULL);
    die_and_return();
    CHECK_EQ(cleared, 0);
    CHECK_EQ(rs_count_corpses(&state, "hello"), 1);
    CHECK_EQ(rs_count_corpses(&state, "rs"), 0);
    CHECK_EQ(fake_sent_to(CORONER)->message.type, RS_CORPSE_WAIT | MESSAGE_REPLY);
    CHECK_EQ(take(&corpse), 0);
    CHECK_STR(corpse.label, "hello");
    CHECK_EQ(rs_count_corpses(&state, "hello"), 1); /* until it comes back */
    CHECK_EQ(corpse.death.cause, RS_CAUSE_SIGNAL);
    CHECK_EQ(corpse.death.signo, 11);
    CHECK_EQ(corpse.death.resumed, 1);
    CHECK_EQ(corpse.entry, ENTRY);
    CHECK_EQ(take(&corpse), -EAGAIN);
    CHECK_EQ(cleared, 1);
    CHECK_EQ(rs_count_corpses(&state, "hello"), 0);
    CHECK_EQ(wait_for_death(), CALL_PARKED);
}

TEST(a_death_before_the_coroner_is_up_waits_for_it)
{
    struct rs_corpse corpse = { 0 };

    start();
    rs_coroner_expect(&state);
    die_and_return();
    CHECK_EQ(take(&corpse), -EPERM); /* not for anybody */
    CHECK_EQ(wait_for_death(), 0);
    CHECK_EQ(take(&corpse), 0);
    CHECK_STR(corpse.label, "hello");
    start();
    rs_coroner_expect(&state);
    die_and_return();
    pass(60 * SECOND_MS); /* nobody comes */
    CHECK_EQ(cleared, 1);
    CHECK(!state.coroner.is_there);
}

TEST(a_storm_of_crashes_keeps_few_and_counts_the_rest)
{
    struct rs_corpse corpse = { 0 };
    uint32_t kept = 0;

    start();
    CHECK_EQ(wait_for_death(), CALL_PARKED);
    for (int i = 0; i < 10; i++)
        die_and_return();
    while (take(&corpse) == 0) {
        CHECK_EQ(corpse.missed, kept == 0 ? 7 : 0);
        kept++;
    }
    CHECK_EQ(kept, 3);
    CHECK_EQ(cleared, 10);
}

TEST(the_dead_are_not_kept_when_programs_need_their_memory)
{
    struct rs_corpse corpse = { 0 };

    start();
    CHECK_EQ(wait_for_death(), CALL_PARKED);
    die_and_return();
    CHECK_EQ(cleared, 0);
    memory_left = 1 << 20;
    die_and_return();
    CHECK_EQ(cleared, 2); /* the one before has to go too */
    CHECK_EQ(take(&corpse), -EAGAIN);
    memory_left = 1ull << 30;
    die_and_return();
    CHECK_EQ(take(&corpse), 0);
    CHECK_EQ(corpse.missed, 2);
}

TEST(a_coroner_that_is_gone_is_given_up)
{
    start();
    CHECK_EQ(wait_for_death(), CALL_PARKED);
    die_and_return();
    CHECK_EQ(cleared, 0);
    pass(11 * SECOND_MS);
    CHECK_EQ(cleared, 1);
    die_and_return();
    CHECK_EQ(cleared, 2);
}

TEST(who_goes_as_asked_is_no_case)
{
    start();
    CHECK_EQ(wait_for_death(), CALL_PARKED);
    state.slot[HELLO].flags |= RS_EXITING | RS_REFRESHING;
    die_and_return();
    CHECK_EQ(cleared, 1);
    CHECK(fake_sent_to(CORONER) == NULL);
}
