/* SPDX-License-Identifier: MIT */
/*
 * Start of the state: free lists, empty buckets. And its invariants.
 */
#include "state.h"

#include "base/string.h"
#include "sys/journal_debug.h"
#include "sys/service.h"
#include "sys/waiters.h"

#include "derive.h"

static void init_threads(struct pm_state *pm)
{
    memset(tables.threads, 0, sizeof(*tables.threads) * THREADS);
    for (uint32_t i = 0; i < THREADS; i++) {
        tables.threads[i].endpoint = ENDPOINT_NONE;
        tables.threads[i].process = NONE;
        tables.threads[i].next = i + 1 < THREADS ? (uint16_t)(i + 1) : NONE;
        tables.threads[i].leaving_next = NONE;
    }
    pm->free_thread = 0;
    pm->free_thread_last = THREADS - 1;
    pm->free_thread_count = THREADS;
    pm->leaving_first = NONE;
    pm->leaving_last = NONE;
}

static void init_processes(struct pm_state *pm)
{
    memset(tables.processes, 0, sizeof(*tables.processes) * PROCESSES);
    for (uint32_t i = 0; i < PROCESSES; i++) {
        tables.processes[i].next_sibling = i + 1 < PROCESSES ? (uint16_t)(i + 1) : NONE;
    }
    pm->free_process = 0;
    for (uint32_t i = 0; i < SIGHANDS; i++) {
        tables.sighands[i].references = 0;
        tables.sighands[i].next_free = i + 1 < SIGHANDS ? (uint16_t)(i + 1) : NONE;
    }
    pm->free_sighand = 0;
}

NO_JOURNAL void pm_state_init(struct pm_state *pm)
{
    memset(pm, 0, sizeof(*pm));
    init_threads(pm);
    init_processes(pm);
    for (uint32_t i = 0; i < EXEC_BUFFERS; i++) {
        tables.exec_buffers[i].thread = NONE;
    }
    for (uint32_t i = 0; i < QUEUED_SIGNALS; i++) {
        pm->queued[i].next = i + 1 < QUEUED_SIGNALS ? (uint16_t)(i + 1) : NONE;
    }
    for (uint32_t i = 0; i < POSIX_TIMERS; i++) {
        pm->posix_timers[i].process = NONE;
        pm->posix_timers[i].next_free = i + 1 < POSIX_TIMERS ? (uint16_t)(i + 1) : NONE;
    }
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        pm->services[i].endpoint = ENDPOINT_NONE;
    }
    memset(pm->tid_bucket, 0xff, sizeof(pm->tid_bucket));
    memset(pm->pid_bucket, 0xff, sizeof(pm->pid_bucket));
    for (uint32_t i = 0; i < SCRIPTS; i++) {
        pm->scripts[i].process = NONE;
    }
    memset(pm->futex_bucket, 0xff, sizeof(pm->futex_bucket));
    memset(tables.timer_deadline, 0, sizeof(*tables.timer_deadline) * TIMERS);
    pm->init = NONE;
    pm->last_pid = 1;
    pm->cpu_count = 1;
    string_copy(pm->host_name, sizeof(pm->host_name), "planaria");
    string_copy(pm->domain_name, sizeof(pm->domain_name), "(none)");
}

bool pm_tables_acquire(void)
{
    tables.threads = SERVICE_TABLE(threads, __typeof__(*tables.threads), THREADS);
    tables.publics = SERVICE_TABLE(publics, __typeof__(*tables.publics), THREADS);
    tables.processes = SERVICE_TABLE(processes, __typeof__(*tables.processes), PROCESSES);
    tables.sighands = SERVICE_TABLE(sighands, __typeof__(*tables.sighands), SIGHANDS);
    tables.actions = SERVICE_TABLE(actions, __typeof__(*tables.actions), SIGHANDS);
    /* The kernel's short ways for sigprocmask and sigaction write these. */
    journal_foreign(&tables.publics[0].mask, sizeof(uint64_t), sizeof(*tables.publics), THREADS);
    journal_foreign(&tables.publics[0].ignored, 2 * sizeof(uint64_t), sizeof(*tables.publics), THREADS);
    journal_foreign(tables.actions, sizeof(*tables.actions) * SIGHANDS, sizeof(*tables.actions) * SIGHANDS, 1);
    tables.exec_buffers = SERVICE_TABLE(exec_buffers, __typeof__(*tables.exec_buffers), EXEC_BUFFERS);
    tables.timer_deadline = SERVICE_TABLE(timer_deadline, __typeof__(*tables.timer_deadline), TIMERS);
    tables.timer_heap = SERVICE_TABLE(timer_heap, __typeof__(*tables.timer_heap), TIMERS);
    tables.timer_position = SERVICE_TABLE(timer_position, __typeof__(*tables.timer_position), TIMERS);
    return tables.threads != NULL && tables.publics != NULL && tables.processes != NULL && tables.sighands != NULL &&
           tables.actions != NULL && tables.exec_buffers != NULL && tables.timer_deadline != NULL && tables.timer_heap != NULL &&
           tables.timer_position != NULL;
}

static const char *check_thread(const struct pm_thread *thread)
{
    if (thread->state == THREAD_FREE || thread->state == THREAD_LEAVING)
        return thread->step == STEP_NONE ? NULL : "a thread that is gone waits for something";
    if (thread->process >= PROCESSES)
        return "a thread has no process";
    if (process_of(thread)->state != PROCESS_RUNNING && process_of(thread)->state != PROCESS_STOPPED)
        return "a thread lives in a process that is gone";
    if (endpoint_slot(thread->endpoint) != thread_index(thread) + SERVICE_SLOTS)
        return "a thread's endpoint is not its slot";
    if (thread->vfs_request > VFS_REQUEST_REBOOT || thread->step > STEP_READY)
        return "a thread's step is unknown";
    return NULL;
}

static const char *check_process(const struct pm_process *process)
{
    uint32_t count = 0;

    if (process->state == PROCESS_FREE)
        return NULL;
    if (process->state > PROCESS_ZOMBIE)
        return "a process has an unknown state";
    if (process->state == PROCESS_ZOMBIE)
        return process->thread_count == 0 ? NULL : "a zombie has threads";
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        if (i >= THREADS || thread_at(i)->process != process_index(process) || ++count > THREADS)
            return "the list of a process's threads is broken";
    }
    if (count != process->thread_count || count == 0)
        return "the number of a process's threads is wrong";
    if (process->parent != NONE && (process->parent >= PROCESSES || process_at(process->parent)->state == PROCESS_FREE))
        return "a process's parent is gone";
    return NULL;
}

static const char *check_timers(const struct pm_state *pm)
{
    for (uint32_t i = 0; i < pm->timer_count; i++) {
        uint32_t id = tables.timer_heap[i];
        if (id >= TIMERS || tables.timer_deadline[id] == 0 || tables.timer_position[id] != i)
            return "the timer heap is broken";
        if (i > 0 && tables.timer_deadline[tables.timer_heap[(i - 1) / 2]] > tables.timer_deadline[id])
            return "the timer heap is out of order";
    }
    return NULL;
}

const char *pm_state_check(const void *state)
{
    const struct pm_state *pm = state;
    const char *wrong = NULL;
    uint32_t free = 0;

    if (pm->timer_count > TIMERS)
        return "too many timers";
    for (uint32_t i = 0; i < THREADS && wrong == NULL; i++) {
        wrong = check_thread(thread_at(i));
        free += thread_at(i)->state == THREAD_FREE;
    }
    if (wrong == NULL && free != pm->free_thread_count)
        return "the number of free threads is wrong";
    for (uint32_t i = 0; i < pm->process_limit && wrong == NULL; i++) {
        wrong = check_process(process_at(i));
    }
    if (wrong == NULL)
        wrong = derive_check_lists(pm);
    return wrong != NULL ? wrong : check_timers(pm);
}

/* A thread that starts or leaves is in nobody's call but ours, whatever its step. */
void pm_mark_waiters(const void *state, struct waiters *waiters)
{
    (void)state;
    for (uint32_t i = 0; i < THREADS; i++) {
        const struct pm_thread *thread = thread_at(i);

        if (thread->state != THREAD_FREE && (thread->state != THREAD_ALIVE || thread->step != STEP_NONE))
            waiters_mark(waiters, thread->endpoint);
    }
}
