/* SPDX-License-Identifier: MIT */
/*
 * The parts of arch.h that stand on the path of every message and are therefore inline. Included by arch.h only.
 */
#pragma once

#include "cpulocal.h"
#include "kernel/inline.h"

struct space {
    uint64_t root;   /* physical address of its PML4; 0: not in use */
    uint32_t tables; /* list of its table frames (frame_link), the root last */
};
extern struct space spaces[SPACE_COUNT];

ALWAYS_INLINE uint32_t cpu_current(void)
{
    return cpu_this()->number;
}

ALWAYS_INLINE struct thread *current_thread(void)
{
    return cpu_this()->current;
}

ALWAYS_INLINE uint64_t time_cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Low half, for differences below 2^32 cycles (0.8 seconds at 5 GHz). */
ALWAYS_INLINE uint32_t time_cycles_low(void)
{
    uint32_t low;
    __asm__ volatile("rdtsc" : "=a"(low) : : "rdx", "memory");
    return low;
}

/* arch_switch for a thread whose space is known to exist. */
ALWAYS_INLINE void space_switch(struct thread *thread, uint32_t space)
{
    struct cpu_local *cpu = cpu_this();
    cpu->current = thread;
    if (cpu->loaded_space == space && !cpu->loaded_stale)
        return;
    uint64_t root = spaces[space].root;
    if (__builtin_expect(cpu->loaded_stale != 0 || root == 0, 0)) {
        space_activate(space);
        return;
    }
    cpu->loaded_space = space;
    cpu->space_switches++;
    __asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
}

/* Words; a fault goes on behind the copy (exception table), with words left over. stac and clac are no-ops without SMAP (cpu_patch_smap). */
ALWAYS_INLINE bool copy_user_words(void *to, const void *from, uint64_t words)
{
    __asm__ volatile("1: stac\n"
                     "2: rep movsq\n"
                     "3: clac\n"
                     ".pushsection .exception_table, \"a\"\n"
                     ".quad 2b, 3b, 3b\n" /* from, to, continue at */
                     ".popsection\n"
                     ".pushsection .smap_sites, \"a\"\n"
                     ".quad 1b, 3b\n"
                     ".popsection\n"
                     : "+D"(to), "+S"(from), "+c"(words)
                     :
                     : "memory");
    return words == 0;
}

ALWAYS_INLINE bool copy64(void *to, const void *from)
{
    return copy_user_words(to, from, sizeof(struct message) / 8);
}

ALWAYS_INLINE void space_refresh(void)
{
    if (__builtin_expect(cpu_this()->loaded_stale != 0, 0))
        space_activate(cpu_this()->loaded_space);
}

/* user_address must be below 1 << 47: the caller has checked, since nothing else stops it from being the kernel's. */
ALWAYS_INLINE bool copy_message_in(struct message *to, uint64_t user_address)
{
    space_refresh();
    return copy64(to, (const void *)user_address);
}

ALWAYS_INLINE bool copy_message_out(uint64_t user_address, const struct message *from)
{
    space_refresh();
    return copy64((void *)user_address, from);
}
