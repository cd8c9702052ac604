/* SPDX-License-Identifier: MIT */
/*
 * A sorted list, because only services have alarms and each has one. The processor that sees a new first alarm, or whose timer fired, sets its
 * timer for the first alarm: so at least one processor is always armed for it.
 */
#include "time/alarm.h"

#include "ipc/ipc.h"
#include "process/signal.h"
#include "sched/sched.h"

uint64_t realtime_offset_ns;
static struct thread *first_alarm;

static void arm_first(void)
{
    uint64_t now = time_uptime_ns();

    if (first_alarm)
        timer_arm(cpu_here(), time_cycles() + (first_alarm->alarm_ns > now ? ns_to_cycles(first_alarm->alarm_ns - now) : 0));
}

void alarm_set(struct thread *thread, uint64_t deadline_ns)
{
    struct thread **link = &first_alarm;

    while (thread->alarm_ns && *link != thread)
        link = &(*link)->alarm_next;
    if (thread->alarm_ns)
        *link = thread->alarm_next;
    thread->alarm_ns = deadline_ns;
    if (!deadline_ns)
        return;
    for (link = &first_alarm; *link && (*link)->alarm_ns <= deadline_ns;)
        link = &(*link)->alarm_next;
    thread->alarm_next = *link;
    *link = thread;
    if (first_alarm == thread)
        arm_first();
}

void handle_timer(void)
{
    struct cpu_state *cpu = kernel_enter(cpu_here()->current);
    uint64_t now = time_uptime_ns();

    cpu->interrupts++;
    cpu->armed = UINT64_MAX;
    while (first_alarm && first_alarm->alarm_ns <= now) {
        struct thread *thread = first_alarm;
        alarm_set(thread, 0);
        signal_interrupt(thread);
        ipc_notify_clock(thread);
    }
    arm_first();
}
