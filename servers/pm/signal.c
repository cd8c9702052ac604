/* SPDX-License-Identifier: MIT */
/*
 * Pending signals: one bit per signal and thread or process, and a queue of what comes with them. A standard signal is queued once; real-time
 * signals are queued as often as they are sent. Without room in the queue a standard signal loses only its siginfo.
 */
#include "signal.h"

#include "base/string.h"
#include "deliver.h"
#include "exit.h"
#include "handlers.h"
#include "posix_timer.h"
#include "process.h"
#include "sigcalls.h"
#include "wait.h"

static void queue_add(struct pm_state *pm, struct signal_list *list, const struct signal_info *info)
{
    uint32_t index = pm->free_queued;

    if (index == NONE)
        return;
    pm->free_queued = pm->queued[index].next;
    pm->queued[index].info = *info;
    pm->queued[index].next = NONE;
    if (list->last == NONE) {
        list->first = (uint16_t)index;
    } else {
        pm->queued[list->last].next = (uint16_t)index;
    }
    list->last = (uint16_t)index;
}

/* Remove the first entry of a signal; false if there is none. more: there is another one behind it. */
CALLERS_OWN(4, 5)
static bool queue_take(struct pm_state *pm, struct signal_list *list, int signal, struct signal_info *info, bool *more)
{
    uint16_t previous = NONE;
    uint16_t found = list->first;

    *more = false;
    while (found != NONE && pm->queued[found].info.signal != signal) {
        previous = found;
        found = pm->queued[found].next;
    }
    if (found == NONE)
        return false;
    *info = pm->queued[found].info;
    if (previous == NONE) {
        list->first = pm->queued[found].next;
    } else {
        pm->queued[previous].next = pm->queued[found].next;
    }
    if (list->last == found) {
        list->last = previous;
    }
    for (uint16_t i = pm->queued[found].next; i != NONE && !*more; i = pm->queued[i].next) {
        *more = pm->queued[i].info.signal == signal;
    }
    pm->queued[found].next = pm->free_queued;
    pm->free_queued = found;
    return true;
}

static void discard(struct pm_state *pm, uint64_t *pending, struct signal_list *list, uint64_t set)
{
    struct signal_info info;
    bool more;

    set &= *pending;
    *pending &= ~set;
    for (int signal = 1; signal <= LINUX_SIGNALS && set != 0; signal++) {
        if (set & signal_bit(signal)) {
            while (queue_take(pm, list, signal, &info, &more)) {
                posix_timer_signal_taken(pm, &info, false);
            }
        }
    }
}

void signal_discard(struct pm_state *pm, struct pm_process *process, uint64_t set)
{
    discard(pm, &process->pending, &process->queue, set);
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        discard(pm, &thread_at(i)->pending, &thread_at(i)->queue, set);
    }
    publish_pending(process);
}

void signal_discard_thread(struct pm_state *pm, struct pm_thread *thread)
{
    discard(pm, &thread->pending, &thread->queue, ~0ull);
}

static bool is_default(const struct pm_process *process, int signal)
{
    return ((handlers_ignored(process) | handlers_caught(process)) & signal_bit(signal)) == 0;
}

bool signal_is_ignored(const struct pm_process *process, int signal)
{
    uint64_t bit = signal_bit(signal);

    if (handlers_ignored(process) & bit)
        return true;
    if (handlers_caught(process) & bit)
        return false;
    return process->is_init || (SIGNALS_IGNORE & bit) != 0;
}

static bool is_deadly(const struct pm_process *process, int signal)
{
    uint64_t bit = signal_bit(signal);

    if (process->is_init || !is_default(process, signal))
        return false;
    return signal == LINUX_SIGKILL || ((SIGNALS_STOP | SIGNALS_IGNORE) & bit) == 0;
}

static bool awaits(const struct pm_thread *thread, int signal)
{
    return thread->step == STEP_SIGWAIT && (thread->call.sigwait.set & signal_bit(signal)) != 0;
}

static bool wants(const struct pm_thread *thread, int signal)
{
    if (thread->state != THREAD_ALIVE && thread->state != THREAD_STARTING)
        return false;
    if (process_of(thread)->state == PROCESS_STOPPED && signal != LINUX_SIGKILL)
        return false; /* it waits for the continuation */
    return (*mask_of(thread) & signal_bit(signal)) == 0 || awaits(thread, signal);
}

static struct pm_thread *choose_thread(struct pm_process *process, int signal)
{
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        if (wants(thread_at(i), signal))
            return thread_at(i);
    }
    return NULL;
}

/* Would it be dropped at once? A blocked signal is kept even if it is ignored now: the action may change. */
static bool is_dropped(struct pm_process *process, struct pm_thread *thread, int signal)
{
    if (!signal_is_ignored(process, signal))
        return false;
    if (process->is_init && is_default(process, signal) && (SIGNALS_UNBLOCKABLE & signal_bit(signal)) != 0)
        return true;
    if (thread == NULL) {
        thread = process_leader(process);
    }
    return thread == NULL || ((*mask_of(thread) & signal_bit(signal)) == 0 && !awaits(thread, signal));
}

static void complete(struct pm_state *pm, struct pm_process *process, struct pm_thread *thread, int signal)
{
    struct pm_thread *target = thread;

    if (target == NULL) {
        target = choose_thread(process, signal);
    } else if (!wants(target, signal)) {
        target = NULL;
    }
    if (target == NULL)
        return;
    if (is_deadly(process, signal) && !awaits(target, signal)) {
        process_exit(pm, process, (uint32_t)signal);
        return;
    }
    if (awaits(target, signal)) {
        sigwait_finish(pm, target);
    } else {
        thread_notice(pm, target);
    }
}

void signal_send(struct pm_state *pm, struct pm_process *process, struct pm_thread *thread, const struct signal_info *info)
{
    uint64_t bit = signal_bit(info->signal);
    uint64_t *pending = thread != NULL ? &thread->pending : &process->pending;
    bool continues = info->signal == LINUX_SIGCONT && process->state == PROCESS_STOPPED;

    if (!process_is_live(process) || process->is_exiting)
        return;
    if (info->signal == LINUX_SIGCONT) {
        signal_discard(pm, process, SIGNALS_STOP);
        process_continue(pm, process);
    } else if (SIGNALS_STOP & bit) {
        signal_discard(pm, process, signal_bit(LINUX_SIGCONT));
    }
    if (!is_dropped(process, thread, info->signal) && (info->signal >= LINUX_SIGRTMIN || (*pending & bit) == 0)) {
        queue_add(pm, thread != NULL ? &thread->queue : &process->queue, info);
        *pending |= bit;
        publish_pending(process);
        complete(pm, process, thread, info->signal);
    }
    if (continues) {
        process_wake_stopped(pm, process);
    }
}

void signal_force(struct pm_state *pm, struct pm_thread *thread, const struct signal_info *info)
{
    struct pm_process *process = process_of(thread);
    uint64_t bit = signal_bit(info->signal);

    if (!process_is_live(process) || process->is_exiting)
        return;
    if ((handlers_caught(process) & bit) == 0 || (*mask_of(thread) & bit) != 0) {
        process_exit(pm, process, (uint32_t)info->signal);
        return;
    }
    discard(pm, &thread->pending, &thread->queue, bit);
    queue_add(pm, &thread->queue, info);
    thread->pending |= bit;
    publish_pending(process);
    thread_notice(pm, thread);
}

void signal_send_kernel(struct pm_state *pm, struct pm_process *process, int signal)
{
    struct signal_info info = { .signal = signal, .code = LINUX_SI_KERNEL };

    signal_send(pm, process, NULL, &info);
}

uint32_t signal_send_group(struct pm_state *pm, uint32_t group, const struct signal_info *info)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pm->process_limit; i++) {
        struct pm_process *process = process_at(i);
        if (process_is_live(process) && process->group == group) {
            count++;
            if (info->signal != 0) {
                signal_send(pm, process, NULL, info);
            }
        }
    }
    return count;
}

CALLERS_OWN(6)
static int take_from(struct pm_state *pm, const struct pm_process *process, uint64_t *pending, struct signal_list *list, int signal,
                     struct signal_info *info)
{
    bool more = false;

    memset(info, 0, sizeof(*info));
    info->signal = signal;
    queue_take(pm, list, signal, info, &more);
    if (!more) {
        *pending &= ~signal_bit(signal);
        publish_pending(process);
    }
    posix_timer_signal_taken(pm, info, true);
    return signal;
}

static int lowest(uint64_t set)
{
    if (set & SIGNALS_SYNCHRONOUS) {
        set &= SIGNALS_SYNCHRONOUS;
    }
    return set == 0 ? 0 : __builtin_ctzll(set) + 1;
}

int signal_take(struct pm_state *pm, struct pm_thread *thread, uint64_t set, struct signal_info *info)
{
    struct pm_process *process = process_of(thread);
    int signal = lowest(thread->pending & set);

    if (signal != 0)
        return take_from(pm, process, &thread->pending, &thread->queue, signal, info);
    signal = lowest(process->pending & set);
    if (signal != 0)
        return take_from(pm, process, &process->pending, &process->queue, signal, info);
    return 0;
}

bool signal_is_waiting(const struct pm_thread *thread)
{
    return ((thread->pending | process_of(thread)->pending) & ~*mask_of(thread)) != 0;
}

void signal_recheck(struct pm_state *pm, struct pm_thread *thread)
{
    if (signal_is_waiting(thread)) {
        thread_notice(pm, thread);
    }
}

void signal_info_write(const struct signal_info *info, struct linux_siginfo *out)
{
    memset(out, 0, sizeof(*out));
    out->signal = info->signal;
    out->code = info->code;
    if ((SIGNALS_SYNCHRONOUS & signal_bit(info->signal)) && info->code > 0) {
        out->address = info->value;
    } else if (info->signal == LINUX_SIGCHLD && info->code > 0) {
        out->child.pid = (int32_t)info->pid;
        out->child.uid = info->uid;
        out->child.status = (int32_t)info->value;
    } else {
        out->user.pid = (int32_t)info->pid;
        out->user.uid = info->uid;
        out->user.value = info->value;
    }
}
