/* SPDX-License-Identifier: MIT */
/*
 * Memory objects, windows, pools, file mappings, service images.
 */
#include "fake.h"

#include "../linux_map.h"
#include "base/elf.h"

#define BASE   0x10000000ull
#define WINDOW 0x100000000000ull

static int map_file(endpoint_t caller, uint32_t object, uint64_t length, uint32_t protection, uint32_t flags, uint64_t size)
{
    struct message reply = { .type = VFS_MMAP_FILE | MESSAGE_REPLY };
    struct vfs_mmap_file_reply file = { .object = object, .size = size, .device = 1 << 20, .inode = 12 };

    fake_linux_result = 0;
    CHECK_EQ(LINUX_MMAP(caller, BASE, length, protection, flags, 3, 0), CALL_PARKED);
    reply.transaction = fake_sent.transaction;
    vfs_mmap_file_reply_put(&reply, &file);
    mmap_handle_reply(&vm, &reply, NULL);
    CHECK_EQ(fake_linux_caller, caller);
    return (int)fake_linux_result;
}

static uint32_t open_window(uint32_t object, uint64_t pages)
{
    struct vm_object_map_request request = { .object = object, .writable = 1, .address = WINDOW, .length = pages * PAGE_BYTES };

    CHECK_EQ(vm_handle_object_map(&vm, fake_call(ENDPOINT_VFS), &request), 0);
    return object;
}

TEST(a_shared_mapping_and_the_window_of_vfs_are_coherent)
{
    uint32_t object;

    fake_boot();
    fake_exec(PARENT, 0);
    object = open_window(fake_object(3), 1 << 20);
    CHECK_EQ(map_file(PARENT, object, 3 * PAGE_BYTES, 3, 1, 3 * PAGE_BYTES), (int)BASE);
    CHECK_EQ(fake_read(PARENT, BASE + PAGE_BYTES), 2);
    CHECK_EQ(fake_write(PARENT, BASE + PAGE_BYTES, 9), 0);
    CHECK_EQ(fake_read(ENDPOINT_VFS, WINDOW + PAGE_BYTES), 9);
    CHECK_EQ(fake_write(ENDPOINT_VFS, WINDOW, 8), 0);
    CHECK_EQ(fake_read(PARENT, BASE), 8);
    fake_destroy(object);
    CHECK_EQ(fake_read(PARENT, BASE), 8);
    fake_exit(PARENT);
    CHECK_EQ(vm.object_pages, 3);
    struct vm_object_unmap_request unmap = { .address = WINDOW, .length = 1ull << 32 };
    CHECK_EQ(vm_handle_object_unmap(&vm, fake_call(ENDPOINT_VFS), &unmap), 0);
    CHECK_EQ(vm.object_pages, 0);
    fake_check();
}

TEST(beyond_the_end_of_a_file_is_an_input_output_error)
{
    uint32_t object;

    fake_boot();
    fake_exec(PARENT, 0);
    object = fake_object(1);
    CHECK_EQ(map_file(PARENT, object, 4 * PAGE_BYTES, 3, 1, 100), (int)BASE);
    CHECK_EQ(fake_read(PARENT, BASE + 200), 0);
    CHECK_EQ(fake_read(PARENT, BASE + PAGE_BYTES), -EIO);
    struct vm_object_truncate_request grow = { .object = object, .length = 3 * PAGE_BYTES };
    CHECK_EQ(vm_handle_object_truncate(&vm, fake_call(FILE_SERVER), &grow), 0);
    CHECK_EQ(fake_read(PARENT, BASE + PAGE_BYTES), 0);
}

TEST(truncation_takes_pages_from_everybody_and_zeroes_the_rest)
{
    struct vm_object_truncate_request cut = { .length = PAGE_BYTES + 10 };
    struct vm_object_info_request ask;
    struct vm_object_info_reply told;
    uint32_t object;

    fake_boot();
    fake_exec(PARENT, 0);
    object = open_window(fake_object(4), 1 << 20);
    map_file(PARENT, object, 4 * PAGE_BYTES, 3, 2, 4 * PAGE_BYTES);
    fake_write(PARENT, BASE + 2 * PAGE_BYTES, 50);
    fake_write(ENDPOINT_VFS, WINDOW + PAGE_BYTES + 11, 60);
    CHECK_EQ(fake_read(PARENT, BASE + PAGE_BYTES + 11), 60);
    cut.object = ask.object = object;
    CHECK_EQ(vm_handle_object_truncate(&vm, fake_call(FILE_SERVER), &cut), 0);
    CHECK_EQ(fake_read(PARENT, BASE + PAGE_BYTES + 11), 0);
    CHECK_EQ(fake_read(PARENT, BASE + 2 * PAGE_BYTES), -EIO);
    CHECK_EQ(vm_handle_object_info(&vm, fake_call(FILE_SERVER), &ask, &told), 0);
    CHECK_EQ(told.pages, 2);
    fake_check();
    fake_exit(PARENT);
}

TEST(a_full_pool_answers_no_space)
{
    struct vm_pool_request limit = { .pool = 1, .limit_pages = 5 };
    struct vm_pool_reply told;
    struct vm_object_reserve_request reserve = { .length = 6 * PAGE_BYTES };

    fake_boot();
    CHECK_EQ(vm_handle_pool(&vm, fake_call(FILE_SERVER), &limit, &told), 0);
    reserve.object = fake_object(2);
    CHECK_EQ(vm_handle_object_reserve(&vm, fake_call(FILE_SERVER), &reserve), -ENOSPC);
    limit.limit_pages = 0;
    CHECK_EQ(vm_handle_pool(&vm, fake_call(FILE_SERVER), &limit, &told), 0);
    CHECK_EQ(told.used_pages, 5);
    fake_destroy(reserve.object);
    CHECK_EQ(vm_handle_pool(&vm, fake_call(FILE_SERVER), &limit, &told), 0);
    CHECK_EQ(told.used_pages, 0);
    fake_check();
}

TEST(who_starts_over_lets_go_of_all_its_objects_and_a_program_keeps_what_it_maps)
{
    struct vm_pool_request used = { .pool = 1 };
    struct vm_pool_reply told;
    struct vm_object_forget_request forget = { .pool = 2 };
    uint32_t mapped, other;

    fake_boot();
    fake_exec(PARENT, 0);
    mapped = fake_object(3);
    other = fake_object(2);
    map_file(PARENT, mapped, 3 * PAGE_BYTES, 3, 2, 3 * PAGE_BYTES);
    CHECK_EQ(vm_handle_object_forget(&vm, fake_call(FILE_SERVER), &forget), 0); /* another pool */
    CHECK(object_find(&vm, other) != VM_NONE);
    forget.pool = VM_ALL_POOLS;
    CHECK_EQ(vm_handle_object_forget(&vm, fake_call(ENDPOINT_VFS), &forget), 0); /* owns none */
    CHECK(object_find(&vm, other) != VM_NONE);
    CHECK_EQ(vm_handle_object_forget(&vm, fake_call(FILE_SERVER), &forget), 0);
    CHECK_EQ(object_find(&vm, other), VM_NONE);
    CHECK_EQ(fake_read(PARENT, BASE), 1);
    fake_check();
    fake_exit(PARENT);
    CHECK_EQ(vm_handle_pool(&vm, fake_call(FILE_SERVER), &used, &told), 0);
    CHECK_EQ(told.used_pages, 0);
    fake_check();
}

TEST(reserved_pages_are_in_the_window_at_once)
{
    struct vm_object_reserve_request reserve = { .offset = 100, .length = 3 * PAGE_BYTES };

    fake_boot();
    reserve.object = open_window(fake_object(0), 16);
    fake_calls = 0;
    CHECK_EQ(vm_handle_object_reserve(&vm, fake_call(ENDPOINT_VFS), &reserve), 0);
    CHECK_EQ(fake_calls, 1);
    CHECK(fake_find(ENDPOINT_VFS, WINDOW + 3 * PAGE_BYTES) != NULL);
}

TEST(a_caller_that_died_meanwhile_gets_no_mapping)
{
    struct message reply = { .type = VFS_MMAP_FILE | MESSAGE_REPLY };

    fake_boot();
    fake_exec(PARENT, 0);
    CHECK_EQ(LINUX_MMAP(PARENT, 0, PAGE_BYTES, 1, 2, 3, 0), CALL_PARKED);
    fake_exit(PARENT);
    fake_linux_result = 1234;
    reply.transaction = fake_sent.transaction;
    mmap_handle_reply(&vm, &reply, NULL);
    CHECK_EQ(fake_linux_result, 1234);
    CHECK_EQ(vm.parked.used, 1); /* kept in case the answer must be made again */
}

struct image {
    struct elf_header header;
    struct elf_program_header segment[2];
    uint8_t code[3000];
};

static void make_image(struct image *image)
{
    memset(image, 0, sizeof(*image));
    image->header = (struct elf_header){ .magic = ELF_MAGIC,
                                         .class = ELF_CLASS_64,
                                         .type = ELF_TYPE_EXECUTABLE,
                                         .machine = ELF_MACHINE_X86_64,
                                         .entry = 0x50000010,
                                         .program_headers = sizeof(struct elf_header),
                                         .program_header_bytes = sizeof(struct elf_program_header),
                                         .program_header_count = 2 };
    image->segment[0] = (struct elf_program_header){ .type = ELF_SEGMENT_LOAD,
                                                     .flags = 5,
                                                     .offset = offsetof(struct image, code),
                                                     .address = 0x50000000,
                                                     .file_bytes = 3000,
                                                     .memory_bytes = 3000 };
    image->segment[1] = (struct elf_program_header){
        .type = ELF_SEGMENT_LOAD, .flags = 6, .address = 0x50001000, .memory_bytes = 5 * PAGE_BYTES
    };
    memset(image->code, 0xcc, sizeof(image->code));
}

TEST(a_service_is_loaded_whole_and_leaves_nothing_behind)
{
    static struct image image;
    struct vm_load_service_request request = { .slot = 40, .image = (uint64_t)&image, .length = sizeof(image) };
    struct vm_load_service_reply reply;
    uint64_t free_before;

    fake_boot();
    make_image(&image);
    free_before = vm.frames_free + vm.frames_own;
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), 0);
    CHECK_EQ(reply.entry, 0x50000010);
    CHECK_EQ(fake_pages_of(reply.space), 1 + 5 + 16);
    CHECK_EQ(fake_read(40, 0x50000000 + 2999), 0xcc);
    CHECK_EQ(fake_write(40, 0x50000000, 1), -EACCES);
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), 0);
    fake_exit(40);
    CHECK_EQ(vm.frames_free + vm.frames_own, free_before);
    image.header.entry = 0x50001000;
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), -ENOEXEC);
    image.segment[0].file_bytes = 1 << 20;
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), -ENOEXEC);
    image.header.magic = 1;
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), -ENOEXEC);
    CHECK_EQ(vm.frames_free + vm.frames_own, free_before);
    fake_check();
}

TEST(a_vm_that_died_of_its_changed_text_is_not_changed_again)
{
    struct vm_patch_text_request request = { .slot = ENDPOINT_VM, .address = 0x40000010, .length = 1, .code = 0x90 };

    fake_boot();
    journal.attempts = 1;
    CHECK_EQ(vm_handle_patch_text(&vm, fake_call(ENDPOINT_RS), &request), 0);
    CHECK_EQ(fake_read(ENDPOINT_VM, 0x40000010), 0);
    request.slot = ENDPOINT_VFS;
    CHECK_EQ(vm_handle_patch_text(&vm, fake_call(ENDPOINT_RS), &request), 0);
    CHECK_EQ(fake_read(ENDPOINT_VFS, 0x40000010), 0x90);
    journal.attempts = 0;
    request.slot = ENDPOINT_VM;
    CHECK_EQ(vm_handle_patch_text(&vm, fake_call(ENDPOINT_RS), &request), 0);
    CHECK_EQ(fake_read(ENDPOINT_VM, 0x40000010), 0x90);
}

static void set_reserve(uint64_t frames)
{
    vm.frames_reserve = frames;
    vm.seal = vm_constants_seal(&vm);
}

TEST(a_second_instance_is_made_of_the_reserve_and_not_of_what_programs_may_have)
{
    static struct image image;
    struct vm_load_service_request request = { .slot = 40, .image = (uint64_t)&image, .length = sizeof(image), .lent = 1 };
    struct vm_load_service_reply reply;
    struct vm_update_request update = { .source = 40, .destination = ENDPOINT_VFS };
    uint64_t image_frames = 1 + 5 + 16, room = 60, free_before;

    fake_boot();
    make_image(&image);
    set_reserve(vm.frames_free - room);
    free_before = vm.frames_free;
    CHECK_EQ(frames_available(&vm), room);
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), 0);
    CHECK(frames_available(&vm) + (free_before - image_frames - vm.frames_free) >= room); /* but for VM's own records */
    CHECK_EQ(vm_handle_update(&vm, fake_call(ENDPOINT_RS), &update), 0);                  /* now the one with a single page is to go */
    CHECK_EQ(frames_available(&vm), vm.frames_free - vm.frames_reserve + 1);
    request.slot = 41;
    request.lent = 0;
    free_before = frames_available(&vm);
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), 0);
    CHECK(frames_available(&vm) + image_frames <= free_before); /* that one stays */
    fake_exit(40);
    fake_exit(41);
    set_reserve(16);
    request.slot = 40;
    request.lent = 1;
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), 0);
    while (frame_take(&vm, FRAME_ANONYMOUS, FRAME_FOR_PROGRAM) != VM_NONE) {
        ;
    }
    CHECK_EQ(vm.frames_free, 2); /* never all of it */
}

/* covers VM-23 */
TEST(windows_follow_the_endpoint_in_an_update)
{
    static struct image image;
    struct vm_load_service_request request = { .slot = 40, .image = (uint64_t)&image, .length = sizeof(image) };
    struct vm_load_service_reply reply;
    struct vm_update_request update = { .source = 40, .destination = ENDPOINT_VFS };

    fake_boot();
    make_image(&image);
    open_window(fake_object(2), 16);
    fake_read(ENDPOINT_VFS, WINDOW);
    CHECK_EQ(vm_handle_load_service(&vm, fake_call(ENDPOINT_RS), &request, &reply), 0);
    CHECK_EQ(vm_handle_update(&vm, fake_call(ENDPOINT_RS), &update), 0);
    CHECK_EQ(fake_read(ENDPOINT_VFS, WINDOW + PAGE_BYTES), 2);
    CHECK_EQ(fake_read(40, WINDOW), -EFAULT);
    CHECK_EQ(vm_handle_update(&vm, fake_call(ENDPOINT_RS), &update), 0);
    CHECK_EQ(fake_read(ENDPOINT_VFS, WINDOW + PAGE_BYTES), 2);
    fake_check();
}

TEST(arenas_are_zeroed_fixed_and_the_same_again)
{
    struct vm_arena_request request = { .number = 2, .length = 5 * PAGE_BYTES };
    struct vm_arena_reply reply;
    uint64_t first;

    fake_boot();
    CHECK_EQ(vm_handle_arena(&vm, fake_call(FILE_SERVER), &request, &reply), 0);
    first = reply.address;
    CHECK_EQ(fake_write(FILE_SERVER, first + 4 * PAGE_BYTES, 3), 0);
    CHECK_EQ(vm_handle_arena(&vm, fake_call(FILE_SERVER), &request, &reply), 0);
    CHECK_EQ(reply.address, first);
    CHECK_EQ(fake_read(FILE_SERVER, first + 4 * PAGE_BYTES), 3);
}

/* covers VM-17 */
TEST(device_memory_needs_permission)
{
    struct vm_map_physical_request request = { .physical = 0x1000, .length = 100 };
    struct vm_map_physical_reply reply;

    fake_boot();
    CHECK_EQ(vm_handle_map_physical(&vm, fake_call(FILE_SERVER), &request, &reply), -EPERM);
}

TEST(maps_are_lines_as_in_proc)
{
    struct vm_maps_request request = { .process = PARENT, .room = 4096 };
    struct vm_maps_reply reply = { 0 };

    fake_boot();
    fake_exec(PARENT, 0);
    LINUX_BRK(PARENT, 0x404000);
    CHECK_EQ(vm_handle_maps(&vm, fake_call(ENDPOINT_PROCFS), &request, &reply), 0);
    CHECK(strncmp(fake_text, "00403000-00404000 rw-p 00000000 00:00 0  ", 40) == 0);
    CHECK(strstr(fake_text, " [heap]\n") != NULL);
    CHECK(strstr(fake_text, "7fffffee0000-7ffffff00000 rw-p") != NULL);
    CHECK_EQ(reply.next, 4); /* and the two of the vDSO */
}
