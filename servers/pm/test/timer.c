/* SPDX-License-Identifier: MIT */
/*
 * The heap of deadlines, sleeping, alarms, intervals.
 */
#include "harness.h"

struct timespec64 {
    int64_t s, ns;
};

static void clock_reaches(uint64_t ns)
{
    struct message m = { .source = ENDPOINT_CLOCK };

    fake_uptime_ns = ns;
    pm_handle_notify(&pm_state, ENDPOINT_CLOCK, &m, outbox_default());
    check_state();
}

TEST(timers_come_in_the_order_of_their_deadlines)
{
    uint64_t last = 0;

    start();
    srand(5);
    for (uint32_t i = 0; i < 1000; i++) {
        timer_set(&pm_state, i, (uint64_t)(rand() % 5000) + 1);
    }
    for (uint32_t i = 0; i < 1000; i += 3) {
        timer_cancel(&pm_state, i);
    }
    check_state();
    CHECK_EQ(pm_state.timer_count, 666);
    for (uint32_t i = 0; i < 666; i++) {
        uint64_t deadline = tables.timer_deadline[tables.timer_heap[0]];
        CHECK(deadline >= last);
        last = deadline;
        CHECK(timer_take_due(&pm_state, 6000) < TIMERS);
    }
    CHECK_EQ(timer_take_due(&pm_state, 6000), TIMERS);
}

TEST(nanosleep_ends_when_its_time_has_come)
{
    struct pm_thread *init = start();
    struct timespec64 time = { 1, 0 };

    CHECK_EQ(call_linux(init, nanosleep, (uint64_t)(uintptr_t)&time, 0), PARKED);
    CHECK_EQ(fake_alarm_ns, NS_PER_SECOND);
    clock_reaches(NS_PER_SECOND - 1);
    CHECK_EQ(answered(init->endpoint), PARKED);
    clock_reaches(NS_PER_SECOND);
    CHECK_EQ(answered(init->endpoint), 0);
}

TEST(stopped_sleep_goes_on_with_the_old_deadline)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    struct timespec64 time = { 10, 0 };
    struct timespec64 left = { 0, 0 };

    CHECK_EQ(call_linux(child, nanosleep, (uint64_t)(uintptr_t)&time, (uint64_t)(uintptr_t)&left), PARKED);
    fake_uptime_ns = 4 * NS_PER_SECOND;
    call_linux(init, kill, pid_of(child), LINUX_SIGSTOP);
    CHECK_EQ(answered(child->endpoint), PARKED);
    CHECK_EQ(left.s, 6);
    call_linux(init, kill, pid_of(child), LINUX_SIGCONT);
    CHECK_EQ(answered(child->endpoint), -ERESTARTNOINTR);
    CHECK_EQ(call_linux(child, nanosleep, (uint64_t)(uintptr_t)&time, (uint64_t)(uintptr_t)&left), PARKED);
    CHECK_EQ(timer_deadline(TIMER_OF_THREAD + thread_index(child)), 10 * NS_PER_SECOND);
}

TEST(alarm_sends_sigalrm_and_reports_what_was_left)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);

    CHECK_EQ(call_linux(child, alarm, 5), 0);
    fake_uptime_ns = 2 * NS_PER_SECOND;
    CHECK_EQ(call_linux(child, alarm, 10), 3);
    clock_reaches(12 * NS_PER_SECOND);
    CHECK_EQ(process_by_pid(&pm_state, pid)->exit_status, LINUX_SIGALRM);
}

TEST(interval_timer_repeats)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    struct timespec64 value[2] = { { 1, 0 }, { 2, 0 } };

    set_handler(child, LINUX_SIGALRM, 0x1000, 0);
    CHECK_EQ(call_linux(child, setitimer, 0, (uint64_t)(uintptr_t)value, 0), 0);
    clock_reaches(2 * NS_PER_SECOND);
    CHECK_EQ(posted[thread_index(child)], 1);
    CHECK_EQ(timer_deadline(TIMER_OF_PROCESS + child->process), 3 * NS_PER_SECOND);
}

TEST(futex_wait_times_out)
{
    struct pm_thread *init = start();
    struct timespec64 time = { 0, 1000 };
    uint32_t word = 4;

    CHECK_EQ(call_linux(init, futex, (uint64_t)(uintptr_t)&word, 128, 5, 0), -EAGAIN);
    CHECK_EQ(call_linux(init, futex, (uint64_t)(uintptr_t)&word, 128, 4, (uint64_t)(uintptr_t)&time), PARKED);
    clock_reaches(1000);
    CHECK_EQ(answered(init->endpoint), -ETIMEDOUT);
    CHECK_EQ(call_linux(init, futex, (uint64_t)(uintptr_t)&word, 129, 1, 0), 0);
}

TEST(answer_without_room_in_the_outbox_leaves_later)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t word = 4;

    child->space = init->space; /* as if they were threads */
    CHECK_EQ(call_linux(child, futex, (uint64_t)(uintptr_t)&word, 128, 4, 0), PARKED);
    room_in_outbox = 10;
    CHECK_EQ(call_linux(init, futex, (uint64_t)(uintptr_t)&word, 129, 1), 1);
    CHECK_EQ(answered(child->endpoint), PARKED);
    CHECK_EQ(child->step, STEP_LATE);
    clock_reaches(10);
    CHECK_EQ(answered(child->endpoint), PARKED);
    room_in_outbox = 1024;
    clock_reaches(20);
    CHECK_EQ(answered(child->endpoint), 0);
    CHECK_EQ(pm_state.late_count, 0);
}

TEST(posix_timer_signals_and_counts_overruns)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    struct timespec64 value[2] = { { 0, 1000 }, { 0, 1000 } };
    int32_t id = -1;

    set_handler(child, LINUX_SIGALRM, 0x1000, 0);
    CHECK_EQ(call_linux(child, timer_create, 1, 0, (uint64_t)(uintptr_t)&id), 0);
    CHECK_EQ(id, 0);
    CHECK_EQ(call_linux(child, timer_settime, 0, 0, (uint64_t)(uintptr_t)value, 0), 0);
    clock_reaches(1000);
    clock_reaches(4000);
    CHECK(signal_ready(child, -1, 0) != NULL);
    CHECK_EQ(((struct linux_siginfo *)last_frame.siginfo)->code, LINUX_SI_TIMER);
    CHECK_EQ(call_linux(child, timer_getoverrun, 0), 3);
    CHECK_EQ(call_linux(child, timer_delete, 0), 0);
    CHECK_EQ(call_linux(child, timer_delete, 0), -EINVAL);
}
