/* SPDX-License-Identifier: MIT */
/*
 * VM's own beginning: takes over the memory of the machine and the spaces of the boot services.
 */
#pragma once

struct vm_state;
struct boot_info;

/* 0 or a negative error: then the machine has too little memory. */
int boot_start(struct vm_state *state, const struct boot_info *info);
