/* SPDX-License-Identifier: MIT */
/*
 * RS dies at each single call that it makes while it replaces a service; the next RS has the state of the last commit and a world in which half of it was
 * done. Whatever the point, the service gets a new instance, with its old one beside it, and nothing is left over.
 */
#include <string.h>

#include "../state.h"
#include "errors.h"
#include "kernel_info.h"
#include "privilege.h"
#include "protocols/kernel.h"
#include "protocols/service.h"
#include "protocols/vm.h"
#include "sys/syscalls.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

enum { HELLO = 12, SPARE = 40, DEAD_RS = 41, FIRST_SPACE = 100 };

/* The kernel's slots. Contents are told apart by their space; endpoints stay with the slot. */
static struct {
    endpoint_t endpoint; /* NONE: free */
    uint32_t space;
    uint32_t flags;
    endpoint_t backup;
} world[SERVICE_SLOTS];

static struct rs_state state, committed;
static uint32_t next_space, calls_left;
static bool is_dead;

static void exchange(endpoint_t a, endpoint_t b)
{
    uint32_t x = endpoint_slot(a), y = endpoint_slot(b);
    uint32_t space = world[x].space, flags = world[x].flags;

    CHECK(world[x].endpoint == a && world[y].endpoint == b);
    world[x].space = world[y].space;
    world[x].flags = world[y].flags;
    world[y].space = space;
    world[y].flags = flags;
}

int sys_getinfo(uint32_t what, void *address, size_t length, size_t *length_bytes)
{
    struct process_info *info = address;
    size_t count = 0;

    (void)length;
    if (what != KERNEL_INFO_PROCESSES)
        return 0; /* boot information: an empty archive */
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (world[i].endpoint != ENDPOINT_NONE)
            info[count++] = (struct process_info){
                .endpoint = world[i].endpoint, .slot = i, .space = world[i].space, .rts_flags = world[i].flags, .name = "x"
            };
    }
    if (length_bytes != NULL)
        *length_bytes = count * sizeof(*info);
    return 0;
}

static int do_create(struct message *message)
{
    struct kernel_create_request create;
    struct kernel_create_reply created;

    kernel_create_request_get(message, &create);
    if (world[create.slot].endpoint != ENDPOINT_NONE && world[create.slot].space != 0)
        return -EBUSY; /* it has a program already */
    world[create.slot].endpoint = created.process = endpoint_make(1, create.slot);
    world[create.slot].space = 0;
    world[create.slot].flags = PROCESS_NO_PRIV;
    world[create.slot].backup = ENDPOINT_NONE;
    kernel_create_reply_put(message, &created);
    return 0;
}

static int do_load(struct message *message)
{
    struct vm_load_service_request load;
    struct vm_load_service_reply reply = { .space = ++next_space };

    vm_load_service_request_get(message, &load);
    world[load.slot].space = next_space;
    vm_load_service_reply_put(message, &reply);
    return 0;
}

static int do_privctl(const struct message *message)
{
    struct kernel_privctl_request request;
    uint32_t slot;

    kernel_privctl_request_get(message, &request);
    slot = endpoint_slot(request.process);
    if (request.request == KERNEL_PRIVILEGE_REQUEST_ALLOW)
        world[slot].flags &= ~(uint32_t)PROCESS_NO_PRIV;
    else if (request.request == KERNEL_PRIVILEGE_REQUEST_DISALLOW)
        world[slot].flags |= PROCESS_NO_PRIV;
    else if (request.request == KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS)
        world[slot].backup = ((const struct privilege *)(uintptr_t)request.privileges)->backup_signal_manager;
    return 0;
}

static int do_call(struct message *message)
{
    struct kernel_getpriv_request getpriv;
    struct kernel_clear_request clear;
    struct vm_update_request update;

    switch (message->type) {
    case KERNEL_CREATE:
        return do_create(message);
    case VM_LOAD_SERVICE:
        return do_load(message);
    case KERNEL_PRIVCTL:
        return do_privctl(message);
    case KERNEL_GETPRIV:
        kernel_getpriv_request_get(message, &getpriv);
        ((struct privilege *)(uintptr_t)getpriv.privileges)->backup_signal_manager = world[endpoint_slot(getpriv.process)].backup;
        return 0;
    case KERNEL_CLEAR:
        kernel_clear_request_get(message, &clear);
        world[endpoint_slot(clear.process)].endpoint = ENDPOINT_NONE;
        return 0;
    case VM_UPDATE:
        vm_update_request_get(message, &update);
        exchange(update.source, update.destination);
        return 0;
    default:
        return 0;
    }
}

/* RS dies after a call, before it learns the answer: whatever it does then does not happen. */
static int call(endpoint_t destination, struct message *message)
{
    (void)destination;
    message->status = is_dead ? -EDEADSRCDST : do_call(message);
    is_dead |= calls_left > 0 && --calls_left == 0;
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
    world[index].endpoint = slot->endpoint;
    world[index].space = FIRST_SPACE + index;
}

static void start(void)
{
    fake_reset();
    fake_uptime_ns = 1000000000;
    fake_sendrec = call;
    calls_left = 0;
    is_dead = false;
    next_space = 1000;
    memset(&state, 0, sizeof(state));
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        state.slot[i].other = state.slot[i].late = RS_NO_SLOT;
        state.slot[i].endpoint = world[i].endpoint = world[i].backup = ENDPOINT_NONE;
        world[i].flags = 0;
    }
    state.boot_step = RS_BOOT_DONE;
    add_slot(ENDPOINT_RS, "rs", RS_ACTIVE);
    add_slot(HELLO, "hello", RS_ACTIVE | RS_PUBLISHED);
    add_slot(SPARE, "rs", RS_SPARE);
    state.spare[0] = SPARE;
    world[ENDPOINT_RS].backup = endpoint_make(1, SPARE);
    world[HELLO].flags = PROCESS_SIG_PENDING;
}

static uint32_t processes(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
        count += world[i].endpoint != ENDPOINT_NONE;
    return count;
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
