/* SPDX-License-Identifier: MIT */
/*
 * What follows from the records of threads and processes: hashes of ids, and lists of free records. A new PM makes the hashes anew, and the lists if the check refuses
 * them: an index that a wild store has hit leads each later call that comes by it astray, and no roll back takes that away.
 */
#include "derive.h"

#include "base/string.h"

#include "process.h"

void derive_hashes(struct pm_state *pm)
{
    memset(pm->tid_bucket, 0xff, sizeof(pm->tid_bucket));
    memset(pm->pid_bucket, 0xff, sizeof(pm->pid_bucket));
    for (uint32_t i = 0; i < THREADS; i++) {
        struct pm_thread *thread = thread_at(i);
        if (thread->state == THREAD_STARTING || thread->state == THREAD_ALIVE) {
            thread_name(pm, thread, thread->tid);
        }
    }
    for (uint32_t i = 0; i < PROCESSES; i++) {
        if (process_at(i)->state != PROCESS_FREE) {
            process_name(pm, process_at(i));
        }
    }
}

/* ---- free lists ---- */

static uint32_t next_thread(const struct pm_state *pm, uint32_t index)
{
    (void)pm;
    return thread_at(index)->state == THREAD_FREE ? thread_at(index)->next : PROCESSES;
}

static uint32_t next_process(const struct pm_state *pm, uint32_t index)
{
    (void)pm;
    return process_at(index)->state == PROCESS_FREE ? process_at(index)->next_sibling : PROCESSES;
}

static uint32_t next_sighand(const struct pm_state *pm, uint32_t index)
{
    (void)pm;
    return tables.sighands[index].references == 0 ? tables.sighands[index].next_free : SIGHANDS;
}

static uint32_t next_timer(const struct pm_state *pm, uint32_t index)
{
    return pm->posix_timers[index].process == NONE ? pm->posix_timers[index].next_free : POSIX_TIMERS;
}

static uint32_t next_queued(const struct pm_state *pm, uint32_t index)
{
    return pm->queued[index].next;
}

static bool is_list(const struct pm_state *pm, uint32_t first, uint32_t limit, uint32_t (*next)(const struct pm_state *pm, uint32_t index))
{
    uint32_t count = 0;

    for (uint32_t i = first; i != NONE; i = next(pm, i)) {
        if (i >= limit || ++count > limit)
            return false;
    }
    return true;
}

const char *derive_check_lists(const struct pm_state *pm)
{
    if (!is_list(pm, pm->free_thread, THREADS, next_thread) || (pm->free_thread != NONE && pm->free_thread_last >= THREADS))
        return "the list of free threads is broken";
    if (!is_list(pm, pm->free_process, PROCESSES, next_process) || pm->process_limit > PROCESSES)
        return "the list of free processes is broken";
    if (!is_list(pm, pm->free_sighand, SIGHANDS, next_sighand))
        return "the list of free tables of actions is broken";
    if (!is_list(pm, pm->free_timer, POSIX_TIMERS, next_timer))
        return "the list of free timers is broken";
    if (!is_list(pm, pm->free_queued, QUEUED_SIGNALS, next_queued))
        return "the list of free signals is broken";
    return NULL;
}

static void free_threads(struct pm_state *pm)
{
    pm->free_thread = pm->free_thread_last = NONE;
    pm->free_thread_count = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        if (thread_at(i)->state == THREAD_FREE) {
            thread_give(pm, thread_at(i));
        }
    }
}

void derive_lists(struct pm_state *pm)
{
    free_threads(pm);
    pm->free_process = pm->free_sighand = pm->free_timer = NONE;
    pm->process_limit = PROCESSES;
    for (uint32_t i = PROCESSES; i-- > 0;) {
        if (process_at(i)->state == PROCESS_FREE) {
            process_at(i)->next_sibling = pm->free_process;
            pm->free_process = (uint16_t)i;
        }
    }
    for (uint32_t i = SIGHANDS; i-- > 0;) {
        if (tables.sighands[i].references == 0) {
            tables.sighands[i].next_free = pm->free_sighand;
            pm->free_sighand = (uint16_t)i;
        }
    }
    for (uint32_t i = POSIX_TIMERS; i-- > 0;) {
        if (pm->posix_timers[i].process == NONE) {
            pm->posix_timers[i].next_free = pm->free_timer;
            pm->free_timer = (uint16_t)i;
        }
    }
    if (!is_list(pm, pm->free_queued, QUEUED_SIGNALS, next_queued)) {
        pm->free_queued = NONE; /* which of them are in use only the queues know: no more are queued than there are */
    }
}
