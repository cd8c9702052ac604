/* SPDX-License-Identifier: MIT */
/*
 * What a process does about each signal. The actions stand in tables that are shared after fork until one of the sharers changes something. The
 * only thread of a process with a table of its own may have its actions changed by the kernel (abi/linux_public.h); so the sets of ignored and
 * caught signals are read through here.
 */
#pragma once

#include "state.h"

uint64_t handlers_ignored(const struct pm_process *process);
uint64_t handlers_caught(const struct pm_process *process);
struct linux_sigaction handlers_get(const struct pm_process *process, int signal);
/* 0, or -ENOMEM: no table is left. */
int handlers_set(struct pm_state *pm, struct pm_process *process, int signal, const struct linux_sigaction *action);
/* fork: the child, which has no thread yet, uses what the parent uses. */
void handlers_share(struct pm_process *child, struct pm_process *parent);
/* execve: caught signals have their default action again. */
void handlers_reset(struct pm_state *pm, struct pm_process *process);
void handlers_release(struct pm_state *pm, struct pm_process *process);
/* Before the threads of a process become more or fewer, and after that or a change of an alternate stack. */
void handlers_sync(struct pm_process *process);
void handlers_publish(struct pm_process *process);
