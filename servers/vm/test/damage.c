/* SPDX-License-Identifier: MIT */
/*
 * VM's state and tables are damaged, as a wild store or a changed instruction may do, and its successor takes over. Whatever was hit: the successor does
 * not crash, its state is good, no frame is lost, programs whose records were not hit keep what they wrote, and everything can end and begin again.
 */
#include "fake.h"

#include "../pool.h"
#include "../restart.h"

#define BASE      0x10000000ull
#define ANONYMOUS (0x20 | 2)
#define SHARED    (0x20 | 1)
#define HEAP_END  0x410000ull

enum { PROGRAMS = 3, PAGES = 8, SEEDS = 1500, WORDS_MAX = 4 };

static const uint32_t slots[PROGRAMS] = { PARENT, CHILD, OTHER };
static uint32_t file;
static uint64_t frames;
static uint64_t random_state;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33);
}

/* ---- a machine with something on it ---- */

static uint8_t byte_of(uint32_t program, uint64_t page)
{
    return (uint8_t)(1 + program * 50 + page);
}

static void write_pages(uint32_t program)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        CHECK_EQ(fake_write(slots[program], BASE + i * PAGE_BYTES, byte_of(program, i)), 0);
    }
}

/* The second instance of VM: a space of its own, in which nothing runs yet. */
static void make_standby(void)
{
    uint32_t index = space_new(&vm);

    CHECK(index != VM_NONE);
    fake_bind(STANDBY, space_id(index));
    space_enter(&vm, index, STANDBY);
    space_at(index)->is_service = 1;
}

static uint64_t all_frames(void)
{
    return vm.frames_free + vm.frames_table + vm.frames_own;
}

/* The parent has everything; the child shares copy on write with it; the other one is alone. */
static void build(void)
{
    struct vm_arena_request arena = { .number = 1, .length = 5 * PAGE_BYTES };
    struct vm_arena_reply reply;

    memset(&journal, 0, sizeof(journal));
    journal.reply_to = ENDPOINT_NONE;
    fake_boot();
    frames = all_frames();
    make_standby();
    file = fake_object(20);
    CHECK_EQ(vm_handle_arena(&vm, fake_call(FILE_SERVER), &arena, &reply), 0);
    fake_exec(PARENT, file);
    fake_exec(OTHER, file);
    LINUX_MMAP(PARENT, BASE, PAGES * PAGE_BYTES, 3, ANONYMOUS, -1, 0);
    LINUX_MMAP(PARENT, BASE + 0x100000, PAGES * PAGE_BYTES, 3, SHARED, -1, 0);
    LINUX_MMAP(OTHER, BASE, PAGES * PAGE_BYTES, 3, ANONYMOUS, -1, 0);
    LINUX_BRK(PARENT, HEAP_END);
    CHECK_EQ(fake_write(PARENT, BASE + 0x100000, 1), 0);
    CHECK_EQ(fake_write(PARENT, 0x400000, 1), 0);
    CHECK_EQ(fake_write(PARENT, HEAP_END - 1, 1), 0);
    write_pages(0);
    fake_fork(PARENT, CHILD);
    for (uint64_t i = 0; i < PAGES; i++) {
        CHECK_EQ(fake_read(CHILD, BASE + i * PAGE_BYTES), byte_of(0, i));
    }
    for (uint64_t i = 0; i < PAGES; i += 2) {
        CHECK_EQ(fake_write(CHILD, BASE + i * PAGE_BYTES, byte_of(1, i)), 0);
    }
    write_pages(2);
    CHECK_EQ(LINUX_MPROTECT(OTHER, BASE + 2 * PAGE_BYTES, PAGE_BYTES, 1), 0);
}

/* ---- damage ---- */

static bool is_hit[PROGRAMS];

struct target {
    void *start;
    size_t bytes;
    size_t record;
};

static struct target target_of(uint32_t which)
{
    switch (which) {
    case 0:
        return (struct target){ &vm, sizeof(vm), 64 };
    case 1:
        return (struct target){ region_at(0), vm.regions.high * sizeof(struct region), sizeof(struct region) };
    case 2:
        return (struct target){ object_at(0), vm.objects.high * sizeof(struct object), sizeof(struct object) };
    case 3:
        return (struct target){ chunk_at(0), vm.chunks.high * sizeof(struct chunk), sizeof(struct chunk) };
    case 4:
        return (struct target){ space_at(0), vm.spaces.high * sizeof(struct space), sizeof(struct space) };
    case 5:
        return (struct target){ (void *)PARKED_ADDRESS, vm.parked.high * sizeof(struct parked), sizeof(struct parked) };
    case 6:
        return (struct target){ frame_at(0), vm.frame_count * sizeof(struct frame), sizeof(struct frame) };
    default:
        return (struct target){ (void *)HASH_ADDRESS, (vm.hash_mask + 1) * sizeof(uint32_t), sizeof(uint32_t) };
    }
}

enum { TARGETS = 8, REGIONS = 1, SPACES = 4 };

/* A region that was hit takes its program with it, by what it said before and by what it says now. */
static void note_hit(uint32_t which, size_t offset)
{
    uint32_t space = which == REGIONS  ? region_at((uint32_t)(offset / sizeof(struct region)))->space
                     : which == SPACES ? (uint32_t)(offset / sizeof(struct space))
                                       : VM_NONE;

    for (uint32_t i = 0; i < PROGRAMS; i++) {
        is_hit[i] |= space != VM_NONE && fake_threads[slots[i]] == space_id(space);
    }
}

/* Nonsense, or something that might be an index. */
static uint8_t next_byte(bool is_small, size_t at)
{
    return is_small && at % 4 != 0 ? 0 : (uint8_t)next_random();
}

static void damage_once(void)
{
    uint32_t which = next_random() % TARGETS;
    struct target target = target_of(which);
    size_t unit = (size_t[]){ 8, 1, 4, target.record }[next_random() % 4];
    /* Most of a table was never used: what is in use lies in front. */
    size_t room = which != 0 && next_random() % 4 != 0 && target.bytes > 40 * target.record ? 40 * target.record : target.bytes;
    size_t offset = next_random() % (room / unit) * unit;
    bool is_small = next_random() % 2 != 0;

    note_hit(which, offset);
    for (size_t i = 0; i < unit && offset + i < target.bytes; i++) {
        ((uint8_t *)target.start)[offset + i] = next_byte(is_small, offset + i);
    }
}

/* ---- afterwards ---- */

/* RS has the two instances change places; the new one looks for the tables of the old one. */
static void take_over(void)
{
    uint32_t old = fake_threads[ENDPOINT_VM], new = fake_threads[STANDBY];

    fake_bind(ENDPOINT_VM, new);
    fake_bind(STANDBY, old);
    CHECK_EQ(restart_rebuild(&vm, false), 0);
    fake_check();
}

static void check_programs(uint32_t seed)
{
    for (uint32_t p = 0; p < PROGRAMS; p++) {
        for (uint64_t i = 0; i < PAGES && !is_hit[p]; i++) {
            uint8_t expected = p == 1 && i % 2 != 0 ? byte_of(0, i) : byte_of(p, i);
            int byte = fake_read(slots[p], BASE + i * PAGE_BYTES);

            if (byte != expected) {
                testing_fail(__FILE__, __LINE__, "seed %u: program %u reads %d in page %ju, not %d", seed, p, byte, (uintmax_t)i, expected);
            }
        }
    }
}

/* Objects whose id their owner does not know any more are freed as it would be by its end. */
static void end_all(uint32_t seed)
{
    struct vm_arena_request none = { .number = 1 };
    struct vm_arena_reply reply;

    for (uint32_t slot = SERVICE_SLOTS; slot < PROCESS_SLOTS; slot++) {
        if (vm.slot_space[slot] != VM_NONE || vm.slot_pending[slot] != VM_NONE) {
            struct vm_exit_request request = { .slot = slot };

            fake_bind(slot, UINT32_MAX);
            CHECK_EQ(vm_handle_exit(&vm, fake_call(ENDPOINT_PM), &request), 0);
        }
    }
    fake_check();
    for (uint32_t i = 1; i < vm.objects.high; i++) {
        if (object_at(i)->is_used) {
            object_release(&vm, i);
        }
    }
    CHECK_EQ(vm_handle_arena(&vm, fake_call(FILE_SERVER), &none, &reply), 0);
    CHECK_EQ(vm.object_pages, 0);
    if (all_frames() != frames) {
        testing_fail(__FILE__, __LINE__, "seed %u: %jd frames are lost", seed, (intmax_t)(frames - all_frames()));
    }
}

static void begin_again(void)
{
    file = fake_object(2);
    fake_exec(PARENT, file);
    CHECK_EQ(fake_read(PARENT, 0x400000), 1);
    CHECK(LINUX_MMAP(PARENT, BASE, PAGES * PAGE_BYTES, 3, ANONYMOUS, -1, 0) > 0);
    write_pages(0);
    fake_fork(PARENT, CHILD);
    CHECK_EQ(fake_read(CHILD, BASE), byte_of(0, 0));
    fake_exit(CHILD);
    fake_exit(PARENT);
    fake_destroy(file);
}

/* covers VM-23 */
TEST(whatever_of_its_records_is_damaged_the_next_instance_takes_over)
{
    uint32_t noticed = 0;

    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        uint32_t count = seed % 4 == 0 ? 1 + seed % WORDS_MAX : 1;

        random_state = seed * 0x9e3779b97f4a7c15ull;
        memset(is_hit, 0, sizeof(is_hit));
        build();
        for (uint32_t i = 0; i < count; i++) {
            damage_once();
        }
        noticed += vm_state_check(&vm) != NULL;
        take_over();
        check_programs(seed);
        end_all(seed);
        begin_again();
    }
    testing_note("%u of %u damages were noticed by the check", noticed, (uint32_t)SEEDS);
}
