/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls: copies, grants (GR-1 to GR-5), process life, slot swap (KC-1).
 */
#include "core.h"

#include "base/string.h"
#include "grant_abi.h"

static struct grant_entry grants[8];
static uint8_t secret[64], local[64];
static volatile int results[8];

static grant_t grant_id(uint32_t index)
{
    return (grant_t)(grants[index].sequence << GRANT_INDEX_BITS | index);
}

static void set_grant(uint32_t index, uint32_t flags, endpoint_t grantee, const void *address, uint64_t length)
{
    grants[index] = (struct grant_entry){
        .flags = flags | GRANT_VALID, .sequence = 5, .grantee = grantee, .address = (uint64_t)address, .length = length
    };
}

/* ---- thread A uses grants of rs ---- */
static int copy(grant_t grant, uint64_t offset, uint64_t length, bool writes)
{
    struct message x = { .type = writes ? KERNEL_SAFECOPYTO : KERNEL_SAFECOPYFROM };
    struct kernel_safecopyfrom_request r = {
        .granter = ENDPOINT_RS, .grant_id = grant, .offset = offset, .address = (uint64_t)local, .length = length
    };
    kernel_safecopyfrom_request_put(&x, &r);
    ipc(IPC_SENDREC, ENDPOINT_SYSTEM, &x);
    return x.status;
}

static void grantee(endpoint_t self)
{
    (void)self;
    results[0] = copy(grant_id(0), 4, 8, false);
    results[1] = copy(grant_id(0), 60, 8, false);
    results[2] = copy(grant_id(0), 0, 8, true);
    results[3] = copy(grant_id(1), 0, 8, false);
    results[4] = copy(grant_id(0) + (1 << GRANT_INDEX_BITS), 0, 8, false);
    results[5] = copy(grant_id(2), 0, 8, true);
    results[6] = copy(-1, 0, 8, false);
    results[7] = copy(7, 0, 8, false);
    sleep_forever();
}

/* covers GR-1, GR-5, GR-9 */
static void grants_are_checked(void)
{
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)i;
    memset(local, 0, sizeof(local));
    endpoint_t a = thread_make(SLOT_A, grantee);
    set_grant(0, GRANT_DIRECT | GRANT_READ, a, secret, sizeof(secret));
    set_grant(1, GRANT_DIRECT | GRANT_READ, ENDPOINT_DS, secret, sizeof(secret));
    set_grant(2, GRANT_DIRECT | GRANT_WRITE, ENDPOINT_ANY, secret + 32, 8);
    CHECK_EQ(CALL(setgrant, SETGRANT, .table = (uint64_t)grants, .count = 4), 0);
    thread_allow(a);
    wait_for_flags(a, 8);
    CHECK_EQ(results[0], 0);
    CHECK_EQ(local[0], 4);
    CHECK_EQ(results[1], -EPERM);
    CHECK_EQ(results[2], -EPERM);
    CHECK_EQ(results[3], -EPERM);
    CHECK_EQ(results[4], -EPERM);
    CHECK_EQ(results[5], 0);
    CHECK_EQ(secret[32], 4);
    CHECK_EQ(results[6], -EINVAL);
    CHECK_EQ(results[7], -EPERM);
    thread_end(a);
}

/* covers GR-2 */
static void indirect_grants_end_after_five_levels(void)
{
    set_grant(0, GRANT_DIRECT | GRANT_READ, ENDPOINT_RS, secret, 16);
    for (uint32_t i = 1; i < 8; i++) {
        set_grant(i, GRANT_INDIRECT, ENDPOINT_RS, NULL, 0);
        grants[i].from = ENDPOINT_RS;
        grants[i].address = (uint64_t)grant_id(i - 1);
    }
    CHECK_EQ(CALL(setgrant, SETGRANT, .table = (uint64_t)grants, .count = 8), 0);
    CHECK_EQ(copy(grant_id(5), 0, 8, false), 0);
    CHECK_EQ(copy(grant_id(6), 0, 8, false), -ELOOP);
    grants[0].flags = GRANT_MAGIC | GRANT_READ | GRANT_VALID;
    grants[0].from = ENDPOINT_DS;
    CHECK_EQ(copy(grant_id(0), 0, 8, false), -EPERM);
}

/* covers GR-7 */
static void vsafecopy_wants_exactly_one_self(void)
{
    struct vsafecopy_element e[2] = {
        { .from = ENDPOINT_RS, .to = ENDPOINT_SELF, .grant = 0, .address = (uint64_t)local, .length = 8 },
        { .from = ENDPOINT_SELF, .to = ENDPOINT_SELF },
    };

    set_grant(0, GRANT_DIRECT | GRANT_READ, ENDPOINT_RS, secret + 1, 16);
    e[0].grant = grant_id(0);
    CHECK_EQ(CALL(vsafecopy, VSAFECOPY, .vector = (uint64_t)e, .count = 1), 0);
    CHECK_EQ(local[0], 1);
    CHECK_EQ(CALL(vsafecopy, VSAFECOPY, .vector = (uint64_t)e, .count = 2), -EINVAL);
}

static void vircopy_reaches_absent_memory(void)
{
    uint64_t absent = LAZY_BASE + 0x10ff0;

    memcpy(local, "abcdefghijklmnopqrstuvwxyz012345", 32);
    CHECK_EQ(CALL(vircopy, VIRCOPY, .source = ENDPOINT_SELF, .destination = ENDPOINT_SELF, .source_address = (uint64_t)local,
                  .destination_address = absent, .length = 32),
             0);
    CHECK_EQ(memcmp((void *)absent, local, 32), 0);
    CHECK_EQ(CALL(vircopy, VIRCOPY, .source = ENDPOINT_SELF, .destination = ENDPOINT_SELF, .source_address = 0x1000,
                  .destination_address = absent, .length = 32),
             -EFAULT);
    CHECK_EQ(CALL(vircopy, VIRCOPY, .source = ENDPOINT_SELF, .destination = ENDPOINT_SELF, .source_address = 0xffff800000000000ull,
                  .destination_address = absent, .length = 32),
             -EFAULT);
    CHECK_EQ(CALL(vircopy, VIRCOPY, .source = 199, .destination = ENDPOINT_SELF), -EINVAL);
}

/* Its addresses are no kernel addresses either. */
static void a_thread_without_space_has_no_memory(void)
{
    struct kernel_create_reply made;

    CHECK_EQ(CALL(create, CREATE, .slot = SLOT_A, .space = UINT32_MAX, .name = "nowhere"), 0);
    kernel_create_reply_get(&call_reply, &made);
    CHECK_EQ(CALL(vircopy, VIRCOPY, .source = made.process, .destination = ENDPOINT_SELF, .source_address = (uint64_t)local,
                  .destination_address = (uint64_t)(local + 32), .length = 32),
             -EFAULT);
    CHECK_EQ(CALL(vircopy, VIRCOPY, .source = ENDPOINT_SELF, .destination = made.process, .source_address = (uint64_t)local,
                  .destination_address = (uint64_t)(local + 32), .length = 32),
             -EFAULT);
    CHECK_EQ(CALL(clear, CLEAR, .process = made.process), 0);
}

static void strings_are_copied_to_their_nul(void)
{
    struct kernel_copystring_reply reply;
    char *text = (char *)LAZY_BASE + 0x20ffd;

    memcpy(text, "planaria", 9);
    CHECK_EQ(CALL(copystring, COPYSTRING, .source = ENDPOINT_SELF, .room = 64, .source_address = (uint64_t)text,
                  .destination_address = (uint64_t)local),
             0);
    kernel_copystring_reply_get(&call_reply, &reply);
    CHECK_EQ(reply.length, 8);
    CHECK_EQ(memcmp(local, "planaria", 9), 0);
    CHECK_EQ(CALL(copystring, COPYSTRING, .source = ENDPOINT_SELF, .room = 8, .source_address = (uint64_t)text,
                  .destination_address = (uint64_t)local),
             -ENAMETOOLONG);
}

/* covers KC-12, SIG-4 */
static void unknown_calls_are_refused(void)
{
    CHECK_EQ(kernel_call(KERNEL_PROTOCOL << 16 | 39, NULL, 0), -EBADREQUEST);
    CHECK_EQ(kernel_call(77 << 16 | 1, NULL, 0), -EBADREQUEST);
    CHECK_EQ(CALL(map, MAP, .space = 2, .count = 1), -ECALLDENIED);
    CHECK_EQ(CALL(kill, KILL, .process = ENDPOINT_CLOCK, .signal = 9), -EPERM);
    CHECK_EQ(CALL(kill, KILL, .process = 199, .signal = 9), -EINVAL);
    CHECK_EQ(CALL(kill, KILL, .process = ENDPOINT_DS, .signal = 99), -EINVAL);
    CHECK_EQ(CALL(runctl, RUNCTL, .process = ENDPOINT_CLOCK, .action = 1), -EPERM);
    CHECK_EQ(CALL(endksig, ENDKSIG, .process = ENDPOINT_DS), -EINVAL);
    CHECK_EQ(CALL(devio, DEVIO, .request = 99, .port = 0x80), -EINVAL);
}

/* ---- stop and go ---- */
static volatile uint64_t spins;

static void spinner(endpoint_t self)
{
    (void)self;
    for (;;)
        spins++;
}

/* covers KC-5, SMP-7 */
static void a_running_thread_is_stopped_at_once(void)
{
    endpoint_t a = thread_start(SLOT_A, spinner);

    CHECK_EQ(CALL(schedctl, SCHEDCTL, .process = a, .scheduler = ENDPOINT_NONE, .priority = 12, .quantum_us = 10000, .cpu = -1), 0);
    for (int i = 0; i < 20; i++) {
        uint64_t before = spins;
        CHECK_EQ(CALL(runctl, RUNCTL, .process = a, .action = KERNEL_RUN_CONTROL_RESUME), 0);
        while (spins == before)
            let_others_run();
        CHECK_EQ(CALL(runctl, RUNCTL, .process = a, .action = KERNEL_RUN_CONTROL_STOP), 0);
        before = spins;
        for (volatile int wait = 0; wait < 20000; wait++)
            ;
        CHECK_EQ(spins, before);
    }
    thread_end(a);
}

/* ---- swap: thread A answers 1, thread B answers 2; after the update A's endpoint answers 2 ---- */
static void answer(uint64_t value)
{
    struct message x;
    uint32_t status;

    for (;;) {
        receive(ENDPOINT_ANY, &x, &status);
        x.word[0] = value;
        x.type |= MESSAGE_REPLY;
        ipc(IPC_SENDNB, x.source, &x);
    }
}

static void answer_one(endpoint_t self)
{
    (void)self;
    answer(1);
}

static void answer_two(endpoint_t self)
{
    (void)self;
    answer(2);
}

static uint64_t ask(endpoint_t server)
{
    static struct message x;
    x = (struct message){ .type = 100 << 16 | 1 };
    return ipc(IPC_SENDREC, server, &x) ? 0 : x.word[0];
}

/* covers KC-1 */
static void update_swaps_contents_and_keeps_endpoints(void)
{
    endpoint_t a = thread_start(SLOT_A, answer_one), b = thread_start(SLOT_B, answer_two);

    CHECK_EQ(ask(a), 1);
    CHECK_EQ(ask(b), 2);
    wait_for_flags(a, 8);
    wait_for_flags(b, 8);
    CHECK_EQ(CALL(update, UPDATE, .source = a, .destination = b), 0);
    CHECK_EQ(ask(a), 2);
    CHECK_EQ(ask(b), 1);
    CHECK_EQ(CALL(update, UPDATE, .source = a, .destination = 199), -EINVAL);
    thread_end(b);
    CHECK_EQ(ask(a), 2);
    endpoint_t c = thread_start(SLOT_B, spinner);
    CHECK_EQ(CALL(update, UPDATE, .source = a, .destination = c), -EBUSY);
    thread_end(c);
    thread_end(a);
}

const struct test call_tests[] = {
    { "grants_are_checked", grants_are_checked },
    { "indirect_grants_end_after_five_levels", indirect_grants_end_after_five_levels },
    { "vsafecopy_wants_exactly_one_self", vsafecopy_wants_exactly_one_self },
    { "vircopy_reaches_absent_memory", vircopy_reaches_absent_memory },
    { "a_thread_without_space_has_no_memory", a_thread_without_space_has_no_memory },
    { "strings_are_copied_to_their_nul", strings_are_copied_to_their_nul },
    { "unknown_calls_are_refused", unknown_calls_are_refused },
    { "a_running_thread_is_stopped_at_once", a_running_thread_is_stopped_at_once },
    { "update_swaps_contents_and_keeps_endpoints", update_swaps_contents_and_keeps_endpoints },
    { NULL, NULL },
};
