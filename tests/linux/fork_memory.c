/* SPDX-License-Identifier: MIT */
/*
 * fork and vfork: what is copied, what is shared; ids; many children.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int global = 1;

TEST(memory_is_copied)
{
    int local = 1;
    int *heap = malloc(sizeof(int));
    int status;
    pid_t child;

    *heap = 1;
    child = fork();
    if (child == 0) {
        global = local = *heap = 2;
        _exit(global + local + *heap);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 6);
    CHECK_EQ(global + local + *heap, 3);
    free(heap);
}

TEST(shared_mapping_is_shared)
{
    volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;

    CHECK(shared != MAP_FAILED);
    child = fork();
    if (child == 0) {
        *shared = 77;
        _exit(0);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(*shared, 77);
    munmap((void *)shared, 4096);
}

TEST(file_position_is_shared)
{
    int ends[2];
    char text[4] = { 0 };
    pid_t child;

    CHECK_EQ(pipe(ends), 0);
    child = fork();
    if (child == 0)
        _exit(write(ends[1], "abc", 3) == 3 ? 0 : 1);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(read(ends[0], text, 3), 3);
    CHECK_EQ(strcmp(text, "abc"), 0);
    close(ends[0]);
    close(ends[1]);
}

TEST(ids_are_inherited)
{
    int status;
    pid_t parent = getpid();
    pid_t group = getpgrp();
    pid_t session = getsid(0);
    pid_t child = fork();

    if (child == 0)
        _exit(getppid() == parent && getpid() != parent && getpgrp() == group && getsid(0) == session ? 0 : 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(vfork_child_runs_first_in_the_same_memory)
{
    static volatile int value;
    int status;
    pid_t child;

    value = 0;
    child = vfork();
    if (child == 0) {
        value = 5;
        _exit(3);
    }
    CHECK(child > 0);
    CHECK_EQ(value, 5);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 3);
}

TEST(many_children_in_a_row)
{
    for (int i = 0; i < 100; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(i & 0x7f);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(WEXITSTATUS(status), i & 0x7f);
    }
}

TEST(many_children_at_once)
{
    enum { COUNT = 40 };
    pid_t child[COUNT];
    int sum = 0;

    for (int i = 0; i < COUNT; i++) {
        child[i] = fork();
        if (child[i] == 0)
            _exit(i);
        CHECK(child[i] > 0);
    }
    for (int i = 0; i < COUNT; i++) {
        int status;
        CHECK(wait(&status) > 0);
        sum += WEXITSTATUS(status);
    }
    CHECK_EQ(sum, COUNT * (COUNT - 1) / 2);
}

TEST(large_memory_survives_fork)
{
    enum { BYTES = 4 << 20 };
    unsigned char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t child;

    for (int i = 0; i < BYTES; i += 4096)
        memory[i] = (unsigned char)(i >> 12);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < BYTES; i += 4096) {
            if (memory[i] != (unsigned char)(i >> 12))
                _exit(1);
            memory[i] = 0;
        }
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    for (int i = 0; i < BYTES; i += 4096)
        CHECK_EQ(memory[i], (unsigned char)(i >> 12));
    munmap(memory, BYTES);
}

TAP_MAIN
