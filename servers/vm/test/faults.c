/* SPDX-License-Identifier: MIT */
/*
 * Page faults, fork, exec, and that nothing leaks.
 */
#include "fake.h"

#include "../restart.h"

#define BASE      0x10000000ull
#define ANONYMOUS (0x20 | 2)

TEST(untouched_memory_reads_zero_and_keeps_what_is_written)
{
    fake_boot();
    fake_exec(PARENT, 0);
    LINUX_MMAP(PARENT, BASE, 4 * PAGE_BYTES, 3, ANONYMOUS, -1, 0);
    CHECK_EQ(fake_read(PARENT, BASE), 0);
    CHECK_EQ(fake_write(PARENT, BASE, 5), 0);
    CHECK_EQ(fake_read(PARENT, BASE), 5);
    CHECK_EQ(fake_read(PARENT, 0x30000000), -EFAULT);
    CHECK_EQ(LINUX_MPROTECT(PARENT, BASE, PAGE_BYTES, 1), 0);
    CHECK_EQ(fake_write(PARENT, BASE, 6), -EACCES);
    CHECK_EQ(LINUX_MPROTECT(PARENT, BASE, PAGE_BYTES, 0), 0);
    CHECK_EQ(fake_read(PARENT, BASE), -EACCES);
    CHECK_EQ(LINUX_MPROTECT(PARENT, BASE, PAGE_BYTES, 3), 0);
    CHECK_EQ(fake_read(PARENT, BASE), 5);
    CHECK_EQ(fake_write(PARENT, BASE, 6), 0);
    CHECK_EQ(fake_linux(vm_linux_madvise, PARENT, BASE, PAGE_BYTES, 4, 0, 0, 0), 0);
    CHECK_EQ(fake_read(PARENT, BASE), 0);
}

/* covers VM-20 */
TEST(parent_and_child_do_not_see_each_others_writes)
{
    fake_boot();
    fake_exec(PARENT, 0);
    LINUX_MMAP(PARENT, BASE, 4 * PAGE_BYTES, 3, ANONYMOUS, -1, 0);
    fake_write(PARENT, BASE, 1);
    fake_fork(PARENT, CHILD);
    CHECK_EQ(fake_read(CHILD, BASE), 1);
    CHECK_EQ(fake_write(CHILD, BASE, 2), 0);
    CHECK_EQ(fake_read(PARENT, BASE), 1);
    CHECK_EQ(fake_write(PARENT, BASE, 3), 0);
    CHECK_EQ(fake_read(CHILD, BASE), 2);
    fake_exit(PARENT);
    CHECK_EQ(fake_read(CHILD, BASE), 2);
    fake_exit(CHILD);
}

TEST(shared_anonymous_memory_is_one_after_fork)
{
    fake_boot();
    fake_exec(PARENT, 0);
    LINUX_MMAP(PARENT, BASE, 4 * PAGE_BYTES, 3, 0x21, -1, 0);
    fake_write(PARENT, BASE, 1);
    fake_fork(PARENT, CHILD);
    CHECK_EQ(fake_write(CHILD, BASE, 2), 0);
    CHECK_EQ(fake_read(PARENT, BASE), 2);
    CHECK_EQ(fake_write(CHILD, BASE + 3 * PAGE_BYTES, 4), 0);
    CHECK_EQ(fake_read(PARENT, BASE + 3 * PAGE_BYTES), 4);
    fake_exit(CHILD);
    fake_exit(PARENT);
    CHECK_EQ(vm.object_pages, 0);
    CHECK_EQ(vm.objects.used, 0);
}

TEST(program_data_is_private_and_the_rest_of_its_last_page_is_zero)
{
    uint32_t object;

    fake_boot();
    object = fake_object(2);
    fake_memory[object_frame(&vm, object_find(&vm, object), 1)][99] = 77;
    fake_memory[object_frame(&vm, object_find(&vm, object), 1)][100] = 88;
    fake_exec(PARENT, object);
    CHECK_EQ(fake_read(PARENT, 0x400000), 1);
    CHECK_EQ(fake_read(PARENT, 0x401000 + 99), 77);
    CHECK_EQ(fake_read(PARENT, 0x401000 + 100), 0);
    CHECK_EQ(fake_write(PARENT, 0x400000, 9), 0);
    CHECK_EQ(fake_memory[object_frame(&vm, object_find(&vm, object), 0)][0], 1);
    fake_fork(PARENT, CHILD);
    CHECK_EQ(fake_read(CHILD, 0x400000), 9);
    CHECK_EQ(fake_write(CHILD, 0x400000, 10), 0);
    CHECK_EQ(fake_read(PARENT, 0x400000), 9);
    fake_exit(PARENT);
    fake_exit(CHILD);
}

TEST(a_stack_grows_down_to_its_limit)
{
    fake_boot();
    fake_exec(PARENT, 0);
    CHECK_EQ(fake_write(PARENT, 0x7fffffee0000 - 0x20000, 1), 0);
    CHECK_EQ(fake_write(PARENT, 0x7ffffff00000 - STACK_ROOM_BYTES / 16, 1), 0);
    CHECK_EQ(fake_write(PARENT, 0x7ffffff00000 - STACK_ROOM_BYTES / 16 - PAGE_BYTES, 1), -EFAULT);
    fake_check();
}

TEST(fork_exec_and_exit_a_hundred_times_leave_no_frame_behind)
{
    uint32_t object;
    uint64_t free_before;
    uint64_t tables;

    fake_boot();
    object = fake_object(20);
    fake_exec(PARENT, object);
    fake_write(PARENT, 0x7fffffefff00, 1);
    fake_write(PARENT, 0x400000, 1);
    LINUX_BRK(PARENT, 0x440000);
    for (uint64_t at = 0x403000; at < 0x440000; at += PAGE_BYTES) {
        fake_write(PARENT, at, 2);
    }
    fake_fork(PARENT, CHILD);
    fake_exit(CHILD);
    free_before = vm.frames_free;
    tables = vm.frames_table + vm.frames_own;
    for (int i = 0; i < 100; i++) {
        fake_fork(PARENT, CHILD);
        fake_write(CHILD, 0x403000, 3);
        fake_write(PARENT, 0x404000, 3);
        if (i % 2 == 0) {
            fake_exec(CHILD, object);
            fake_write(CHILD, 0x400000, 4);
        }
        fake_exit(CHILD);
    }
    CHECK_EQ(vm.frames_free + vm.frames_table + vm.frames_own, free_before + tables);
    fake_exit(PARENT);
    CHECK_EQ(vm.regions.used, 3);
    fake_destroy(object);
    CHECK_EQ(vm.object_pages, 0);
    CHECK_EQ(fake_count, 3 + vm.frames_own);
}

/* covers VM-12 */
TEST(a_failed_exec_leaves_the_old_program)
{
    struct vm_exec_begin_request begin = { .slot = PARENT };
    struct vm_exec_begin_reply begun;
    struct vm_exec_abort_request abort_request;
    struct vm_exec_map_anonymous_request bad = { .protection = 3, .address = 0x1001, .length = 0x1000 };
    uint64_t spaces;

    fake_boot();
    fake_exec(PARENT, 0);
    fake_write(PARENT, 0x7fffffefff00, 1);
    spaces = vm.spaces.used;
    CHECK_EQ(vm_handle_exec_begin(&vm, fake_call(ENDPOINT_PM), &begin, &begun), 0);
    bad.space = abort_request.space = begun.space;
    CHECK_EQ(vm_handle_exec_map_anonymous(&vm, fake_call(ENDPOINT_PM), &bad), -EINVAL);
    CHECK_EQ(vm_handle_exec_abort(&vm, fake_call(ENDPOINT_PM), &abort_request), 0);
    CHECK_EQ(fake_read(PARENT, 0x7fffffefff00), 1);
    CHECK_EQ(vm.spaces.used, spaces);
    fake_check();
}

TEST(exec_write_fills_the_stack_of_the_unborn_program)
{
    struct vm_exec_begin_request begin = { .slot = PARENT };
    struct vm_exec_begin_reply begun;
    struct vm_exec_map_anonymous_request stack = { .protection = 3, .address = 0x7fffffee0000, .length = 0x20000, .growsdown = 1 };
    struct vm_exec_write_request fill = { .destination = 0x7fffffefe800, .length = 6000 };
    struct vm_exec_commit_request commit = { .slot = PARENT, .stack_top = 0x7ffffff00000 };
    static uint8_t bytes[6000];

    fake_boot();
    memset(bytes, 42, sizeof(bytes));
    CHECK_EQ(vm_handle_exec_begin(&vm, fake_call(ENDPOINT_PM), &begin, &begun), 0);
    stack.space = fill.space = commit.space = begun.space;
    fill.source = (uint64_t)bytes;
    CHECK_EQ(vm_handle_exec_map_anonymous(&vm, fake_call(ENDPOINT_PM), &stack), 0);
    CHECK_EQ(vm_handle_exec_write(&vm, fake_call(ENDPOINT_PM), &fill), 0);
    CHECK_EQ(vm_handle_exec_commit(&vm, fake_call(ENDPOINT_PM), &commit), 0);
    CHECK_EQ(fake_read(PARENT, 0x7fffffefe800), 42);
    CHECK_EQ(fake_read(PARENT, 0x7fffffefe800 + 5999), 42);
    CHECK_EQ(fake_read(PARENT, 0x7fffffefe800 + 6000), 0);
    fake_check();
}

TEST(a_program_that_eats_all_memory_gets_an_error_and_vm_goes_on)
{
    uint64_t at = BASE;
    int result = 0;

    fake_boot();
    fake_exec(PARENT, 0);
    CHECK_EQ(LINUX_MMAP(PARENT, BASE, 4000ull * PAGE_BYTES, 3, ANONYMOUS, -1, 0), (int64_t)BASE);
    while (result == 0 && at < BASE + 4000ull * PAGE_BYTES) {
        result = fake_write(PARENT, at, 1);
        at += PAGE_BYTES;
    }
    CHECK_EQ(result, -EIO);
    CHECK(vm.frames_free >= vm.frames_reserve);
    fake_exit(PARENT);
    fake_exec(PARENT, 0);
    CHECK_EQ(fake_write(PARENT, 0x7fffffefff00, 1), 0);
}

TEST(after_a_crash_everything_is_derived_again)
{
    uint32_t object;
    uint32_t region;
    const char *problem;
    uint64_t free_before;

    fake_boot();
    object = fake_object(20);
    fake_exec(PARENT, object);
    LINUX_BRK(PARENT, 0x440000);
    LINUX_MMAP(PARENT, BASE, 8 * PAGE_BYTES, 3, ANONYMOUS, -1, 0);
    fake_write(PARENT, BASE, 1);
    fake_write(PARENT, 0x400000, 2);
    fake_write(PARENT, 0x403000, 3);
    fake_fork(PARENT, CHILD);
    fake_write(CHILD, BASE, 4);
    free_before = vm.frames_free + vm.frames_own;
    /* As if a split had stopped in the middle: the upper half is there, the lower one still has its old end. */
    region = region_find(space_at(space_of(&vm, PARENT)), BASE);
    region_at(++vm.regions.high - 1)[0] = *region_at(region);
    region_at(vm.regions.high - 1)->start = BASE + 4 * PAGE_BYTES;
    for (uint32_t i = 1; i < vm.frame_count; i++) {
        frame_at(i)->next = 7;
        if (frame_at(i)->kind == FRAME_ANONYMOUS) {
            frame_at(i)->references = 99;
        }
    }
    vm.frames_free = 1;
    vm.object_pages = 3;
    space_at(space_of(&vm, CHILD))->first = 0;
    problem = restart_derive(&vm);
    CHECK_STR(problem == NULL ? "good" : problem, "good");
    CHECK_EQ(vm.frames_free + vm.frames_own, free_before);
    CHECK_EQ(vm.object_pages, 20);
    CHECK_EQ(fake_read(PARENT, BASE), 1);
    CHECK_EQ(fake_read(CHILD, BASE), 4);
    CHECK_EQ(fake_read(CHILD, 0x400000), 2);
    CHECK_EQ(fake_write(CHILD, 0x403000, 5), 0);
    CHECK_EQ(fake_read(PARENT, 0x403000), 3);
    CHECK_EQ(LINUX_MUNMAP(PARENT, BASE, 8 * PAGE_BYTES), 0);
    fake_exit(PARENT);
    fake_exit(CHILD);
    fake_destroy(object);
    CHECK_EQ(vm.object_pages, 0);
    CHECK_EQ(vm.regions.used, 3);
}

/* covers VM-21 */
TEST(memory_requests_make_ranges_present)
{
    struct event_memory_request_request request = { .target = PARENT, .write = 1, .address = BASE + 5, .length = 40 * PAGE_BYTES };

    fake_boot();
    fake_exec(PARENT, 0);
    LINUX_MMAP(PARENT, BASE, 64 * PAGE_BYTES, 3, ANONYMOUS, -1, 0);
    fake_calls = 0;
    CHECK_EQ(event_handle_memory_request(&vm, fake_call(ENDPOINT_VFS), &request), 0);
    CHECK(fake_calls <= 2);
    CHECK(fake_find(space_id(space_of(&vm, PARENT)), BASE + 40 * PAGE_BYTES) != NULL);
    fake_fork(PARENT, CHILD);
    CHECK_EQ(event_handle_memory_request(&vm, fake_call(ENDPOINT_VFS), &request), 0);
    request.address = 0x40000000;
    CHECK_EQ(event_handle_memory_request(&vm, fake_call(ENDPOINT_VFS), &request), -EFAULT);
    fake_exit(CHILD);
    fake_exit(PARENT);
}
