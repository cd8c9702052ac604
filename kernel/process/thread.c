/* SPDX-License-Identifier: MIT */
/*
 * The table of threads: making, clearing, and the run-time flags on which everything hangs.
 */
#include "process/thread.h"

#include "arch/x86_64/arch.h"
#include "base/string.h"
#include "calls/calls.h"
#include "ipc/ipc.h"
#include "ipc/public.h"
#include "irq/irq.h"
#include "process/privileges.h"
#include "sched/sched.h"
#include "time/alarm.h"

struct thread threads[PROCESS_SLOTS];

static endpoint_t free_endpoint(uint32_t slot)
{
    return (endpoint_t)(slot ^ 1);
}

void thread_set_privilege(struct thread *t, uint32_t id)
{
    t->privilege_id = id;
    t->privilege = &privileges[id];
    t->call_status = IPC_SENDREC | (id == PRIVILEGE_ID_USER ? IPC_STATUS_FROM_USER : 0);
}

void thread_init_all(void)
{
    for (uint32_t slot = 0; slot < PROCESS_SLOTS; slot++) {
        threads[slot].slot = slot;
        threads[slot].rts_flags = RTS_SLOT_FREE;
        threads[slot].endpoint = free_endpoint(slot);
        threads[slot].space = SPACE_NONE;
        threads[slot].fpu_cpu = -1;
        thread_set_privilege(&threads[slot], PRIVILEGE_ID_USER);
    }
    privilege_init();
}

void rts_set(struct thread *thread, uint32_t flags)
{
    uint32_t old = thread->rts_flags;

    thread->rts_flags = old | flags;
    if (!old)
        sched_unready(thread);
}

void rts_clear(struct thread *thread, uint32_t flags)
{
    uint32_t old = thread->rts_flags;

    thread->rts_flags = old & ~flags;
    if (old && !(old & ~flags))
        sched_ready(thread);
}

bool thread_is_off(struct thread *thread)
{
    if (!sched_is_running(thread) || &cpus[thread->cpu] == cpu_here())
        return true;
    cpu_kick((uint32_t)thread->cpu);
    return false;
}

uint32_t space_users[SPACE_COUNT];

void thread_set_space(struct thread *t, uint32_t space)
{
    if (t->space != SPACE_NONE)
        space_users[t->space]--;
    t->space = space;
    if (space != SPACE_NONE)
        space_users[space]++;
}

static void reset_slot(struct thread *t)
{
    thread_set_space(t, SPACE_NONE);

    uint32_t slot = t->slot, generation = t->generation;
    void *fpu_area = t->fpu_area;

    memset(t, 0, sizeof(*t));
    t->slot = slot;
    t->generation = generation;
    t->fpu_area = fpu_area;
    t->fpu_cpu = -1;
    t->cpu_bound = -1;
    t->endpoint = free_endpoint(slot);
    t->space = SPACE_NONE;
    t->rts_flags = RTS_SLOT_FREE;
    thread_set_privilege(t, PRIVILEGE_ID_USER);
}

struct thread *thread_create(uint32_t slot, uint32_t space, const char *name)
{
    struct thread *t = &threads[slot];
    bool is_service = slot < SERVICE_SLOTS;

    reset_slot(t);
    t->endpoint = endpoint_make(t->generation, slot);
    t->generation = t->generation < ENDPOINT_GENERATION_MAX ? t->generation + 1 : 1;
    t->rts_flags = is_service ? RTS_NO_PRIV : RTS_PROC_STOP;
    thread_set_space(t, space);
    thread_set_privilege(t, is_service ? slot : PRIVILEGE_ID_USER);
    t->priority = is_service ? PRIORITY_SERVICE : PRIORITY_USER;
    t->quantum_us = QUANTUM_DEFAULT_US;
    t->scheduler = ENDPOINT_NONE;
    t->receive_from = t->send_to = ENDPOINT_NONE;
    string_copy(t->name, sizeof(t->name), name);
    sched_place(t);
    sched_refill(t);
    arch_thread_init(t);
    t->frame.orig_rax = (uint64_t)-1;
    if (is_service) {
        privilege_reset(slot);
        privileges[slot].in_use = true;
        privileges[slot].owner = t->endpoint;
    }
    times_created++;
    return t;
}

void thread_clear(struct thread *t)
{
    ipc_forget(t);
    public_forget(t);
    alarm_set(t, 0);
    messages_of_the_dead += t->messages_sent;
    rts_set(t, RTS_SLOT_FREE);
    if (thread_is_service(t)) {
        irq_release(t);
        privilege_reset(t->slot);
    }
    arch_thread_release(t);
    int16_t cpu = t->cpu;
    reset_slot(t);
    t->cpu = cpu; /* a thread that clears itself stays current until schedule_and_resume has chosen another one */
}
