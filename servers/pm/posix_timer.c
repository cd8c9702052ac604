/* SPDX-License-Identifier: MIT */
/*
 * POSIX timers. One signal per timer is queued at a time; expirations meanwhile count as overruns. In a queued signal of code SI_TIMER, pid holds
 * the timer's number within the process and uid its overrun count, as siginfo has them; the queue entry finds its timer by these and the process.
 */
#include "posix_timer.h"

#include "caller.h"
#include "kernel_calls.h"
#include "linux_pm_dispatch.h"
#include "signal.h"
#include "timer.h"

enum { SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD = 2, SIGEV_THREAD_ID = 4, TIMER_ABSTIME = 1 };

struct linux_sigevent {
    uint64_t value;
    int32_t signal;
    int32_t notify;
    int32_t tid;
    int32_t padding[11];
};

struct linux_itimerspec {
    struct linux_timespec interval;
    struct linux_timespec value;
};

static struct posix_timer *find(struct pm_state *pm, const struct pm_process *process, int32_t id)
{
    for (uint32_t i = 0; i < POSIX_TIMERS; i++) {
        if (pm->posix_timers[i].process == process_index(process) && pm->posix_timers[i].id == id)
            return &pm->posix_timers[i];
    }
    return NULL;
}

static uint32_t timer_id(const struct pm_state *pm, const struct posix_timer *timer)
{
    return TIMER_OF_POSIX + (uint32_t)(timer - pm->posix_timers);
}

static void release(struct pm_state *pm, struct posix_timer *timer)
{
    timer_cancel(pm, timer_id(pm, timer));
    timer->process = NONE;
    pm->posix_timer_count--;
    timer->next_free = pm->free_timer;
    pm->free_timer = (uint16_t)(timer - pm->posix_timers);
}

void posix_timer_due(struct pm_state *pm, uint32_t index, uint64_t deadline_ns, uint64_t now_ns)
{
    struct posix_timer *timer = &pm->posix_timers[index];
    struct pm_process *process = process_at(timer->process);
    struct signal_info info = { .signal = timer->signal, .code = LINUX_SI_TIMER, .pid = (uint32_t)timer->id, .value = timer->value };
    uint64_t missed = 0;

    if (timer->interval_ns != 0) {
        missed = (now_ns - deadline_ns) / timer->interval_ns;
        timer_set(pm, timer_id(pm, timer), deadline_ns + (missed + 1) * timer->interval_ns);
    }
    if (timer->notify == SIGEV_NONE)
        return;
    if (timer->is_queued) {
        timer->overrun += (uint32_t)missed + 1;
        return;
    }
    timer->overrun = (uint32_t)missed;
    timer->is_queued = true;
    signal_send(pm, process, timer->thread == NONE ? NULL : thread_at(timer->thread), &info);
    /* Dropped because it is ignored, or merged with a standard signal that is pending: nobody will take it. */
    if (process_is_live(process) &&
        !(((process->pending | (timer->thread == NONE ? 0 : thread_at(timer->thread)->pending)) & signal_bit(timer->signal)))) {
        timer->is_queued = false;
    }
}

void posix_timer_signal_taken(struct pm_state *pm, struct signal_info *info, bool is_delivered)
{
    if (info->code != LINUX_SI_TIMER)
        return;
    for (uint32_t i = 0; i < POSIX_TIMERS; i++) {
        struct posix_timer *timer = &pm->posix_timers[i];
        if (timer->process == NONE || !timer->is_queued || timer->id != (int32_t)info->pid || timer->value != info->value ||
            timer->signal != info->signal)
            continue;
        timer->is_queued = false;
        if (is_delivered) {
            info->uid = timer->overrun;
        }
        return;
    }
}

void posix_timer_process_gone(struct pm_state *pm, const struct pm_process *process)
{
    for (uint32_t i = 0; i < POSIX_TIMERS && pm->posix_timer_count != 0; i++) {
        if (pm->posix_timers[i].process == process_index(process)) {
            release(pm, &pm->posix_timers[i]);
        }
    }
}

void posix_timer_thread_gone(struct pm_state *pm, const struct pm_thread *thread)
{
    for (uint32_t i = 0; i < POSIX_TIMERS && pm->posix_timer_count != 0; i++) {
        if (pm->posix_timers[i].process == thread->process && pm->posix_timers[i].thread == thread_index(thread)) {
            release(pm, &pm->posix_timers[i]);
        }
    }
}

static int check_event(const struct pm_state *pm, const struct pm_process *process, const struct linux_sigevent *event, uint16_t *thread)
{
    struct pm_thread *target;

    *thread = NONE;
    if (event->notify == SIGEV_NONE)
        return 0;
    if (event->signal <= 0 || event->signal > LINUX_SIGNALS)
        return -EINVAL;
    if (event->notify == SIGEV_SIGNAL || event->notify == SIGEV_THREAD)
        return 0;
    if (event->notify != SIGEV_THREAD_ID)
        return -EINVAL;
    target = thread_by_tid(pm, (uint32_t)event->tid);
    if (target == NULL || process_of(target) != process)
        return -EINVAL;
    *thread = (uint16_t)thread_index(target);
    return 0;
}

int pm_linux_timer_create(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t clock = (uint32_t)linux_argument(call, 0);
    struct linux_sigevent event = { .signal = LINUX_SIGALRM, .notify = SIGEV_SIGNAL };
    struct posix_timer *timer;
    uint16_t thread;
    int32_t id = 0;
    int result;

    if (clock != 0 && clock != 1 && clock != 7)
        return clock <= 11 ? -EOPNOTSUPP : -EINVAL;
    if (linux_argument(call, 1) != 0 && caller_read(call, linux_argument(call, 1), &event, sizeof(event)) != 0)
        return -EFAULT;
    result = check_event(pm, process, &event, &thread);
    if (result != 0)
        return result;
    while (find(pm, process, id) != NULL) {
        id++;
    }
    if (pm->free_timer == NONE)
        return -EAGAIN;
    if (caller_write(call, linux_argument(call, 2), &id, sizeof(id)) != 0)
        return -EFAULT;
    timer = &pm->posix_timers[pm->free_timer];
    pm->free_timer = timer->next_free;
    pm->posix_timer_count++;
    *timer = (struct posix_timer){
        .process = (uint16_t)process_index(process),
        .thread = thread,
        .notify = (uint8_t)event.notify,
        .signal = (uint8_t)event.signal,
        .id = id,
        .clock = clock,
        .value = linux_argument(call, 1) != 0 ? event.value : (uint64_t)id,
    };
    return 0;
}

static void read_timer(const struct pm_state *pm, const struct posix_timer *timer, uint64_t now, struct linux_itimerspec *out)
{
    uint64_t deadline = timer_deadline(timer_id(pm, timer));

    out->interval = timespec_from_ns(timer->interval_ns);
    out->value = timespec_from_ns(deadline == 0 ? 0 : deadline > now ? deadline - now : 1);
}

int pm_linux_timer_gettime(struct pm_state *pm, struct call *call)
{
    struct posix_timer *timer = find(pm, caller_process(call), (int32_t)linux_argument(call, 0));
    struct linux_itimerspec value;

    if (timer == NULL)
        return -EINVAL;
    read_timer(pm, timer, sys_uptime(), &value);
    return caller_write(call, linux_argument(call, 1), &value, sizeof(value));
}

int pm_linux_timer_settime(struct pm_state *pm, struct call *call)
{
    struct posix_timer *timer = find(pm, caller_process(call), (int32_t)linux_argument(call, 0));
    struct linux_itimerspec value;
    struct linux_itimerspec old;
    uint64_t now = sys_uptime();
    uint64_t ns;

    if (timer == NULL)
        return -EINVAL;
    if (caller_read(call, linux_argument(call, 2), &value, sizeof(value)) != 0)
        return -EFAULT;
    if (!timespec_is_valid(&value.value) || !timespec_is_valid(&value.interval))
        return -EINVAL;
    read_timer(pm, timer, now, &old);
    ns = timespec_to_ns(&value.value);
    timer->interval_ns = timespec_to_ns(&value.interval);
    timer->overrun = 0;
    if (ns == 0) {
        timer_cancel(pm, timer_id(pm, timer));
    } else if (linux_argument(call, 1) & TIMER_ABSTIME) {
        uint64_t offset = timer->clock == 0 ? kernel_realtime_offset() : 0;
        timer_set(pm, timer_id(pm, timer), ns > offset ? ns - offset : 1);
    } else {
        timer_set(pm, timer_id(pm, timer), now + ns);
    }
    return linux_argument(call, 3) == 0 ? 0 : caller_write(call, linux_argument(call, 3), &old, sizeof(old));
}

int pm_linux_timer_getoverrun(struct pm_state *pm, struct call *call)
{
    struct posix_timer *timer = find(pm, caller_process(call), (int32_t)linux_argument(call, 0));

    return timer == NULL ? -EINVAL : answer(call, timer->overrun);
}

int pm_linux_timer_delete(struct pm_state *pm, struct call *call)
{
    struct posix_timer *timer = find(pm, caller_process(call), (int32_t)linux_argument(call, 0));

    if (timer == NULL)
        return -EINVAL;
    release(pm, timer);
    return 0;
}
