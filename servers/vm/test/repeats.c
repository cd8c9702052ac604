/* SPDX-License-Identifier: MIT */
/*
 * VM dies at each of the kernel calls of a handler, and behind the last one. Its successor derives the state and handles the message again: the caller
 * gets the answer that it would have got, programs keep what they have written, and when all are gone every frame is free again.
 */
#include "fake.h"

#include "../restart.h"
#include "vm_exec.h"

#define BASE      0x10000000ull
#define ELSEWHERE 0x20000000ull
#define ANONYMOUS (0x20 | 2)
#define FIXED     (0x10 | ANONYMOUS)
#define SHARED    (0x20 | 1)
#define POPULATE  (0x8000 | ANONYMOUS)

enum { PAGES = 8, REMAP_MAYMOVE = 1, FREE_PAGES_ADVICE = 4, MANY_CALLS = 200 };

/* The file of the program, and the space that the next exec_commit takes. */
static uint32_t file, second_file;
static uint32_t unborn;

struct operation {
    const char *name;
    void (*prepare)(void); /* after the parent has a private region of PAGES pages at BASE and has written to each */
    int64_t (*act)(void);
    int64_t result;
    void (*verify)(void);
};

/* ---- what they do ---- */

static int64_t map_anonymous(void)
{
    return LINUX_MMAP(PARENT, ELSEWHERE, PAGES * PAGE_BYTES, 3, ANONYMOUS, -1, 0);
}

static int64_t map_over(void)
{
    return LINUX_MMAP(PARENT, BASE + 2 * PAGE_BYTES, 2 * PAGE_BYTES, 3, FIXED, -1, 0);
}

static int64_t map_off_a_page(void)
{
    return LINUX_MMAP(PARENT, BASE + 1, PAGE_BYTES, 3, FIXED, -1, 0);
}

static int64_t map_shared(void)
{
    return LINUX_MMAP(PARENT, ELSEWHERE, PAGES * PAGE_BYTES, 3, SHARED, -1, 0);
}

static int64_t map_populated(void)
{
    return LINUX_MMAP(PARENT, ELSEWHERE, PAGES * PAGE_BYTES, 3, POPULATE, -1, 0);
}

static int64_t unmap_middle(void)
{
    return LINUX_MUNMAP(PARENT, BASE + 2 * PAGE_BYTES, 2 * PAGE_BYTES);
}

static int64_t grow_heap(void)
{
    return LINUX_BRK(PARENT, 0x440000);
}

static int64_t shrink_heap(void)
{
    return LINUX_BRK(PARENT, 0x410000);
}

static int64_t protect_middle(void)
{
    return LINUX_MPROTECT(PARENT, BASE + 2 * PAGE_BYTES, 2 * PAGE_BYTES, 1);
}

static int64_t move(void)
{
    return fake_linux(vm_linux_mremap, PARENT, BASE, PAGES * PAGE_BYTES, 2 * PAGES * PAGE_BYTES, REMAP_MAYMOVE, 0, 0);
}

static int64_t shrink(void)
{
    return fake_linux(vm_linux_mremap, PARENT, BASE, PAGES * PAGE_BYTES, 4 * PAGE_BYTES, 0, 0, 0);
}

static int64_t advise_free(void)
{
    return fake_linux(vm_linux_madvise, PARENT, BASE + 2 * PAGE_BYTES, 2 * PAGE_BYTES, FREE_PAGES_ADVICE, 0, 0, 0);
}

static int64_t fork_child(void)
{
    struct vm_fork_request request = { .parent = PARENT, .child_slot = CHILD };
    struct vm_fork_reply reply;

    fake_bind(CHILD, UINT32_MAX);
    return vm_handle_fork(&vm, fake_call(ENDPOINT_PM), &request, &reply);
}

static int64_t exit_child(void)
{
    struct vm_exit_request request = { .slot = CHILD };

    fake_bind(CHILD, UINT32_MAX);
    return vm_handle_exit(&vm, fake_call(ENDPOINT_PM), &request);
}

static int64_t build_program(void)
{
    const struct vm_exec_piece pieces[] = {
        { .kind = VM_PIECE_ANONYMOUS, .address = 0x7fffffee0000, .length = 0x20000, .protection = 3, .object = 1 },
        { .kind = VM_PIECE_OBJECT, .object = file, .address = 0x400000, .length = 2 * PAGE_BYTES, .file_length = 5000, .protection = 3 },
        { .kind = VM_PIECE_WRITE, .address = 0x7fffffefff00, .offset = (uint64_t)(uintptr_t) "stack", .length = 6 },
    };
    struct vm_exec_build_request request = { .slot = CHILD, .count = 3, .pieces = (uint64_t)(uintptr_t)pieces };
    struct vm_exec_build_reply reply = { 0 };
    int result = vm_handle_exec_build(&vm, fake_call(ENDPOINT_PM), &request, &reply);

    unborn = reply.space;
    return result;
}

static int64_t commit_program(void)
{
    struct vm_exec_commit_request request = { .slot = CHILD, .space = unborn, .brk_start = 0x402123, .stack_top = 0x7ffffff00000 };

    fake_bind(CHILD, unborn);
    return vm_handle_exec_commit(&vm, fake_call(ENDPOINT_PM), &request);
}

static int64_t write_shared_page(void)
{
    return fake_write(CHILD, BASE + 3 * PAGE_BYTES, 99);
}

static int64_t write_new_page(void)
{
    return fake_write(PARENT, ELSEWHERE, 99);
}

static int64_t write_file_page(void)
{
    return fake_write(PARENT, 0x400000, 99);
}

static int64_t reserve(void)
{
    struct vm_object_reserve_request request = { .object = file, .offset = 10 * PAGE_BYTES, .length = 40 * PAGE_BYTES };

    return vm_handle_object_reserve(&vm, fake_call(FILE_SERVER), &request);
}

static int64_t forget_objects(void)
{
    struct vm_object_forget_request request = { .pool = VM_ALL_POOLS };

    return vm_handle_object_forget(&vm, fake_call(FILE_SERVER), &request);
}

static int64_t truncate_file(void)
{
    struct vm_object_truncate_request request = { .object = file, .length = PAGE_BYTES + 10 };

    return vm_handle_object_truncate(&vm, fake_call(FILE_SERVER), &request);
}

static int64_t make_arena(void)
{
    struct vm_arena_request request = { .number = 1, .length = 20 * PAGE_BYTES };
    struct vm_arena_reply reply;

    return vm_handle_arena(&vm, fake_call(FILE_SERVER), &request, &reply);
}

/* More pages than one kernel call maps. */
enum { DEVICE_PAGES = 600 };

static int64_t map_device(void)
{
    struct vm_map_physical_request request = { .physical = (uint64_t)FAKE_DEVICE_FRAME << PAGE_BITS, .length = DEVICE_PAGES * PAGE_BYTES };
    struct vm_map_physical_reply reply;
    int result = vm_handle_map_physical(&vm, fake_call(FILE_SERVER), &request, &reply);

    return result == 0 ? (int64_t)reply.address : result;
}

/* ---- what must be there, before and afterwards ---- */

static void nothing(void)
{
}

static void have_device(void)
{
    CHECK(map_device() > 0);
}

static void have_mapping(void)
{
    (void)map_anonymous();
}

static void have_heap(void)
{
    (void)grow_heap();
    for (uint64_t at = 0x403000; at < 0x440000; at += PAGE_BYTES) {
        CHECK_EQ(fake_write(PARENT, at, 7), 0);
    }
}

static void have_second_file(void)
{
    second_file = fake_object(30);
}

static void have_child(void)
{
    fake_fork(PARENT, CHILD);
    CHECK_EQ(fake_write(CHILD, BASE + PAGE_BYTES, 50), 0);
}

static void have_built(void)
{
    have_child();
    CHECK_EQ(build_program(), 0);
}

static bool is_page(uint64_t page, int value)
{
    return fake_read(PARENT, BASE + page * PAGE_BYTES) == value;
}

static void all_pages(void)
{
    for (int i = 0; i < PAGES; i++) {
        CHECK(is_page((uint64_t)i, i + 1));
    }
}

static void new_mapping(void)
{
    all_pages();
    CHECK_EQ(fake_read(PARENT, ELSEWHERE), 0);
    CHECK_EQ(fake_write(PARENT, ELSEWHERE + (PAGES - 1) * PAGE_BYTES, 3), 0);
    CHECK_EQ(fake_read(PARENT, ELSEWHERE + PAGES * PAGE_BYTES), -EFAULT);
}

static void middle_is(int value)
{
    CHECK(is_page(1, 2));
    CHECK(is_page(2, value));
    CHECK(is_page(3, value));
    CHECK(is_page(4, 5));
}

static void middle_is_zero(void)
{
    middle_is(0);
}

static void middle_is_gone(void)
{
    middle_is(-EFAULT);
}

static void middle_is_constant(void)
{
    all_pages();
    CHECK_EQ(fake_write(PARENT, BASE + 2 * PAGE_BYTES, 1), -EACCES);
    CHECK_EQ(fake_write(PARENT, BASE + 4 * PAGE_BYTES, 1), 0);
}

static void heap_is_there(void)
{
    CHECK_EQ(fake_write(PARENT, 0x43f000, 1), 0);
    CHECK_EQ(fake_write(PARENT, 0x440000, 1), -EFAULT);
}

static void heap_is_small(void)
{
    CHECK_EQ(fake_read(PARENT, 0x40f000), 7);
    CHECK_EQ(fake_read(PARENT, 0x410000), -EFAULT);
}

static void grown_pages(void)
{
    const struct space *space = space_at(space_of(&vm, PARENT));
    uint64_t at = fake_reply.word[0];

    CHECK(region_find(space, at) != VM_NONE);
    for (int i = 0; i < PAGES; i++) {
        CHECK_EQ(fake_read(PARENT, at + (uint64_t)i * PAGE_BYTES), i + 1);
    }
    CHECK_EQ(fake_read(PARENT, at + (2 * PAGES - 1) * PAGE_BYTES), 0);
}

static void lower_half(void)
{
    CHECK(is_page(0, 1));
    CHECK(is_page(3, 4));
    CHECK(is_page(4, -EFAULT));
}

static void child_is_a_copy(void)
{
    all_pages();
    CHECK_EQ(fake_read(CHILD, BASE + PAGE_BYTES), 2);
    CHECK_EQ(fake_write(CHILD, BASE + PAGE_BYTES, 60), 0);
    all_pages();
}

static void child_wrote(void)
{
    all_pages();
    CHECK_EQ(fake_read(CHILD, BASE + 3 * PAGE_BYTES), 99);
    CHECK_EQ(fake_read(CHILD, BASE + PAGE_BYTES), 50);
}

static void program_is_new(void)
{
    all_pages();
    CHECK_EQ(fake_read(CHILD, BASE), -EFAULT);
    CHECK_EQ(fake_read(CHILD, 0x400000), 1);
    CHECK_EQ(fake_read(CHILD, 0x7fffffefff00), 's');
}

static void program_can_begin(void)
{
    CHECK_EQ(fake_read(CHILD, BASE + PAGE_BYTES), 50);
    CHECK_EQ(commit_program(), 0);
    program_is_new();
}

static void new_page_is_written(void)
{
    CHECK_EQ(fake_read(PARENT, ELSEWHERE), 99);
    all_pages();
}

static void file_page_is_written(void)
{
    CHECK_EQ(fake_read(PARENT, 0x400000), 99);
    CHECK_EQ(fake_memory[object_frame(&vm, object_find(&vm, file), 0)][0], 1);
}

static void file_is_long(void)
{
    CHECK(object_frame(&vm, object_find(&vm, file), 49) != VM_NONE);
    CHECK_EQ(vm.object_pages, 50);
}

static void only_the_mapped_object_is_there(void)
{
    CHECK_EQ(object_find(&vm, second_file), VM_NONE);
    CHECK_EQ(vm.object_pages, 20);
    CHECK_EQ(fake_read(PARENT, 0x400000), 1);
}

static void file_is_short(void)
{
    CHECK_EQ(vm.object_pages, 2);
    CHECK_EQ(fake_read(PARENT, 0x400000), 1);
}

static void device_is_mapped(void)
{
    struct vm_map_physical_request no_more = { .physical = (uint64_t)FAKE_DEVICE_FRAME << PAGE_BITS };
    struct vm_map_physical_reply reply;
    uint64_t address = (uint64_t)map_device();

    for (uint64_t i = 0; i < DEVICE_PAGES; i++) {
        const struct fake_entry *entry = fake_find(fake_threads[FILE_SERVER], address + i * PAGE_BYTES);

        if (entry == NULL || entry_frame(entry->entry) != FAKE_DEVICE_FRAME + i) {
            testing_fail(__FILE__, __LINE__, "page %ju is not there", (uintmax_t)i);
            break;
        }
    }
    CHECK(space_at(space_of(&vm, FILE_SERVER))->physical_next > address + (DEVICE_PAGES - 1) * PAGE_BYTES);
    CHECK_EQ(vm_handle_map_physical(&vm, fake_call(FILE_SERVER), &no_more, &reply), 0);
    all_pages();
}

static const struct operation operations[] = {
    { "mmap", nothing, map_anonymous, ELSEWHERE, new_mapping },
    { "mmap over another mapping", nothing, map_over, BASE + 2 * PAGE_BYTES, middle_is_zero },
    { "mmap that is refused", nothing, map_off_a_page, -EINVAL, all_pages },
    { "mmap of shared memory", nothing, map_shared, ELSEWHERE, new_mapping },
    { "mmap with all pages", nothing, map_populated, ELSEWHERE, new_mapping },
    { "munmap", nothing, unmap_middle, 0, middle_is_gone },
    { "brk up", nothing, grow_heap, 0x440000, heap_is_there },
    { "brk down", have_heap, shrink_heap, 0x410000, heap_is_small },
    { "mprotect", nothing, protect_middle, 0, middle_is_constant },
    { "mremap to another place", have_mapping, move, -1, grown_pages },
    { "mremap down", nothing, shrink, BASE, lower_half },
    { "madvise", nothing, advise_free, 0, middle_is_zero },
    { "fork", nothing, fork_child, 0, child_is_a_copy },
    { "fork over a child", have_child, fork_child, 0, child_is_a_copy },
    { "exit", have_child, exit_child, 0, all_pages },
    { "exec_build", have_child, build_program, 0, program_can_begin },
    { "exec_build again", have_built, build_program, 0, program_can_begin },
    { "exec_commit", have_built, commit_program, 0, program_is_new },
    { "fault on a page that was copied on write", have_child, write_shared_page, 0, child_wrote },
    { "fault on a new page", have_mapping, write_new_page, 0, new_page_is_written },
    { "fault on a page of a file", nothing, write_file_page, 0, file_page_is_written },
    { "object_reserve", nothing, reserve, 0, file_is_long },
    { "object_forget", have_second_file, forget_objects, 0, only_the_mapped_object_is_there },
    { "object_truncate", nothing, truncate_file, 0, file_is_short },
    { "arena", nothing, make_arena, 0, all_pages },
    { "map_physical", nothing, map_device, -1, device_is_mapped },
    { "map_physical of what is mapped", have_device, map_device, -1, device_is_mapped },
};

/* ---- the deaths ---- */

static void begin(const struct operation *operation)
{
    fake_death = 0;
    memset(&journal, 0, sizeof(journal));
    journal.reply_to = ENDPOINT_NONE;
    fake_boot();
    file = fake_object(20);
    fake_exec(PARENT, file);
    CHECK_EQ(LINUX_MMAP(PARENT, BASE, PAGES * PAGE_BYTES, 3, ANONYMOUS, -1, 0), (int64_t)BASE);
    for (uint64_t i = 0; i < PAGES; i++) {
        CHECK_EQ(fake_write(PARENT, BASE + i * PAGE_BYTES, (uint8_t)(i + 1)), 0);
    }
    operation->prepare();
    journal.committed++;
}

static void take_over(const struct operation *operation, uint32_t death)
{
    const char *problem = restart_derive(&vm);

    journal.attempts = 1;
    if (problem != NULL) {
        testing_fail(__FILE__, __LINE__, "%s, death %u: %s", operation->name, death, problem);
    }
}

static void check_answer(const struct operation *operation, uint32_t death, int64_t result)
{
    const char *problem = vm_state_check(&vm);

    journal.attempts = 0;
    journal.committed++;
    if (problem != NULL || (operation->result != -1 && result != operation->result)) {
        testing_fail(__FILE__, __LINE__, "%s, death %u: answer %jd, %s", operation->name, death, (intmax_t)result,
                     problem == NULL ? "the state is good" : problem);
    }
    testing_note("%s, death %u", operation->name, death);
    operation->verify();
}

/* Nobody is left but the services: their three regions and whatever an arena needs. */
static void end(const struct operation *operation, uint32_t death, uint64_t frames)
{
    struct vm_arena_request none = { .number = 1 };
    struct vm_arena_reply reply;

    fake_exit(CHILD);
    fake_exit(PARENT);
    fake_destroy(file);
    CHECK_EQ(vm_handle_arena(&vm, fake_call(FILE_SERVER), &none, &reply), 0);
    CHECK_EQ(vm.object_pages, 0);
    CHECK_EQ(vm.regions.used, 3);
    if (vm.frames_free + vm.frames_table + vm.frames_own != frames) {
        testing_fail(__FILE__, __LINE__, "%s, death %u: %jd frames are lost", operation->name, death,
                     (intmax_t)(frames - vm.frames_free - vm.frames_table - vm.frames_own));
    }
}

/* Returns false if the handler makes fewer calls. */
static bool die_once(const struct operation *operation, volatile uint32_t death)
{
    volatile bool died = true;
    uint64_t frames;

    fake_boot();
    frames = vm.frames_free + vm.frames_table + vm.frames_own;
    begin(operation);
    fake_death = death;
    if (sigsetjmp(fake_grave, 0) == 0) {
        (void)operation->act();
        died = false;
        fake_death = 0;
    }
    take_over(operation, death);
    check_answer(operation, death, operation->act());
    end(operation, death, frames);
    return died;
}

/* covers VM-23 */
TEST(a_death_at_any_kernel_call_of_a_handler_is_not_noticed)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        uint32_t death = 1;

        while (die_once(&operations[i], death)) {
            CHECK(++death < MANY_CALLS);
        }
        testing_note("%s: %u deaths", operations[i].name, death);
    }
}
