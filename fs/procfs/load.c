/* SPDX-License-Identifier: MIT */
/*
 * Sampling for /proc/loadavg. The factors are exp(-5 s / window) in fixed point.
 */
#include "load.h"

#include "protocols/kernel.h"
#include "sys/syscalls.h"

enum { LOAD_SHIFT = 11, LOAD_ONE = 1 << LOAD_SHIFT, PERCENT = 100 };

static const uint64_t sample_ns = 5000000000;
static const uint64_t decay[PROCFS_LOAD_SLOTS] = { 1884, 2014, 2037 };

void load_start(struct procfs_state *state)
{
    state->load_next_ns = sys_uptime() + sample_ns;
    sys_setalarm(state->load_next_ns);
}

void load_sample(struct procfs_state *state, uint64_t now_ns)
{
    struct times_info times;
    size_t length;
    if (sys_getinfo(KERNEL_INFO_TIMES, &times, sizeof(times), &length) == 0) {
        uint64_t others = times.running > 0 ? times.running - 1 : 0; /* not procfs itself */
        for (int i = 0; i < PROCFS_LOAD_SLOTS; i++) {
            state->load[i] = (state->load[i] * decay[i] + others * LOAD_ONE * (LOAD_ONE - decay[i])) >> LOAD_SHIFT;
        }
    }
    state->load_next_ns = now_ns + sample_ns;
    sys_setalarm(state->load_next_ns);
}

uint64_t load_hundredths(const struct procfs_state *state, int slot)
{
    return (state->load[slot] * PERCENT) >> LOAD_SHIFT;
}
