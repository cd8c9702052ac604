/* SPDX-License-Identifier: MIT */
/*
 * futex(2): waiting for a word. Private futexes are known by space and address. Shared ones also by physical address, so that two mappings of one
 * page meet; a waiter is woken if either agrees (a wake too many is allowed, one too few is not).
 */
#pragma once

#include "state.h"

void futex_remove(struct pm_state *pm, struct pm_thread *thread);
/* What the call answers when a signal ends it. */
int64_t futex_interrupted(struct pm_thread *thread);
/* Shared wake at an address of a thread's space. */
uint32_t futex_wake_address(struct pm_state *pm, struct pm_thread *thread, uint64_t address, uint32_t count);
