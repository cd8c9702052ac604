/* SPDX-License-Identifier: MIT */
/*
 * Sleeping, alarms, interval timers, POSIX timers: order and semantics; times are checked with wide margins only.
 */
#include "tap.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t count;
static volatile int seen_code;
static volatile int seen_value;

static void plain(int signal)
{
    (void)signal;
    count++;
}

static void informed(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    seen_code = info->si_code;
    seen_value = info->si_value.sival_int;
    count++;
}

static void on(int signal)
{
    struct sigaction action = { .sa_handler = plain };

    sigaction(signal, &action, NULL);
    count = 0;
}

static long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

TEST(nanosleep_takes_its_time)
{
    struct timespec time = { 0, 60000000 };
    long start = now_ms();

    CHECK_EQ(nanosleep(&time, NULL), 0);
    CHECK(now_ms() - start >= 59);
    CHECK(now_ms() - start < 3000);
}

TEST(bad_times_are_refused)
{
    struct timespec negative = { -1, 0 };
    struct timespec large = { 0, 1000000000 };

    CHECK_ERROR(nanosleep(&negative, NULL), EINVAL);
    CHECK_ERROR(nanosleep(&large, NULL), EINVAL);
    CHECK_ERROR(nanosleep((void *)8, NULL), EFAULT);
    CHECK_EQ(clock_nanosleep(77, 0, &large, NULL), EINVAL);
}

TEST(absolute_sleep_in_the_past_returns_at_once)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec -= time.tv_sec > 0;
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL), 0);
    clock_gettime(CLOCK_REALTIME, &time);
    CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL), 0);
}

TEST(absolute_sleep_ends_at_its_time)
{
    struct timespec time;
    long start = now_ms();

    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += 50000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL), 0);
    CHECK(now_ms() - start >= 49);
}

TEST(interrupted_sleep_tells_what_is_left)
{
    struct timespec time = { 10, 0 };
    struct timespec left = { 0, 0 };
    struct itimerval soon = { .it_value = { 0, 50000 } };

    on(SIGALRM);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_ERROR(nanosleep(&time, &left), EINTR);
    CHECK_EQ(count, 1);
    CHECK(left.tv_sec == 9);
}

TEST(stopped_sleep_is_not_longer)
{
    int status;
    long start = now_ms();
    pid_t child = fork();

    if (child == 0) {
        struct timespec time = { 0, 400000000 };
        _exit(nanosleep(&time, NULL) == 0 ? 0 : 1);
    }
    usleep(50000);
    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    usleep(100000);
    kill(child, SIGCONT);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(now_ms() - start >= 399);
    CHECK(now_ms() - start < 3000);
}

TEST(alarm_reports_what_was_left)
{
    CHECK_EQ(alarm(100), 0);
    CHECK_EQ(alarm(50), 100);
    CHECK_EQ(alarm(0), 50);
    CHECK_EQ(alarm(0), 0);
}

TEST(alarm_kills_by_default)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct itimerval soon = { .it_value = { 0, 30000 } };
        signal(SIGALRM, SIG_DFL);
        setitimer(ITIMER_REAL, &soon, NULL);
        for (;;)
            pause();
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WTERMSIG(status), SIGALRM);
}

TEST(interval_timer_repeats_until_it_is_stopped)
{
    struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
    struct itimerval none = { { 0, 0 }, { 0, 0 } };
    struct itimerval old;

    on(SIGALRM);
    CHECK_EQ(setitimer(ITIMER_REAL, &every, NULL), 0);
    while (count < 3)
        pause();
    CHECK_EQ(getitimer(ITIMER_REAL, &old), 0);
    CHECK_EQ(old.it_interval.tv_usec, 20000);
    CHECK_EQ(setitimer(ITIMER_REAL, &none, &old), 0);
    CHECK_EQ(old.it_interval.tv_usec, 20000);
    CHECK_EQ(getitimer(ITIMER_REAL, &old), 0);
    CHECK_EQ(old.it_value.tv_sec + old.it_value.tv_usec, 0);
}

TEST(alarms_are_not_inherited)
{
    int status;
    pid_t child;

    alarm(100);
    child = fork();
    if (child == 0)
        _exit(alarm(0) == 0 ? 0 : 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(alarm(0) > 90);
}

TEST(posix_timer_sends_its_value)
{
    struct sigaction action = { .sa_sigaction = informed, .sa_flags = SA_SIGINFO };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = { .sival_int = 42 } };
    struct itimerspec soon = { .it_value = { 0, 20000000 } };
    struct itimerspec left;
    timer_t timer;

    sigaction(SIGUSR1, &action, NULL);
    count = 0;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &soon, NULL), 0);
    while (count == 0)
        pause();
    CHECK_EQ(seen_code, SI_TIMER);
    CHECK_EQ(seen_value, 42);
    CHECK_EQ(timer_gettime(timer, &left), 0);
    CHECK_EQ(left.it_value.tv_nsec, 0);
    CHECK_EQ(timer_getoverrun(timer), 0);
    CHECK_EQ(timer_delete(timer), 0);
    CHECK_ERROR(timer_gettime(timer, &left), EINVAL);
}

TEST(times_counts_in_clock_ticks)
{
    struct tms start;

    CHECK_EQ(sysconf(_SC_CLK_TCK), 100);
    CHECK(times(&start) != (clock_t)-1);
}

TAP_MAIN
