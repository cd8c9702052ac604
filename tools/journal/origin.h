/* SPDX-License-Identifier: MIT */
/* Where a pointer comes from, within a function: what local.cc and copy.cc ask with different ideas of where it should lead. */
#pragma once

#include "gcc.h"

/* Does the pointer lead where it should? A pointer in `seen` is being asked about already. */
typedef bool leads_t(tree pointer, std::set<tree> &seen);

/* Is it a member of a structure that has the mark? */
bool is_marked_member(tree reference, const char *mark);
/* Does whatever the statement `from` makes lead there? Of several that it may be all must, or be null. What is read from a member with the mark does. */
bool result_leads(gimple *from, leads_t leads, const char *mark, std::set<tree> &seen);
