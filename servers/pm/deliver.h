/* SPDX-License-Identifier: MIT */
/*
 * Signals at the border to user mode: notice, frames, stop and continue; and the ending of calls that wait in PM.
 */
#pragma once

#include "state.h"

/* The thread must look at its signals: interrupt its waiting, make the kernel report it at the border. */
void thread_notice(struct pm_state *pm, struct pm_thread *thread);
/* May a call that a signal can end begin to wait now? False: answer it with its interrupted result at once. */
bool thread_may_wait(const struct pm_thread *thread);
/* The thread whose call is being handled wants its signals looked at: before its call is answered, without a detour through the kernel. */
void thread_enter(struct pm_thread *thread);
/* The end of its handler: true if the call was answered here. number: of the call, -1 if its registers are others now. */
bool thread_has_news(void);
void thread_leave_parked(struct pm_state *pm, struct pm_thread *thread);
bool thread_leave_call(struct pm_state *pm, struct pm_thread *thread, int64_t number, int64_t result);
/* Meanwhile the service that holds the thread's call asks, and will answer it: no cancel is needed. */
void thread_answered_by_asker(bool is_so);
/* Answer a waiting call of a thread: result >= 0 or a negative error; the thread waits no longer. */
void thread_answer(struct pm_state *pm, struct pm_thread *thread, int64_t result);

void process_stop(struct pm_state *pm, struct pm_process *process, int signal);
/* Only the state and the news for the parent; then process_wake_stopped lets the threads go. */
void process_continue(struct pm_state *pm, struct pm_process *process);
void process_wake_stopped(struct pm_state *pm, struct pm_process *process);
