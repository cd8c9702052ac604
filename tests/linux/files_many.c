/* SPDX-License-Identifier: MIT */
/* Many descriptors and many sleepers at once: everything comes back. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

enum { MANY = 1900 };

static void open_many(const char *path)
{
    struct rlimit limit = { 2000, 2000 };
    int status;
    pid_t child = fork();

    if (child == 0) {
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = 2000;
        if (limit.rlim_max < 2000)
            _exit(2);
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            _exit(3);
        for (int i = 0; i < MANY; i++) {
            if (open(path, O_RDONLY) < 0)
                _exit(1);
        }
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(a_process_with_many_files_ends)
{
    scratch_enter();
    scratch_file("f", "x");
    for (int i = 0; i < 3; i++) {
        open_many("/proc/self/stat");
        open_many("/dev/null");
        open_many("f");
    }
    unlink("f");
}

TEST(many_unlinked_files_go_with_their_process)
{
    int status;
    scratch_enter();
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 900; i++) {
            if (open("gone", O_RDWR | O_CREAT | O_EXCL, 0600) < 0 || unlink("gone") != 0)
                _exit(1);
        }
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(many_sleepers_wake_at_once)
{
    enum { SLEEPERS = 200 };
    int p[2], status, good = 0;
    char byte;
    CHECK_EQ(pipe(p), 0);
    for (int i = 0; i < SLEEPERS; i++) {
        if (fork() == 0) {
            close(p[1]);
            _exit(read(p[0], &byte, 1) == 0 ? 0 : 1);
        }
    }
    close(p[0]);
    usleep(50000);
    close(p[1]);
    while (wait(&status) > 0)
        good += status == 0;
    CHECK_EQ(good, SLEEPERS);
}

TAP_MAIN
