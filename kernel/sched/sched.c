/* SPDX-License-Identifier: MIT */
/*
 * Run queues and the choice of the next thread. IPC wakes a partner on the processor of the one that woke it, because a space switch there is cheaper than
 * an interrupt to another one; idle processors take over what waits for longer than SURPLUS_US.
 */
#include "sched/sched.h"

#include "debug/debug.h"
#include "process/event.h"
#include "process/work.h"

enum { SURPLUS_US = 300 };

struct cpu_state cpus[CPU_MAX];
uint32_t idle_cpus;

static void enqueue(struct thread *t, bool at_head)
{
    struct cpu_state *cpu = &cpus[t->cpu];
    int p = t->priority;
    struct thread **end = at_head ? &cpu->head[p] : &cpu->tail[p];

    assert(!t->queued && !sched_is_running(t));
    t->run_next = at_head ? *end : NULL;
    t->run_previous = at_head ? NULL : *end;
    if (!(cpu->ready & 1u << p))
        cpu->head[p] = cpu->tail[p] = t;
    else if (at_head)
        (*end)->run_previous = t, *end = t;
    else
        (*end)->run_next = t, *end = t;
    cpu->ready |= 1u << p;
    cpu->load++;
    t->queued = true;
}

static void dequeue(struct thread *t)
{
    struct cpu_state *cpu = &cpus[t->cpu];
    int p = t->priority;

    if (t->run_previous)
        t->run_previous->run_next = t->run_next;
    else
        cpu->head[p] = t->run_next;
    if (t->run_next)
        t->run_next->run_previous = t->run_previous;
    else
        cpu->tail[p] = t->run_previous;
    if (!cpu->head[p])
        cpu->ready &= ~(1u << p);
    cpu->load--;
    t->queued = false;
}

static void kick_if_better(struct thread *t)
{
    struct cpu_state *cpu = &cpus[t->cpu];

    if (cpu != cpu_here() && (!cpu->current || cpu->current->priority > t->priority))
        cpu_kick((uint32_t)t->cpu);
}

void sched_ready(struct thread *t)
{
    if (t->queued || sched_is_running(t))
        return;
    if (t->cpu_bound >= 0 && cpus[t->cpu_bound].is_online)
        t->cpu = t->cpu_bound;
    else
        t->cpu = (int16_t)cpu_current();
    enqueue(t, false);
    kick_if_better(t);
}

void sched_unready(struct thread *t)
{
    if (t->queued)
        dequeue(t);
    else if (&cpus[t->cpu] != cpu_here() && sched_is_running(t))
        cpu_kick((uint32_t)t->cpu);
}

void sched_place(struct thread *t)
{
    int best = (int)cpu_current();
    uint32_t best_load = UINT32_MAX;

    for (int c = 0; c < (int)cpu_count(); c++) {
        uint32_t load = cpus[c].load * 2 + (cpus[c].current != NULL);
        if (cpus[c].is_online && load < best_load) {
            best = c;
            best_load = load;
        }
    }
    t->cpu = (int16_t)best;
}

void sched_refill(struct thread *t)
{
    t->quantum_left = (int64_t)ns_to_cycles((uint64_t)t->quantum_us * 1000);
}

void sched_set(struct thread *t, int priority, uint32_t quantum_us, int cpu)
{
    bool was_queued = t->queued;

    if (was_queued)
        dequeue(t);
    t->priority = (int16_t)priority;
    quantum_us = quantum_us < QUANTUM_MAX_US ? quantum_us : QUANTUM_MAX_US;
    t->quantum_us = quantum_us ? quantum_us : t->quantum_us;
    t->cpu_bound = (int16_t)cpu;
    sched_refill(t);
    if (was_queued)
        sched_ready(t);
}

void sched_init(void)
{
    account_init();
    for (int c = 0; c < CPU_MAX; c++)
        cpus[c].armed = UINT64_MAX;
}

void sched_cpu_online(void)
{
    struct cpu_state *cpu = &cpus[cpu_current()];

    cpu_this()->sched = cpu;
    cpu->is_online = true;
    cpu->stamp = cpu->started = time_cycles();
}

static struct thread *steal(struct cpu_state *here)
{
    for (int p = 0; p < PRIORITY_COUNT; p++) {
        for (uint32_t c = 0; c < cpu_count(); c++) {
            if (&cpus[c] == here)
                continue;
            for (struct thread *t = cpus[c].head[p]; t; t = t->run_next) {
                if (t->cpu_bound >= 0)
                    continue;
                dequeue(t);
                return t;
            }
        }
    }
    return NULL;
}

static struct thread *pick(struct cpu_state *cpu)
{
    struct thread *t;

    if (cpu->ready) {
        t = cpu->head[__builtin_ctz(cpu->ready)];
        dequeue(t);
    } else {
        t = steal(cpu);
    }
    if (!t)
        return NULL;
    t->cpu = (int16_t)(cpu - cpus);
    cpu->context_switches++;
    return t;
}

/* The thread that shall run here now; keeps the current one unless it is blocked or a better one is ready. */
static struct thread *choose(struct cpu_state *cpu)
{
    struct thread *t = cpu->current;

    if (t && !t->rts_flags && !(cpu->ready & ((1u << t->priority) - 1)) && (t->cpu_bound < 0 || &cpus[t->cpu_bound] == cpu))
        return t;
    if (t) {
        cpu->current = NULL;
        if (!t->rts_flags && (t->cpu_bound < 0 || &cpus[t->cpu_bound] == cpu))
            enqueue(t, t->quantum_left > 0);
        else if (!t->rts_flags)
            sched_ready(t);
    }
    return cpu->current = pick(cpu);
}

/* Threads wait here: is there an idle processor, and have they waited long enough to be worth an interrupt? */
static void share_surplus(struct cpu_state *cpu)
{
    uint64_t now = time_cycles(), limit = ns_to_cycles(SURPLUS_US * 1000);

    if (!cpu->surplus_since)
        cpu->surplus_since = now;
    if (now - cpu->surplus_since >= limit) {
        cpu->surplus_since = 0;
        cpu_kick((uint32_t)__builtin_ctz(idle_cpus));
    } else if (cpu->surplus_since + limit < cpu->armed) {
        timer_arm(cpu, cpu->surplus_since + limit);
    }
}

static void __attribute__((noreturn)) go_idle(struct cpu_state *cpu)
{
    uint64_t now = time_cycles();

    cpu->system_cycles += now - cpu->stamp;
    cpu->stamp = now;
    cpu->surplus_since = 0;
    __atomic_or_fetch(&idle_cpus, 1u << (cpu - cpus), __ATOMIC_RELAXED);
    arch_switch(NULL);
    arch_idle();
}

void sched_yield(struct thread *t)
{
    struct cpu_state *cpu = cpu_here();

    if (!(cpu->ready & 1u << t->priority) || t->rts_flags)
        return;
    cpu->current = NULL;
    enqueue(t, false);
}

static void quantum_end(struct thread *t)
{
    struct thread *scheduler = thread_find(t->scheduler);

    sched_refill(t);
    if (scheduler && scheduler != t && event_out_of_quantum(t, scheduler))
        return;
    if (!t->rts_flags)
        sched_yield(t);
}

void schedule_and_resume(void)
{
    struct cpu_state *cpu = cpu_here();

    for (;;) {
        struct thread *t = choose(cpu);
        if (!t)
            go_idle(cpu);
        if (current_thread() != t)
            arch_switch(t);
        if (t->misc_flags & MF_WORK) {
            thread_work(t);
            continue;
        }
        if (t->quantum_left <= 0) {
            quantum_end(t);
            continue;
        }
        if (cpu->ready && idle_cpus)
            share_surplus(cpu);
        else
            cpu->surplus_since = 0;
        resume_user(cpu, t);
    }
}

void handle_reschedule(void)
{
    kernel_enter(cpu_here()->current);
}
