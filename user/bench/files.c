/* SPDX-License-Identifier: MIT */
/*
 * Operations on files, devices and pipes.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { SMALL = 4096, LARGE = 65536 };

static const char file_path[] = "/tmp/bench.file";
static const char new_path[] = "/tmp/bench.new";
static char buffer[LARGE];
static int descriptor;
static int pipe_to[2], pipe_from[2];
static pid_t echo_child;

static void open_path(const char *path, int flags)
{
    descriptor = open(path, flags, 0644);
    must(descriptor >= 0, path);
}

static void prepare_zero(void)
{
    open_path("/dev/zero", O_RDONLY);
}

static void prepare_null(void)
{
    open_path("/dev/null", O_WRONLY);
}

static void prepare_file(void)
{
    open_path(file_path, O_RDWR | O_CREAT | O_TRUNC);
    memset(buffer, 'x', sizeof(buffer));
    must(write(descriptor, buffer, LARGE) == LARGE, "write");
}

static void finish_file(void)
{
    close(descriptor);
    unlink(file_path);
}

static void finish_descriptor(void)
{
    close(descriptor);
}

static void read_one(uint64_t count)
{
    while (count-- > 0) {
        must(read(descriptor, buffer, 1) == 1, "read");
    }
}

static void read_small(uint64_t count)
{
    while (count-- > 0) {
        must(read(descriptor, buffer, SMALL) == SMALL, "read");
    }
}

static void write_one(uint64_t count)
{
    while (count-- > 0) {
        must(write(descriptor, buffer, 1) == 1, "write");
    }
}

static void pread_one(uint64_t count)
{
    while (count-- > 0) {
        must(pread(descriptor, buffer, 1, 0) == 1, "pread");
    }
}

static void pread_small(uint64_t count)
{
    while (count-- > 0) {
        must(pread(descriptor, buffer, SMALL, 0) == SMALL, "pread");
    }
}

static void pread_large(uint64_t count)
{
    while (count-- > 0) {
        must(pread(descriptor, buffer, LARGE, 0) == LARGE, "pread");
    }
}

static void pwrite_small(uint64_t count)
{
    while (count-- > 0) {
        must(pwrite(descriptor, buffer, SMALL, 0) == SMALL, "pwrite");
    }
}

static void pwrite_large(uint64_t count)
{
    while (count-- > 0) {
        must(pwrite(descriptor, buffer, LARGE, 0) == LARGE, "pwrite");
    }
}

static void open_close(uint64_t count)
{
    while (count-- > 0) {
        int opened = open(file_path, O_RDONLY);
        must(opened >= 0 && close(opened) == 0, "open");
    }
}

static void stat_file(uint64_t count)
{
    struct stat status;
    while (count-- > 0) {
        must(stat(file_path, &status) == 0, "stat");
    }
}

static void fstat_file(uint64_t count)
{
    struct stat status;
    while (count-- > 0) {
        must(fstat(descriptor, &status) == 0, "fstat");
    }
}

static void lseek_file(uint64_t count)
{
    while (count-- > 0) {
        must(lseek(descriptor, 0, SEEK_SET) == 0, "lseek");
    }
}

static void create_unlink(uint64_t count)
{
    while (count-- > 0) {
        int made = open(new_path, O_WRONLY | O_CREAT | O_EXCL, 0644);
        must(made >= 0 && close(made) == 0 && unlink(new_path) == 0, "create");
    }
}

static void prepare_pipe(void)
{
    must(pipe(pipe_to) == 0, "pipe");
}

static void finish_pipe(void)
{
    close(pipe_to[0]);
    close(pipe_to[1]);
}

static void pipe_self(uint64_t count)
{
    while (count-- > 0) {
        must(write(pipe_to[1], buffer, 1) == 1 && read(pipe_to[0], buffer, 1) == 1, "pipe");
    }
}

static void poll_pipe(uint64_t count)
{
    struct pollfd polled = { .fd = pipe_to[1], .events = POLLOUT };
    while (count-- > 0) {
        must(poll(&polled, 1, 0) == 1, "poll");
    }
}

static void prepare_echo(void)
{
    must(pipe(pipe_to) == 0 && pipe(pipe_from) == 0, "pipe");
    echo_child = fork();
    must(echo_child >= 0, "fork");
    if (echo_child == 0) {
        close(pipe_to[1]);
        close(pipe_from[0]);
        while (read(pipe_to[0], buffer, 1) == 1) {
            must(write(pipe_from[1], buffer, 1) == 1, "echo");
        }
        _exit(0);
    }
    close(pipe_to[0]);
    close(pipe_from[1]);
}

static void finish_echo(void)
{
    close(pipe_to[1]);
    close(pipe_from[0]);
    must(waitpid(echo_child, NULL, 0) == echo_child, "waitpid");
}

static void pipe_round_trip(uint64_t count)
{
    while (count-- > 0) {
        must(write(pipe_to[1], buffer, 1) == 1 && read(pipe_from[0], buffer, 1) == 1, "pipe");
    }
}

const struct operation file_operations[] = {
    { "read_zero_1b", 2000, read_one, prepare_zero, finish_descriptor },
    { "read_zero_4k", 1000, read_small, prepare_zero, finish_descriptor },
    { "write_null_1b", 2000, write_one, prepare_null, finish_descriptor },
    { "open_close", 2000, open_close, prepare_file, finish_file },
    { "stat", 2000, stat_file, prepare_file, finish_file },
    { "fstat", 2000, fstat_file, prepare_file, finish_file },
    { "lseek", 2000, lseek_file, prepare_file, finish_file },
    { "pread_1b", 2000, pread_one, prepare_file, finish_file },
    { "pread_4k", 1000, pread_small, prepare_file, finish_file },
    { "pread_64k", 200, pread_large, prepare_file, finish_file },
    { "pwrite_4k", 1000, pwrite_small, prepare_file, finish_file },
    { "pwrite_64k", 200, pwrite_large, prepare_file, finish_file },
    { "create_unlink", 500, create_unlink, NULL, NULL },
    { "pipe_self", 1000, pipe_self, prepare_pipe, finish_pipe },
    { "poll_1", 1000, poll_pipe, prepare_pipe, finish_pipe },
    { "pipe_round_trip", 1000, pipe_round_trip, prepare_echo, finish_echo },
    { NULL, 0, NULL, NULL, NULL },
};
