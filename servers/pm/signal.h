/* SPDX-License-Identifier: MIT */
/*
 * Sending and taking signals. A signal that a thread must notice ends its waiting (thread_notice); it is acted upon in deliver.c, at the border to
 * user mode. A deadly signal whose action is the default ends the process at once.
 */
#pragma once

#include "sys/stores.h"

#include "state.h"

#define SIGNALS_STOP (1ull << (LINUX_SIGSTOP - 1) | 1ull << (LINUX_SIGTSTP - 1) | 1ull << (LINUX_SIGTTIN - 1) | 1ull << (LINUX_SIGTTOU - 1))
#define SIGNALS_IGNORE \
    (1ull << (LINUX_SIGCHLD - 1) | 1ull << (LINUX_SIGURG - 1) | 1ull << (LINUX_SIGWINCH - 1) | 1ull << (LINUX_SIGCONT - 1))
#define SIGNALS_UNBLOCKABLE (1ull << (LINUX_SIGKILL - 1) | 1ull << (LINUX_SIGSTOP - 1))
#define SIGNALS_SYNCHRONOUS                                                                                                \
    (1ull << (LINUX_SIGSEGV - 1) | 1ull << (LINUX_SIGBUS - 1) | 1ull << (LINUX_SIGILL - 1) | 1ull << (LINUX_SIGTRAP - 1) | \
     1ull << (LINUX_SIGFPE - 1) | 1ull << (LINUX_SIGSYS - 1))

/* thread NULL: to the process, any thread may take it. */
void signal_send(struct pm_state *pm, struct pm_process *process, struct pm_thread *thread, const struct signal_info *info);
/* An exception: cannot be blocked or ignored. */
void signal_force(struct pm_state *pm, struct pm_thread *thread, const struct signal_info *info);
void signal_send_kernel(struct pm_state *pm, struct pm_process *process, int signal);
/* Every process of a group; number of processes that there are. */
uint32_t signal_send_group(struct pm_state *pm, uint32_t group, const struct signal_info *info);

/* Take the next signal in `set` that is pending for the thread, or 0. */
CALLERS_OWN(4)
int signal_take(struct pm_state *pm, struct pm_thread *thread, uint64_t set, struct signal_info *info);
/* Has the thread a pending signal that it does not block? */
bool signal_is_waiting(const struct pm_thread *thread);
/* Make the kernel stop the thread at the border if a signal waits: after the mask changed. */
void signal_recheck(struct pm_state *pm, struct pm_thread *thread);
/* Forget pending signals in `set` of the process and all its threads. */
void signal_discard(struct pm_state *pm, struct pm_process *process, uint64_t set);
void signal_discard_thread(struct pm_state *pm, struct pm_thread *thread);

bool signal_is_ignored(const struct pm_process *process, int signal);
CALLERS_OWN(2)
void signal_info_write(const struct signal_info *info, struct linux_siginfo *out);
