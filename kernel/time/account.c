/* SPDX-License-Identifier: MIT */
/*
 * Cycles, nanoseconds and the one-shot timer. The timer is never set back: one that fires early finds nothing to do and is set again.
 */
#include "sched/sched.h"

static uint64_t ns_per_cycle, cycles_per_ns; /* 32.32 fixed point */

void account_init(void)
{
    ns_per_cycle = (1000000000ull << 32) / machine_info.tsc_hz;
    cycles_per_ns = (uint64_t)(((unsigned __int128)machine_info.tsc_hz << 32) / 1000000000);
}

uint64_t cycles_to_ns(uint64_t cycles)
{
    return (uint64_t)((unsigned __int128)cycles * ns_per_cycle >> 32);
}

uint64_t ns_to_cycles(uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * cycles_per_ns >> 32);
}

void timer_arm(struct cpu_state *cpu, uint64_t cycles)
{
    uint64_t now = time_cycles();

    if (cycles >= cpu->armed)
        return;
    cpu->armed = cycles;
    timer_set(time_uptime_ns() + (cycles > now ? cycles_to_ns(cycles - now) : 0));
}
