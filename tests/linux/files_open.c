/* SPDX-License-Identifier: MIT */
/* open(2): flags, errors and their order, descriptors. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tap.h"

TEST(open_of_a_missing_file_is_enoent)
{
    scratch_enter();
    CHECK_ERROR(open("missing", O_RDONLY), ENOENT);
    CHECK_ERROR(open("missing/below", O_RDONLY), ENOENT);
    CHECK_ERROR(open("", O_RDONLY), ENOENT);
    CHECK_ERROR(open("", O_RDWR | O_CREAT, 0600), ENOENT);
}

TEST(open_creates_and_gives_the_lowest_descriptor)
{
    scratch_enter();
    int a = open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
    CHECK(a >= 0);
    int b = open("a", O_RDONLY);
    CHECK_EQ(b, a + 1);
    CHECK_EQ(close(a), 0);
    int c = open("a", O_RDONLY);
    CHECK_EQ(c, a);
    close(b);
    close(c);
    CHECK_ERROR(open("a", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
    CHECK_EQ(unlink("a"), 0);
}

TEST(umask_takes_bits_away)
{
    struct stat st;
    scratch_enter();
    mode_t old = umask(027);
    int fd = open("masked", O_RDWR | O_CREAT, 0777);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0750);
    CHECK_EQ(umask(old), 027);
    close(fd);
    unlink("masked");
}

TEST(a_file_with_a_slash_behind_it_is_not_a_directory)
{
    scratch_enter();
    close(open("f", O_RDWR | O_CREAT, 0600));
    CHECK_ERROR(open("f/", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("f/x", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("f/.", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open("new/", O_RDWR | O_CREAT, 0600), EISDIR);
    unlink("f");
}

TEST(directories_cannot_be_opened_for_writing)
{
    scratch_enter();
    CHECK_EQ(mkdir("d", 0700), 0);
    CHECK_ERROR(open("d", O_WRONLY), EISDIR);
    CHECK_ERROR(open("d", O_RDWR), EISDIR);
    CHECK_ERROR(open("d", O_RDONLY | O_CREAT, 0600), EISDIR);
    CHECK_ERROR(open(".", O_RDONLY | O_CREAT, 0600), EISDIR);
    int fd = open("d/", O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0);
    char byte;
    CHECK_ERROR(read(fd, &byte, 1), EISDIR);
    CHECK_ERROR(write(fd, &byte, 1), EBADF);
    close(fd);
    CHECK_EQ(rmdir("d"), 0);
}

TEST(truncation_at_open_empties_the_file)
{
    struct stat st;
    scratch_enter();
    scratch_file("t", "some text");
    int fd = open("t", O_WRONLY | O_TRUNC);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 0);
    close(fd);
    unlink("t");
}

TEST(names_have_limits)
{
    char name[300], path[5000];
    scratch_enter();
    memset(name, 'n', sizeof(name));
    name[255] = 0;
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(unlink(name), 0);
    name[255] = 'n';
    name[256] = 0;
    CHECK_ERROR(open(name, O_RDWR | O_CREAT, 0600), ENAMETOOLONG);
    memset(path, '/', sizeof(path));
    path[4095] = 0;
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    close(fd);
    path[4095] = '/';
    path[4096] = 0;
    CHECK_ERROR(open(path, O_RDONLY), ENAMETOOLONG);
}

TEST(openat_starts_at_its_directory)
{
    scratch_enter();
    CHECK_EQ(mkdir("d", 0700), 0);
    scratch_file("d/inside", "x");
    int dir = open("d", O_RDONLY);
    int fd = openat(dir, "inside", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_ERROR(openat(fd, "inside", O_RDONLY), ENOTDIR);
    CHECK_ERROR(openat(999, "inside", O_RDONLY), EBADF);
    int root = openat(999, "/", O_RDONLY);
    CHECK(root >= 0);
    close(root);
    close(fd);
    close(dir);
    unlink("d/inside");
    rmdir("d");
}

TEST(dup_shares_the_position)
{
    char byte;
    scratch_enter();
    scratch_file("f", "abcdef");
    int fd = open("f", O_RDONLY);
    int copy = dup(fd);
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(read(copy, &byte, 1), 1);
    CHECK_EQ(byte, 'b');
    CHECK_EQ(dup2(fd, fd), fd);
    CHECK_EQ(dup2(fd, 77), 77);
    CHECK_EQ(fcntl(77, F_GETFD), 0);
    CHECK_EQ(dup3(fd, 78, O_CLOEXEC), 78);
    CHECK_EQ(fcntl(78, F_GETFD), FD_CLOEXEC);
    CHECK_ERROR(dup3(fd, fd, 0), EINVAL);
    CHECK_ERROR(dup(-1), EBADF);
    CHECK_ERROR(dup2(999, 5), EBADF);
    CHECK_ERROR(dup2(fd, -1), EBADF);
    CHECK_ERROR(dup2(fd, 1 << 24), EBADF);
    CHECK_EQ(fcntl(fd, F_DUPFD, 100), 100);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 100), 101);
    CHECK_EQ(fcntl(101, F_GETFD), FD_CLOEXEC);
    close(77);
    close(78);
    close(100);
    close(101);
    close(copy);
    close(fd);
    CHECK_ERROR(close(fd), EBADF);
    unlink("f");
}

TEST(status_flags_can_be_read_and_changed)
{
    scratch_enter();
    int fd = open("f", O_RDWR | O_CREAT | O_APPEND, 0600);
    CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_APPEND);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_NONBLOCK);
    CHECK_ERROR(fcntl(fd, 9999, 0), EINVAL);
    CHECK_ERROR(fcntl(999, F_GETFL), EBADF);
    close(fd);
    unlink("f");
}

TEST(too_many_open_files_is_emfile)
{
    struct rlimit old, few = { 10, 10 };
    scratch_enter();
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    few.rlim_max = old.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    int last = -1, fd;
    while ((fd = open("/", O_RDONLY)) >= 0)
        last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(last, 9);
    CHECK_ERROR(dup(0), EMFILE);
    CHECK_ERROR(fcntl(0, F_DUPFD, 10), EINVAL);
    for (fd = 3; fd <= last; fd++)
        close(fd);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
}

TEST(a_path_descriptor_names_but_does_not_open)
{
    char byte;
    struct stat st;
    scratch_enter();
    scratch_file("f", "x");
    int fd = open("f", O_PATH);
    CHECK(fd >= 0);
    CHECK_ERROR(read(fd, &byte, 1), EBADF);
    CHECK_ERROR(syscall(91, fd, 0600), EBADF);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 1);
    close(fd);
    unlink("f");
}

TEST(bad_addresses_are_efault)
{
    struct stat st;
    scratch_enter();
    CHECK_ERROR(open((char *)8, O_RDONLY), EFAULT);
    CHECK_EQ(syscall(4, 8, &st), -1);
    CHECK_EQ(errno, EFAULT);
    CHECK_EQ(syscall(4, "/", 8), -1);
    CHECK_EQ(errno, EFAULT);
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    CHECK_ERROR(write(fd, (char *)8, 4), EFAULT);
    CHECK_EQ(write(fd, "abcd", 4), 4);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_ERROR(read(fd, (char *)8, 4), EFAULT);
    CHECK_EQ(read(fd, (char *)8, 0), 0);
    close(fd);
    unlink("f");
}

TEST(close_on_exec_and_close_range)
{
    scratch_enter();
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_SETFD, 0), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EQ(dup2(fd, 50), 50);
    CHECK_EQ(dup2(fd, 60), 60);
    CHECK_EQ(syscall(436, 50, 60, 0), 0);
    CHECK_ERROR(fcntl(50, F_GETFD), EBADF);
    CHECK_ERROR(fcntl(60, F_GETFD), EBADF);
    close(fd);
}

TAP_MAIN
