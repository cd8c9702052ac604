/* SPDX-License-Identifier: MIT */
/*
 * Resource limits: numbers and start values.
 */
#pragma once

#include "state.h"

enum linux_rlimit {
    LINUX_RLIMIT_CPU = 0,
    LINUX_RLIMIT_FSIZE = 1,
    LINUX_RLIMIT_DATA = 2,
    LINUX_RLIMIT_STACK = 3,
    LINUX_RLIMIT_CORE = 4,
    LINUX_RLIMIT_RSS = 5,
    LINUX_RLIMIT_NPROC = 6,
    LINUX_RLIMIT_NOFILE = 7,
    LINUX_RLIMIT_MEMLOCK = 8,
    LINUX_RLIMIT_AS = 9,
    LINUX_RLIMIT_SIGPENDING = 11,
    LINUX_RLIMIT_NICE = 13,
};

#define RLIMIT_INFINITY (~0ull)

void limits_init(struct pm_process *process);
