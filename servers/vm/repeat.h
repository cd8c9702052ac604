/* SPDX-License-Identifier: MIT */
/*
 * VM has no journal: after a crash the message in hand is handled again, on top of whatever its handler had done. Most handlers stand that as they
 * are. The others note what they have chosen before they act, and find it here when they begin again.
 */
#pragma once

#include "state.h"
#include "sys/journal.h"

/* Is this message handled for the second time? Records may then say what the page tables do not show yet. */
static inline bool repeat_may_be(void)
{
    return journal.attempts != 0;
}

/* ... and had the first one noted something? */
static inline bool repeat_is(const struct vm_state *state, uint64_t *value)
{
    *value = state->note_value;
    return repeat_may_be() && state->note_of == journal.committed + 1;
}

static inline void repeat_note(struct vm_state *state, uint64_t value)
{
    state->note_of = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    state->note_value = value;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    state->note_of = journal.committed + 1;
}
