/* SPDX-License-Identifier: MIT */
/* /dev/null, zero, full, random, urandom. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tap.h"

static unsigned char bytes[200000];

static int open_device(const char *path, int flags)
{
    int fd = open(path, flags);

    CHECK(fd >= 0);
    return fd;
}

TEST(null_takes_everything_and_gives_nothing)
{
    int fd = open_device("/dev/null", O_RDWR);

    CHECK_EQ(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
    CHECK_EQ(read(fd, bytes, 10), 0);
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 0);
    CHECK_EQ(write(fd, (void *)8, 10), 10);
    close(fd);
}

TEST(zero_gives_zeros)
{
    int fd = open_device("/dev/zero", O_RDWR);
    int sum = 0;

    memset(bytes, 1, sizeof(bytes));
    CHECK_EQ(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        sum += bytes[i];
    CHECK_EQ(sum, 0);
    bytes[1] = bytes[3] = 7;
    CHECK_EQ(read(fd, bytes + 1, 1), 1);
    CHECK_EQ(bytes[1], 0);
    CHECK_EQ(bytes[3], 7);
    CHECK_EQ(write(fd, bytes, 100), 100);
    CHECK_ERROR(read(fd, (void *)8, 10), EFAULT);
    close(fd);
}

TEST(zero_maps_as_private_memory)
{
    int fd = open_device("/dev/zero", O_RDWR);
    unsigned char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    CHECK(memory != MAP_FAILED);
    CHECK_EQ(memory[5000], 0);
    memory[5000] = 1;
    CHECK_EQ(memory[5000], 1);
    munmap(memory, 8192);
    close(fd);
}

TEST(full_is_full)
{
    int fd = open_device("/dev/full", O_RDWR);

    CHECK_ERROR(write(fd, bytes, 1), ENOSPC);
    bytes[0] = 9;
    CHECK_EQ(read(fd, bytes, 1), 1);
    CHECK_EQ(bytes[0], 0);
    close(fd);
}

static void check_random(const char *path)
{
    static unsigned char other[4096];
    int count[256] = { 0 };
    int fd = open_device(path, O_RDWR);

    CHECK_EQ(read(fd, bytes, 4096), 4096);
    CHECK_EQ(read(fd, other, 4096), 4096);
    CHECK(memcmp(bytes, other, 4096) != 0);
    for (int i = 0; i < 4096; i++)
        count[bytes[i]]++;
    for (int i = 0; i < 256; i++)
        CHECK(count[i] < 60);
    CHECK_EQ(read(fd, bytes, 1), 1);
    CHECK_EQ(write(fd, "seed", 4), 4);
    CHECK_EQ(read(fd, bytes, 100000), 100000);
    close(fd);
}

TEST(random_bytes_differ)
{
    check_random("/dev/random");
    check_random("/dev/urandom");
}

TEST(their_numbers_and_readiness)
{
    static const struct {
        const char *path;
        unsigned minor;
    } devices[] = { { "/dev/null", 3 }, { "/dev/zero", 5 }, { "/dev/full", 7 }, { "/dev/random", 8 }, { "/dev/urandom", 9 } };

    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        int fd = open_device(devices[i].path, O_RDWR);
        struct pollfd wait = { .fd = fd, .events = POLLIN | POLLOUT };
        struct stat status;
        int count;

        CHECK_EQ(fstat(fd, &status), 0);
        CHECK(S_ISCHR(status.st_mode));
        CHECK_EQ(major(status.st_rdev), 1);
        CHECK_EQ(minor(status.st_rdev), devices[i].minor);
        CHECK_EQ(poll(&wait, 1, 0), 1);
        CHECK(wait.revents & POLLIN); /* random wants input only when it lacks some */
        CHECK_ERROR(ioctl(fd, TIOCGWINSZ, &count), devices[i].minor < 8 ? ENOTTY : EINVAL);
        close(fd);
    }
}

TAP_MAIN
