/* SPDX-License-Identifier: MIT */
/*
 * Waiting for signals: sigsuspend, sigtimedwait, pause; queued signals; masks of ppoll and pselect.
 */
#include "tap.h"

#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t count;

static void plain(int signal)
{
    (void)signal;
    count++;
}

static void on(int signal, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };

    CHECK_EQ(sigaction(signal, &action, NULL), 0);
    count = 0;
}

static sigset_t only(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static pid_t signal_me_later(int signal)
{
    pid_t parent = getpid();
    pid_t child = fork();

    if (child == 0) {
        struct timespec time = { 0, 50000000 };
        nanosleep(&time, NULL);
        kill(parent, signal);
        _exit(0);
    }
    return child;
}

static void reap(pid_t child)
{
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR) {
    }
}

TEST(sigsuspend_takes_a_pending_signal_and_restores_the_mask)
{
    sigset_t blocked = only(SIGUSR1);
    sigset_t none;
    sigset_t now;

    on(SIGUSR1, plain);
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGUSR1);
    CHECK_EQ(count, 0);
    CHECK_ERROR(sigsuspend(&none), EINTR);
    CHECK_EQ(count, 1);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

TEST(sigsuspend_waits)
{
    sigset_t none;
    pid_t child;

    on(SIGUSR1, plain);
    sigemptyset(&none);
    child = signal_me_later(SIGUSR1);
    CHECK_ERROR(sigsuspend(&none), EINTR);
    CHECK_EQ(count, 1);
    reap(child);
}

TEST(pause_ends_with_a_handler)
{
    pid_t child;

    on(SIGUSR1, plain);
    child = signal_me_later(SIGUSR1);
    CHECK_ERROR(pause(), EINTR);
    CHECK_EQ(count, 1);
    reap(child);
}

TEST(sigtimedwait_returns_the_signal_or_eagain)
{
    sigset_t set = only(SIGUSR2);
    struct timespec zero = { 0, 0 };
    struct timespec some = { 0, 30000000 };
    siginfo_t info;
    pid_t child;

    sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK_ERROR(sigtimedwait(&set, &info, &zero), EAGAIN);
    CHECK_ERROR(sigtimedwait(&set, &info, &some), EAGAIN);
    kill(getpid(), SIGUSR2);
    CHECK_EQ(sigtimedwait(&set, &info, &zero), SIGUSR2);
    CHECK_EQ(info.si_pid, getpid());
    child = signal_me_later(SIGUSR2);
    CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR2);
    CHECK_EQ(info.si_pid, child);
    CHECK_EQ(info.si_code, SI_USER);
    reap(child);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST(sigtimedwait_is_interrupted_by_other_handlers)
{
    sigset_t set = only(SIGUSR2);
    pid_t child;

    on(SIGUSR1, plain);
    sigprocmask(SIG_BLOCK, &set, NULL);
    child = signal_me_later(SIGUSR1);
    CHECK_ERROR(syscall(128, &set, NULL, NULL, 8), EINTR); /* musl would repeat sigwaitinfo */
    CHECK_EQ(count, 1);
    reap(child);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST(realtime_signals_queue_with_values)
{
    int signal = SIGRTMIN + 2;
    sigset_t set = only(signal);
    struct timespec zero = { 0, 0 };
    siginfo_t info;

    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 1; i <= 3; i++) {
        union sigval value = { .sival_int = i * 11 };
        CHECK_EQ(sigqueue(getpid(), signal, value), 0);
    }
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(sigtimedwait(&set, &info, &zero), signal);
        CHECK_EQ(info.si_value.sival_int, i * 11);
        CHECK_EQ(info.si_code, SI_QUEUE);
    }
    CHECK_ERROR(sigtimedwait(&set, &info, &zero), EAGAIN);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST(ppoll_opens_the_mask_only_while_it_waits)
{
    sigset_t blocked = only(SIGUSR1);
    sigset_t none;
    sigset_t now;
    struct timespec time = { 5, 0 };
    struct timespec zero = { 0, 0 };
    pid_t child;

    on(SIGUSR1, plain);
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    child = signal_me_later(SIGUSR1);
    CHECK_ERROR(ppoll(NULL, 0, &time, &none), EINTR);
    CHECK_EQ(count, 1);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    CHECK_EQ(ppoll(NULL, 0, &zero, &none), 0);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK_ERROR(pselect(0, NULL, NULL, NULL, &time, &none), EINTR);
    CHECK_EQ(count, 2);
    reap(child);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

TEST(poll_is_interrupted)
{
    pid_t child;

    on(SIGUSR1, plain);
    child = signal_me_later(SIGUSR1);
    CHECK_ERROR(poll(NULL, 0, 5000), EINTR);
    reap(child);
}

TEST(child_inherits_mask_and_actions_but_no_pending_signals)
{
    sigset_t set = only(SIGUSR1);
    sigset_t now;
    struct sigaction action;
    pid_t child;
    int status;

    on(SIGUSR2, plain);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, NULL, &now);
        if (!sigismember(&now, SIGUSR1))
            _exit(1);
        sigpending(&now);
        if (sigismember(&now, SIGUSR1))
            _exit(2);
        sigaction(SIGUSR2, NULL, &action);
        _exit(action.sa_handler == plain ? 0 : 3);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    signal(SIGUSR1, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    signal(SIGUSR1, SIG_DFL);
}

TAP_MAIN
