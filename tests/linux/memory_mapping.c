/* SPDX-License-Identifier: MIT */
/*
 * mmap, munmap, mprotect, mremap, madvise, msync, mincore, brk: what they do, and what they refuse.
 */
#include "scratch.h"
#include "tap.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PAGE = 4096, READ = PROT_READ, WRITE = PROT_READ | PROT_WRITE, OWN = MAP_PRIVATE | MAP_ANONYMOUS };

static sigjmp_buf caught;
static volatile int signal_code;
static volatile int signal_number;
static void *volatile signal_address;

static void catch (int number, siginfo_t *info, void *context)
{
    (void)context;
    signal_number = number;
    signal_code = info->si_code;
    signal_address = info->si_addr;
    siglongjmp(caught, 1);
}

/* 0, or the signal that reading or writing a byte brings. */
static int touch(volatile char *address, int is_write)
{
    struct sigaction action = { .sa_sigaction = catch, .sa_flags = SA_SIGINFO };

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    signal_number = 0;
    if (sigsetjmp(caught, 1) == 0) {
        if (is_write)
            *address = *address + 1;
        else
            (void)*address;
    }
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    return signal_number;
}

static char *map(size_t pages, int protection, int flags)
{
    char *address = mmap(NULL, pages * PAGE, protection, flags, -1, 0);

    CHECK(address != MAP_FAILED);
    return address;
}

static int file_of(const char *name, size_t bytes)
{
    int fd;

    scratch_enter();
    fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (size_t i = 0; i < bytes; i++) {
        char byte = (char)('a' + i % 26);
        CHECK_EQ(write(fd, &byte, 1), 1);
    }
    unlink(name);
    return fd;
}

TEST(anonymous_memory_is_zero)
{
    char *pages = map(8, WRITE, OWN);

    for (int i = 0; i < 8 * PAGE; i += 512)
        CHECK_EQ(pages[i], 0);
    pages[5 * PAGE] = 1;
    CHECK_EQ(munmap(pages, 8 * PAGE), 0);
    CHECK_EQ(touch(pages, 0), SIGSEGV);
    CHECK_EQ(signal_code, SEGV_MAPERR);
    CHECK(signal_address == pages);
}

TEST(protection_is_enforced)
{
    char *pages = map(3, WRITE, OWN);

    pages[0] = pages[PAGE] = pages[2 * PAGE] = 7;
    CHECK_EQ(mprotect(pages + PAGE, PAGE, READ), 0);
    CHECK_EQ(touch(pages + PAGE, 0), 0);
    CHECK_EQ(touch(pages + PAGE, 1), SIGSEGV);
    CHECK_EQ(signal_code, SEGV_ACCERR);
    CHECK_EQ(touch(pages, 1), 0);
    CHECK_EQ(mprotect(pages, 3 * PAGE, PROT_NONE), 0);
    CHECK_EQ(touch(pages + 2 * PAGE, 0), SIGSEGV);
    CHECK_EQ(mprotect(pages, 3 * PAGE, WRITE), 0);
    CHECK_EQ(pages[0], 8);
    CHECK_EQ(pages[PAGE], 7);
    CHECK_EQ(touch(pages + PAGE, 1), 0);
    munmap(pages, 3 * PAGE);
}

TEST(untouched_none_memory_becomes_usable)
{
    char *pages = mmap(NULL, 128 << 20, PROT_NONE, OWN | MAP_NORESERVE, -1, 0);

    CHECK(pages != MAP_FAILED);
    CHECK_EQ(touch(pages, 0), SIGSEGV);
    CHECK_EQ(mprotect(pages, 64 * PAGE, WRITE), 0);
    CHECK_EQ(touch(pages + 63 * PAGE, 1), 0);
    CHECK_EQ(touch(pages + 64 * PAGE, 1), SIGSEGV);
    CHECK_EQ(munmap(pages + 32 * PAGE, 14 << 20), 0);
    CHECK_EQ(touch(pages + 31 * PAGE, 1), 0);
    CHECK_EQ(touch(pages + 32 * PAGE, 1), SIGSEGV);
    CHECK_EQ(munmap(pages, 128 << 20), 0);
}

TEST(system_calls_see_protection)
{
    int ends[2];
    char *pages = map(2, WRITE, OWN);

    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], pages, 10), 10);
    CHECK_EQ(mprotect(pages, PAGE, READ), 0);
    CHECK_ERROR(read(ends[0], pages, 10), EFAULT);
    CHECK_EQ(mprotect(pages, PAGE, PROT_NONE), 0);
    CHECK_ERROR(write(ends[1], pages, 10), EFAULT);
    munmap(pages, 2 * PAGE);
    CHECK_ERROR(write(ends[1], pages, 10), EFAULT);
    close(ends[0]);
    close(ends[1]);
}

TEST(large_reads_fill_untouched_memory)
{
    char *pages = map(300, WRITE, OWN);
    int fd = open("/dev/zero", O_RDONLY);

    memset(pages + 100 * PAGE, 1, PAGE);
    CHECK_EQ(read(fd, pages, 300 * PAGE), 300 * PAGE);
    CHECK_EQ(pages[100 * PAGE], 0);
    close(fd);
    munmap(pages, 300 * PAGE);
}

TEST(fixed_replaces_and_noreplace_does_not)
{
    char *pages = map(4, WRITE, OWN);

    pages[PAGE] = 9;
    CHECK(mmap(pages + PAGE, PAGE, WRITE, OWN | MAP_FIXED, -1, 0) == pages + PAGE);
    CHECK_EQ(pages[PAGE], 0);
    CHECK_ERROR(mmap(pages, PAGE, WRITE, OWN | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    munmap(pages + 2 * PAGE, PAGE);
    CHECK(mmap(pages + 2 * PAGE, PAGE, WRITE, OWN | MAP_FIXED_NOREPLACE, -1, 0) == pages + 2 * PAGE);
    munmap(pages, 4 * PAGE);
    CHECK(mmap(pages + 1, PAGE, WRITE, OWN, -1, 0) != MAP_FAILED);
}

TEST(mmap_errors)
{
    int fd = file_of("f", 100);
    int reader = open("/proc/self/status", O_RDONLY);
    int pipes[2];

    CHECK_EQ(pipe(pipes), 0);
    CHECK_ERROR(mmap(NULL, 0, READ, OWN, -1, 0), EINVAL);
    CHECK_ERROR(mmap(NULL, PAGE, READ, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERROR(mmap((void *)0x10000001, PAGE, READ, OWN | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_mmap, NULL, PAGE, READ, MAP_PRIVATE, fd, 100), EINVAL);
    CHECK_ERROR(mmap(NULL, PAGE, READ, MAP_PRIVATE, 999, 0), EBADF);
    CHECK_ERROR(mmap(NULL, PAGE, READ, MAP_PRIVATE, -1, 0), EBADF);
    CHECK_ERROR(mmap(NULL, PAGE, READ, MAP_PRIVATE, pipes[0], 0), ENODEV);
    CHECK_ERROR(mmap(NULL, (size_t)1 << 60, READ, OWN, -1, 0), ENOMEM);
    CHECK_ERROR(munmap((void *)0x10000001, PAGE), EINVAL);
    CHECK_ERROR(munmap((void *)0x10000000, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_mprotect, 0x10000001, PAGE, READ), EINVAL);
    CHECK_ERROR(mprotect((void *)0x10000000, PAGE, READ), ENOMEM);
    CHECK_ERROR(madvise((void *)0x10000000, PAGE, 12345), EINVAL);
    CHECK_ERROR(msync((void *)0x10000000, PAGE, MS_SYNC), ENOMEM);
    close(fd);
    close(reader);
    close(pipes[0]);
    close(pipes[1]);
}

TEST(open_mode_is_checked)
{
    int fd, reader, writer;

    scratch_enter();
    scratch_file("mode", "text");
    reader = open("mode", O_RDONLY);
    writer = open("mode", O_WRONLY);
    CHECK_ERROR(mmap(NULL, PAGE, WRITE, MAP_SHARED, reader, 0), EACCES);
    CHECK(mmap(NULL, PAGE, WRITE, MAP_PRIVATE, reader, 0) != MAP_FAILED);
    CHECK(mmap(NULL, PAGE, READ, MAP_SHARED, reader, 0) != MAP_FAILED);
    CHECK_ERROR(mmap(NULL, PAGE, READ, MAP_SHARED, writer, 0), EACCES);
    fd = open("/tmp", O_RDONLY);
    CHECK_ERROR(mmap(NULL, PAGE, READ, MAP_PRIVATE, fd, 0), ENODEV);
    close(fd);
    close(reader);
    close(writer);
    unlink("mode");
}

TEST(private_file_pages_are_copied_at_the_first_write)
{
    int fd = file_of("f", 2 * PAGE + 100);
    char *view = mmap(NULL, 3 * PAGE, WRITE, MAP_PRIVATE, fd, 0);
    char byte;

    CHECK(view != MAP_FAILED);
    CHECK_EQ(view[1], 'b');
    CHECK_EQ(view[2 * PAGE + 100], 0);
    view[1] = '!';
    view[PAGE] = '?';
    CHECK_EQ(pread(fd, &byte, 1, 1), 1);
    CHECK_EQ(byte, 'b');
    CHECK_EQ(view[1], '!');
    CHECK_EQ(pwrite(fd, "Z", 1, 2 * PAGE), 1);
    CHECK_EQ(view[2 * PAGE], 'Z');
    munmap(view, 3 * PAGE);
    close(fd);
}

TEST(shared_file_pages_and_read_write_agree)
{
    int fd = file_of("f", PAGE + 10);
    char *view = mmap(NULL, 2 * PAGE, WRITE, MAP_SHARED, fd, 0);
    char *second = mmap(NULL, PAGE, READ, MAP_SHARED, fd, PAGE);
    char text[4] = { 0 };

    CHECK(view != MAP_FAILED && second != MAP_FAILED);
    memcpy(view + PAGE, "mem", 3);
    CHECK_EQ(pread(fd, text, 3, PAGE), 3);
    CHECK_EQ(strcmp(text, "mem"), 0);
    CHECK_EQ(pwrite(fd, "abc", 3, 5), 3);
    CHECK_EQ(memcmp(view + 5, "abc", 3), 0);
    CHECK_EQ(second[0], 'm');
    CHECK_EQ(msync(view, 2 * PAGE, MS_SYNC), 0);
    CHECK_ERROR(msync(view, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    close(fd);
    view[7] = 'q';
    CHECK_EQ(view[7], 'q');
    munmap(view, 2 * PAGE);
    munmap(second, PAGE);
}

TEST(beyond_the_end_of_a_file_is_sigbus)
{
    int fd = file_of("f", 10);
    char *view = mmap(NULL, 3 * PAGE, WRITE, MAP_SHARED, fd, 0);

    CHECK(view != MAP_FAILED);
    CHECK_EQ(touch(view + 200, 1), 0);
    CHECK_EQ(touch(view + PAGE, 0), SIGBUS);
    CHECK_EQ(signal_code, BUS_ADRERR);
    CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
    CHECK_EQ(touch(view + PAGE, 0), 0);
    CHECK_EQ(touch(view + PAGE, 1), 0);
    CHECK_EQ(ftruncate(fd, 5), 0);
    CHECK_EQ(touch(view + PAGE, 0), SIGBUS);
    CHECK_EQ(view[4], 'e');
    CHECK_EQ(view[5], 0);
    munmap(view, 3 * PAGE);
    close(fd);
}

TEST(dev_zero_is_anonymous_memory)
{
    int fd = open("/dev/zero", O_RDWR);
    char *view = mmap(NULL, 2 * PAGE, WRITE, MAP_PRIVATE, fd, 0);

    CHECK(view != MAP_FAILED);
    CHECK_EQ(view[PAGE], 0);
    view[PAGE] = 3;
    CHECK_EQ(view[PAGE], 3);
    munmap(view, 2 * PAGE);
    close(fd);
}

TEST(shared_anonymous_memory_is_inherited)
{
    char *shared = map(4, WRITE, MAP_SHARED | MAP_ANONYMOUS);
    char *own = map(4, WRITE, OWN);
    pid_t child = fork();

    if (child == 0) {
        shared[3 * PAGE] = 5;
        own[0] = 6;
        _exit(0);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(shared[3 * PAGE], 5);
    CHECK_EQ(own[0], 0);
    munmap(shared, 4 * PAGE);
    munmap(own, 4 * PAGE);
}

TEST(dontneed_drops_the_contents)
{
    int fd = file_of("f", PAGE);
    char *pages = map(4, WRITE, OWN);
    char *view = mmap(NULL, PAGE, WRITE, MAP_PRIVATE, fd, 0);

    memset(pages, 1, 4 * PAGE);
    CHECK_EQ(madvise(pages + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(pages[0] + pages[PAGE] + pages[2 * PAGE] + pages[3 * PAGE], 2);
    view[0] = '!';
    CHECK_EQ(madvise(view, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(view[0], 'a');
    CHECK_EQ(madvise(pages, PAGE, MADV_WILLNEED), 0);
    CHECK_EQ(madvise(pages, PAGE, MADV_NORMAL), 0);
    CHECK_ERROR(madvise(pages + 1, PAGE, MADV_DONTNEED), EINVAL);
    munmap(pages, 4 * PAGE);
    CHECK_ERROR(madvise(pages, PAGE, MADV_DONTNEED), ENOMEM);
    munmap(view, PAGE);
    close(fd);
}

TEST(fork_advice)
{
    char *wiped = map(2, WRITE, OWN);
    char *missing = map(2, WRITE, OWN);
    int status;
    pid_t child;

    wiped[0] = missing[0] = 4;
    CHECK_EQ(madvise(wiped, PAGE, MADV_WIPEONFORK), 0);
    CHECK_EQ(madvise(missing, PAGE, MADV_DONTFORK), 0);
    child = fork();
    if (child == 0)
        _exit(wiped[0] == 0 && touch(missing, 0) == SIGSEGV ? 0 : 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(wiped[0] + missing[0], 8);
    munmap(wiped, 2 * PAGE);
    munmap(missing, 2 * PAGE);
}

TEST(mremap_moves_and_shrinks)
{
    char *pages = map(4, WRITE, OWN);
    char *moved, *target;

    pages[0] = 1;
    pages[PAGE] = 2;
    CHECK(mremap(pages, 4 * PAGE, 2 * PAGE, 0) == pages);
    CHECK_EQ(touch(pages + 2 * PAGE, 0), SIGSEGV);
    CHECK(mmap(pages + 2 * PAGE, PAGE, READ, OWN | MAP_FIXED, -1, 0) != MAP_FAILED);
    CHECK_ERROR(mremap(pages, 2 * PAGE, 9 * PAGE, 0), ENOMEM);
    moved = mremap(pages, 2 * PAGE, 9 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != pages);
    CHECK_EQ(moved[0] + moved[PAGE] + moved[8 * PAGE], 3);
    CHECK_EQ(touch(pages, 0), SIGSEGV);
    target = map(9, WRITE, OWN);
    CHECK(mremap(moved, 9 * PAGE, 9 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    CHECK_EQ(target[PAGE], 2);
    CHECK_EQ(touch(target, 1), 0);
    CHECK_ERROR(mremap(moved, PAGE, PAGE, MREMAP_MAYMOVE), EFAULT);
    CHECK_ERROR(mremap(target + 1, PAGE, PAGE, 0), EINVAL);
    CHECK_ERROR(mremap(target, PAGE, 0, 0), EINVAL);
    munmap(target, 9 * PAGE);
}

TEST(brk_moves_exactly)
{
    uintptr_t start = (uintptr_t)syscall(SYS_brk, 0);

    CHECK_EQ(syscall(SYS_brk, start + 12345), (long)(start + 12345));
    *(volatile char *)(start + 12344) = 1;
    CHECK_EQ(syscall(SYS_brk, start + 100), (long)(start + 100));
    CHECK_EQ(syscall(SYS_brk, start + 12345), (long)(start + 12345));
    CHECK_EQ(*(volatile char *)(start + 12344), 0);
    CHECK_EQ(syscall(SYS_brk, 4096), (long)(start + 12345));
    CHECK_EQ(syscall(SYS_brk, start), (long)start);
}

TEST(mincore_and_mlock)
{
    char *pages = map(3, WRITE, OWN);
    unsigned char vector[3] = { 9, 9, 9 };

    pages[PAGE] = 1;
    CHECK_EQ(mincore(pages, 3 * PAGE, vector), 0);
    CHECK_EQ(vector[0] & 1, 0);
    CHECK_EQ(vector[1] & 1, 1);
    CHECK_EQ(mlock(pages, 3 * PAGE), 0);
    CHECK_EQ(munlock(pages, 3 * PAGE), 0);
    munmap(pages, 3 * PAGE);
    CHECK_ERROR(mincore(pages, PAGE, vector), ENOMEM);
    CHECK_ERROR(mlock(pages, PAGE), ENOMEM);
}

static int deep(int depth)
{
    volatile char room[1024];

    room[0] = (char)depth;
    return depth == 0 ? 0 : deep(depth - 1) + (room[0] == (char)depth ? 0 : 1);
}

TEST(the_stack_grows_and_has_an_end)
{
    int status;
    pid_t child;

    CHECK_EQ(deep(4000), 0);
    child = fork();
    if (child == 0)
        _exit(deep(20000) & 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(grandchildren_see_their_own_memory)
{
    volatile char *pages = map(20, WRITE, OWN);
    int status;
    pid_t child;

    memset((void *)pages, 1, 20 * PAGE);
    child = fork();
    if (child == 0) {
        pid_t grandchild;

        pages[PAGE] = 2;
        grandchild = fork();
        if (grandchild == 0) {
            pages[2 * PAGE] = 3;
            _exit(pages[0] + pages[PAGE] + pages[2 * PAGE]);
        }
        waitpid(grandchild, &status, 0);
        _exit(WEXITSTATUS(status) * 10 + pages[2 * PAGE]);
    }
    pages[0] = 9;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 61);
    CHECK_EQ(pages[PAGE] + pages[2 * PAGE], 2);
    munmap((void *)pages, 20 * PAGE);
}

TEST(address_space_limit)
{
    struct rlimit limit;
    int status;
    pid_t child = fork();

    if (child == 0) {
        getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = 64 << 20;
        if (setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(1);
        if (mmap(NULL, 100 << 20, WRITE, OWN, -1, 0) != MAP_FAILED || errno != ENOMEM)
            _exit(2);
        _exit(mmap(NULL, 1 << 20, WRITE, OWN, -1, 0) == MAP_FAILED ? 3 : 0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(memory_can_be_executed_if_it_says_so)
{
    static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
    char *page = map(1, WRITE, OWN);
    int (*run)(void) = (int (*)(void))(void *)page;
    struct sigaction action = { .sa_sigaction = catch, .sa_flags = SA_SIGINFO };

    memcpy(page, code, sizeof(code));
    sigaction(SIGSEGV, &action, NULL);
    if (sigsetjmp(caught, 1) == 0) {
        run();
        CHECK(0);
    }
    CHECK_EQ(signal_code, SEGV_ACCERR);
    CHECK(signal_address == page);
    signal(SIGSEGV, SIG_DFL);
    CHECK_EQ(mprotect(page, PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(run(), 42);
    munmap(page, PAGE);
}

TAP_MAIN
