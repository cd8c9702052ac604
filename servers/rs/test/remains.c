/* SPDX-License-Identifier: MIT */
/*
 * The report of a dead VM: what it needs is copied before the body is used again, once; what the coroner may read is that copy.
 */
#include "../state.h"

#include "base/elf.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/rs_server.h"
#include "rs_corpse.h"
#include "sys/crash_notes.h"
#include "sys/service_header.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

#include "coroner.h"

enum { ENTRY = 0x50000000, STATE = 0x50010000, STATE_BYTES = 8192, NOTES = 0x50020000, STACK = 0x50030000, STACK_BYTES = 4096, USED = 256 };

static const endpoint_t body = 40;
static uint8_t page[RS_PAGE_BYTES], memory[STATE_BYTES], stack[USED], seen[STATE_BYTES];
static struct crash_notes notes;

static struct {
    struct elf_header header;
    struct elf_program_header text, stack;
    uint8_t entry[64];
    struct service_image image;
} file = {
    .header = { .program_headers = sizeof(struct elf_header), .program_header_count = 2, .entry = ENTRY },
    .text = { .type = ELF_SEGMENT_LOAD,
              .offset = sizeof(struct elf_header) + 2 * sizeof(struct elf_program_header),
              .address = ENTRY,
              .file_bytes = 64 + sizeof(struct service_image) },
    .stack = { .type = ELF_SEGMENT_LOAD, .flags = ELF_SEGMENT_WRITE, .address = STACK, .memory_bytes = STACK_BYTES },
    .image = { .header = { .magic = SERVICE_HEADER_MAGIC, .section = { [LAYOUT_STATE] = { STATE, STATE + STATE_BYTES } } },
               .crash_notes = NOTES },
};

static int world(endpoint_t destination, struct message *message)
{
    struct kernel_getregs_request registers;

    (void)destination;
    message->status = 0;
    if (message->type == KERNEL_GETREGS) {
        kernel_getregs_request_get(message, &registers);
        ((uint64_t *)(uintptr_t)registers.registers)[19] = STACK + STACK_BYTES - USED;
    }
    return 0;
}

static void start(void)
{
    struct rs_slot *vm = &state.slot[ENDPOINT_VM];

    fake_reset();
    fake_sendrec = world;
    memset(&state, 0, sizeof(state));
    for (int i = 0; i < SERVICE_SLOTS; i++)
        state.slot[i].endpoint = ENDPOINT_NONE;
    vm->flags = RS_IN_USE | RS_ACTIVE;
    vm->endpoint = ENDPOINT_VM;
    vm->image = (uint64_t)(uintptr_t)&file;
    vm->image_length = sizeof(file);
    memcpy(vm->manifest.label, "vm", sizeof("vm"));
    state.coroner.is_there = true;
    state.coroner.reader = CORONER;
    fake_memory(body, ENTRY, page, sizeof(page));
    fake_memory(body, STATE, memory, sizeof(memory));
    fake_memory(body, NOTES, &notes, sizeof(notes));
    fake_memory(body, STACK + STACK_BYTES - USED, stack, sizeof(stack));
    fake_uptime_ns = 100000000000;
}

static void die(void)
{
    struct rs_slot *vm = &state.slot[ENDPOINT_VM];

    fake_uptime_ns += 1000000;
    rs_note_death(vm, RS_CAUSE_SIGNAL, 11, 0);
    rs_bury_vm(&state, vm, body, 7, true);
    CHECK_EQ(vm->death.cause, RS_CAUSE_NONE);
}

static int read_corpse(uint64_t from, uint64_t length)
{
    struct rs_corpse_read_request read_request = { .from = from, .to = (uint64_t)(uintptr_t)seen, .length = length };
    struct call call;

    request.type = RS_CORPSE_READ;
    call = fake_call(CORONER, IPC_SENDREC, &request, &reply);
    return rs_handle_corpse_read(&state, &call, &read_request);
}

TEST(what_the_coroner_reads_is_as_it_was_at_the_death)
{
    struct rs_corpse corpse = { 0 };

    start();
    memory[STATE_BYTES - 1] = 1;
    stack[USED - 1] = 2;
    die();
    memory[STATE_BYTES - 1] = stack[USED - 1] = 0; /* the body is made new */
    CHECK_EQ(take(&corpse), 0);
    CHECK_STR(corpse.label, "vm");
    CHECK_EQ(corpse.served, ENDPOINT_VM);
    CHECK_EQ(corpse.restarts, 7);
    CHECK_EQ(corpse.entry, ENTRY);
    CHECK_EQ(corpse.death.signo, 11);
    CHECK_EQ(corpse.death.resumed, 1);
    CHECK_EQ(corpse.registers[19], STACK + STACK_BYTES - USED);
    CHECK_EQ(read_corpse(STATE, STATE_BYTES), 0);
    CHECK_EQ(seen[STATE_BYTES - 1], 1);
    CHECK_EQ(read_corpse(STACK + STACK_BYTES - 16, 16), 0);
    CHECK_EQ(seen[15], 2);
    CHECK_EQ(read_corpse(ENTRY, 512), 0);
    CHECK_EQ(read_corpse(STATE, STATE_BYTES + 1), -EFAULT);
    CHECK_EQ(read_corpse(STACK, 16), -EFAULT);
    CHECK_EQ(take(&corpse), -EAGAIN);
    CHECK_EQ(read_corpse(STATE, 8), -EINVAL);
}

TEST(a_second_death_before_the_first_is_seen_is_only_counted)
{
    struct rs_corpse corpse = { 0 };

    start();
    die();
    die();
    CHECK_EQ(take(&corpse), 0);
    CHECK_EQ(corpse.missed, 1);
    die(); /* while the coroner reads */
    CHECK_EQ(take(&corpse), -EAGAIN);
    CHECK_EQ(state.coroner.missed, 1);
    fake_uptime_ns += 5000000000;
    die();
    CHECK_EQ(take(&corpse), 0);
    CHECK_EQ(corpse.missed, 1);
}

TEST(a_copy_that_was_lost_with_its_rs_is_counted)
{
    struct rs_corpse corpse = { 0 };

    start();
    die();
    state.remains.death.time_ns++; /* the copy is of another death */
    CHECK_EQ(take(&corpse), -EAGAIN);
    CHECK_EQ(state.coroner.missed, 1);
}

TEST(an_end_as_asked_and_one_without_a_coroner_are_not_kept)
{
    struct rs_corpse corpse = { 0 };

    start();
    rs_bury_vm(&state, &state.slot[ENDPOINT_VM], body, 0, false);
    CHECK_EQ(take(&corpse), -EAGAIN);
    state.coroner.is_there = false;
    die();
    CHECK(!state.remains.is_there);
    CHECK_EQ(state.coroner.missed, 0);
}
