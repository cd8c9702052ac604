/* SPDX-License-Identifier: MIT */
/*
 * Attributes of threads and processes: prctl, priorities, scheduling parameters, addresses that a thread leaves with PM.
 */
#include "base/string.h"
#include "caller.h"
#include "linux_pm_dispatch.h"
#include "protocols/sched_client.h"
#include "sigcalls.h"

enum linux_prctl {
    PR_SET_PDEATHSIG = 1,
    PR_GET_PDEATHSIG = 2,
    PR_GET_DUMPABLE = 3,
    PR_SET_DUMPABLE = 4,
    PR_GET_KEEPCAPS = 7,
    PR_SET_KEEPCAPS = 8,
    PR_SET_NAME = 15,
    PR_GET_NAME = 16,
    PR_GET_SECCOMP = 21,
    PR_CAPBSET_READ = 23,
    PR_CAPBSET_DROP = 24,
    PR_GET_SECUREBITS = 27,
    PR_SET_TIMERSLACK = 29,
    PR_GET_TIMERSLACK = 30,
    PR_SET_CHILD_SUBREAPER = 36,
    PR_GET_CHILD_SUBREAPER = 37,
    PR_SET_NO_NEW_PRIVS = 38,
    PR_GET_NO_NEW_PRIVS = 39,
};

enum { CAPABILITY_LAST = 40, TIMER_SLACK_NS = 50000, NAME_BYTES = 16 };

static int set_thread_name(struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    char name[NAME_BYTES] = { 0 };
    int length = sys_copy_string(call->caller, linux_argument(call, 1), name, sizeof(name));

    if (length < 0 && length != -ENAMETOOLONG)
        return -EFAULT;
    if (length == -ENAMETOOLONG && caller_read(call, linux_argument(call, 1), name, sizeof(name) - 1) != 0)
        return -EFAULT;
    name[NAME_BYTES - 1] = '\0';
    memset(thread->name, 0, sizeof(thread->name));
    string_copy(thread->name, sizeof(thread->name), name);
    if (process_leader(process_of(thread)) == thread) {
        memcpy(process_of(thread)->name, thread->name, sizeof(thread->name));
    }
    return 0;
}

int pm_linux_prctl(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    struct pm_process *process = process_of(thread);
    uint64_t value = linux_argument(call, 1);
    int32_t death_signal = thread->death_signal;
    int32_t is_subreaper = process->is_subreaper;

    (void)pm;
    switch ((int32_t)linux_argument(call, 0)) {
    case PR_SET_PDEATHSIG:
        if (value > LINUX_SIGNALS)
            return -EINVAL;
        thread->death_signal = (uint8_t)value;
        return 0;
    case PR_GET_PDEATHSIG:
        return caller_write(call, value, &death_signal, sizeof(death_signal));
    case PR_GET_DUMPABLE:
        return answer(call, process->dumpable);
    case PR_SET_DUMPABLE:
        if (value > 1)
            return -EINVAL;
        process->dumpable = (uint8_t)value;
        return 0;
    case PR_SET_NAME:
        return set_thread_name(call);
    case PR_GET_NAME:
        return caller_write(call, value, thread->name, sizeof(thread->name));
    case PR_CAPBSET_READ:
        return value > CAPABILITY_LAST ? -EINVAL : answer(call, 1);
    case PR_CAPBSET_DROP:
        return value > CAPABILITY_LAST ? -EINVAL : is_root(process) ? 0 : -EPERM;
    case PR_SET_NO_NEW_PRIVS:
        if (value != 1 || linux_argument(call, 2) != 0 || linux_argument(call, 3) != 0)
            return -EINVAL;
        process->no_new_privileges = true;
        return 0;
    case PR_SET_CHILD_SUBREAPER:
        process->is_subreaper = value != 0;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return caller_write(call, value, &is_subreaper, sizeof(is_subreaper));
    case PR_GET_NO_NEW_PRIVS:
        return answer(call, process->no_new_privileges);
    case PR_GET_TIMERSLACK:
        return answer(call, TIMER_SLACK_NS);
    case PR_SET_KEEPCAPS:
    case PR_GET_KEEPCAPS:
    case PR_GET_SECCOMP:
    case PR_GET_SECUREBITS:
    case PR_SET_TIMERSLACK:
        return 0;
    default:
        return -EINVAL;
    }
}

int pm_linux_set_tid_address(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);

    (void)pm;
    thread->clear_child_tid = linux_argument(call, 0);
    return answer(call, thread->tid);
}

enum { ROBUST_HEAD_BYTES = 24 };

int pm_linux_set_robust_list(struct pm_state *pm, struct call *call)
{
    (void)pm;
    if (linux_argument(call, 1) != ROBUST_HEAD_BYTES)
        return -EINVAL;
    caller_thread(call)->robust_list = linux_argument(call, 0);
    return 0;
}

int pm_linux_get_robust_list(struct pm_state *pm, struct call *call)
{
    uint32_t tid = (uint32_t)linux_argument(call, 0);
    const struct pm_thread *thread = tid == 0 ? caller_thread(call) : thread_by_tid(pm, tid);
    uint64_t length = ROBUST_HEAD_BYTES;

    if (thread == NULL)
        return -ESRCH;
    if (!may_signal(caller_process(call), process_of(thread), 0))
        return -EPERM;
    if (caller_write(call, linux_argument(call, 1), &thread->robust_list, sizeof(thread->robust_list)) != 0)
        return -EFAULT;
    return caller_write(call, linux_argument(call, 2), &length, sizeof(length));
}

/* ---- nice ---- */

enum { PRIO_PROCESS = 0, PRIO_PGRP = 1, PRIO_USER = 2, NICE_LOWEST = 19, NICE_HIGHEST = -20 };

static bool is_meant(const struct pm_process *process, const struct pm_process *caller, int32_t which, uint32_t who)
{
    switch (which) {
    case PRIO_PROCESS:
        return process->pid == (who == 0 ? caller->pid : who);
    case PRIO_PGRP:
        return process->group == (who == 0 ? caller->group : who);
    default:
        return process->uid == (who == 0 ? caller->uid : who);
    }
}

int pm_linux_getpriority(struct pm_state *pm, struct call *call)
{
    int32_t which = (int32_t)linux_argument(call, 0);
    int32_t best = NICE_LOWEST + 1;

    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        const struct pm_process *process = process_at(i);
        if (process_is_live(process) && is_meant(process, caller_process(call), which, (uint32_t)linux_argument(call, 1)) &&
            process->nice < best) {
            best = process->nice;
        }
    }
    return best > NICE_LOWEST ? -ESRCH : answer(call, 20 - best);
}

static int set_nice(struct pm_process *caller, struct pm_process *process, int32_t nice)
{
    if (!is_root(caller) && caller->euid != process->uid && caller->euid != process->euid)
        return -EPERM;
    if (nice < process->nice && !is_root(caller))
        return -EACCES;
    process->nice = (int8_t)nice;
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        struct sched_nice_request request = { .process = thread_at(i)->endpoint, .nice = nice };
        sched_send_nice(outbox_default(), ENDPOINT_SCHED, 0, &request);
    }
    return 0;
}

int pm_linux_setpriority(struct pm_state *pm, struct call *call)
{
    struct pm_process *caller = caller_process(call);
    int32_t which = (int32_t)linux_argument(call, 0);
    int32_t nice = (int32_t)linux_argument(call, 2);
    int result = -ESRCH;

    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    nice = nice < NICE_HIGHEST ? NICE_HIGHEST : nice > NICE_LOWEST ? NICE_LOWEST : nice;
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        struct pm_process *process = process_at(i);
        int one;
        if (!process_is_live(process) || !is_meant(process, caller, which, (uint32_t)linux_argument(call, 1)))
            continue;
        one = set_nice(caller, process, nice);
        result = one != 0 ? one : result == -ESRCH ? 0 : result;
    }
    return result;
}

/* ---- sched_*: everything is SCHED_OTHER ---- */

enum { SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_IDLE = 5, SCHED_RESET_ON_FORK = 0x40000000 };

static bool thread_exists(const struct pm_state *pm, const struct call *call)
{
    int32_t pid = (int32_t)linux_argument(call, 0);

    return pid == 0 || (pid > 0 && thread_by_tid(pm, (uint32_t)pid) != NULL);
}

int pm_linux_sched_getscheduler(struct pm_state *pm, struct call *call)
{
    if ((int32_t)linux_argument(call, 0) < 0)
        return -EINVAL;
    return thread_exists(pm, call) ? answer(call, SCHED_OTHER) : -ESRCH;
}

static int set_scheduler(const struct pm_state *pm, struct call *call, int32_t policy, uint64_t parameter_address)
{
    int32_t priority;

    if ((int32_t)linux_argument(call, 0) < 0 || parameter_address == 0)
        return -EINVAL;
    if (caller_read(call, parameter_address, &priority, sizeof(priority)) != 0)
        return -EFAULT;
    if (!thread_exists(pm, call))
        return -ESRCH;
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return priority < 1 || priority > 99 ? -EINVAL : -EPERM;
    if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE)
        return -EINVAL;
    return priority == 0 ? 0 : -EINVAL;
}

int pm_linux_sched_setscheduler(struct pm_state *pm, struct call *call)
{
    return set_scheduler(pm, call, (int32_t)linux_argument(call, 1) & ~SCHED_RESET_ON_FORK, linux_argument(call, 2));
}

int pm_linux_sched_setparam(struct pm_state *pm, struct call *call)
{
    return set_scheduler(pm, call, SCHED_OTHER, linux_argument(call, 1));
}

int pm_linux_sched_getparam(struct pm_state *pm, struct call *call)
{
    const int32_t priority = 0;

    if ((int32_t)linux_argument(call, 0) < 0 || linux_argument(call, 1) == 0)
        return -EINVAL;
    return thread_exists(pm, call) ? caller_write(call, linux_argument(call, 1), &priority, sizeof(priority)) : -ESRCH;
}

static int priority_limit(struct call *call, int realtime)
{
    switch ((int32_t)linux_argument(call, 0)) {
    case SCHED_FIFO:
    case SCHED_RR:
        return answer(call, realtime);
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
    case 6: /* DEADLINE */
        return 0;
    default:
        return -EINVAL;
    }
}

int pm_linux_sched_get_priority_max(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return priority_limit(call, 99);
}

int pm_linux_sched_get_priority_min(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return priority_limit(call, 1);
}

int pm_linux_sched_rr_get_interval(struct pm_state *pm, struct call *call)
{
    const struct linux_timespec interval = { .nanoseconds = 10000000 };

    return thread_exists(pm, call) ? caller_write(call, linux_argument(call, 1), &interval, sizeof(interval)) : -ESRCH;
}

int pm_linux_sched_getaffinity(struct pm_state *pm, struct call *call)
{
    uint64_t mask = pm->cpu_count >= 64 ? ~0ull : (1ull << pm->cpu_count) - 1;
    uint64_t length = linux_argument(call, 1);

    if (length < sizeof(mask) || length % sizeof(mask) != 0)
        return -EINVAL;
    if (!thread_exists(pm, call))
        return -ESRCH;
    if (caller_write(call, linux_argument(call, 2), &mask, sizeof(mask)) != 0)
        return -EFAULT;
    return answer(call, sizeof(mask));
}

int pm_linux_sched_setaffinity(struct pm_state *pm, struct call *call)
{
    uint64_t mask = 0;
    uint64_t length = linux_argument(call, 1);

    if (caller_read(call, linux_argument(call, 2), &mask, length < sizeof(mask) ? length : sizeof(mask)) != 0)
        return -EFAULT;
    if (!thread_exists(pm, call))
        return -ESRCH;
    return (mask & ((1ull << pm->cpu_count) - 1)) == 0 ? -EINVAL : 0;
}
