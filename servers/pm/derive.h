/* SPDX-License-Identifier: MIT */
/* What a new PM makes anew of the records that it has taken over. */
#pragma once

#include "state.h"

/* Threads and processes by their ids. */
void derive_hashes(struct pm_state *pm);
/* NULL, or which list of free records leads to one that is not free, or nowhere. */
const char *derive_check_lists(const struct pm_state *pm);
void derive_lists(struct pm_state *pm);
