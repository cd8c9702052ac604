/* SPDX-License-Identifier: MIT */
/*
 * Replacement and update of VM, with a script of what VM says and when it dies: RS never asks VM for anything in between, ends with one VM that serves
 * and one that stands by, and never loses the instance that has the state.
 */
#include "../state.h"

#include "base/elf.h"
#include "errors.h"
#include "kernel_info.h"
#include "protocols/kernel.h"
#include "protocols/rs.h"
#include "protocols/service.h"
#include "protocols/vm.h"
#include "sys/ipc.h"
#include "sys/syscalls.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

enum { STANDBY = 40, SPACE_OLD = 3, SPACE_NEW = 300, WATCHER = 50, SLOW = 2 };

static struct rs_state state;
static uint32_t place[2];    /* which space is in VM's slot, which in the standby's */
static uint32_t generation;  /* of the standby */
static bool is_dead;         /* what is in VM's slot */
static uint32_t renewed;     /* spaces that were made new, as bits: 1 old, 2 new */
static const int *script;    /* what each wait for VM ends with */
static uint32_t vm_requests; /* calls to VM before it is up again: none may happen */
static int answered;
static uint32_t answers;
static uint32_t signs_of_life; /* for who stands by for RS */

static struct {
    struct elf_header header;
    struct elf_program_header segment;
    uint64_t data;
} image = {
    .header = { .magic = ELF_MAGIC, .program_headers = sizeof(struct elf_header), .program_header_count = 1, .entry = 0x50000000 },
    .segment = { .type = ELF_SEGMENT_LOAD,
                 .flags = ELF_SEGMENT_WRITE,
                 .offset = sizeof(struct elf_header) + sizeof(struct elf_program_header),
                 .address = 0x50013000,
                 .file_bytes = 8,
                 .memory_bytes = 4096 },
};

int ipc_await(endpoint_t source, struct message *message)
{
    struct rs_init_ready_request ready = { 0 };
    int what = *script++;

    CHECK_EQ(source, ENDPOINT_VM);
    is_dead |= what == -EDEADEPT;
    if (what == -EDEADEPT)
        return -EINTR;
    if (what == -EINTR || what == SLOW) {
        fake_uptime_ns += what == SLOW ? 200000000 : 3000000000ull;
        return -EINTR;
    }
    *message = (struct message){ .source = ENDPOINT_VM, .type = what == 1 ? RS_LU_READY : RS_INIT_READY };
    ready.result = what < 0 ? what : 0;
    if (what != 1)
        rs_init_ready_request_put(message, &ready);
    return 0;
}

int ipc_sendnb(endpoint_t destination, struct message *message)
{
    CHECK_EQ(destination, ENDPOINT_VM);
    answered = message->status;
    answers++;
    return 0;
}

int ipc_notify(endpoint_t destination)
{
    signs_of_life += destination == WATCHER;
    return 0;
}

int sys_kill(endpoint_t process, int signo)
{
    CHECK_EQ(process, ENDPOINT_VM);
    CHECK_EQ(signo, 9);
    is_dead = true;
    return 0;
}

int sys_copy_to(endpoint_t process, uint64_t address, const void *from, size_t length)
{
    CHECK_EQ(endpoint_slot(process), STANDBY);
    CHECK_EQ(address, 0x50013000);
    CHECK_EQ(length, 8);
    (void)from;
    return 0;
}

int sys_getinfo(uint32_t what, void *address, size_t length, size_t *bytes)
{
    struct process_info *info = address;

    CHECK_EQ(what, KERNEL_INFO_PROCESSES);
    CHECK(length >= 2 * sizeof(*info));
    info[0] = (struct process_info){
        .endpoint = ENDPOINT_VM, .slot = ENDPOINT_VM, .space = place[0], .name = "vm", .rts_flags = is_dead ? PROCESS_SIG_PENDING : 0
    };
    info[1] = (struct process_info){ .endpoint = endpoint_make(generation, STANDBY), .slot = STANDBY, .space = place[1], .name = "vm" };
    if (bytes != NULL)
        *bytes = 2 * sizeof(*info);
    return 0;
}

static int world(endpoint_t destination, struct message *message)
{
    struct kernel_create_reply created;
    uint32_t space = place[0];

    vm_requests += destination == ENDPOINT_VM && message->type != VM_SET_MASK;
    message->status = 0;
    if (message->type == KERNEL_UPDATE) {
        place[0] = place[1];
        place[1] = space;
        is_dead = false;
    } else if (message->type == KERNEL_CREATE) {
        created.process = endpoint_make(++generation, STANDBY);
        kernel_create_reply_put(message, &created);
    } else if (message->type == KERNEL_GETPRIV) {
        struct kernel_getpriv_request request;

        kernel_getpriv_request_get(message, &request);
        ((struct privilege *)(uintptr_t)request.privileges)->backup_signal_manager = WATCHER;
    } else if (message->type == KERNEL_EXEC) {
        renewed |= place[1] == SPACE_OLD ? 1 : 2;
    }
    return 0;
}

static struct rs_slot *start_as_new_rs(const int *what)
{
    struct rs_slot *vm = &state.slot[ENDPOINT_VM];

    fake_reset();
    fake_sendrec = world;
    memset(&state, 0, sizeof(state));
    for (int i = 0; i < SERVICE_SLOTS; i++) {
        state.slot[i].other = state.slot[i].late = RS_NO_SLOT;
        state.slot[i].endpoint = ENDPOINT_NONE;
    }
    vm->flags = RS_IN_USE | RS_ACTIVE;
    vm->endpoint = ENDPOINT_VM;
    vm->image = (uint64_t)(uintptr_t)&image;
    vm->image_length = sizeof(image);
    generation = 1;
    state.slot[STANDBY].flags = RS_IN_USE;
    state.slot[STANDBY].endpoint = endpoint_make(1, STANDBY);
    state.vm_standby = STANDBY;
    place[0] = SPACE_OLD;
    place[1] = SPACE_NEW;
    renewed = vm_requests = answers = signs_of_life = 0;
    answered = 1;
    is_dead = false;
    script = what;
    return vm;
}

static struct rs_slot *start(const int *what)
{
    rs_standby_can_renew();
    return start_as_new_rs(what);
}

static void check_standby(uint32_t serves)
{
    CHECK_EQ(place[0], serves);
    CHECK_EQ(vm_requests, 0);
    CHECK_EQ(state.vm_standby, STANDBY);
    CHECK_EQ(state.slot[STANDBY].endpoint, endpoint_make(generation, STANDBY));
    CHECK((renewed & (serves == SPACE_OLD ? 2 : 1)) != 0);
}

/* The first one: nothing says later that images cannot be reached. */
TEST(an_rs_that_cannot_reach_images_yet_makes_no_body_of_one)
{
    const int what[] = { -EINVAL };

    start_as_new_rs(what);
    CHECK(!rs_standby_takes_over(&state));
    CHECK_EQ(renewed, 0);
}

TEST(those_who_stand_by_hear_from_rs_while_vm_is_slow)
{
    const int what[] = { SLOW, SLOW, SLOW, SLOW, SLOW, SLOW, 0 };

    start(what);
    CHECK(rs_standby_takes_over(&state));
    CHECK_EQ(answers, 1);
    CHECK_EQ(signs_of_life, 6);
}

/* covers RS-55 */
TEST(the_standby_takes_over_and_the_dead_one_becomes_the_next)
{
    const int what[] = { 0 };
    const struct rs_slot *vm = start(what);

    CHECK(rs_standby_takes_over(&state));
    CHECK_EQ(answered, 0);
    CHECK_EQ(vm->restarts, 1);
    check_standby(SPACE_NEW);
}

TEST(a_successor_that_dies_hangs_or_refuses_is_made_new_and_the_state_is_kept)
{
    const int what[] = { -EDEADEPT, -EINTR, -EINVAL, 0 };

    start(what);
    CHECK(rs_standby_takes_over(&state));
    CHECK_EQ(answers, 1);
    CHECK_EQ(renewed, 3); /* the successor thrice, the dead one when it was not needed any more */
    check_standby(SPACE_NEW);
}

TEST(a_state_that_nobody_can_take_over_ends_it)
{
    const int what[] = { -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL };

    start(what);
    CHECK(!rs_standby_takes_over(&state));
    CHECK_EQ(place[0], SPACE_OLD);
}

static int update(const int *what, int32_t maxtime_ms)
{
    struct rs_update request = { .flags = RS_UPDATE_SELF, .state = 1, .maxtime_ms = maxtime_ms };

    start(what);
    state.operation[1].caller = 300;
    return rs_update_vm(&state, &state.operation[1], &request);
}

/* covers LU-13 */
TEST(an_update_makes_the_old_version_the_standby)
{
    const int what[] = { 1, 0 };

    CHECK_EQ(update(what, 0), 0);
    CHECK_EQ(state.slot[ENDPOINT_VM].updates, 1);
    CHECK_EQ(answered, 0);
    check_standby(SPACE_NEW);
}

/* covers LU-9 */
TEST(a_new_version_that_fails_goes_and_the_old_one_is_told)
{
    const int died[] = { 1, -EDEADEPT }, hangs[] = { 1, -EINTR }, refuses[] = { 1, -EINVAL };
    const int *const scripts[] = { died, hangs, refuses };

    for (int i = 0; i < 3; i++) {
        CHECK_EQ(update(scripts[i], 0), -ERESTART);
        CHECK_EQ(answered, -ERESTART);
        CHECK_EQ(state.slot[ENDPOINT_VM].updates, 0);
        check_standby(SPACE_OLD);
    }
}

/* covers LU-10 */
TEST(an_old_version_that_dies_while_it_prepares_is_left_to_the_recovery)
{
    const int what[] = { -EDEADEPT };

    CHECK_EQ(update(what, 0), -ERESTART);
    CHECK(is_dead);
    check_standby(SPACE_OLD);
}

/* covers LU-5 */
TEST(a_vm_that_is_not_ready_in_time_goes_on)
{
    const int what[] = { -EINTR };

    CHECK_EQ(update(what, 300), -EINTR);
    check_standby(SPACE_OLD);
}
