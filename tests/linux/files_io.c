/* SPDX-License-Identifier: MIT */
/* Reading, writing, positions, vectors, truncation, sparse files. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "scratch.h"
#include "tap.h"

static int fresh(void)
{
    scratch_enter();
    unlink("f");
    return open("f", O_RDWR | O_CREAT | O_EXCL, 0644);
}

TEST(what_is_written_can_be_read)
{
    char text[16] = { 0 };
    int fd = fresh();
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_EQ(read(fd, text, 16), 0);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(read(fd, text, 16), 4);
    CHECK_EQ(memcmp(text, "ello", 4), 0);
    close(fd);
}

TEST(wrong_access_modes_are_ebadf)
{
    char byte = 0;
    close(fresh());
    int fd = open("f", O_RDONLY);
    CHECK_ERROR(write(fd, &byte, 1), EBADF);
    CHECK_ERROR(ftruncate(fd, 0), EINVAL);
    close(fd);
    fd = open("f", O_WRONLY);
    CHECK_ERROR(read(fd, &byte, 1), EBADF);
    CHECK_ERROR(pread(fd, &byte, 1, 0), EBADF);
    close(fd);
    CHECK_ERROR(read(999, &byte, 1), EBADF);
}

TEST(seek_has_its_rules)
{
    int fd = fresh(), pipes[2];
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(lseek(fd, -3, SEEK_END), 7);
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
    CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERROR(lseek(fd, -11, SEEK_END), EINVAL);
    CHECK_ERROR(lseek(fd, 0, 77), EINVAL);
    CHECK_ERROR(lseek(999, 0, SEEK_SET), EBADF);
    CHECK_ERROR(lseek(fd, 10, SEEK_DATA), ENXIO);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 10);
    CHECK_EQ(pipe(pipes), 0);
    CHECK_ERROR(lseek(pipes[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERROR(pread(pipes[0], &fd, 1, 0), ESPIPE);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

TEST(holes_read_as_zeros)
{
    char text[8192];
    struct stat st;
    int fd = fresh();
    CHECK_EQ(pwrite(fd, "x", 1, 20000), 1);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 20001);
    memset(text, 1, sizeof(text));
    CHECK_EQ(pread(fd, text, sizeof(text), 5000), sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++)
        CHECK_EQ(text[i], 0);
    CHECK_EQ(pread(fd, text, 10, 20000), 1);
    CHECK_EQ(text[0], 'x');
    CHECK_EQ(pread(fd, text, 10, 20001), 0);
    close(fd);
}

TEST(truncation_cuts_and_extends_with_zeros)
{
    char text[16];
    struct stat st;
    int fd = fresh();
    CHECK_EQ(write(fd, "abcdefgh", 8), 8);
    CHECK_EQ(ftruncate(fd, 3), 0);
    CHECK_EQ(ftruncate(fd, 8), 0);
    CHECK_EQ(pread(fd, text, 16, 0), 8);
    CHECK_EQ(memcmp(text, "abc\0\0\0\0\0", 8), 0);
    CHECK_EQ(truncate("f", 5), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 5);
    CHECK_ERROR(ftruncate(fd, -1), EINVAL);
    CHECK_ERROR(truncate("f", -1), EINVAL);
    CHECK_ERROR(truncate("/", 0), EISDIR);
    CHECK_ERROR(truncate("missing", 0), ENOENT);
    close(fd);
}

TEST(append_writes_at_the_end)
{
    char text[16];
    int fd = fresh();
    CHECK_EQ(write(fd, "abc", 3), 3);
    int append = open("f", O_WRONLY | O_APPEND);
    CHECK_EQ(write(append, "def", 3), 3);
    CHECK_EQ(lseek(append, 0, SEEK_CUR), 6);
    CHECK_EQ(lseek(append, 0, SEEK_SET), 0);
    CHECK_EQ(write(append, "g", 1), 1);
    CHECK_EQ(pread(fd, text, 16, 0), 7);
    CHECK_EQ(memcmp(text, "abcdefg", 7), 0);
    close(append);
    close(fd);
}

TEST(vectors_gather_and_scatter)
{
    char a[4] = { 0 }, b[8] = { 0 };
    int fd = fresh();
    char first[] = "ab", second[] = "cdef";
    struct iovec out[3] = { { first, 2 }, { NULL, 0 }, { second, 4 } };
    struct iovec in[2] = { { a, 3 }, { b, 8 } };
    CHECK_EQ(writev(fd, out, 3), 6);
    CHECK_EQ(preadv(fd, in, 2, 0), 6);
    CHECK_EQ(memcmp(a, "abc", 3), 0);
    CHECK_EQ(memcmp(b, "def", 3), 0);
    CHECK_ERROR(writev(fd, out, -1), EINVAL);
    CHECK_ERROR(writev(fd, out, 1025), EINVAL);
    CHECK_ERROR(writev(fd, (struct iovec *)8, 2), EFAULT);
    CHECK_EQ(writev(fd, out, 0), 0);
    struct iovec wrong[1] = { { a, (size_t)-1 } };
    CHECK_ERROR(writev(fd, wrong, 1), EINVAL);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    close(fd);
}

TEST(a_big_file_keeps_its_contents)
{
    enum { BYTES = 3 << 20 };
    static unsigned char block[65536], back[65536];
    int fd = fresh();
    for (int i = 0; i < BYTES / (int)sizeof(block); i++) {
        for (size_t j = 0; j < sizeof(block); j++)
            block[j] = (unsigned char)(i * 31 + j * 7 + (j >> 8));
        CHECK_EQ(write(fd, block, sizeof(block)), sizeof(block));
    }
    for (int i = BYTES / (int)sizeof(block) - 1; i >= 0; i--) {
        for (size_t j = 0; j < sizeof(block); j++)
            block[j] = (unsigned char)(i * 31 + j * 7 + (j >> 8));
        CHECK_EQ(pread(fd, back, sizeof(back), (off_t)i * (off_t)sizeof(block)), sizeof(back));
        CHECK_EQ(memcmp(block, back, sizeof(back)), 0);
    }
    close(fd);
    unlink("f");
}

TEST(file_size_limit_gives_efbig_and_a_signal)
{
    struct rlimit old, limit;
    int fd = fresh();
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char text[200] = { 0 };
    CHECK_EQ(write(fd, text, 200), 100);
    CHECK_ERROR(write(fd, text, 1), EFBIG);
    CHECK_ERROR(ftruncate(fd, 101), EFBIG);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    close(fd);
}

TEST(an_unlinked_file_lives_until_it_is_closed)
{
    char text[4];
    struct stat st;
    int fd = fresh();
    CHECK_EQ(write(fd, "gone", 4), 4);
    CHECK_EQ(unlink("f"), 0);
    CHECK_EQ(pread(fd, text, 4, 0), 4);
    CHECK_EQ(memcmp(text, "gone", 4), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_ERROR(open("f", O_RDONLY), ENOENT);
    close(fd);
}

TEST(a_shared_mapping_and_read_see_the_same)
{
    char text[4];
    int fd = fresh();
    CHECK_EQ(write(fd, "1234", 4), 4);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    CHECK_EQ(memcmp(map, "1234", 4), 0);
    map[1] = 'x';
    CHECK_EQ(pread(fd, text, 4, 0), 4);
    CHECK_EQ(memcmp(text, "1x34", 4), 0);
    CHECK_EQ(pwrite(fd, "y", 1, 2), 1);
    CHECK_EQ(map[2], 'y');
    CHECK_EQ(munmap(map, 4096), 0);
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(map != MAP_FAILED);
    map[0] = 'p';
    CHECK_EQ(pread(fd, text, 1, 0), 1);
    CHECK_EQ(text[0], '1');
    CHECK_EQ(munmap(map, 4096), 0);
    close(fd);
}

TEST(sendfile_copies_files)
{
    off_t offset = 2;
    char text[8];
    int fd = fresh();
    CHECK_EQ(write(fd, "abcdef", 6), 6);
    int out = open("g", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(sendfile(out, fd, &offset, 100), 4);
    CHECK_EQ(offset, 6);
    CHECK_EQ(pread(out, text, 8, 0), 4);
    CHECK_EQ(memcmp(text, "cdef", 4), 0);
    int pipes[2];
    CHECK_EQ(pipe(pipes), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(sendfile(pipes[1], fd, NULL, 3), 3);
    CHECK_EQ(read(pipes[0], text, 8), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
    close(pipes[0]);
    close(pipes[1]);
    close(out);
    close(fd);
    unlink("g");
    unlink("f");
}

TEST(null_zero_and_full)
{
    char text[4] = "abc";
    int fd = open("/dev/null", O_RDWR);
    CHECK_EQ(write(fd, text, 4), 4);
    CHECK_EQ(read(fd, text, 4), 0);
    close(fd);
    fd = open("/dev/zero", O_RDWR);
    CHECK_EQ(read(fd, text, 4), 4);
    CHECK_EQ(memcmp(text, "\0\0\0\0", 4), 0);
    CHECK_EQ(write(fd, text, 4), 4);
    close(fd);
    fd = open("/dev/full", O_RDWR);
    CHECK_EQ(read(fd, text, 4), 4);
    CHECK_ERROR(write(fd, text, 4), ENOSPC);
    close(fd);
}

TAP_MAIN
