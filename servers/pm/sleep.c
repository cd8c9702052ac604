/* SPDX-License-Identifier: MIT */
/*
 * nanosleep, clock_nanosleep, alarm, setitimer, settimeofday. Deadlines are uptime in ns. A relative sleep that was interrupted without a
 * handler goes back into the same call; thread->restarts says that the old deadline still holds.
 */
#include "sleep.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "exit.h"
#include "futex.h"
#include "kernel_calls.h"
#include "late.h"
#include "linux_pm_dispatch.h"
#include "posix_timer.h"
#include "protocols/kernel_client.h"
#include "sigcalls.h"
#include "signal.h"
#include "timer.h"

enum {
    LINUX_CLOCK_REALTIME = 0,
    LINUX_CLOCK_MONOTONIC = 1,
    LINUX_CLOCK_PROCESS_CPUTIME = 2,
    LINUX_CLOCK_THREAD_CPUTIME = 3,
    LINUX_CLOCK_BOOTTIME = 7,
    LINUX_CLOCK_TAI = 11
};
enum { LINUX_TIMER_ABSTIME = 1, LINUX_ITIMER_REAL = 0 };

struct linux_itimerval {
    struct linux_timeval interval;
    struct linux_timeval value;
};

/* ---- sleeping ---- */

static int sleep_until(struct pm_state *pm, struct call *call, uint64_t deadline_ns, uint64_t remaining_address, bool is_absolute)
{
    struct pm_thread *thread = caller_thread(call);

    if (!is_absolute && thread->restarts) {
        deadline_ns = thread->restart_deadline_ns;
    }
    thread->restarts = false;
    if (deadline_ns <= sys_uptime())
        return 0;
    thread->call.sleep.remaining_address = remaining_address;
    thread->call.sleep.is_absolute = is_absolute;
    thread->step = STEP_SLEEP;
    timer_set(pm, TIMER_OF_THREAD + thread_index(thread), deadline_ns);
    if (!thread_may_wait(thread)) {
        thread->step = STEP_NONE;
        timer_cancel(pm, TIMER_OF_THREAD + thread_index(thread));
        return -ERESTARTNOHAND;
    }
    return CALL_PARKED;
}

int64_t sleep_interrupted(struct pm_thread *thread)
{
    uint64_t deadline = timer_deadline(TIMER_OF_THREAD + thread_index(thread));
    uint64_t now = sys_uptime();
    struct linux_timespec left = timespec_from_ns(deadline > now ? deadline - now : 0);

    if (thread->call.sleep.is_absolute)
        return -ERESTARTNOHAND;
    thread->restart_deadline_ns = deadline;
    if (thread->call.sleep.remaining_address != 0 &&
        sys_copy_to(thread->endpoint, thread->call.sleep.remaining_address, &left, sizeof(left)) != 0)
        return -EFAULT;
    return -ERESTART_RESTARTBLOCK;
}

static uint64_t from_now(uint64_t now, uint64_t ns)
{
    return ns >= TIME_MAX_NS ? TIME_MAX_NS : now + ns;
}

int pm_linux_nanosleep(struct pm_state *pm, struct call *call)
{
    struct linux_timespec time;

    if (caller_read(call, linux_argument(call, 0), &time, sizeof(time)) != 0)
        return -EFAULT;
    if (!timespec_is_valid(&time))
        return -EINVAL;
    return sleep_until(pm, call, from_now(sys_uptime(), timespec_to_ns(&time)), linux_argument(call, 1), false);
}

int pm_linux_clock_nanosleep(struct pm_state *pm, struct call *call)
{
    int32_t clock = (int32_t)linux_argument(call, 0);
    bool is_absolute = (linux_argument(call, 1) & LINUX_TIMER_ABSTIME) != 0;
    struct linux_timespec time;
    uint64_t ns;
    uint64_t offset;

    if (clock != LINUX_CLOCK_REALTIME && clock != LINUX_CLOCK_MONOTONIC && clock != LINUX_CLOCK_BOOTTIME && clock != LINUX_CLOCK_TAI)
        return clock == LINUX_CLOCK_PROCESS_CPUTIME ? -EOPNOTSUPP : -EINVAL;
    if (caller_read(call, linux_argument(call, 2), &time, sizeof(time)) != 0)
        return -EFAULT;
    if (!timespec_is_valid(&time))
        return -EINVAL;
    ns = timespec_to_ns(&time);
    if (!is_absolute)
        return sleep_until(pm, call, from_now(sys_uptime(), ns), linux_argument(call, 3), false);
    offset = clock == LINUX_CLOCK_REALTIME || clock == LINUX_CLOCK_TAI ? kernel_realtime_offset() : 0;
    return sleep_until(pm, call, ns > offset ? ns - offset : 0, 0, true);
}

int pm_linux_restart_syscall(struct pm_state *pm, struct call *call)
{
    (void)pm;
    (void)call;
    return -EINTR; /* calls are restarted with their own number */
}

/* ---- ITIMER_REAL ---- */

uint64_t real_timer_left(const struct pm_process *process, uint64_t now_ns)
{
    uint64_t deadline = timer_deadline(TIMER_OF_PROCESS + process_index(process));

    if (deadline == 0)
        return 0;
    return deadline > now_ns ? deadline - now_ns : 1000;
}

void real_timer_set(struct pm_state *pm, struct pm_process *process, uint64_t now_ns, uint64_t value_ns, uint64_t interval_ns)
{
    process->interval_ns = interval_ns;
    if (value_ns == 0) {
        timer_cancel(pm, TIMER_OF_PROCESS + process_index(process));
    } else {
        timer_set(pm, TIMER_OF_PROCESS + process_index(process), from_now(now_ns, value_ns));
    }
}

int pm_linux_alarm(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint64_t now = sys_uptime();
    uint64_t left = real_timer_left(process, now);
    uint64_t seconds = left / NS_PER_SECOND;

    real_timer_set(pm, process, now, (uint64_t)(uint32_t)linux_argument(call, 0) * NS_PER_SECOND, 0);
    if (left % NS_PER_SECOND >= NS_PER_SECOND / 2 || (left != 0 && seconds == 0)) {
        seconds++;
    }
    return answer(call, (int64_t)seconds);
}

static void read_real_timer(const struct pm_process *process, uint64_t now, struct linux_itimerval *value)
{
    value->interval = timeval_from_ns(process->interval_ns);
    value->value = timeval_from_ns(real_timer_left(process, now));
}

int pm_linux_getitimer(struct pm_state *pm, struct call *call)
{
    struct linux_itimerval value = { 0 };
    uint32_t which = (uint32_t)linux_argument(call, 0);

    (void)pm;
    if (which > 2)
        return -EINVAL;
    if (which == LINUX_ITIMER_REAL) {
        read_real_timer(caller_process(call), sys_uptime(), &value);
    }
    return caller_write(call, linux_argument(call, 1), &value, sizeof(value));
}

static bool timeval_is_valid(const struct linux_timeval *time)
{
    return time->seconds >= 0 && time->microseconds >= 0 && time->microseconds < 1000000;
}

static uint64_t timeval_to_ns(const struct linux_timeval *time)
{
    struct linux_timespec fine = { time->seconds, time->microseconds * 1000 };

    return timespec_to_ns(&fine);
}

int pm_linux_setitimer(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t which = (uint32_t)linux_argument(call, 0);
    uint64_t value_address = linux_argument(call, 1);
    uint64_t old_address = linux_argument(call, 2);
    struct linux_itimerval value = { 0 };
    struct linux_itimerval old = { 0 };
    uint64_t now = sys_uptime();

    if (value_address != 0 && caller_read(call, value_address, &value, sizeof(value)) != 0)
        return -EFAULT;
    if (which != LINUX_ITIMER_REAL || !timeval_is_valid(&value.interval) || !timeval_is_valid(&value.value))
        return -EINVAL;
    read_real_timer(process, now, &old);
    real_timer_set(pm, process, now, timeval_to_ns(&value.value), timeval_to_ns(&value.interval));
    return old_address == 0 ? 0 : caller_write(call, old_address, &old, sizeof(old));
}

/* ---- due timers ---- */

static void thread_timer_due(struct pm_state *pm, struct pm_thread *thread)
{
    switch (thread->step) {
    case STEP_SLEEP:
        thread_answer(pm, thread, 0);
        break;
    case STEP_FUTEX:
        thread_answer(pm, thread, -ETIMEDOUT);
        break;
    case STEP_SIGWAIT:
        sigwait_timeout(pm, thread);
        break;
    default:
        break;
    }
}

static void process_timer_due(struct pm_state *pm, struct pm_process *process, uint64_t deadline, uint64_t now)
{
    if (!process_is_live(process))
        return;
    if (process->interval_ns != 0) {
        uint64_t missed = (now - deadline) / process->interval_ns;
        timer_set(pm, TIMER_OF_PROCESS + process_index(process), deadline + (missed + 1) * process->interval_ns);
    }
    signal_send_kernel(pm, process, LINUX_SIGALRM);
}

void timers_run(struct pm_state *pm, uint64_t now_ns)
{
    bool has_work = false;

    pm->alarm_ns = 0;
    for (;;) {
        uint64_t deadline = pm->timer_count == 0 ? 0 : tables.timer_deadline[tables.timer_heap[0]];
        uint32_t id = timer_take_due(pm, now_ns);
        if (id == TIMERS)
            break;
        if (id == TIMER_OF_WORK) {
            has_work = true; /* after the loop: it may arm its timer again */
        } else if (id >= TIMER_OF_POSIX) {
            posix_timer_due(pm, id - TIMER_OF_POSIX, deadline, now_ns);
        } else if (id >= TIMER_OF_PROCESS) {
            process_timer_due(pm, process_at(id - TIMER_OF_PROCESS), deadline, now_ns);
        } else {
            thread_timer_due(pm, thread_at(id));
        }
    }
    if (has_work) {
        late_flush(pm);
        leaving_flush(pm);
    }
    timer_rearm(pm);
}

/* ---- setting the clock ---- */

static int set_clock(const struct call *call, uint64_t realtime_ns)
{
    struct kernel_settime_request request = { .realtime_offset_ns = realtime_ns - sys_uptime() };

    if (!is_root(caller_process(call)))
        return -EPERM;
    return kernel_call_settime(ENDPOINT_SYSTEM, &request);
}

int pm_linux_clock_settime(struct pm_state *pm, struct call *call)
{
    struct linux_timespec time;

    (void)pm;
    if ((int32_t)linux_argument(call, 0) != LINUX_CLOCK_REALTIME)
        return -EINVAL;
    if (caller_read(call, linux_argument(call, 1), &time, sizeof(time)) != 0)
        return -EFAULT;
    return timespec_is_valid(&time) ? set_clock(call, timespec_to_ns(&time)) : -EINVAL;
}

int pm_linux_settimeofday(struct pm_state *pm, struct call *call)
{
    struct linux_timeval time;

    (void)pm;
    if (linux_argument(call, 0) == 0)
        return 0; /* only the time zone: Linux keeps it and nobody asks */
    if (caller_read(call, linux_argument(call, 0), &time, sizeof(time)) != 0)
        return -EFAULT;
    return timeval_is_valid(&time) ? set_clock(call, timeval_to_ns(&time)) : -EINVAL;
}
