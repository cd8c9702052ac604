/* SPDX-License-Identifier: MIT */
/*
 * A new instance of VM takes over from one that crashed.
 */
#pragma once

#include <stdbool.h>

/* With the state of the old instance in place: take its tables over. After a crash derive everything again that can be derived; in an update believe
 * it, check it, and do not write into the tables before restart_commit. 0 or a negative error. */
int restart_rebuild(void *state, bool is_update);
struct vm_state;
int restart_commit(struct vm_state *state);
/* The second half, without the kernel's part: the tables are there. */
const char *restart_derive(struct vm_state *state);
