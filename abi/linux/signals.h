/* SPDX-License-Identifier: MIT */
/*
 * Signals as Linux x86-64 numbers them: numbers, sigaction flags, siginfo codes, and the two structures that cross the system call border.
 */
#pragma once

#include <stdint.h>

enum linux_signal {
    LINUX_SIGHUP = 1,
    LINUX_SIGINT = 2,
    LINUX_SIGQUIT = 3,
    LINUX_SIGILL = 4,
    LINUX_SIGTRAP = 5,
    LINUX_SIGABRT = 6,
    LINUX_SIGBUS = 7,
    LINUX_SIGFPE = 8,
    LINUX_SIGKILL = 9,
    LINUX_SIGUSR1 = 10,
    LINUX_SIGSEGV = 11,
    LINUX_SIGUSR2 = 12,
    LINUX_SIGPIPE = 13,
    LINUX_SIGALRM = 14,
    LINUX_SIGTERM = 15,
    LINUX_SIGSTKFLT = 16,
    LINUX_SIGCHLD = 17,
    LINUX_SIGCONT = 18,
    LINUX_SIGSTOP = 19,
    LINUX_SIGTSTP = 20,
    LINUX_SIGTTIN = 21,
    LINUX_SIGTTOU = 22,
    LINUX_SIGURG = 23,
    LINUX_SIGXCPU = 24,
    LINUX_SIGXFSZ = 25,
    LINUX_SIGVTALRM = 26,
    LINUX_SIGPROF = 27,
    LINUX_SIGWINCH = 28,
    LINUX_SIGIO = 29,
    LINUX_SIGPWR = 30,
    LINUX_SIGSYS = 31,
    LINUX_SIGRTMIN = 32,
    LINUX_SIGNALS = 64,
};

#define LINUX_SIG_DFL      0ull
#define LINUX_SIG_IGN      1ull

#define LINUX_SA_NOCLDSTOP 0x1ull
#define LINUX_SA_NOCLDWAIT 0x2ull
#define LINUX_SA_SIGINFO   0x4ull
#define LINUX_SA_RESTORER  0x04000000ull
#define LINUX_SA_ONSTACK   0x08000000ull
#define LINUX_SA_RESTART   0x10000000ull
#define LINUX_SA_NODEFER   0x40000000ull
#define LINUX_SA_RESETHAND 0x80000000ull

enum { LINUX_SIG_BLOCK = 0, LINUX_SIG_UNBLOCK = 1, LINUX_SIG_SETMASK = 2 };
enum { LINUX_SS_ONSTACK = 1, LINUX_SS_DISABLE = 2, LINUX_MINSIGSTKSZ = 2048 };
#define LINUX_SS_AUTODISARM 0x80000000u

enum linux_si_code {
    LINUX_SI_USER = 0,
    LINUX_SI_KERNEL = 0x80,
    LINUX_SI_QUEUE = -1,
    LINUX_SI_TIMER = -2,
    LINUX_SI_TKILL = -6,
    LINUX_CLD_EXITED = 1,
    LINUX_CLD_KILLED = 2,
    LINUX_CLD_DUMPED = 3,
    LINUX_CLD_TRAPPED = 4,
    LINUX_CLD_STOPPED = 5,
    LINUX_CLD_CONTINUED = 6,
};

/* rt_sigaction(2) on x86-64. */
struct linux_sigaction {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

struct linux_stack {
    uint64_t base;
    int32_t flags;
    uint32_t padding;
    uint64_t length;
};

struct linux_siginfo {
    int32_t signal;
    int32_t error;
    int32_t code;
    int32_t padding;
    union {
        struct {
            int32_t pid;  /* timers: the timer's id */
            uint32_t uid; /* timers: the overrun */
            uint64_t value;
        } user;
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status;
            int32_t padding;
            int64_t user_ticks;
            int64_t system_ticks;
        } child;
        uint64_t address;
        uint8_t bytes[112];
    };
};

_Static_assert(sizeof(struct linux_siginfo) == 128, "siginfo_t");
