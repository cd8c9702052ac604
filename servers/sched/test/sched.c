/* SPDX-License-Identifier: MIT */
/*
 * The policy: sinking, rising, nice, and processes that are gone.
 */
#include "../state.h"

#include "errors.h"
#include "kernel_info.h"
#include "protocols/kernel.h"
#include "protocols/sched_event_server.h"
#include "protocols/sched_server.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

static struct sched_state state;
static struct message request, reply;
static int told_priority;
static int kernel_answer;

/* The kernel has one process: 300, in its slot. */
static void list_process(struct message *message)
{
    struct kernel_getinfo_request ask;
    struct process_info *info;

    kernel_getinfo_request_get(message, &ask);
    info = (struct process_info *)(uintptr_t)ask.address;
    if (ask.argument <= 300)
        *info = (struct process_info){ .endpoint = 300, .slot = 300, .priority = SCHED_NORMAL + 2 };
}

static int kernel(endpoint_t destination, struct message *message)
{
    struct kernel_schedule_request schedule;

    CHECK_EQ(destination, ENDPOINT_SYSTEM);
    if (message->type == KERNEL_GETINFO)
        list_process(message);
    kernel_schedule_request_get(message, &schedule);
    if (message->type == KERNEL_SCHEDULE)
        told_priority = schedule.priority;
    message->status = kernel_answer;
    return 0;
}

static void start(int nice)
{
    struct sched_start_request start_request = { .process = 300, .nice = nice };
    struct call call;

    fake_reset();
    fake_sendrec = kernel;
    kernel_answer = 0;
    told_priority = -1;
    sched_start(&state);
    call = fake_call(ENDPOINT_PM, IPC_SENDA, &request, &reply);
    CHECK_EQ(sched_handle_start(&state, &call, &start_request), 0);
}

static void use_quantum_up(void)
{
    struct event_out_of_quantum_request used = { 0 };
    struct call call = fake_call(300, IPC_SENDREC | IPC_STATUS_FROM_KERNEL, &request, &reply);

    CHECK_EQ(event_handle_out_of_quantum(&state, &call, &used), 0);
}

TEST(who_sank_rises_after_a_restart_too)
{
    start(0);
    CHECK_EQ(sched_rebuild(&state), 0);
    CHECK_EQ(fake_alarm_ns, 0);
    use_quantum_up();
    fake_alarm_ns = 0;
    CHECK_EQ(sched_rebuild(&state), 0);
    CHECK(fake_alarm_ns > fake_uptime_ns);
}

/* covers: RS-54 */
TEST(a_record_that_makes_no_sense_is_made_anew)
{
    start(0);
    use_quantum_up();
    state.thread[300].endpoint = 12345;
    state.thread[400] = (struct sched_thread){ .endpoint = 7, .used = true };
    CHECK(sched_state_check(&state) != NULL);
    sched_mend(&state);
    CHECK(sched_state_check(&state) == NULL);
    CHECK_EQ(state.thread[300].endpoint, 300);
    CHECK_EQ(state.thread[300].base, SCHED_NORMAL + 2);
    CHECK(!state.thread[400].used);
    CHECK_EQ(state.sunk, 0);
}

TEST(a_busy_thread_sinks_to_its_floor)
{
    start(0);
    use_quantum_up();
    CHECK_EQ(told_priority, SCHED_NORMAL + 1);
    for (int i = 0; i < 10; i++)
        use_quantum_up();
    CHECK_EQ(told_priority, SCHED_NORMAL + SCHED_DROP);
    CHECK(sched_state_check(&state) == NULL);
}

TEST(it_rises_again_and_then_the_clock_stops)
{
    start(0);
    use_quantum_up();
    CHECK(fake_alarm_ns != 0);
    fake_alarm_ns = 0;
    sched_raise(&state);
    CHECK_EQ(told_priority, SCHED_NORMAL);
    CHECK_EQ(fake_alarm_ns, 0);
    CHECK_EQ(state.sunk, 0);
}

TEST(nice_moves_the_base)
{
    struct sched_nice_request nice = { .process = 300, .nice = 19 };
    struct call call;

    start(-20);
    CHECK_EQ(state.thread[300].base, SCHED_NORMAL - 4);
    call = fake_call(ENDPOINT_PM, IPC_SENDA, &request, &reply);
    CHECK_EQ(sched_handle_nice(&state, &call, &nice), 0);
    CHECK_EQ(told_priority, SCHED_NORMAL + 3);
    nice.process = 301;
    CHECK_EQ(sched_handle_nice(&state, &call, &nice), -ESRCH);
}

TEST(a_process_that_is_gone_is_forgotten)
{
    start(0);
    use_quantum_up();
    kernel_answer = -EINVAL;
    sched_raise(&state);
    CHECK(!state.thread[300].used);
    CHECK(sched_state_check(&state) == NULL);
}
