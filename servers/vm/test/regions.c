/* SPDX-License-Identifier: MIT */
/*
 * The region tree against a plain array, and cutting and merging by munmap and mprotect.
 */
#include "fake.h"

enum { SLOTS_IN_TEST = 512 };
#define BASE      0x10000000ull
#define ANONYMOUS (0x20 | 2)
#define FIXED     (0x10 | ANONYMOUS)

static void start(void)
{
    fake_boot();
    fake_exec(PARENT, 0);
}

static void check_against(const uint8_t *model)
{
    const struct space *space = space_at(space_of(&vm, PARENT));

    for (uint32_t i = 0; i < SLOTS_IN_TEST; i++) {
        uint32_t region = region_find(space, BASE + i * PAGE_BYTES);
        bool is_there = region != VM_NONE && region_at(region)->start <= BASE + i * PAGE_BYTES;

        CHECK_EQ(is_there ? region_at(region)->protection + 1 : 0, model[i]);
    }
}

TEST(random_maps_unmaps_and_protections_match_a_plain_array)
{
    uint8_t model[SLOTS_IN_TEST] = { 0 };
    unsigned seed = 1;

    start();
    for (int step = 0; step < 3000; step++) {
        uint32_t first = (uint32_t)rand_r(&seed) % SLOTS_IN_TEST;
        uint32_t count = 1 + (uint32_t)rand_r(&seed) % 16;
        uint32_t what = (uint32_t)rand_r(&seed) % 3;
        uint8_t protection = (uint8_t)((uint32_t)rand_r(&seed) % 4);

        count = first + count > SLOTS_IN_TEST ? SLOTS_IN_TEST - first : count;
        if (what == 0) {
            CHECK_EQ(LINUX_MMAP(PARENT, BASE + first * PAGE_BYTES, count * PAGE_BYTES, protection, FIXED, -1, 0),
                     (int64_t)(BASE + first * PAGE_BYTES));
            memset(model + first, protection + 1, count);
        } else if (what == 1) {
            CHECK_EQ(LINUX_MUNMAP(PARENT, BASE + first * PAGE_BYTES, count * PAGE_BYTES), 0);
            memset(model + first, 0, count);
        } else {
            int64_t result = LINUX_MPROTECT(PARENT, BASE + first * PAGE_BYTES, count * PAGE_BYTES, protection);
            bool is_whole = memchr(model + first, 0, count) == NULL;

            CHECK_EQ(result, is_whole ? 0 : -ENOMEM);
            for (uint32_t i = first; i < first + count && model[i] != 0; i++) {
                model[i] = (uint8_t)(protection + 1);
            }
        }
        if (step % 50 == 0) {
            check_against(model);
            fake_check();
        }
    }
    check_against(model);
    fake_exit(PARENT);
}

TEST(neighbours_merge_and_a_hole_splits)
{
    struct space *space;
    uint32_t before;

    start();
    space = space_at(space_of(&vm, PARENT));
    before = space->region_count;
    LINUX_MMAP(PARENT, BASE, 4 * PAGE_BYTES, 3, FIXED, -1, 0);
    LINUX_MMAP(PARENT, BASE + 4 * PAGE_BYTES, 4 * PAGE_BYTES, 3, FIXED, -1, 0);
    CHECK_EQ(space->region_count, before + 1);
    CHECK_EQ(LINUX_MUNMAP(PARENT, BASE + 2 * PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_EQ(space->region_count, before + 2);
    CHECK_EQ(LINUX_MPROTECT(PARENT, BASE + 4 * PAGE_BYTES, PAGE_BYTES, 1), 0);
    CHECK_EQ(space->region_count, before + 4);
    CHECK_EQ(LINUX_MPROTECT(PARENT, BASE + 4 * PAGE_BYTES, PAGE_BYTES, 3), 0);
    CHECK_EQ(space->region_count, before + 2);
    fake_check();
}

TEST(mmap_places_top_down_below_the_stack_and_keeps_hints)
{
    uint64_t first;
    uint64_t second;

    start();
    first = (uint64_t)LINUX_MMAP(PARENT, 0, PAGE_BYTES, 3, ANONYMOUS, -1, 0);
    second = (uint64_t)LINUX_MMAP(PARENT, 0, PAGE_BYTES, 1, ANONYMOUS, -1, 0);
    CHECK_EQ(second, first - PAGE_BYTES);
    CHECK(first < 0x7fffffee0000 - STACK_ROOM_BYTES + 0x100000);
    CHECK_EQ(LINUX_MMAP(PARENT, 0x20000000, PAGE_BYTES, 1, ANONYMOUS, -1, 0), 0x20000000);
    CHECK_EQ(LINUX_MMAP(PARENT, 0x20000001, PAGE_BYTES, 1, ANONYMOUS, -1, 0), 0x20001000);
    CHECK_EQ(LINUX_MUNMAP(PARENT, first, PAGE_BYTES), 0);
    CHECK_EQ(LINUX_MMAP(PARENT, 0, PAGE_BYTES, 5, ANONYMOUS, -1, 0), (int64_t)first);
}

TEST(mmap_refuses_what_linux_refuses)
{
    start();
    CHECK_EQ(LINUX_MMAP(PARENT, 0, 0, 3, ANONYMOUS, -1, 0), -EINVAL);
    CHECK_EQ(LINUX_MMAP(PARENT, 0, PAGE_BYTES, 3, 0x20, -1, 0), -EINVAL);
    CHECK_EQ(LINUX_MMAP(PARENT, 0x10001000 + 1, PAGE_BYTES, 3, FIXED, -1, 0), -EINVAL);
    CHECK_EQ(LINUX_MMAP(PARENT, 0x7ffffffff000, PAGE_BYTES, 3, FIXED, -1, 0), -ENOMEM);
    CHECK_EQ(LINUX_MMAP(PARENT, 0, PAGE_BYTES, 3, 2, -1, 0), -EBADF);
    CHECK_EQ(LINUX_MMAP(PARENT, 0, PAGE_BYTES, 3, 2, 3, 1), -EINVAL);
    CHECK_EQ(LINUX_MMAP(PARENT, 0, UINT64_MAX, 3, ANONYMOUS, -1, 0), -ENOMEM);
    CHECK_EQ(LINUX_MMAP(PARENT, 0, 1ull << 40, 3, ANONYMOUS, -1, 0), -ENOMEM);
    CHECK(LINUX_MMAP(PARENT, 0, 1ull << 40, 0, ANONYMOUS | 0x4000, -1, 0) > 0);
    CHECK_EQ(LINUX_MMAP(PARENT, BASE, PAGE_BYTES, 3, ANONYMOUS | 0x100000, -1, 0), (int64_t)BASE);
    CHECK_EQ(LINUX_MMAP(PARENT, BASE, PAGE_BYTES, 3, ANONYMOUS | 0x100000, -1, 0), -EEXIST);
    CHECK_EQ(LINUX_MUNMAP(PARENT, BASE + 1, PAGE_BYTES), -EINVAL);
    CHECK_EQ(LINUX_MUNMAP(PARENT, BASE, 0), -EINVAL);
    CHECK_EQ(LINUX_MPROTECT(PARENT, BASE + 1, PAGE_BYTES, 1), -EINVAL);
    CHECK_EQ(LINUX_MPROTECT(PARENT, 0x70000000, PAGE_BYTES, 1), -ENOMEM);
    CHECK_EQ(fake_linux(vm_linux_madvise, PARENT, BASE, PAGE_BYTES, 77, 0, 0, 0), -EINVAL);
    CHECK_EQ(fake_linux(vm_linux_msync, PARENT, BASE, PAGE_BYTES, 5, 0, 0, 0), -EINVAL);
    CHECK_EQ(fake_linux(vm_linux_msync, PARENT, BASE, PAGE_BYTES, 4, 0, 0, 0), 0);
}

TEST(brk_returns_exact_values_and_never_an_error)
{
    start();
    CHECK_EQ(LINUX_BRK(PARENT, 0), 0x402123);
    CHECK_EQ(LINUX_BRK(PARENT, 0x402e63), 0x402e63);
    CHECK_EQ(LINUX_BRK(PARENT, 0x423e63), 0x423e63);
    CHECK_EQ(fake_write(PARENT, 0x423e62, 9), 0);
    CHECK_EQ(LINUX_BRK(PARENT, 1), 0x423e63);
    CHECK_EQ(LINUX_BRK(PARENT, 0x403000), 0x403000);
    CHECK_EQ(fake_read(PARENT, 0x423e62), -EFAULT);
    CHECK_EQ(LINUX_BRK(PARENT, 0x424000), 0x424000);
    CHECK_EQ(fake_read(PARENT, 0x423e62), 0);
    fake_check();
}

TEST(mremap_grows_moves_and_keeps_the_contents)
{
    uint64_t moved;

    start();
    LINUX_MMAP(PARENT, BASE, 2 * PAGE_BYTES, 3, FIXED, -1, 0);
    LINUX_MMAP(PARENT, BASE + 3 * PAGE_BYTES, PAGE_BYTES, 1, FIXED, -1, 0);
    CHECK_EQ(fake_write(PARENT, BASE + PAGE_BYTES, 7), 0);
    CHECK_EQ(fake_linux(vm_linux_mremap, PARENT, BASE, 2 * PAGE_BYTES, 3 * PAGE_BYTES, 0, 0, 0), (int64_t)BASE);
    CHECK_EQ(fake_linux(vm_linux_mremap, PARENT, BASE, 3 * PAGE_BYTES, 4 * PAGE_BYTES, 0, 0, 0), -ENOMEM);
    moved = (uint64_t)fake_linux(vm_linux_mremap, PARENT, BASE, 3 * PAGE_BYTES, 9 * PAGE_BYTES, 1, 0, 0);
    CHECK(moved != BASE && (int64_t)moved > 0);
    CHECK_EQ(fake_read(PARENT, moved + PAGE_BYTES), 7);
    CHECK_EQ(fake_write(PARENT, moved + PAGE_BYTES, 8), 0);
    CHECK_EQ(fake_read(PARENT, BASE), -EFAULT);
    CHECK_EQ(fake_linux(vm_linux_mremap, PARENT, moved, 9 * PAGE_BYTES, PAGE_BYTES, 0, 0, 0), (int64_t)moved);
    CHECK_EQ(fake_linux(vm_linux_mremap, PARENT, 0x70000000, PAGE_BYTES, PAGE_BYTES, 0, 0, 0), -EFAULT);
    fake_check();
}
