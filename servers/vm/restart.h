/* SPDX-License-Identifier: MIT */
/*
 * A new instance of VM takes over from one that crashed.
 */
#pragma once

/* With the state of the old instance in place: take its tables over and derive everything again that can be derived. 0 or a negative error. */
int restart_rebuild(void *state);
/* The second half, without the kernel's part: the tables are there. */
struct vm_state;
const char *restart_derive(struct vm_state *state);
