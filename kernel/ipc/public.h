/* SPDX-License-Identifier: MIT */
/*
 * The table that PM publishes (abi/linux_public.h): calls that only read it, and rt_sigprocmask, need no message.
 */
#pragma once

#include "process/thread.h"

/* By number: calls that public_answer may answer. */
extern const bool public_calls[];
/* Answer the call from the table; false: PM must. `t` is current. */
bool public_answer(struct thread *t, uint64_t number);
/* The thread is going, or changes its slot: its table is not to be touched any more. */
void public_forget(const struct thread *t);
