/* SPDX-License-Identifier: MIT */
/*
 * wait4 and waitid: what they report, whom they wait for, errors; SIGCHLD.
 */
#include "tap.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static pid_t child_exits(int status)
{
    pid_t child = fork();

    if (child == 0)
        _exit(status);
    return child;
}

static pid_t child_waits(void)
{
    pid_t child = fork();

    if (child == 0) {
        for (;;)
            pause();
    }
    return child;
}

TEST(exit_status_is_reported)
{
    int status;
    pid_t child = child_exits(42);

    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 42);
    child = child_exits(256 + 3);
    CHECK_EQ(wait(&status), child);
    CHECK_EQ(WEXITSTATUS(status), 3);
}

TEST(death_by_signal_is_reported)
{
    int status;
    pid_t child = child_waits();

    kill(child, SIGTERM);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGTERM);
    child = child_waits();
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

TEST(exceptions_kill)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        *(volatile int *volatile)(unsigned long)setrlimit = 1; /* code cannot be written */
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
    CHECK(!WCOREDUMP(status));
}

TEST(nobody_to_wait_for)
{
    CHECK_ERROR(waitpid(-1, NULL, 0), ECHILD);
    CHECK_ERROR(waitpid(1, NULL, WNOHANG), ECHILD);
    CHECK_ERROR(waitpid(-1, NULL, 0x100), EINVAL);
}

TEST(nohang_returns_zero_while_the_child_lives)
{
    int status = 77;
    pid_t child = child_waits();

    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    CHECK_EQ(status, 77);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_ERROR(waitpid(child, NULL, 0), ECHILD);
}

TEST(children_are_chosen_by_pid_and_group)
{
    pid_t a = child_waits();
    pid_t b = child_waits();

    CHECK_EQ(setpgid(b, b), 0);
    kill(a, SIGKILL);
    kill(b, SIGKILL);
    CHECK_EQ(waitpid(-b, NULL, 0), b);
    CHECK_ERROR(waitpid(-b, NULL, 0), ECHILD);
    CHECK_EQ(waitpid(0, NULL, 0), a);
}

TEST(waitid_can_leave_the_zombie)
{
    siginfo_t info = { 0 };
    pid_t child = child_exits(9);

    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(info.si_pid, child);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_status, 9);
    CHECK_EQ(info.si_signo, SIGCHLD);
    CHECK_EQ(waitid(P_ALL, 0, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, child);
    CHECK_ERROR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    CHECK_ERROR(waitid(P_ALL, 0, &info, 0), EINVAL);
}

TEST(waitid_with_nohang_clears_the_pid)
{
    siginfo_t info;
    pid_t child = child_waits();

    memset(&info, 0xff, sizeof(info));
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ(info.si_pid, 0);
    kill(child, SIGTERM);
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED), 0);
    CHECK_EQ(info.si_code, CLD_KILLED);
    CHECK_EQ(info.si_status, SIGTERM);
}

static volatile siginfo_t chld;
static volatile sig_atomic_t chld_count;

static void on_child(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    chld = *info;
    chld_count++;
}

static void watch_children(int flags)
{
    struct sigaction action = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART | flags };

    sigaction(SIGCHLD, &action, NULL);
    chld_count = 0;
}

TEST(sigchld_tells_who_and_how)
{
    pid_t child;

    watch_children(0);
    child = child_exits(4);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(chld_count, 1);
    CHECK_EQ(chld.si_pid, child);
    CHECK_EQ(chld.si_code, CLD_EXITED);
    CHECK_EQ(chld.si_status, 4);
    signal(SIGCHLD, SIG_DFL);
}

/* The signal may come a moment after the wait has reported. */
static bool child_reports(int code)
{
    for (int i = 0; i < 1000 && chld.si_code != code; i++)
        usleep(1000);
    return chld.si_code == code;
}

TEST(stop_and_continue_are_reported)
{
    int status;
    pid_t child;

    watch_children(0);
    child = child_waits();
    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), SIGSTOP);
    CHECK(child_reports(CLD_STOPPED));
    CHECK_EQ(waitpid(child, &status, WUNTRACED | WNOHANG), 0);
    kill(child, SIGCONT);
    CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
    CHECK(WIFCONTINUED(status));
    CHECK(child_reports(CLD_CONTINUED));
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    signal(SIGCHLD, SIG_DFL);
}

TEST(nocldstop_keeps_stops_quiet)
{
    pid_t child;
    int status;

    watch_children(SA_NOCLDSTOP);
    child = child_waits();
    kill(child, SIGSTOP);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(chld_count, 0);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(chld_count, 1);
    signal(SIGCHLD, SIG_DFL);
}

TEST(ignored_sigchld_leaves_no_zombies)
{
    signal(SIGCHLD, SIG_IGN);
    child_exits(0);
    CHECK_ERROR(waitpid(-1, NULL, 0), ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

TEST(nocldwait_leaves_no_zombies)
{
    watch_children(SA_NOCLDWAIT);
    child_exits(0);
    CHECK_ERROR(waitpid(-1, NULL, 0), ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

TEST(grandchild_is_adopted)
{
    int ends[2];
    pid_t child;
    pid_t seen[2];

    CHECK_EQ(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        pid_t before = getpid();
        if (fork() == 0) {
            pid_t pids[2] = { before, 0 };
            while (getppid() == before)
                usleep(1000);
            pids[1] = getppid();
            _exit(write(ends[1], pids, sizeof(pids)) == sizeof(pids) ? 0 : 1);
        }
        _exit(0);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_EQ(read(ends[0], seen, sizeof(seen)), sizeof(seen));
    CHECK_EQ(seen[0], child);
    CHECK(seen[1] != child && seen[1] > 0);
    close(ends[0]);
    close(ends[1]);
}

TEST(rusage_of_children_counts_their_time)
{
    struct rusage usage;
    pid_t child = fork();

    if (child == 0) {
        struct timespec start;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
            clock_gettime(CLOCK_MONOTONIC, &now);
        } while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec < 50000000L);
        _exit(0);
    }
    CHECK_EQ(wait4(child, NULL, 0, &usage), child);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec > 5000);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &usage), 0);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec > 5000);
}

TAP_MAIN
