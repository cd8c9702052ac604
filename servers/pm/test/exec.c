/* SPDX-License-Identifier: MIT */
/*
 * execve: the steps, the stack, scripts; ELF headers and #! lines as hostile input.
 */
#include "harness.h"

#include <elf.h>

#include "../handlers.h"
#include "../image.h"

static uint8_t file[4096];

static void make_program(uint16_t type, uint64_t address)
{
    Elf64_Ehdr *header = (Elf64_Ehdr *)file;
    Elf64_Phdr *segment = (Elf64_Phdr *)(file + sizeof(*header));

    memset(file, 0, sizeof(file));
    memcpy(header->e_ident, ELFMAG, 4);
    header->e_ident[EI_CLASS] = ELFCLASS64;
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = type;
    header->e_machine = EM_X86_64;
    header->e_entry = address + 0x100;
    header->e_phoff = sizeof(*header);
    header->e_phentsize = sizeof(*segment);
    header->e_phnum = 2;
    segment[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = address, .p_filesz = 0x1000, .p_memsz = 0x1000 };
    segment[1] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x1800, .p_vaddr = address + 0x1800, .p_filesz = 0x200, .p_memsz = 0x3000
    };
}

static int parse(struct image *image)
{
    return image_parse(file, sizeof(file), 0x10000, image);
}

TEST(sound_program_is_understood)
{
    struct image image;

    make_program(ET_EXEC, 0x400000);
    CHECK_EQ(parse(&image), 0);
    CHECK_EQ(image.segment_count, 2);
    CHECK_EQ(image.entry, 0x400100);
    CHECK_EQ(image.headers, 0x400040);
    CHECK_EQ(image.segment[1].address, 0x401000);
    CHECK_EQ(image.segment[1].offset, 0x1000);
    CHECK_EQ(image.segment[1].file_length, 0xa00);
    CHECK_EQ(image.segment[1].memory_length, 0x3800);
    CHECK_EQ(image.end, 0x405000);
    CHECK(!image.is_relocatable);
}

TEST(damaged_headers_are_refused)
{
    struct image image;
    Elf64_Ehdr *header = (Elf64_Ehdr *)file;
    Elf64_Phdr *segment = (Elf64_Phdr *)(file + sizeof(*header));

    make_program(ET_EXEC, 0x400000);
    header->e_machine = EM_AARCH64;
    CHECK_EQ(parse(&image), -ENOEXEC);
    make_program(ET_EXEC, 0x400000);
    header->e_phoff = ~0ull;
    CHECK_EQ(parse(&image), -ENOEXEC);
    make_program(ET_EXEC, 0x400000);
    header->e_phnum = 0xffff;
    CHECK_EQ(parse(&image), -ENOEXEC);
    make_program(ET_EXEC, 0x400000);
    segment[1].p_filesz = segment[1].p_memsz + 1;
    CHECK_EQ(parse(&image), -ENOEXEC);
    make_program(ET_EXEC, 0x400000);
    segment[1].p_memsz = ~0ull;
    CHECK_EQ(parse(&image), -ENOEXEC);
    make_program(ET_EXEC, 0x400000);
    segment[1].p_vaddr = 0xffffffff80001800;
    CHECK_EQ(parse(&image), -ENOEXEC);
    make_program(ET_EXEC, 0x400000);
    segment[1].p_vaddr = segment[0].p_vaddr;
    CHECK_EQ(parse(&image), -ENOEXEC);
    make_program(ET_EXEC, 0);
    CHECK_EQ(parse(&image), -ENOEXEC);
    CHECK_EQ(image_parse(file, 10, 10, &image), -ENOEXEC);
}

TEST(random_bytes_never_make_a_bad_image)
{
    struct image image;

    srand(3);
    for (int round = 0; round < 20000; round++) {
        make_program(round % 2 ? ET_DYN : ET_EXEC, 0x400000);
        for (int i = 0; i < 4; i++) {
            file[16 + rand() % 160] = (uint8_t)rand();
        }
        if (parse(&image) != 0)
            continue;
        for (uint32_t i = 0; i < image.segment_count; i++) {
            CHECK(image.segment[i].address + image.segment[i].memory_length <= USER_LIMIT);
            CHECK(image.segment[i].address % PAGE_BYTES == 0);
        }
    }
}

TEST(script_lines_have_one_argument)
{
    struct script_line line;
    const char *text = "#! /bin/awk  -f x \nrest";

    CHECK_EQ(script_parse((const uint8_t *)text, strlen(text), &line), 0);
    CHECK_EQ(line.interpreter_length, 8);
    CHECK_MEM(text + line.interpreter, "/bin/awk", 8);
    CHECK_EQ(line.argument_length, 4);
    CHECK_MEM(text + line.argument, "-f x", 4);
    CHECK_EQ(script_parse((const uint8_t *)"#!  \n", 5, &line), -ENOEXEC);
    CHECK_EQ(script_parse((const uint8_t *)"#!", 2, &line), -ENOEXEC);
}

/* Strings of a program, where PM may read on to the end of the page. */
static char *program_text(const char *text)
{
    static char memory[2 * 4096] __attribute__((aligned(4096)));
    static size_t used;
    size_t length = strlen(text) + 1;
    char *here;

    used = used + length > 4096 ? 0 : used;
    here = memory + used;
    memcpy(here, text, length);
    used += length;
    return here;
}

static struct exec_buffer *buffer_of_exec(const struct pm_thread *thread)
{
    return &tables.exec_buffers[thread->call.exec.buffer];
}

static void opened(const struct pm_thread *thread, const void *content, size_t length)
{
    struct vfs_exec_open_reply reply = { .object = 3, .header_length = (uint32_t)length, .size = 0x10000, .mode = 0755 };

    memcpy(buffer_of_exec(thread)->header, content, length);
    CHECK(vfs_answers(VFS_EXEC_OPEN, 0, &reply, sizeof(reply)));
}

static const char *stack_string(uint64_t address)
{
    return (const char *)new_stack + sizeof(new_stack) - (new_stack_top - address);
}

static const uint64_t *stack_words(void)
{
    uint64_t size = sizeof(new_stack);

    for (uint64_t i = 0; i < size; i += 16) {
        const uint64_t *words = (const uint64_t *)(const void *)(new_stack + i);
        if (words[0] != 0)
            return words;
    }
    return NULL;
}

TEST(script_runs_its_interpreter_with_the_path_in_front)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    char *path = program_text("/x/script");
    char *argument0 = program_text("script");
    char *argument1 = program_text("one");
    char *variable = program_text("A=b");
    char *arguments[64] = { argument0, argument1, NULL }; /* PM reads pointers in blocks */
    char *environment[64] = { variable, NULL };
    const uint64_t *words;

    new_stack_top = STACK_TOP;
    memset(new_stack, 0, sizeof(new_stack));
    set_handler(child, LINUX_SIGUSR1, 0x1234, 0);
    set_handler(child, LINUX_SIGUSR2, LINUX_SIG_IGN, 0);
    CHECK_EQ(call_linux(child, execve, (uint64_t)(uintptr_t)path, (uint64_t)(uintptr_t)arguments, (uint64_t)(uintptr_t)environment),
             PARKED);
    opened(child, "#!/bin/sh -e\n", 13);
    CHECK_STR(buffer_of_exec(child)->path, "/bin/sh");
    make_program(ET_EXEC, 0x400000);
    opened(child, file, sizeof(file));
    CHECK_EQ(exec_entry_count, 1);
    CHECK_EQ(exec_entry, 0x400100);
    CHECK(vfs_answers(VFS_EXEC_DONE, 0, NULL, 0));
    CHECK_EQ(child->step, STEP_NONE);
    CHECK_STR(child->name, "script");
    CHECK_EQ(handlers_caught(process_of(child)), 0);
    CHECK_EQ(handlers_ignored(process_of(child)), signal_bit(LINUX_SIGUSR2));
    words = stack_words();
    CHECK_EQ(words[0], 4);
    CHECK_STR(stack_string(words[1]), "/bin/sh");
    CHECK_STR(stack_string(words[2]), "-e");
    CHECK_STR(stack_string(words[3]), "/x/script");
    CHECK_STR(stack_string(words[4]), "one");
    CHECK_EQ(words[5], 0);
    CHECK_STR(stack_string(words[6]), "A=b");
    CHECK_EQ(words[7], 0);
}

TEST(failed_exec_leaves_the_program_alive)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    char *path = program_text("/bin/x");

    CHECK_EQ(call_linux(child, execve, (uint64_t)(uintptr_t)path, 0, 0), PARKED);
    CHECK(vfs_answers(VFS_EXEC_OPEN, -ENOENT, NULL, 0));
    CHECK_EQ(answered(child->endpoint), -ENOENT);
    fake_sent_clear();
    CHECK_EQ(call_linux(child, execve, (uint64_t)(uintptr_t)path, 0, 0), PARKED);
    opened(child, "not a program", 13);
    CHECK_EQ(answered(child->endpoint), PARKED);
    CHECK(vfs_answers(VFS_EXEC_DONE, 0, NULL, 0));
    CHECK_EQ(answered(child->endpoint), -ENOEXEC);
    CHECK_EQ(exec_entry_count, 0);
}

TEST(scripts_nest_only_so_deep)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    char *path = program_text("/s");

    CHECK_EQ(call_linux(child, execve, (uint64_t)(uintptr_t)path, 0, 0), PARKED);
    for (int i = 0; i <= EXEC_LEVELS; i++) {
        opened(child, "#!/s\n", 5);
    }
    CHECK(vfs_answers(VFS_EXEC_DONE, 0, NULL, 0));
    CHECK_EQ(answered(child->endpoint), -ELOOP);
}

TEST(too_many_arguments_are_refused)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    static char text[70000] __attribute__((aligned(4096)));
    char *arguments[64];
    char *path = program_text("/s");

    memset(text, 'a', sizeof(text) - 1);
    for (int i = 0; i < 9; i++) {
        arguments[i] = text;
    }
    arguments[9] = NULL;
    CHECK_EQ(call_linux(child, execve, (uint64_t)(uintptr_t)path, (uint64_t)(uintptr_t)arguments, 0), -E2BIG);
    CHECK_EQ(buffer_of_exec(child)->thread, NONE);
}

TEST(exec_waits_for_a_buffer)
{
    struct pm_thread *init = start();
    struct pm_thread *child[EXEC_BUFFERS + 1];
    char *path = program_text("/s");

    for (int i = 0; i <= EXEC_BUFFERS; i++) {
        child[i] = do_fork(init);
    }
    for (int i = 0; i <= EXEC_BUFFERS; i++) {
        CHECK_EQ(call_linux(child[i], execve, (uint64_t)(uintptr_t)path, 0, 0), PARKED);
    }
    CHECK_EQ(child[EXEC_BUFFERS]->step, STEP_EXEC_BUFFER);
    CHECK(vfs_answers(VFS_EXEC_OPEN, -ENOENT, NULL, 0));
    CHECK_EQ(child[EXEC_BUFFERS]->step, STEP_EXEC);
}
