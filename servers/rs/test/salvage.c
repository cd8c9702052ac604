/* SPDX-License-Identifier: MIT */
/*
 * RS dies and leaves a state that cannot be used; the next RS derives one from the world. Whatever the damage, the services of the boot image are looked
 * after, those that were started later too if their records are whole, nobody waits for ever, and no process is left over.
 */
#include "world.h"

#include <stddef.h>

#include "base/elf.h"
#include "base/format.h"
#include "protocols/ds.h"
#include "protocols/pm.h"
#include "protocols/rs_server.h"
#include "protocols/service.h"
#include "sys/sef.h"
#include "sys/syscalls.h"

enum {
    HELLO = 12,
    PROBE = 32, /* started later, with an image in the area */
    TWIN = 33,  /* the same, with the image of hello */
    FIRST = 40, /* the standbys of rs: where the first one was the dead RS is afterwards */
    SECOND = 41,
    VM_STANDBY = 42,
    REPLICA = 43, /* of pm */
    CORPSE = 44,  /* of hello */
    HALF = 45,
    PROGRAM = 300, /* waits for RS */
    IMAGE_BYTES = 4096,
    IMAGES = 8,
    PROBE_PAGE = 3,
    NEW_HELLO_PAGE = 7,
    SERVICES = 6,
};

static const struct {
    const char *name;
    endpoint_t endpoint;
} services[SERVICES] = { { "pm", ENDPOINT_PM }, { "vfs", ENDPOINT_VFS }, { "rs", ENDPOINT_RS },
                         { "vm", ENDPOINT_VM }, { "ds", ENDPOINT_DS },   { "hello", HELLO } };

static const char
    manifests[] = "service pm { flags core; restart resume; } service vfs { flags core; restart resume; heartbeat 500; }"
                  "service rs { flags core; restart resume; } service vm { flags core; } service ds { flags core; restart resume; }"
                  "service hello { restart resume; copy; }";

static uint8_t boot_archive[4096 + IMAGES * IMAGE_BYTES] __attribute__((aligned(4096)));
static uint8_t area[RS_IMAGE_PAGES * RS_PAGE_BYTES] __attribute__((aligned(4096)));
static struct boot_info boot;

/* What the dead RS has in its memory: RS's state is at the same address in each instance. */
static struct rs_state state, remains;
static struct rs_taking how; /* the dead RS had become RS so far */

/* ---- the machine ---- */

static void put_header(uint8_t *at, uint32_t name_bytes, uint32_t bytes)
{
    char text[128];

    format_string(text, sizeof(text), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, 0100644, 0, 0, 1, 0, bytes, 0, 0, 0,
                  0, name_bytes, 0);
    memcpy(at, text, strlen(text));
}

static void make_image(uint8_t *image, uint8_t identity)
{
    struct elf_header header = { .magic = ELF_MAGIC, .program_headers = sizeof(header), .program_header_count = 1 };
    struct elf_program_header text = { .type = ELF_SEGMENT_LOAD, .offset = 1024, .file_bytes = 2048, .address = 0x40000000 };

    memset(image, identity, IMAGE_BYTES);
    memcpy(image, &header, sizeof(header));
    memcpy(image + sizeof(header), &text, sizeof(text));
}

static void make_machine(void)
{
    static const char name[] = "boot/system.conf";

    memset(boot_archive, 0, sizeof(boot_archive));
    put_header(boot_archive, sizeof(name), sizeof(manifests) - 1);
    memcpy(boot_archive + 110, name, sizeof(name));
    memcpy(boot_archive + 128, manifests, sizeof(manifests));
    archive = (uint64_t)(uintptr_t)boot_archive;
    boot = (struct boot_info){ .archive_base = 0x1000000, .archive_length = sizeof(boot_archive), .process_count = SERVICES };
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct boot_process *process = &boot.process[i];

        process->endpoint = services[i].endpoint;
        process->space = FIRST_SPACE + (uint32_t)services[i].endpoint;
        process->image_offset = 4096 + (uint64_t)i * IMAGE_BYTES;
        process->image_length = IMAGE_BYTES;
        memcpy(process->name, services[i].name, strlen(services[i].name) + 1);
        make_image(boot_archive + process->image_offset, (uint8_t)(i + 1));
        world_add((uint32_t)services[i].endpoint, services[i].endpoint, services[i].name);
        world[services[i].endpoint].image = boot_archive + process->image_offset;
    }
    make_image(area + PROBE_PAGE * RS_PAGE_BYTES, 100);
    make_image(area + NEW_HELLO_PAGE * RS_PAGE_BYTES, 101);
}

int sys_getinfo(uint32_t what, void *address, size_t length, size_t *length_bytes)
{
    size_t bytes = sizeof(boot);

    if (what == KERNEL_INFO_PROCESSES)
        bytes = world_list(0, address, length / sizeof(struct process_info));
    else
        memcpy(address, &boot, sizeof(boot));
    if (length_bytes != NULL)
        *length_bytes = bytes;
    return 0;
}

static int copy_text(endpoint_t process, uint64_t address, void *to, size_t length)
{
    const uint8_t *image = world[endpoint_slot(process)].image;

    CHECK_EQ(world[endpoint_slot(process)].endpoint, process);
    if (image == NULL || address != 0x40000000)
        return -EFAULT;
    memcpy(to, image + 1024, length);
    return 0;
}

int sys_copy_from(endpoint_t process, uint64_t address, void *to, size_t length)
{
    uint64_t at = address - (uint64_t)(uintptr_t)&state;

    if (at < sizeof(state) && length <= sizeof(state) - at)
        memcpy(to, (const uint8_t *)&remains + at, length);
    else if (length == sizeof(how))
        memcpy(to, &how, sizeof(how));
    else
        return copy_text(process, address, to, length);
    return 0;
}

/* ---- before RS dies ---- */

static struct rs_slot *start_later(uint32_t index, const char *label, uint64_t image)
{
    struct rs_slot *slot = &remains.slot[index];

    *slot = remains.slot[HELLO];
    memcpy(slot->manifest.label, label, strlen(label) + 1);
    slot->endpoint = endpoint_make(1, index);
    slot->image = image;
    slot->image_length = IMAGE_BYTES;
    world_add(index, slot->endpoint, label);
    world[index].image = (const uint8_t *)(uintptr_t)image;
    remains.space[index] = world[index].space;
    return slot;
}

static void add_instance(uint32_t index, const char *label, uint32_t flags, uint32_t slot_flags)
{
    struct rs_slot *slot = &remains.slot[index];

    world_add(index, endpoint_make(1, index), label);
    world[index].flags = flags;
    *slot = (struct rs_slot){ .flags = RS_IN_USE | slot_flags, .endpoint = world[index].endpoint, .other = RS_NO_SLOT, .late = RS_NO_SLOT };
    memcpy(slot->manifest.label, label, strlen(label) + 1);
    remains.space[index] = world[index].space;
}

static void note_boot_service(struct rs_slot *slot, uint32_t index)
{
    slot->flags |= RS_PUBLISHED;
    slot->restarts = index + 1;
    slot->pid = 1000 + index;
    slot->started_ns = 1000;
    remains.space[index] = world[index].space;
}

static void begin(void)
{
    char problem[RS_PROBLEM_BYTES];

    world_reset();
    fake_sendrec = world_call;
    make_machine();
    how = (struct rs_taking){ .stage = RS_PLACE_SERVES };
    remains.image_area = state.image_area = (uint64_t)(uintptr_t)area;
    problem[0] = 0;
    (void)rs_read_boot_image(&remains, problem);
    CHECK_STR(problem, "");
    remains.boot_step = RS_BOOT_DONE;
    for (uint32_t i = 0; i < SERVICES; i++)
        note_boot_service(&remains.slot[services[i].endpoint], (uint32_t)services[i].endpoint);
    start_later(PROBE, "probe", (uint64_t)(uintptr_t)area + PROBE_PAGE * RS_PAGE_BYTES);
    remains.slot[PROBE].image_first = PROBE_PAGE;
    remains.slot[PROBE].image_pages = 1;
    start_later(TWIN, "twin", remains.slot[HELLO].image);
    add_instance(FIRST, "rs", 0, RS_SPARE);
    add_instance(SECOND, "rs", 0, RS_SPARE);
    remains.spare[0] = FIRST;
    remains.spare[1] = SECOND;
    world[ENDPOINT_RS].backup = world[FIRST].endpoint;
    world[FIRST].backup = world[SECOND].endpoint;
    add_instance(VM_STANDBY, "vm", PROCESS_NO_PRIV, 0);
    remains.vm_standby = VM_STANDBY;
    add_instance(REPLICA, "pm", PROCESS_NO_PRIV, RS_REPLICA);
    remains.slot[ENDPOINT_PM].replica = REPLICA;
    add_instance(CORPSE, "hello", PROCESS_SIG_PENDING, RS_CORPSE);
    CHECK(rs_state_check(&remains) == NULL);
}

static void wait_for_rs(uint32_t index, bool in_sendrec)
{
    world[index].flags = PROCESS_RECEIVING;
    world[index].waits_for = ENDPOINT_RS;
    world[index].misc = in_sendrec ? PROCESS_IN_SENDREC : 0;
}

static void add_program(void)
{
    world_add(PROGRAM, endpoint_make(3, PROGRAM), "service");
    wait_for_rs(PROGRAM, true);
}

/* The kernel has put the first standby into RS's place. */
static void salvage(void)
{
    endpoint_t dead = world[FIRST].endpoint;

    fake_sent_clear();
    exchange(dead, ENDPOINT_RS);
    world[FIRST].flags = PROCESS_SIG_PENDING;
    world[ENDPOINT_RS].image = boot_archive + boot.process[2].image_offset;
    CHECK_EQ(rs_take_place(&state, dead), 0);
    CHECK_EQ(state.slot[ENDPOINT_VM].endpoint, ENDPOINT_VM); /* should VM hang now */
    memset(&state, 0, sizeof(state));                        /* as lib/sys does */
    state.image_area = (uint64_t)(uintptr_t)area;
    CHECK_EQ(rs_salvage(&state, 6), 0);
    rs_place_is_taken();
}

/* ---- what must be ---- */

static void check_services(void)
{
    for (uint32_t i = 0; i < SERVICES; i++) {
        const struct rs_slot *slot = &state.slot[services[i].endpoint];

        CHECK((slot->flags & RS_ACTIVE) != 0);
        CHECK_STR(slot->manifest.label, services[i].name);
        CHECK(slot->image_length == IMAGE_BYTES);
        CHECK_EQ(state.space[services[i].endpoint], world[services[i].endpoint].space);
    }
}

/* Each process is in the table and each entry of the table is a process. */
static void check_nothing_is_left_over(void)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        CHECK_EQ(state.slot[i].flags != 0, world[i].endpoint != ENDPOINT_NONE);
        CHECK_EQ(state.slot[i].endpoint, world[i].endpoint);
    }
}

static void check_standbys(void)
{
    CHECK_EQ(world[ENDPOINT_RS].backup, state.slot[state.spare[0]].endpoint);
    CHECK_EQ(world[state.spare[0]].backup, state.slot[state.spare[1]].endpoint);
    CHECK(state.vm_standby != 0 && world[state.vm_standby].flags == PROCESS_NO_PRIV);
    CHECK_STR(world[state.vm_standby].name, "vm");
}

static void check_all(void)
{
    const char *problem = rs_state_check(&state);

    CHECK_STR(problem != NULL ? problem : "good", "good");
    check_services();
    fake_uptime_ns += 1000000;
    rs_tick(&state, outbox_default());
    CHECK(rs_state_check(&state) == NULL);
    check_nothing_is_left_over();
    check_standbys();
}

static bool was_told(endpoint_t listener, uint32_t type, const char *label)
{
    for (uint32_t i = 0; i < fake_sent_count(); i++) {
        struct ds_delete_label_request request;

        ds_delete_label_request_get(&fake_sent(i)->message, &request);
        if (fake_sent(i)->destination == listener && fake_sent(i)->message.type == type && strcmp(request.label, label) == 0)
            return true;
    }
    return false;
}

/* covers: RS-70 */
TEST(with_whole_records_nothing_is_lost)
{
    begin();
    salvage();
    CHECK(strstr(fake_log(), "rs is back with a derived state (restart 4); lost: nothing") != NULL);
    CHECK_EQ(state.slot[ENDPOINT_PM].restarts, 1);
    CHECK_EQ(state.slot[ENDPOINT_PM].pid, 1000);
    CHECK_EQ(state.slot[ENDPOINT_RS].last_signal, 6);
    CHECK((state.slot[PROBE].flags & RS_ACTIVE) != 0);
    CHECK_EQ(state.slot[PROBE].image_first, PROBE_PAGE);
    CHECK_EQ(state.image_used[0], 1u << PROBE_PAGE);
    CHECK((state.slot[TWIN].flags & RS_ACTIVE) != 0);
    CHECK_EQ(state.slot[TWIN].image, state.slot[HELLO].image);
    check_all();
    CHECK_EQ(processes(), SERVICES + 2 + RS_SPARES + 1);
}

/* covers: RS-70 */
TEST(without_any_record_the_boot_services_are_derived_and_the_others_removed)
{
    begin();
    memset(&remains, 0xa5, sizeof(remains));
    salvage();
    check_all();
    CHECK_EQ(processes(), SERVICES + RS_SPARES + 1);
    CHECK_EQ(state.slot[ENDPOINT_RS].restarts, 1);
}

TEST(who_is_lost_is_withdrawn)
{
    begin();
    remains.slot[PROBE].manifest.peer_count = 100;
    salvage();
    CHECK(strstr(fake_log(), "lost: probe") != NULL);
    CHECK(was_told(ENDPOINT_DS, DS_DELETE_LABEL, "probe"));
    CHECK(!was_told(ENDPOINT_DS, DS_DELETE_LABEL, "pm"));
    CHECK(was_told(ENDPOINT_DS, DS_PUBLISH_LABEL, "twin") || was_told(ENDPOINT_PM, PM_ADD_SERVICE, "twin") ||
          (state.slot[TWIN].flags & RS_PUBLISHED) != 0);
    check_all();
}

TEST(a_service_whose_process_is_of_another_image_is_not_kept)
{
    begin();
    make_image(area + PROBE_PAGE * RS_PAGE_BYTES, 77);
    world[PROBE].image = boot_archive + 4096 + 7 * IMAGE_BYTES;
    salvage();
    CHECK_EQ(state.slot[PROBE].flags & RS_ACTIVE, 0);
    check_all();
}

TEST(an_updated_boot_service_keeps_its_image)
{
    begin();
    world[HELLO].image = area + NEW_HELLO_PAGE * RS_PAGE_BYTES;
    world[TWIN].image = boot_archive + 4096 + 5 * IMAGE_BYTES;
    remains.slot[HELLO].image = (uint64_t)(uintptr_t)world[HELLO].image;
    remains.slot[HELLO].image_first = NEW_HELLO_PAGE;
    remains.slot[HELLO].image_pages = 1;
    salvage();
    CHECK_EQ(state.slot[HELLO].image_first, NEW_HELLO_PAGE);
    CHECK_EQ(state.slot[HELLO].flags & RS_FRESH, 0);
    check_services();
}

TEST(a_boot_service_whose_new_image_is_lost_does_not_give_its_state_to_the_old_one)
{
    begin();
    world[HELLO].image = area + NEW_HELLO_PAGE * RS_PAGE_BYTES;
    remains.slot[HELLO].endpoint = 77;
    salvage();
    CHECK((state.slot[HELLO].flags & RS_FRESH) != 0);
    CHECK(strstr(fake_log(), "the new version of hello") != NULL);
    check_all();
}

TEST(who_waits_for_an_answer_gets_an_error)
{
    begin();
    add_program();
    wait_for_rs(ENDPOINT_VFS, true);
    salvage();
    CHECK_EQ(fake_sent_to(world[PROGRAM].endpoint)->message.status, -ESRVRESTART);
    CHECK(strstr(fake_log(), "lost: 1 requests") != NULL);
    check_all();
}

/* init_ready comes again, to an RS that knows nothing of an init. */
TEST(a_service_that_is_ready_hears_that_it_is)
{
    struct rs_init_ready_request ready = { .result = 0 };
    struct message request = { .type = RS_INIT_READY }, reply;
    struct call call;

    begin();
    wait_for_rs(ENDPOINT_VFS, true);
    salvage();
    call = fake_call(ENDPOINT_VFS, IPC_SENDREC, &request, &reply);
    CHECK_EQ(rs_handle_init_ready(&state, &call, &ready), 0);
}

static struct service_init_request init_of(endpoint_t service)
{
    struct service_init_request init = { .kind = 99 };

    for (uint32_t i = 0; i < fake_sent_count(); i++) {
        if (fake_sent(i)->destination == service && fake_sent(i)->message.type == SERVICE_INIT)
            service_init_request_get(&fake_sent(i)->message, &init);
    }
    return init;
}

/* hello died, a new instance is in its place and waits, the dead one with the state is at HALF. */
static void begin_restart(bool is_noted)
{
    begin();
    add_instance(HALF, "hello", PROCESS_SIG_PENDING, RS_OLD);
    world[HALF].space = FIRST_SPACE + HELLO;
    world[HELLO].space = 2000;
    world[HELLO].flags = PROCESS_NO_PRIV;
    if (!is_noted)
        return;
    remains.slot[HELLO].other = HALF;
    remains.slot[HELLO].flags |= RS_INITIALIZING | RS_RESTARTING;
    remains.space[HELLO] = 2000;
    remains.space[HALF] = FIRST_SPACE + HELLO;
}

static void check_restart(void)
{
    CHECK_EQ(init_of(HELLO).kind, SERVICE_INIT_TYPE_RESTART);
    CHECK_EQ(init_of(HELLO).old_endpoint, world[HALF].endpoint);
    CHECK_EQ(state.slot[HELLO].other, HALF);
    CHECK_EQ(world[HELLO].flags, 0);
    check_all();
}

/* covers: RS-54 RS-70 */
TEST(a_restart_goes_on_with_the_state_of_the_dead_instance)
{
    begin_restart(true);
    salvage();
    check_restart();
}

TEST(a_restart_goes_on_if_only_the_exchange_was_made)
{
    begin_restart(false);
    salvage();
    check_restart();
}

TEST(a_restart_without_a_record_starts_afresh)
{
    begin_restart(true);
    remains.slot[HELLO].flags = 0xffffffff;
    salvage();
    CHECK_EQ(init_of(HELLO).kind, SERVICE_INIT_TYPE_RESTART);
    CHECK_EQ(init_of(HELLO).old_endpoint, ENDPOINT_NONE);
    CHECK(strstr(fake_log(), "the state of hello") != NULL);
    check_all();
}

TEST(of_an_update_the_old_version_goes_on)
{
    begin_restart(true);
    world[HALF].flags = PROCESS_RECEIVING; /* it waits for the answer to lu_ready */
    world[HALF].waits_for = ENDPOINT_RS;
    world[HALF].misc = PROCESS_IN_SENDREC;
    world[HALF].image = world[HELLO].image;
    salvage();
    CHECK_EQ(world[HELLO].space, FIRST_SPACE + HELLO);
    CHECK_EQ(state.slot[HELLO].other, RS_NO_SLOT);
    CHECK_EQ(state.slot[HELLO].flags & RS_INITIALIZING, 0);
    CHECK_EQ(fake_sent_to(HELLO)->message.status, -ESRVRESTART);
    check_all();
}

TEST(a_late_word_about_an_operator_is_not_taken_for_that_about_another)
{
    begin();
    remains.operation[0].sequence = 41;
    salvage();
    CHECK_EQ(state.operation[0].sequence, 41);
    CHECK_EQ(state.operation[0].stage, 0);
}

/* covers: RS-70 SIG-2 */
TEST(who_follows_an_instance_that_died_of_the_state_does_not_take_it_over)
{
    begin();
    salvage();
    CHECK_EQ(rs_how_taken()->trust, RS_TRUST_RECORDS);
    begin();
    how = (struct rs_taking){ .stage = RS_PLACE_UNPROVEN, .trust = RS_TRUST_RECORDS };
    salvage();
    CHECK_EQ(rs_how_taken()->trust, RS_TRUST_NOTHING);
    CHECK_EQ(state.slot[PROBE].flags & RS_ACTIVE, 0);
    check_all();
    CHECK_EQ(rs_how_taken()->stage, RS_PLACE_SERVES); /* after a tick */
    CHECK_EQ(rs_how_taken()->trust, RS_TRUST_STATE);
}

/* covers: RS-70 */
TEST(who_follows_an_instance_that_died_over_the_take_over_derives_from_the_one_before)
{
    begin();
    add_instance(HALF, "rs", PROCESS_SIG_PENDING, 0); /* the last RS that served */
    how = (struct rs_taking){ .stage = RS_PLACE_STATE_IS_NOT_TAKEN, .trust = RS_TRUST_STATE, .dead = endpoint_make(1, HALF) };
    salvage();
    CHECK_EQ(rs_how_taken()->trust, RS_TRUST_RECORDS);
    CHECK((state.slot[PROBE].flags & RS_ACTIVE) != 0);
    check_all();
}

/* ---- any damage ---- */

static uint64_t chance;

static uint64_t next_chance(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance;
}

static void damage_words(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = next_chance() % (sizeof(remains) / 8), word = next_chance();

        if (next_chance() % 4 == 0)
            word &= 0xff; /* small numbers look like something */
        memcpy((uint8_t *)&remains + at * 8, &word, 8);
    }
}

static void damage_range(void)
{
    uint64_t at = next_chance() % sizeof(remains), length = next_chance() % (sizeof(remains) - at);
    bool with_zeros = next_chance() % 3 == 0;

    for (uint64_t i = 0; i < length; i++)
        ((uint8_t *)&remains)[at + i] = with_zeros ? 0 : (uint8_t)(next_chance() >> 32);
}

/* Words of the slots that are in use: most of the state means nothing. */
static void damage_slots(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct rs_slot *slot = &remains.slot[next_chance() % (HALF + 1)];
        uint64_t word = next_chance() % 4 == 0 ? next_chance() % 512 : next_chance();

        memcpy((uint8_t *)slot + next_chance() % (sizeof(*slot) / 8) * 8, &word, 8);
    }
}

static void damage(uint32_t kind)
{
    switch (kind % 4) {
    case 0:
        damage_words(1 + (uint32_t)(next_chance() % 200));
        break;
    case 1:
        damage_range();
        break;
    case 2:
        damage_slots(1 + (uint32_t)(next_chance() % 8));
        break;
    default:
        damage_slots(200);
        damage_words(10000);
        break;
    }
}

static void begin_with_chance(uint32_t run)
{
    chance = (run + 1) * 0x9e3779b97f4a7c15ull;
    if (run % 3 == 0)
        begin_restart(run % 2 == 0);
    else
        begin();
    add_program();
}

/* covers: RS-70 */
TEST(whatever_is_damaged_there_is_an_rs)
{
    static struct rs_state whole;

    for (uint32_t run = 0; run < 1200; run++) {
        begin_with_chance(run);
        whole = remains;
        damage(run);
        salvage();
        CHECK_EQ(fake_sent_to(world[PROGRAM].endpoint)->message.status, -ESRVRESTART);
        check_all();
        if (memcmp(&whole.slot[PROBE], &remains.slot[PROBE], sizeof(whole.slot[PROBE])) == 0)
            CHECK((state.slot[PROBE].flags & RS_ACTIVE) != 0);
    }
}

/* What the check lets pass is taken over as it is, and must be good enough to live with. */
static bool lives_with_it(void)
{
    if (rs_state_check(&remains) != NULL)
        return false;
    state = remains;
    exchange(world[FIRST].endpoint, ENDPOINT_RS);
    world[FIRST].flags = PROCESS_SIG_PENDING;
    (void)rs_succeed(&state, 6);
    for (int i = 0; i < 5; i++) {
        fake_uptime_ns += 400000000;
        fake_sent_clear();
        rs_tick(&state, outbox_default());
    }
    return true;
}

TEST(damage_that_the_check_does_not_find_kills_nobody)
{
    uint32_t passed = 0;

    for (uint32_t run = 0; run < 1200; run++) {
        begin_with_chance(run);
        damage_slots(1 + (uint32_t)(next_chance() % 3));
        passed += lives_with_it();
    }
    CHECK(passed > 100);
}

/* One word each, of what is nearly all numbers. */
static void try_each_word(size_t from, size_t bytes)
{
    static const uint64_t values[] = { UINT64_MAX, 0, 0x8000000080000000, 0x0101010101010101, 0x0000010000000100, 0x7fff7fff };

    for (size_t at = from & ~7ull; at < from + bytes; at += 8) {
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            begin_restart(true);
            memcpy((uint8_t *)&remains + at, &values[i], 8);
            (void)lives_with_it();
            begin_restart(true);
            memcpy((uint8_t *)&remains + at, &values[i], 8);
            salvage();
            check_all();
        }
    }
}

/* covers: RS-70 */
TEST(no_single_word_is_the_end)
{
    try_each_word(0, offsetof(struct rs_state, slot));
    try_each_word(offsetof(struct rs_state, slot[HELLO]), offsetof(struct rs_slot, manifest) + 128);
    try_each_word(offsetof(struct rs_state, slot[PROBE]), sizeof(struct rs_slot));
    try_each_word(offsetof(struct rs_state, slot[FIRST]), offsetof(struct rs_slot, command));
    try_each_word(offsetof(struct rs_state, operation), 2 * sizeof(struct rs_operation));
    try_each_word(offsetof(struct rs_state, kept), sizeof(struct rs_kept));
}
