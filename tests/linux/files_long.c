/* SPDX-License-Identifier: MIT */
/* Single calls that move megabytes: whole, in order, and not mixed with those of others. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

enum { LENGTH = 5 << 20, WRITERS = 3 };

static char text[LENGTH];

static void wait_for_all(void)
{
    int status;

    for (int i = 0; i < WRITERS; i++) {
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
}

/* How many runs of the same byte, each as long as one call, the file consists of. */
static int count_runs(const char *name)
{
    int fd = open(name, O_RDONLY);
    int runs = 0;

    while (read(fd, text, LENGTH) == LENGTH) {
        for (long i = 1; i < LENGTH; i++) {
            if (text[i] != text[0])
                return -1;
        }
        runs++;
    }
    close(fd);
    return runs;
}

TEST(appended_texts_are_not_mixed)
{
    scratch_enter();
    for (int i = 0; i < WRITERS; i++) {
        if (fork() == 0) {
            int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);

            memset(text, 'a' + i, LENGTH);
            _exit(write(fd, text, LENGTH) == LENGTH ? 0 : 1);
        }
    }
    wait_for_all();
    CHECK_EQ(count_runs("log"), WRITERS);
    unlink("log");
}

TEST(processes_that_share_a_position_write_one_after_the_other)
{
    scratch_enter();
    int fd = open("shared", O_WRONLY | O_CREAT, 0644);
    for (int i = 0; i < WRITERS; i++) {
        if (fork() == 0) {
            memset(text, 'a' + i, LENGTH);
            _exit(write(fd, text, LENGTH) == LENGTH ? 0 : 1);
        }
    }
    wait_for_all();
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), (long)WRITERS * LENGTH);
    close(fd);
    CHECK_EQ(count_runs("shared"), WRITERS);
    unlink("shared");
}

TEST(a_vector_of_long_pieces_is_whole)
{
    struct iovec pieces[3] = { { text, 3 << 20 }, { text + (3 << 20), 1 }, { text + (3 << 20) + 1, (2 << 20) - 1 } };
    static char back[LENGTH];

    scratch_enter();
    for (long i = 0; i < LENGTH; i++)
        text[i] = (char)(i * 7 + i / 4096);
    int fd = open("vector", O_RDWR | O_CREAT, 0644);
    CHECK_EQ(writev(fd, pieces, 3), LENGTH);
    CHECK_EQ(preadv(fd, (struct iovec[]){ { back, LENGTH - 5 }, { back + LENGTH - 5, 5 } }, 2, 0), LENGTH);
    CHECK_EQ(memcmp(text, back, LENGTH), 0);
    CHECK_EQ(pread(fd, back, LENGTH, LENGTH - 10), 10);
    close(fd);
    unlink("vector");
}

TEST(devices_fill_a_long_buffer)
{
    scratch_enter();
    int fd = open("/dev/zero", O_RDWR);
    memset(text, 1, LENGTH);
    CHECK_EQ(read(fd, text, LENGTH), LENGTH);
    CHECK_EQ(text[0] | text[LENGTH / 2] | text[LENGTH - 1], 0);
    CHECK_EQ(write(fd, text, LENGTH), LENGTH);
    close(fd);
    fd = open("/dev/urandom", O_RDONLY);
    CHECK_EQ(read(fd, text, LENGTH), LENGTH);
    close(fd);
}

TEST(a_long_write_ends_where_the_limit_is)
{
    scratch_enter();
    if (fork() == 0) {
        struct rlimit limit = { (3 << 20) + 5, (3 << 20) + 5 };
        int fd = open("limited", O_WRONLY | O_CREAT, 0644);

        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        _exit(write(fd, text, LENGTH) == (3 << 20) + 5 && write(fd, text, 1) == -1 && errno == EFBIG ? 0 : 1);
    }
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    unlink("limited");
}

TEST(room_for_a_long_file_is_made_at_once)
{
    struct stat st;
    scratch_enter();
    int fd = open("room", O_RDWR | O_CREAT, 0644);
    CHECK_EQ(fallocate(fd, 0, 100, 20 << 20), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, (20 << 20) + 100);
    CHECK(st.st_blocks >= (20 << 20) / 512);
    CHECK_EQ(pread(fd, text, 4, 20 << 20), 4);
    CHECK_EQ(text[0] | text[3], 0);
    close(fd);
    unlink("room");
}

TEST(a_writer_that_is_killed_leaves_the_file_to_others)
{
    struct stat st;
    scratch_enter();
    int fd = open("killed", O_RDWR | O_CREAT, 0644);
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            (void)!pwrite(fd, text, LENGTH, 0);
    }
    do
        CHECK_EQ(fstat(fd, &st), 0);
    while (st.st_size == 0);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(pwrite(fd, "x", 1, 0), 1);
    CHECK_EQ(pread(fd, text, 1, 0), 1);
    CHECK_EQ(text[0], 'x');
    close(fd);
    unlink("killed");
}

TAP_MAIN
