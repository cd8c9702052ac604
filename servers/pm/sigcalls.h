/* SPDX-License-Identifier: MIT */
/*
 * Linux calls about signals that have a life after the handler.
 */
#pragma once

#include "state.h"

/* A signal that the thread waits for has come. */
void sigwait_finish(struct pm_state *pm, struct pm_thread *thread);
void sigwait_timeout(struct pm_state *pm, struct pm_thread *thread);
/* Status of the alternate stack as sigaltstack(2) reports it. */
uint32_t altstack_status(const struct pm_thread *thread);
/* May `sender` signal `target` (kill(2))? */
bool may_signal(const struct pm_process *sender, const struct pm_process *target, int signal);
