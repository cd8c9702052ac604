/* SPDX-License-Identifier: MIT */
/* fcntl record locks and flock. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

static int lock(int fd, int command, short type, off_t start, off_t length)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };

    return fcntl(fd, command, &l);
}

static int fresh(void)
{
    scratch_enter();
    return open("f", O_RDWR | O_CREAT, 0644);
}

/* Runs in a child: 0 if the lock can be had, else errno. */
static int other_can_lock(short type, off_t start, off_t length)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int fd = open("f", O_RDWR);

        _exit(lock(fd, F_SETLK, type, start, length) == 0 ? 0 : errno);
    }
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST(write_locks_exclude_others)
{
    int fd = fresh();
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 10, 10), 0);
    CHECK_EQ(other_can_lock(F_WRLCK, 10, 10), EAGAIN);
    CHECK_EQ(other_can_lock(F_RDLCK, 19, 1), EAGAIN);
    CHECK_EQ(other_can_lock(F_WRLCK, 20, 5), 0);
    CHECK_EQ(other_can_lock(F_WRLCK, 0, 10), 0);
    CHECK_EQ(other_can_lock(F_WRLCK, 0, 0), EAGAIN);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 12, 3), 0);
    CHECK_EQ(other_can_lock(F_WRLCK, 12, 3), 0);
    CHECK_EQ(other_can_lock(F_WRLCK, 12, 4), EAGAIN);
    CHECK_EQ(lock(fd, F_SETLK, F_RDLCK, 0, 100), 0);
    CHECK_EQ(other_can_lock(F_RDLCK, 10, 10), 0);
    CHECK_EQ(other_can_lock(F_WRLCK, 10, 10), EAGAIN);
    close(fd);
    CHECK_EQ(other_can_lock(F_WRLCK, 0, 0), 0);
}

TEST(getlk_tells_who)
{
    int fd = fresh(), status;
    pid_t parent = getpid();
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 5, 3), 0);
    pid_t child = fork();
    if (child == 0) {
        struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };
        CHECK_EQ(fcntl(fd, F_GETLK, &l), 0);
        CHECK_EQ(l.l_type, F_WRLCK);
        CHECK_EQ(l.l_start, 5);
        CHECK_EQ(l.l_len, 3);
        CHECK_EQ(l.l_pid, parent);
        l = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };
        CHECK_EQ(fcntl(fd, F_GETLK, &l), 0);
        CHECK_EQ(l.l_type, F_UNLCK);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fd);
}

TEST(any_close_releases_the_locks)
{
    int fd = fresh();
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 0), 0);
    int other = open("f", O_RDONLY);
    close(other);
    CHECK_EQ(other_can_lock(F_WRLCK, 0, 0), 0);
    close(fd);
}

TEST(setlkw_waits)
{
    int fd = fresh(), status, p[2];
    char byte;
    CHECK_EQ(pipe(p), 0);
    pid_t child = fork();
    if (child == 0) {
        int mine = open("f", O_RDWR);
        lock(mine, F_SETLK, F_WRLCK, 0, 0);
        (void)!write(p[1], "x", 1);
        usleep(30000);
        _exit(0);
    }
    CHECK_EQ(read(p[0], &byte, 1), 1);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 0), -1);
    CHECK_EQ(lock(fd, F_SETLKW, F_WRLCK, 0, 0), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(fd);
    close(p[0]);
    close(p[1]);
}

TEST(a_deadlock_is_found)
{
    int fd = fresh(), status, p[2];
    char byte;
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    pid_t child = fork();
    if (child == 0) {
        int mine = open("f", O_RDWR);
        lock(mine, F_SETLK, F_WRLCK, 1, 1);
        (void)!write(p[1], "x", 1);
        lock(mine, F_SETLKW, F_WRLCK, 0, 1);
        _exit(0);
    }
    CHECK_EQ(read(p[0], &byte, 1), 1);
    usleep(30000);
    CHECK_ERROR(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(fd);
    close(p[0]);
    close(p[1]);
}

TEST(record_locks_check_their_arguments)
{
    int fd = fresh();
    close(fd);
    fd = open("f", O_RDONLY);
    CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, 0, 0), EBADF);
    CHECK_EQ(lock(fd, F_SETLK, F_RDLCK, 0, 0), 0);
    CHECK_ERROR(lock(fd, F_SETLK, 9, 0, 0), EINVAL);
    CHECK_ERROR(lock(fd, F_SETLK, F_RDLCK, -1, 1), EINVAL);
    CHECK_ERROR(fcntl(fd, F_SETLK, (void *)8), EFAULT);
    close(fd);
}

TEST(flock_belongs_to_the_open_file)
{
    int fd = fresh();
    int other = open("f", O_RDONLY);
    int copy = dup(fd);
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    CHECK_ERROR(flock(other, LOCK_SH | LOCK_NB), EAGAIN);
    CHECK_EQ(flock(copy, LOCK_SH), 0);
    CHECK_EQ(flock(other, LOCK_SH | LOCK_NB), 0);
    CHECK_ERROR(flock(copy, LOCK_EX | LOCK_NB), EAGAIN);
    close(fd);
    CHECK_EQ(flock(other, LOCK_UN), 0);
    CHECK_EQ(flock(copy, LOCK_EX | LOCK_NB), 0);
    close(copy);
    CHECK_EQ(flock(other, LOCK_EX | LOCK_NB), 0);
    CHECK_ERROR(flock(other, 16), EINVAL);
    CHECK_ERROR(flock(999, LOCK_EX), EBADF);
    close(other);
    unlink("f");
}

TAP_MAIN
