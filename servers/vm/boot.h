/* SPDX-License-Identifier: MIT */
/*
 * VM's own beginning: takes over the memory of the machine and the spaces of the boot services.
 */
#pragma once

struct facts;
struct vm_state;

/* 0 or a negative error: then the machine has too little memory. */
int boot_start(struct vm_state *state, const struct facts *facts);
/* Whatever follows from the machine alone; the tables are empty. */
void boot_constants(struct vm_state *state, const struct facts *facts);
