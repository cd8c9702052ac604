/* SPDX-License-Identifier: MIT */
/*
 * The page that the kernel shares with every program: enough to compute the time from the TSC (kernel/arch/x86_64/vdso.S reads it; offsets are used
 * in assembly). uptime ns = (tsc - tsc_base) * multiplier >> 32; realtime = uptime + realtime_offset_ns.
 */
#pragma once

#include <stdint.h>

struct time_page {
    uint64_t tsc_base;
    uint64_t multiplier;
    volatile uint64_t realtime_offset_ns; /* one aligned word: no lock */
};
