/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts as notifications: a hook ties a line to a service. A line is masked when it fires, until all its hooks have said enable.
 */
#pragma once

#include "process/thread.h"

enum { HOOKS_PER_SERVICE = 16 };

int irq_set_policy(struct thread *owner, uint32_t line, uint32_t hook);
int irq_remove(struct thread *owner, uint32_t hook);
int irq_set_enabled(struct thread *owner, uint32_t hook, bool is_enabled);
/* All hooks of a service that ends. */
void irq_release(struct thread *owner);
