/* SPDX-License-Identifier: MIT */
/*
 * What the kernel knows better than any record of VM: the machine, and who lives in which space. VM begins with it, and believes it before its own
 * records when it takes over from an instance that died.
 */
#pragma once

#include <stdbool.h>

#include "kernel_info.h"

struct facts {
    struct boot_info boot;
    struct machine_info machine;
    struct process_info services[SERVICE_SLOTS];
    uint32_t space[PROCESS_SLOTS]; /* the kernel's id of the space of each slot's thread; UINT32_MAX: no thread */
};

/* NULL if the kernel does not say. Valid until the next call. */
const struct facts *facts_ask(void);
/* Is this an instance of VM: the one that serves, the standby, or one that died? */
bool facts_is_instance(const struct process_info *service);
