/* SPDX-License-Identifier: MIT */
/*
 * Parts of vm_state_check: the first broken invariant of one record as text, or NULL.
 */
#pragma once

#include "state.h"

/* Of a space that is in use. */
const char *check_space(const struct vm_state *state, uint32_t index);
/* Of an object that is in use. */
const char *check_object(const struct vm_state *state, uint32_t index);
