/* SPDX-License-Identifier: MIT */
/*
 * event.signal_ready: the thread is about to run user code. It is answered when nothing is left to do but to go on; a stopped thread
 * is simply not answered. Restart rules are Linux's: a call is restarted if there is no handler, or the handler says SA_RESTART.
 */
#include "deliver.h"

#include "base/string.h"
#include "errors.h"
#include "exit.h"
#include "futex.h"
#include "handlers.h"
#include "kernel_calls.h"
#include "late.h"
#include "linux/signal_frame.h"
#include "linux_syscalls.h"
#include "process.h"
#include "protocols/pm_event_server.h"
#include "sigcalls.h"
#include "signal.h"
#include "sleep.h"
#include "sys/call.h"
#include "sys/service.h"
#include "timer.h"
#include "wait.h"

/* ---- waiting calls ---- */

bool thread_may_wait(const struct pm_thread *thread)
{
    return !signal_is_waiting(thread);
}

static void end_wait(struct pm_state *pm, struct pm_thread *thread)
{
    if (thread->step == STEP_FUTEX) {
        futex_remove(pm, thread);
    }
    if (thread->step >= STEP_WAIT) {
        timer_cancel(pm, TIMER_OF_THREAD + thread_index(thread));
    }
    thread->step = STEP_NONE;
}

void thread_answer(struct pm_state *pm, struct pm_thread *thread, int64_t result)
{
    end_wait(pm, thread);
    late_answer(pm, thread, result);
}

/* What a call that waits in PM answers because of a signal. */
static int64_t interrupted_result(struct pm_thread *thread)
{
    switch (thread->step) {
    case STEP_SLEEP:
        return sleep_interrupted(thread);
    case STEP_FUTEX:
        return futex_interrupted(thread);
    case STEP_SIGWAIT:
        return -EINTR;
    case STEP_PAUSE:
        return -ERESTARTNOHAND;
    default:
        return -ERESTARTSYS;
    }
}

static void deliver(struct pm_state *pm, struct pm_thread *thread);

/* The thread is in its Linux call, which is over: act upon its signals, then answer. */
static void deliver_in_call(struct pm_state *pm, struct pm_thread *thread, int64_t number, int64_t result)
{
    thread->step = STEP_READY;
    thread->call.ready.number = number;
    thread->call.ready.result = result;
    thread->call.ready.has_frame = false;
    thread->call.ready.is_call = true;
    deliver(pm, thread);
}

/* Handlers run one at a time; outside of one this is NULL. */
static SERVICE_DERIVED struct pm_thread *in_hand;
static SERVICE_DERIVED bool has_news;
static SERVICE_DERIVED bool needs_no_cancel;

void thread_answered_by_asker(bool is_so)
{
    needs_no_cancel = is_so;
}

void thread_enter(struct pm_thread *thread)
{
    in_hand = thread;
    has_news = false;
}

bool thread_has_news(void)
{
    return has_news;
}

void thread_leave_parked(struct pm_state *pm, struct pm_thread *thread)
{
    bool had_news = has_news;

    thread_enter(NULL);
    if (had_news) {
        thread_notice(pm, thread);
    }
}

bool thread_leave_call(struct pm_state *pm, struct pm_thread *thread, int64_t number, int64_t result)
{
    in_hand = NULL;
    if (!has_news)
        return false;
    has_news = false;
    deliver_in_call(pm, thread, number, result);
    return true;
}

void thread_notice(struct pm_state *pm, struct pm_thread *thread)
{
    endpoint_t waits_for = ENDPOINT_NONE;

    if (thread->step == STEP_READY) {
        if (process_of(thread)->state != PROCESS_STOPPED) {
            deliver(pm, thread);
        }
        return;
    }
    if (thread == in_hand && thread->step == STEP_NONE) {
        has_news = true;
        return;
    }
    if (thread->step >= STEP_WAIT) {
        int64_t result = interrupted_result(thread);
        end_wait(pm, thread);
        deliver_in_call(pm, thread, thread->linux_number, result);
        return;
    }
    if (!thread->is_posted) {
        if (kernel_signal_post(thread->endpoint, &waits_for) != 0)
            return;
        thread->is_posted = true;
    }
    if (thread->step == STEP_NONE && waits_for == ENDPOINT_VFS && !needs_no_cancel) {
        late_cancel(pm, thread);
    }
}

/* ---- frames ---- */

/* How the interrupted call ends if a handler runs. True: it is to be restarted. */
static bool restarts_with_handler(int64_t *result, uint64_t flags)
{
    switch (-*result) {
    case ERESTARTNOINTR:
        return true;
    case ERESTARTSYS:
        if (flags & LINUX_SA_RESTART)
            return true;
        *result = -EINTR;
        return false;
    case ERESTARTNOHAND:
    case ERESTART_RESTARTBLOCK:
        *result = -EINTR;
        return false;
    default:
        return false;
    }
}

static bool is_on_altstack(const struct pm_thread *thread)
{
    uint64_t stack = kernel_stack_pointer(thread->endpoint);

    return stack > thread->altstack_base && stack - thread->altstack_base <= thread->altstack_length;
}

uint32_t altstack_status(const struct pm_thread *thread)
{
    if (thread->altstack_flags & LINUX_SS_DISABLE)
        return LINUX_SS_DISABLE;
    return is_on_altstack(thread) ? LINUX_SS_ONSTACK : 0;
}

static void choose_stack(struct pm_thread *thread, const struct linux_sigaction *action, struct signal_frame_request *frame)
{
    frame->uc_stack_base = thread->altstack_base;
    frame->uc_stack_length = thread->altstack_length;
    frame->uc_stack_flags = thread->altstack_flags;
    if ((action->flags & LINUX_SA_ONSTACK) == 0 || (thread->altstack_flags & LINUX_SS_DISABLE) != 0 || is_on_altstack(thread))
        return;
    frame->altstack_base = thread->altstack_base;
    frame->altstack_length = thread->altstack_length;
    if (thread->altstack_flags & LINUX_SS_AUTODISARM) {
        thread->altstack_flags = LINUX_SS_DISABLE;
        thread->altstack_base = 0;
        thread->altstack_length = 0;
        handlers_publish(process_of(thread));
    }
}

static void adjust_after_frame(struct pm_state *pm, struct pm_thread *thread, int signal, const struct linux_sigaction *action)
{
    struct pm_process *process = process_of(thread);
    uint64_t blocked = action->mask;

    thread->has_saved_mask = false;
    if ((action->flags & LINUX_SA_NODEFER) == 0) {
        blocked |= signal_bit(signal);
    }
    *mask_of(thread) = (*mask_of(thread) | blocked) & ~SIGNALS_UNBLOCKABLE;
    if (action->flags & LINUX_SA_RESETHAND) {
        struct linux_sigaction once = *action;
        once.handler = LINUX_SIG_DFL;
        handlers_set(pm, process, signal, &once);
    }
}

/* False: the process is gone because the frame could not be written. */
static bool build_frame(struct pm_state *pm, struct pm_thread *thread, const struct signal_info *info, const struct linux_sigaction *action)
{
    struct signal_frame_request frame = {
        .handler = action->handler,
        .restorer = action->restorer,
        .flags = action->flags,
        .mask = thread->has_saved_mask ? thread->saved_mask : *mask_of(thread),
        .signal = (uint32_t)info->signal,
        .result = thread->call.ready.result,
        .has_result = thread->call.ready.number >= 0,
    };

    if (frame.has_result) {
        frame.restart = restarts_with_handler(&frame.result, action->flags);
    }
    choose_stack(thread, action, &frame);
    signal_info_write(info, (struct linux_siginfo *)frame.siginfo);
    if (kernel_sigsend(thread->endpoint, ++thread->signal_sequence, &frame) != 0) {
        process_exit(pm, process_of(thread), LINUX_SIGSEGV);
        return false;
    }
    adjust_after_frame(pm, thread, info->signal, action);
    thread->restarts = false;
    thread->call.ready.number = -1;
    thread->call.ready.result = 0;
    thread->call.ready.has_frame = true;
    return true;
}

/* ---- actions ---- */

/* One signal that was taken. False: the thread is gone. */
static bool act(struct pm_state *pm, struct pm_thread *thread, const struct signal_info *info)
{
    struct pm_process *process = process_of(thread);
    struct linux_sigaction action = handlers_get(process, info->signal);
    uint64_t bit = signal_bit(info->signal);

    if (signal_is_ignored(process, info->signal))
        return true;
    if (action.handler != LINUX_SIG_DFL)
        return build_frame(pm, thread, info, &action);
    if (SIGNALS_STOP & bit) {
        if (info->signal == LINUX_SIGSTOP || !group_is_orphaned(pm, process->group, NULL)) {
            process_stop(pm, process, info->signal);
        }
        return true;
    }
    process_exit(pm, process, (uint32_t)info->signal);
    return false;
}

/* PM's own calls remember when they were to end; VFS's keep that for themselves. */
static bool keeps_deadline(int64_t number)
{
    return number == LINUX_SYS_nanosleep || number == LINUX_SYS_clock_nanosleep || number == LINUX_SYS_futex;
}

/* The call is to be made again, for there was no handler. */
static bool restarts_without_handler(struct pm_thread *thread)
{
    if (thread->call.ready.has_frame || thread->call.ready.number < 0)
        return false;
    switch (-thread->call.ready.result) {
    case ERESTART_RESTARTBLOCK:
        thread->restarts = keeps_deadline(thread->call.ready.number);
        return true;
    case ERESTARTSYS:
    case ERESTARTNOINTR:
    case ERESTARTNOHAND:
        return true;
    default:
        return false;
    }
}

static void go_on(struct pm_state *pm, struct pm_thread *thread)
{
    bool restarts = restarts_without_handler(thread);
    int64_t result = thread->call.ready.result;

    if (thread->has_saved_mask) {
        *mask_of(thread) = thread->saved_mask;
        thread->has_saved_mask = false;
    }
    thread->step = STEP_NONE;
    if (thread->call.ready.is_call) { /* with a frame the kernel takes no result */
        late_answer(pm, thread, restarts ? -ERESTARTNOINTR : result);
    } else { /* the same call again, not restart_syscall */
        late_ready(pm, thread, restarts ? 0 : result, restarts);
    }
}

/* The thread is in event.signal_ready. */
static void deliver(struct pm_state *pm, struct pm_thread *thread)
{
    struct signal_info info;
    bool restored;

    for (;;) {
        if (process_of(thread)->state == PROCESS_STOPPED)
            return;
        if (signal_take(pm, thread, ~*mask_of(thread), &info) == 0)
            break;
        if (!act(pm, thread, &info))
            return;
    }
    restored = thread->has_saved_mask;
    go_on(pm, thread);
    if (restored) { /* the mask that came back may let a signal through */
        signal_recheck(pm, thread);
    }
}

int event_handle_signal_ready(struct pm_state *pm, struct call *call, const struct event_signal_ready_request *request,
                              struct event_signal_ready_reply *reply)
{
    struct pm_thread *thread = thread_find(call->caller);

    (void)reply;
    if (thread == NULL)
        return CALL_PARKED;
    thread->is_posted = false;
    thread->step = STEP_READY;
    thread->call.ready.number = request->number;
    thread->call.ready.result = request->result;
    thread->ready_transaction = call->transaction;
    thread->call.ready.has_frame = false;
    thread->call.ready.is_call = false;
    deliver(pm, thread);
    return CALL_PARKED;
}

/* ---- stop and continue ---- */

void process_stop(struct pm_state *pm, struct pm_process *process, int signal)
{
    process->state = PROCESS_STOPPED;
    process->stop_signal = (uint8_t)signal;
    process->has_stop_report = true;
    process->has_continue_report = false;
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        if (thread_at(i)->step != STEP_READY) {
            thread_notice(pm, thread_at(i));
        }
    }
    parent_notify(pm, process, LINUX_CLD_STOPPED, (uint32_t)signal);
}

void process_continue(struct pm_state *pm, struct pm_process *process)
{
    if (process->state != PROCESS_STOPPED)
        return;
    process->state = PROCESS_RUNNING;
    process->has_stop_report = false;
    process->has_continue_report = true;
    parent_notify(pm, process, LINUX_CLD_CONTINUED, LINUX_SIGCONT);
}

void process_wake_stopped(struct pm_state *pm, struct pm_process *process)
{
    uint32_t next;

    for (uint32_t i = process->first_thread; i != NONE && process->state == PROCESS_RUNNING && !process->is_exiting; i = next) {
        next = thread_at(i)->next;
        if (thread_at(i)->step == STEP_READY) {
            deliver(pm, thread_at(i));
        } else {
            signal_recheck(pm, thread_at(i)); /* what came while it was stopped */
        }
    }
}
