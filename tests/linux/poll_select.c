/* SPDX-License-Identifier: MIT */
/* poll, select, epoll, eventfd. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>

#include "scratch.h"
#include "tap.h"

static long elapsed_ms(const struct timespec *from)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

TEST(poll_tells_what_is_ready)
{
    int p[2];
    CHECK_EQ(pipe(p), 0);
    struct pollfd fds[3] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 }, { -1, POLLIN, 77 } };
    CHECK_EQ(poll(fds, 3, 0), 1);
    CHECK_EQ(fds[0].revents, 0);
    CHECK_EQ(fds[1].revents, POLLOUT);
    CHECK_EQ(fds[2].revents, 0);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(poll(fds, 2, -1), 2);
    CHECK_EQ(fds[0].revents, POLLIN);
    close(p[1]);
    CHECK_EQ(poll(fds, 1, -1), 1);
    CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
    fds[0].fd = 999;
    CHECK_EQ(poll(fds, 1, -1), 1);
    CHECK_EQ(fds[0].revents, POLLNVAL);
    close(p[0]);
    CHECK_EQ(pipe(p), 0);
    close(p[0]);
    fds[0].fd = p[1];
    fds[0].events = POLLOUT;
    CHECK_EQ(poll(fds, 1, 0), 1);
    CHECK_EQ(fds[0].revents, POLLOUT | POLLERR);
    close(p[1]);
}

TEST(poll_sleeps_until_its_timeout)
{
    int p[2];
    struct timespec start;
    CHECK_EQ(pipe(p), 0);
    struct pollfd fds[1] = { { p[0], POLLIN, 0 } };
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK_EQ(poll(fds, 1, 50), 0);
    CHECK(elapsed_ms(&start) >= 49);
    CHECK(elapsed_ms(&start) < 5000);
    CHECK_EQ(poll(NULL, 0, 10), 0);
    close(p[0]);
    close(p[1]);
}

TEST(poll_wakes_for_a_writer)
{
    int p[2], q[2], status;
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(pipe(q), 0);
    pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        (void)!write(q[1], "x", 1);
        _exit(0);
    }
    struct pollfd fds[2] = { { p[0], POLLIN, 0 }, { q[0], POLLIN, 0 } };
    CHECK_EQ(poll(fds, 2, 10000), 1);
    CHECK_EQ(fds[0].revents, 0);
    CHECK_EQ(fds[1].revents, POLLIN);
    waitpid(child, &status, 0);
    close(p[0]);
    close(p[1]);
    close(q[0]);
    close(q[1]);
}

TEST(regular_files_are_always_ready)
{
    scratch_enter();
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    struct pollfd fds[1] = { { fd, POLLIN | POLLOUT, 0 } };
    CHECK_EQ(poll(fds, 1, -1), 1);
    CHECK_EQ(fds[0].revents, POLLIN | POLLOUT);
    CHECK_ERROR(poll((struct pollfd *)8, 1, 0), EFAULT);
    close(fd);
    unlink("f");
}

TEST(select_sets)
{
    int p[2];
    fd_set in, out;
    struct timeval none = { 0, 0 }, some = { 0, 30000 };
    CHECK_EQ(pipe(p), 0);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    CHECK_EQ(select(p[1] + 1, &in, &out, NULL, &none), 1);
    CHECK(!FD_ISSET(p[0], &in));
    CHECK(FD_ISSET(p[1], &out));
    FD_SET(p[0], &in);
    CHECK_EQ(select(p[1] + 1, &in, NULL, NULL, &some), 0);
    CHECK(!FD_ISSET(p[0], &in));
    CHECK_EQ(write(p[1], "x", 1), 1);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    CHECK_EQ(select(p[1] + 1, &in, &out, NULL, NULL), 2);
    close(p[0]);
    close(p[1]);
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    CHECK_ERROR(select(p[0] + 1, &in, NULL, NULL, &none), EBADF);
    CHECK_ERROR(select(-1, NULL, NULL, NULL, &none), EINVAL);
    struct timeval wrong = { -1, 0 };
    CHECK_ERROR(select(0, NULL, NULL, NULL, &wrong), EINVAL);
}

static void nothing(int number)
{
    (void)number;
}

TEST(a_signal_ends_poll_with_eintr)
{
    struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    CHECK_ERROR(poll(NULL, 0, 20000), EINTR);
    alarm(1);
    CHECK_ERROR(select(0, NULL, NULL, NULL, NULL), EINTR);
}

TEST(pselect_lets_a_blocked_signal_in)
{
    struct sigaction action = { .sa_handler = nothing };
    sigset_t set, old;
    struct timespec long_time = { 20, 0 };
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    CHECK_ERROR(pselect(0, NULL, NULL, NULL, &long_time, &old), EINTR);
    sigset_t now;
    sigprocmask(SIG_SETMASK, &old, &now);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    CHECK_EQ(ppoll(NULL, 0, &(struct timespec){ 0, 1000000 }, &old), 0);
}

TEST(eventfd_counts)
{
    uint64_t value = 3;
    int fd = eventfd(2, EFD_NONBLOCK);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 5);
    CHECK_ERROR(read(fd, &value, 8), EAGAIN);
    CHECK_ERROR(read(fd, &value, 4), EINVAL);
    value = UINT64_MAX;
    CHECK_ERROR(write(fd, &value, 8), EINVAL);
    value--;
    CHECK_EQ(write(fd, &value, 8), 8);
    value = 1;
    CHECK_ERROR(write(fd, &value, 8), EAGAIN);
    close(fd);
    fd = eventfd(2, EFD_SEMAPHORE);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 1);
    close(fd);
}

TEST(epoll_level_and_edge)
{
    int p[2];
    struct epoll_event event, got[4];
    CHECK_EQ(pipe(p), 0);
    int ep = epoll_create1(0);
    CHECK(ep >= 0);
    event.events = EPOLLIN;
    event.data.u64 = 0x123456789abcdef0ull;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &event), 0);
    CHECK_ERROR(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &event), EEXIST);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    CHECK_EQ(got[0].events, EPOLLIN);
    CHECK_EQ(got[0].data.u64, 0x123456789abcdef0ull);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    event.events = EPOLLIN | EPOLLET;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &event), 0);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    CHECK_EQ(write(p[1], "y", 1), 1);
    CHECK_EQ(epoll_wait(ep, got, 4, -1), 1);
    event.events = EPOLLIN | EPOLLONESHOT;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &event), 0);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 1);
    CHECK_EQ(write(p[1], "z", 1), 1);
    CHECK_EQ(epoll_wait(ep, got, 4, 0), 0);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL), 0);
    CHECK_ERROR(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL), ENOENT);
    CHECK_ERROR(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event), EINVAL);
    CHECK_ERROR(epoll_ctl(ep, EPOLL_CTL_ADD, 999, &event), EBADF);
    CHECK_ERROR(epoll_wait(ep, got, 0, 0), EINVAL);
    CHECK_ERROR(epoll_wait(p[0], got, 1, 0), EINVAL);
    close(p[0]);
    close(p[1]);
    close(ep);
}

TEST(epoll_refuses_regular_files)
{
    struct epoll_event event = { .events = EPOLLIN };
    scratch_enter();
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    int ep = epoll_create1(EPOLL_CLOEXEC);
    CHECK_ERROR(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event), EPERM);
    close(ep);
    close(fd);
    unlink("f");
}

TEST(epoll_sleeps_and_wakes)
{
    int p[2], status;
    struct epoll_event event = { .events = EPOLLIN }, got[1];
    CHECK_EQ(pipe(p), 0);
    int ep = epoll_create1(0);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &event), 0);
    CHECK_EQ(epoll_wait(ep, got, 1, 20), 0);
    pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        (void)!write(p[1], "x", 1);
        _exit(0);
    }
    CHECK_EQ(epoll_wait(ep, got, 1, 10000), 1);
    waitpid(child, &status, 0);
    struct pollfd fds[1] = { { ep, POLLIN, 0 } };
    CHECK_EQ(poll(fds, 1, 0), 1);
    close(p[0]);
    close(p[1]);
    CHECK_EQ(epoll_wait(ep, got, 1, 0), 0);
    close(ep);
}

TAP_MAIN
