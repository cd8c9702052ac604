/* SPDX-License-Identifier: MIT */
/*
 * Scheduling mechanism: per-processor run queues of 16 priorities, hand-off between IPC partners, placement, quanta, accounting.
 * A thread that runs is in no queue (sched_is_running); a thread that could run is `queued`; all others are neither.
 * Times are processor cycles, so that the hot path needs no multiplication.
 */
#pragma once

#include "arch/x86_64/arch.h"
#include "process/thread.h"

enum { PRIORITY_COUNT = 16, PRIORITY_SERVICE = 4, PRIORITY_USER = 8, QUANTUM_DEFAULT_US = 100000, QUANTUM_MAX_US = 400000 };

struct cpu_state {
    struct thread *current; /* NULL: idle */
    uint32_t ready;         /* bit: queue of that priority is not empty */
    uint32_t load;          /* queued threads */
    uint64_t stamp;         /* cycles at the last change between user, kernel and idle */
    uint64_t armed;         /* cycles for which the timer is set; UINT64_MAX: off */
    uint64_t surplus_since; /* since when threads wait here while another processor is idle */
    bool is_online;
    struct thread *head[PRIORITY_COUNT];
    struct thread *tail[PRIORITY_COUNT];
    uint64_t started; /* cycles when it came up: what is neither kernel nor idle since then is user time */
    uint64_t system_cycles;
    uint64_t idle_cycles;
    uint64_t interrupts;
    uint64_t context_switches;
} __attribute__((aligned(512)));

extern struct cpu_state cpus[CPU_MAX];
extern uint32_t idle_cpus; /* bit per processor */

ALWAYS_INLINE struct cpu_state *cpu_here(void)
{
    return cpu_sched();
}

void sched_init(void);
void sched_cpu_online(void);
/* rts_flags has become 0: queue it here (or where it is bound to), or let it run on if it has not yet left its processor. */
void sched_ready(struct thread *thread);
/* rts_flags has become nonzero. */
void sched_unready(struct thread *thread);
/* For a new thread: the processor with the least to do. */
void sched_place(struct thread *thread);
void sched_set(struct thread *thread, int priority, uint32_t quantum_us, int cpu);
void sched_refill(struct thread *thread);
/* The current thread lets others of its priority run first. */
void sched_yield(struct thread *thread);

/* Is it current somewhere? If it has been stopped it may still be, until that processor has entered the kernel. */
ALWAYS_INLINE bool sched_is_running(const struct thread *thread)
{
    return cpus[thread->cpu].current == thread;
}

/* May `to`, which is in no queue, run here at once in place of `cpu->current`, which blocks? Where more than these two wait the queues decide. */
ALWAYS_INLINE bool sched_may_hand_off(const struct cpu_state *cpu, const struct thread *to)
{
    return !cpu->ready && to->cpu_bound == -1;
}

/* Make `to` the current thread of this processor instead of one that is blocked now. */
ALWAYS_INLINE void sched_hand_off(struct cpu_state *cpu, struct thread *to)
{
    to->cpu = (int16_t)cpu_current();
    cpu->current = to;
    current_set(to);
    cpu->context_switches++;
}

/* ---- accounting (time/account.c for the slow parts) ---- */
void account_init(void); /* after arch code knows machine_info.tsc_hz */
uint64_t cycles_to_ns(uint64_t cycles);
uint64_t ns_to_cycles(uint64_t ns);
/* Have the timer interrupt at `cycles` at the latest. */
void timer_arm(struct cpu_state *cpu, uint64_t cycles);

/* First thing in every handler: the time since we left the kernel goes to the thread, or to idle. */
ALWAYS_INLINE struct cpu_state *kernel_enter(struct thread *thread)
{
    struct cpu_state *cpu = cpu_here();

    if (thread) { /* the timer has seen to it that it was not long (QUANTUM_MAX_US) */
        uint32_t delta = time_cycles_low() - (uint32_t)cpu->stamp;
        cpu->stamp += delta;
        thread->user_cycles += delta;
        thread->quantum_left -= delta;
    } else {
        uint64_t now = time_cycles();
        cpu->idle_cycles += now - cpu->stamp;
        cpu->stamp = now;
        __atomic_and_fetch(&idle_cpus, ~(1u << (cpu - cpus)), __ATOMIC_RELAXED);
    }
    return cpu;
}

/* Last thing before arch_resume: kernel time, timer. */
ALWAYS_INLINE void kernel_leave(struct cpu_state *cpu, struct thread *thread)
{
    uint64_t now = time_cycles(), delta = now - cpu->stamp;

    cpu->stamp = now;
    thread->system_cycles += delta;
    cpu->system_cycles += delta;
    if (now + (uint64_t)thread->quantum_left < cpu->armed)
        timer_arm(cpu, now + (uint64_t)thread->quantum_left);
}

/* The quantum ends before the timer fires, or has ended: schedule_and_resume must see to it. */
ALWAYS_INLINE bool quantum_needs_attention(const struct cpu_state *cpu, const struct thread *thread)
{
    return cpu->stamp + (uint64_t)thread->quantum_left < cpu->armed;
}

/* Return to user mode with the current thread, which has no work left. */
ALWAYS_INLINE __attribute__((noreturn)) void resume_user(struct cpu_state *cpu, struct thread *thread)
{
    kernel_leave(cpu, thread);
    arch_resume(thread);
}
