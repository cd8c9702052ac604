/* SPDX-License-Identifier: MIT */
/*
 * RS dies at each single call that it makes while it replaces a service; the next RS has the state of the last commit and a world in which half of it was
 * done. Whatever the point, the service gets a new instance, with its old one beside it, and nothing is left over.
 */
#include "world.h"

#include "protocols/service.h"
#include "sys/syscalls.h"

enum { HELLO = 12, SPARE = 40 };

static struct rs_state state, committed;

int sys_getinfo(uint32_t what, void *address, size_t length, size_t *length_bytes)
{
    size_t bytes = what == KERNEL_INFO_PROCESSES ? world_list(0, address, length / sizeof(struct process_info)) : 0;

    if (what == KERNEL_INFO_BOOT)
        memset(address, 0, length); /* an empty archive */
    if (length_bytes != NULL)
        *length_bytes = bytes;
    return 0;
}

static void add_slot(uint32_t index, const char *label, uint32_t flags)
{
    struct rs_slot *slot = &state.slot[index];

    slot->flags = RS_IN_USE | flags;
    slot->endpoint = (flags & RS_ACTIVE) != 0 ? (endpoint_t)index : endpoint_make(1, index);
    slot->image_length = 1000;
    slot->manifest.resume = 1;
    slot->manifest.quantum_ms = 10;
    memcpy(slot->manifest.label, label, strlen(label) + 1);
    state.space[index] = FIRST_SPACE + index;
    world_add(index, slot->endpoint, label);
}

static void start(void)
{
    world_reset();
    fake_sendrec = world_call;
    memset(&state, 0, sizeof(state));
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        state.slot[i].other = state.slot[i].late = RS_NO_SLOT;
        state.slot[i].endpoint = ENDPOINT_NONE;
    }
    state.boot_step = RS_BOOT_DONE;
    add_slot(ENDPOINT_RS, "rs", RS_ACTIVE);
    add_slot(HELLO, "hello", RS_ACTIVE | RS_PUBLISHED);
    add_slot(SPARE, "rs", RS_SPARE);
    state.spare[0] = SPARE;
    world[ENDPOINT_RS].backup = endpoint_make(1, SPARE);
    world[HELLO].flags = PROCESS_SIG_PENDING;
}

/* The kernel has put the first standby into RS's place; the dead RS is where that was. */
static void succeed(void)
{
    state = committed;
    is_dead = false;
    calls_left = 0;
    exchange(endpoint_make(1, SPARE), ENDPOINT_RS);
    world[ENDPOINT_RS].backup = ENDPOINT_NONE;
    world[SPARE].flags = PROCESS_SIG_PENDING;
    CHECK_EQ(rs_succeed(&state, 11), 0);
    fake_uptime_ns += 1000000;
    rs_tick(&state, outbox_default());
    CHECK(rs_state_check(&state) == NULL);
}

/* hello has a new instance that was told to start with the state of the old one, which is there; RS has two standbys. */
static void check_world(void)
{
    const struct rs_slot *hello = &state.slot[HELLO];

    CHECK((hello->flags & RS_INITIALIZING) != 0);
    CHECK(hello->other != RS_NO_SLOT);
    if (hello->other == RS_NO_SLOT)
        return;
    CHECK_EQ(world[HELLO].flags & (PROCESS_NO_PRIV | PROCESS_SIG_PENDING), 0);
    CHECK_EQ(world[hello->other].space, FIRST_SPACE + HELLO);
    CHECK_EQ(state.space[hello->other], FIRST_SPACE + HELLO);
    CHECK_EQ(state.space[HELLO], world[HELLO].space);
    CHECK_EQ(processes(), 3 + RS_SPARES); /* RS, hello twice */
    CHECK_EQ(world[ENDPOINT_RS].backup, state.slot[state.spare[0]].endpoint);
    CHECK_EQ(world[state.spare[0]].backup, state.slot[state.spare[1]].endpoint);
    CHECK_EQ(world[state.spare[1]].backup, ENDPOINT_NONE);
}

/* covers: RS-54 RS-70 */
TEST(rs_may_die_at_each_call_of_a_recovery)
{
    uint32_t points = 0;

    for (uint32_t point = 1; point < 200; point++) {
        start();
        committed = state;
        calls_left = point;
        (void)rs_signal(&state, HELLO, 11, outbox_default());
        if (!is_dead)
            break;         /* it was through before */
        fake_sent_clear(); /* it was never committed */
        succeed();
        check_world();
        points = point;
    }
    CHECK(points > 5 && points < 199);
}

/* covers: RS-11 RS-70 */
TEST(the_successor_removes_the_dead_rs_and_makes_the_chain_whole)
{
    start();
    world[HELLO].flags = 0;
    committed = state;
    succeed();
    CHECK_EQ(processes(), 2 + RS_SPARES);
    CHECK_EQ(world[HELLO].space, FIRST_SPACE + HELLO);
    CHECK_EQ(state.slot[ENDPOINT_RS].restarts, 1);
    CHECK_EQ(state.slot[ENDPOINT_RS].last_signal, 11);
}

/* covers: RS-11 SIG-2 */
TEST(a_standby_that_dies_is_replaced_and_nobody_is_without_a_backup)
{
    start();
    rs_make_spares(&state);
    CHECK_EQ(rs_signal(&state, endpoint_make(1, SPARE), 11, outbox_default()), -EDEADEPT);
    CHECK_EQ(world[ENDPOINT_RS].backup, state.slot[state.spare[0]].endpoint);
    CHECK(state.spare[1] == 0);
    fake_uptime_ns += 1000000;
    rs_tick(&state, outbox_default());
    CHECK(state.spare[1] != 0);
    CHECK_EQ(world[state.spare[0]].backup, state.slot[state.spare[1]].endpoint);
}

/* covers: RS-58 */
TEST(a_standby_that_does_not_watch_is_replaced)
{
    uint32_t first;

    start();
    rs_make_spares(&state);
    first = state.spare[0];
    for (int i = 0; i < 6; i++) {
        fake_uptime_ns += (uint64_t)RS_WATCH_MS * 1000000;
        rs_pong(&state, state.slot[state.spare[1]].endpoint);
        rs_tick(&state, outbox_default());
    }
    CHECK(state.spare[0] != first);
    CHECK(rs_has_successor(&state));
}
