/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

TEST(data_comes_out_in_order)
{
    int p[2];
    char text[8];
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(write(p[1], "abc", 3), 3);
    CHECK_EQ(write(p[1], "def", 3), 3);
    CHECK_EQ(read(p[0], text, 2), 2);
    CHECK_EQ(memcmp(text, "ab", 2), 0);
    CHECK_EQ(read(p[0], text, 8), 4);
    CHECK_EQ(memcmp(text, "cdef", 4), 0);
    CHECK_ERROR(write(p[0], "x", 1), EBADF);
    CHECK_ERROR(read(p[1], text, 1), EBADF);
    close(p[0]);
    close(p[1]);
}

TEST(reader_sees_the_end_when_the_writer_closes)
{
    int p[2];
    char text[8];
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(write(p[1], "x", 1), 1);
    close(p[1]);
    CHECK_EQ(read(p[0], text, 8), 1);
    CHECK_EQ(read(p[0], text, 8), 0);
    close(p[0]);
}

TEST(a_sleeping_reader_wakes_for_data_and_for_the_end)
{
    int p[2], status;
    char text[8];
    CHECK_EQ(pipe(p), 0);
    pid_t child = fork();
    if (child == 0) {
        close(p[0]);
        usleep(20000);
        (void)!write(p[1], "hi", 2);
        usleep(20000);
        _exit(0);
    }
    close(p[1]);
    CHECK_EQ(read(p[0], text, 8), 2);
    CHECK_EQ(read(p[0], text, 8), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(p[0]);
}

static volatile int pipe_signals;

static void on_pipe(int number)
{
    (void)number;
    pipe_signals++;
}

TEST(writing_without_readers_is_sigpipe_and_epipe)
{
    int p[2], status;
    CHECK_EQ(pipe(p), 0);
    close(p[0]);
    signal(SIGPIPE, on_pipe);
    CHECK_ERROR(write(p[1], "x", 1), EPIPE);
    CHECK_EQ(pipe_signals, 1);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERROR(write(p[1], "x", 1), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    pid_t child = fork();
    if (child == 0) {
        (void)!write(p[1], "x", 1);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGPIPE);
    close(p[1]);
}

TEST(a_full_pipe_blocks_or_is_eagain)
{
    static char block[4096];
    int p[2], total = 0, n;
    CHECK_EQ(pipe2(p, O_NONBLOCK), 0);
    CHECK_ERROR(read(p[0], block, 1), EAGAIN);
    while ((n = (int)write(p[1], block, sizeof(block))) > 0)
        total += n;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(total, 65536);
    CHECK_EQ(ioctl(p[0], FIONREAD, &n), 0);
    CHECK_EQ(n, 65536);
    CHECK_EQ(read(p[0], block, 100), 100);
    CHECK_ERROR(write(p[1], block, 4096), EAGAIN);
    close(p[0]);
    close(p[1]);
}

TEST(a_large_write_goes_through_in_pieces)
{
    enum { BYTES = 300000 };
    static char out[BYTES], in[BYTES];
    int p[2], status, got = 0, n;
    for (int i = 0; i < BYTES; i++)
        out[i] = (char)(i * 7);
    CHECK_EQ(pipe(p), 0);
    pid_t child = fork();
    if (child == 0) {
        close(p[0]);
        _exit(write(p[1], out, BYTES) == BYTES ? 0 : 1);
    }
    close(p[1]);
    while ((n = (int)read(p[0], in + got, BYTES - got)) > 0)
        got += n;
    CHECK_EQ(got, BYTES);
    CHECK_EQ(memcmp(in, out, BYTES), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(p[0]);
}

TEST(small_writes_are_atomic)
{
    int p[2], status;
    CHECK_EQ(pipe(p), 0);
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            char record[1000];
            memset(record, 'a' + i, sizeof(record));
            for (int j = 0; j < 50; j++) {
                if (write(p[1], record, sizeof(record)) != (ssize_t)sizeof(record))
                    _exit(1);
            }
            _exit(0);
        }
    }
    close(p[1]);
    char record[1000];
    int records = 0;
    for (;;) {
        int got = 0, n;
        while (got < 1000 && (n = (int)read(p[0], record + got, (size_t)(1000 - got))) > 0)
            got += n;
        if (got == 0)
            break;
        CHECK_EQ(got, 1000);
        for (int i = 1; i < 1000; i++)
            CHECK_EQ(record[i], record[0]);
        records++;
    }
    CHECK_EQ(records, 150);
    for (int i = 0; i < 3; i++) {
        wait(&status);
        CHECK_EQ(status, 0);
    }
    close(p[0]);
}

TEST(pipe2_flags_and_sizes)
{
    int p[2];
    struct stat st;
    CHECK_EQ(syscall(293, p, 0x40000000), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), 65536);
    CHECK_EQ(fcntl(p[1], F_SETPIPE_SZ, 4096), 4096);
    CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), 4096);
    CHECK_EQ(fstat(p[0], &st), 0);
    CHECK_EQ(st.st_mode & S_IFMT, S_IFIFO);
    close(p[0]);
    close(p[1]);
    CHECK_EQ(syscall(22, 8), -1);
    CHECK_EQ(errno, EFAULT);
}

TEST(a_signal_interrupts_a_sleeping_reader)
{
    int p[2];
    char byte;
    struct sigaction action = { .sa_handler = on_pipe };
    CHECK_EQ(pipe(p), 0);
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    CHECK_ERROR(read(p[0], &byte, 1), EINTR);
    close(p[0]);
    close(p[1]);
}

TEST(fifo_openers_wait_for_each_other)
{
    int status;
    char text[8];
    scratch_enter();
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    CHECK_ERROR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    pid_t child = fork();
    if (child == 0) {
        int fd = open("fifo", O_WRONLY);
        _exit(fd >= 0 && write(fd, "via", 3) == 3 ? 0 : 1);
    }
    int fd = open("fifo", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, text, 8), 3);
    CHECK_EQ(read(fd, text, 8), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fd);
    fd = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, text, 8), 0);
    int writer = open("fifo", O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    CHECK_ERROR(read(fd, text, 8), EAGAIN);
    close(writer);
    close(fd);
    fd = open("fifo", O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(read(fd, text, 8), 1);
    close(fd);
    CHECK_EQ(unlink("fifo"), 0);
}

TAP_MAIN
