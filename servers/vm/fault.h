/* SPDX-License-Identifier: MIT */
/*
 * Making pages present: page faults, memory requests of the kernel, POPULATE, writes into new programs.
 */
#pragma once

#include "state.h"

struct event_page_fault_reply;

/* At most this much is made present by one fault_range. */
#define FAULT_RANGE_BYTES (256ull * PAGE_BYTES)

enum fault_access { FAULT_READ = 0, FAULT_WRITE = 1, FAULT_EXECUTE = 2, FAULT_FORCE = 4 /* whatever the protection says */ };

/* The region for an access at an address; grows a stack. -EFAULT: none, -EACCES: not permitted. */
int fault_region(struct vm_state *state, uint32_t space, uint64_t address, uint32_t access, uint32_t *region);
/* Make one page accessible. entry: its page-table entry now. reply: the page may go with it instead of by a kernel call (NULL: it may not). 0, or -EIO: beyond the end of a file, or no memory. */
int fault_page(struct vm_state *state, uint32_t region, uint64_t page, uint32_t access, uint64_t entry,
               struct event_page_fault_reply *reply);
/* All pages of a range; stops at the first that cannot be had (0 if that is not the very first). */
int fault_range(struct vm_state *state, uint32_t space, uint64_t address, uint64_t length, uint32_t access);
