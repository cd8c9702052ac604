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

/* What the scheduler knows of this processor: &cpus[cpu_current()], set when it comes up. */
ALWAYS_INLINE struct cpu_state *cpu_sched(void)
{
    struct cpu_state *sched;
    __asm__("movq %%gs:%c1, %0" : "=r"(sched) : "i"(CPU_SCHED));
    return sched;
}

/* For one whose space is loaded. */
ALWAYS_INLINE void current_set(struct thread *thread)
{
    cpu_this()->current = thread;
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

/* The cold end of message_pass: user access closed, the loaded space loaded again. */
void message_pass_failed(void);

/*
 * Move a message from user address `from` of the loaded space to user address `to` of `space`, in registers, and load that space. `source` takes the place of
 * the sender's own word; *type is what the sender wrote. False: memory is absent or a space needs care; the old space is loaded, and the
 * receiver's buffer, which means nothing yet, may have been touched.
 */
ALWAYS_INLINE bool message_pass(uint64_t from, uint64_t to, uint32_t space, uint32_t source, uint32_t *type)
{
    struct cpu_local *cpu = cpu_this();
    uint64_t root = 0, w2, w3, w4, w5, w6, w7;
    uint32_t word;

    if (__builtin_expect(cpu->loaded_stale != 0, 0))
        return false;
    if (cpu->loaded_space != space) {
        root = spaces[space].root;
        if (__builtin_expect(root == 0, 0))
            return false;
    }
    __asm__ volatile goto("1: stac\n"
                          "2: movl 4(%[from]), %[word]\n"
                          "movq 8(%[from]), %[w2]\n"
                          "movq 16(%[from]), %[w3]\n"
                          "movq 24(%[from]), %[w4]\n"
                          "movq 32(%[from]), %[w5]\n"
                          "movq 40(%[from]), %[w6]\n"
                          "movq 48(%[from]), %[w7]\n"
                          "movq 56(%[from]), %[from]\n"
                          "testq %[root], %[root]\n"
                          "jz 3f\n"
                          "movq %[root], %%cr3\n"
                          "3: movl %[source], (%[to])\n"
                          "movl %[word], 4(%[to])\n"
                          "movq %[w2], 8(%[to])\n"
                          "movq %[w3], 16(%[to])\n"
                          "movq %[w4], 24(%[to])\n"
                          "movq %[w5], 32(%[to])\n"
                          "movq %[w6], 40(%[to])\n"
                          "movq %[w7], 48(%[to])\n"
                          "movq %[from], 56(%[to])\n"
                          "4: clac\n"
                          ".pushsection .exception_table, \"a\"\n"
                          ".quad 2b, 4b, %l[absent]\n"
                          ".popsection\n"
                          ".pushsection .smap_sites, \"a\"\n"
                          ".quad 1b, 4b\n"
                          ".popsection\n"
                          : [from] "+r"(from), [word] "=&r"(word), [w2] "=&r"(w2), [w3] "=&r"(w3), [w4] "=&r"(w4), [w5] "=&r"(w5),
                            [w6] "=&r"(w6), [w7] "=&r"(w7)
                          : [to] "r"(to), [root] "r"(root), [source] "r"(source)
                          : "memory", "cc"
                          : absent);
    *type = word;
    if (root)
        cpu->loaded_space = space;
    return true;
absent:
    message_pass_failed();
    return false;
}
