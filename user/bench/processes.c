/* SPDX-License-Identifier: MIT */
/*
 * Operations on processes, signals and time.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { BAD_SYSCALL = 999 };

static volatile sig_atomic_t caught;

static void null_call(uint64_t count)
{
    while (count-- > 0) {
        syscall(SYS_getppid);
    }
}

static void bad_call(uint64_t count)
{
    while (count-- > 0) {
        syscall(BAD_SYSCALL);
    }
}

static void get_time(uint64_t count)
{
    struct timespec time;
    while (count-- > 0) {
        clock_gettime(CLOCK_MONOTONIC, &time);
    }
}

static void get_time_raw(uint64_t count)
{
    struct timespec time;
    while (count-- > 0) {
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    }
}

static void yield(uint64_t count)
{
    while (count-- > 0) {
        syscall(SYS_sched_yield);
    }
}

static void handler(int number)
{
    (void)number;
    caught = 1;
}

static void install(uint64_t count)
{
    struct sigaction action = { .sa_handler = handler };
    while (count-- > 0) {
        must(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
    }
}

static void mask(uint64_t count)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    while (count-- > 0) {
        must(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
    }
}

static void prepare_handler(void)
{
    install(1);
}

static void deliver(uint64_t count)
{
    pid_t self = getpid();
    while (count-- > 0) {
        caught = 0;
        must(kill(self, SIGUSR1) == 0 && caught, "kill");
    }
}

static void wait_for(pid_t child)
{
    must(child > 0 && waitpid(child, NULL, 0) == child, "waitpid");
}

static void fork_exit(uint64_t count)
{
    while (count-- > 0) {
        pid_t child = fork();
        if (child == 0) {
            _exit(0);
        }
        wait_for(child);
    }
}

static void run_self(void)
{
    char *arguments[] = { (char *)"bench", (char *)"--exit", NULL };
    char *environment[] = { NULL };
    execve(bench_path, arguments, environment);
    _exit(1);
}

static void fork_exec(uint64_t count)
{
    while (count-- > 0) {
        pid_t child = fork();
        if (child == 0) {
            run_self();
        }
        wait_for(child);
    }
}

static void vfork_exec(uint64_t count)
{
    while (count-- > 0) {
        pid_t child = vfork();
        if (child == 0) {
            run_self();
        }
        wait_for(child);
    }
}

static void shell_true(uint64_t count)
{
    while (count-- > 0) {
        must(system("true") == 0, "system");
    }
}

const struct operation process_operations[] = {
    { "null_call", 5000, null_call, NULL, NULL },
    { "bad_call", 5000, bad_call, NULL, NULL },
    { "clock_gettime", 5000, get_time, NULL, NULL },
    { "clock_gettime_raw", 5000, get_time_raw, NULL, NULL },
    { "sched_yield", 2000, yield, NULL, NULL },
    { "sigaction", 2000, install, NULL, NULL },
    { "sigprocmask", 2000, mask, NULL, NULL },
    { "signal_deliver", 1000, deliver, prepare_handler, NULL },
    { "fork_exit_wait", 200, fork_exit, NULL, NULL },
    { "fork_exec_wait", 100, fork_exec, NULL, NULL },
    { "vfork_exec_wait", 100, vfork_exec, NULL, NULL },
    { "shell_true", 20, shell_true, NULL, NULL },
    { NULL, 0, NULL, NULL, NULL },
};
