/* SPDX-License-Identifier: MIT */
/*
 * Messages to threads, and what happens to them when one handler has more to say than the outbox holds (a signal to two thousand processes, a futex with
 * as many waiters): they are marked in their threads and leave later.
 */
#pragma once

#include "state.h"

/* The result of the thread's Linux call. */
void late_answer(struct pm_state *pm, struct pm_thread *thread, int64_t result);
/* The reply to its event.signal_ready. */
void late_ready(struct pm_state *pm, struct pm_thread *thread, int64_t result, bool restart);
/* VFS is to end the thread's call. */
void late_cancel(struct pm_state *pm, struct pm_thread *thread);
/* The thread is leaving: nothing is to be said any more. */
void late_forget(struct pm_state *pm, struct pm_thread *thread);
/* Say what there is room for. */
void late_flush(struct pm_state *pm);
