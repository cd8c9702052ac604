/* SPDX-License-Identifier: MIT */
/*
 * Policy: a thread that uses its quantum up sinks by one, at most SCHED_DROP; every five seconds those that sank rise by one. The kernel has the
 * run queues; it is told only what changes.
 */
#include <stddef.h>

#include "base/string.h"
#include "errors.h"
#include "kernel_info.h"
#include "protocols/kernel_client.h"
#include "protocols/sched_event_server.h"
#include "protocols/sched_server.h"
#include "state.h"
#include "sys/call.h"
#include "sys/log.h"
#include "sys/syscalls.h"

static uint8_t base_of_nice(int nice)
{
    if (nice < -20)
        nice = -20;
    if (nice > 19)
        nice = 19;
    return (uint8_t)(SCHED_NORMAL + nice / 5);
}

static uint8_t floor_of(const struct sched_thread *thread)
{
    int lowest = thread->base + SCHED_DROP;

    return (uint8_t)(lowest < SCHED_LOWEST ? lowest : SCHED_LOWEST);
}

static struct sched_thread *find(struct sched_state *state, endpoint_t process)
{
    struct sched_thread *thread;

    if (process < 0 || endpoint_slot(process) >= PROCESS_SLOTS)
        return NULL;
    thread = &state->thread[endpoint_slot(process)];
    return thread->used && thread->endpoint == process ? thread : NULL;
}

static void set_priority(struct sched_state *state, struct sched_thread *thread, uint8_t priority)
{
    state->sunk -= thread->priority > thread->base;
    thread->priority = priority;
    state->sunk += thread->priority > thread->base;
}

/* false: the process is gone. */
static bool tell_kernel(const struct sched_thread *thread)
{
    struct kernel_schedule_request request = { .process = thread->endpoint, .priority = thread->priority, .cpu = -1 };

    return kernel_call_schedule(ENDPOINT_SYSTEM, &request) == 0;
}

static void forget(struct sched_state *state, struct sched_thread *thread)
{
    set_priority(state, thread, thread->base);
    thread->used = false;
}

int sched_handle_start(struct sched_state *state, struct call *call, const struct sched_start_request *request)
{
    struct kernel_schedctl_request control = { .process = request->process, .scheduler = ENDPOINT_SCHED, .cpu = -1 };
    struct sched_thread *thread;

    (void)call;
    if (request->process < 0 || endpoint_slot(request->process) >= PROCESS_SLOTS)
        return -EINVAL;
    thread = &state->thread[endpoint_slot(request->process)];
    if (thread->used)
        forget(state, thread);
    thread->endpoint = request->process;
    thread->base = base_of_nice(request->nice);
    thread->priority = thread->base;
    thread->used = true;
    control.priority = thread->priority;
    control.quantum_us = SCHED_QUANTUM_US;
    if (kernel_call_schedctl(ENDPOINT_SYSTEM, &control) != 0)
        forget(state, thread);
    return 0;
}

int sched_handle_stop(struct sched_state *state, struct call *call, const struct sched_stop_request *request)
{
    struct sched_thread *thread = find(state, request->process);

    (void)call;
    if (thread != NULL)
        forget(state, thread);
    return 0;
}

int sched_handle_nice(struct sched_state *state, struct call *call, const struct sched_nice_request *request)
{
    struct sched_thread *thread = find(state, request->process);

    (void)call;
    if (thread == NULL)
        return -ESRCH;
    set_priority(state, thread, thread->base);
    thread->base = base_of_nice(request->nice);
    set_priority(state, thread, thread->base);
    if (!tell_kernel(thread))
        forget(state, thread);
    return 0;
}

int event_handle_out_of_quantum(struct sched_state *state, struct call *call, const struct event_out_of_quantum_request *request)
{
    struct sched_thread *thread = find(state, call->caller);

    (void)request;
    if (thread == NULL || thread->priority >= floor_of(thread))
        return 0;
    if (state->sunk == 0)
        (void)sys_setalarm(sys_uptime() + SCHED_RAISE_NS);
    set_priority(state, thread, thread->priority + 1);
    (void)tell_kernel(thread);
    return 0;
}

void sched_raise(struct sched_state *state)
{
    for (uint32_t i = 0; i < PROCESS_SLOTS && state->sunk > 0; i++) {
        struct sched_thread *thread = &state->thread[i];

        if (!thread->used || thread->priority <= thread->base)
            continue;
        set_priority(state, thread, thread->priority - 1);
        if (!tell_kernel(thread))
            forget(state, thread);
    }
    if (state->sunk > 0)
        (void)sys_setalarm(sys_uptime() + SCHED_RAISE_NS);
}

void sched_start(struct sched_state *state)
{
    memset(state, 0, sizeof(*state));
}

int sched_rebuild(void *opaque)
{
    const struct sched_state *state = opaque;

    return state->sunk > 0 ? sys_setalarm(sys_uptime() + SCHED_RAISE_NS) : 0;
}

/* ---- the check ---- */

static const char *check_thread(const struct sched_thread *thread, uint32_t slot)
{
    if (!thread->used)
        return NULL;
    if (endpoint_slot(thread->endpoint) != slot)
        return "a thread is in another thread's slot";
    return thread->priority < thread->base || thread->priority > SCHED_LOWEST ? "a priority is out of range" : NULL;
}

static uint32_t count_sunk(const struct sched_state *state)
{
    uint32_t sunk = 0;

    for (uint32_t i = 0; i < PROCESS_SLOTS; i++)
        sunk += state->thread[i].used && state->thread[i].priority > state->thread[i].base;
    return sunk;
}

const char *sched_state_check(const void *opaque)
{
    const struct sched_state *state = opaque;
    const char *problem = NULL;

    for (uint32_t i = 0; i < PROCESS_SLOTS && problem == NULL; i++)
        problem = check_thread(&state->thread[i], i);
    if (problem == NULL && count_sunk(state) != state->sunk)
        problem = "the count of sunk threads is wrong";
    return problem;
}

/* What the kernel has in a slot. */
static struct sched_thread as_in_kernel(uint32_t slot)
{
    struct process_info info = { .slot = PROCESS_SLOTS };
    struct kernel_getinfo_request request = {
        .what = KERNEL_INFO_PROCESSES, .address = (uint64_t)(uintptr_t)&info, .length = sizeof(info), .argument = slot
    };
    struct kernel_getinfo_reply reply;

    if (kernel_call_getinfo(ENDPOINT_SYSTEM, &request, &reply) != 0 || info.slot != slot || info.priority < 0 ||
        info.priority > SCHED_LOWEST)
        return (struct sched_thread){ .used = false };
    return (
        struct sched_thread){ .endpoint = info.endpoint, .used = true, .base = (uint8_t)info.priority, .priority = (uint8_t)info.priority };
}

void sched_mend(void *opaque)
{
    struct sched_state *state = opaque;

    for (uint32_t i = 0; i < PROCESS_SLOTS; i++) {
        if (check_thread(&state->thread[i], i) != NULL)
            state->thread[i] = as_in_kernel(i);
    }
    state->sunk = count_sunk(state);
}
