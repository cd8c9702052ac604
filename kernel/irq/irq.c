/* SPDX-License-Identifier: MIT */
/*
 * The table of hooks. Lines may be shared; then each interrupt goes to all owners, and the slowest of them opens the line again.
 */
#include "irq/irq.h"

#include "arch/x86_64/arch.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "sched/sched.h"

enum { HOOK_COUNT = 128 };

struct irq_hook {
    endpoint_t owner; /* NONE: free */
    uint32_t line;
    uint32_t number; /* the owner's name for it */
    bool is_used;
    bool is_enabled;
};

static struct irq_hook hooks[HOOK_COUNT];

static struct irq_hook *find(const struct thread *owner, uint32_t number)
{
    for (struct irq_hook *h = hooks; h < hooks + HOOK_COUNT; h++)
        if (h->is_used && h->owner == owner->endpoint && h->number == number)
            return h;
    return NULL;
}

/* Open the line if all hooks want it, else close it. */
static int update_line(uint32_t line)
{
    bool is_open = false;

    for (struct irq_hook *h = hooks; h < hooks + HOOK_COUNT; h++) {
        if (!h->is_used || h->line != line)
            continue;
        if (!h->is_enabled)
            return irq_line_disable(line);
        is_open = true;
    }
    return is_open ? irq_line_enable(line) : irq_line_disable(line);
}

int irq_set_policy(struct thread *owner, uint32_t line, uint32_t number)
{
    struct irq_hook *h = find(owner, number);

    if (number >= HOOKS_PER_SERVICE || irq_line_disable(line))
        return -EINVAL;
    if (h && h->line != line)
        return -EBUSY;
    for (struct irq_hook *other = hooks; !h && other < hooks + HOOK_COUNT; other++)
        if (!other->is_used)
            h = other;
    if (!h)
        return -EBUSY;
    *h = (struct irq_hook){ .owner = owner->endpoint, .line = line, .number = number, .is_used = true };
    return 0;
}

int irq_remove(struct thread *owner, uint32_t number)
{
    struct irq_hook *h = find(owner, number);

    if (!h)
        return -EINVAL;
    h->is_used = false;
    return update_line(h->line);
}

int irq_set_enabled(struct thread *owner, uint32_t number, bool is_enabled)
{
    struct irq_hook *h = find(owner, number);

    if (!h)
        return -EINVAL;
    h->is_enabled = is_enabled;
    return update_line(h->line);
}

void irq_release(struct thread *owner)
{
    for (struct irq_hook *h = hooks; h < hooks + HOOK_COUNT; h++) {
        if (!h->is_used || h->owner != owner->endpoint)
            continue;
        h->is_used = false;
        update_line(h->line);
    }
}

void handle_interrupt(uint32_t line)
{
    struct cpu_state *cpu = kernel_enter(cpu_here()->current);

    cpu->interrupts++;
    irq_line_disable(line);
    for (struct irq_hook *h = hooks; h < hooks + HOOK_COUNT; h++) {
        struct thread *owner = h->is_used && h->line == line ? thread_find(h->owner) : NULL;
        if (!owner)
            continue;
        h->is_enabled = false;
        ipc_notify_interrupt(owner, 1ull << h->number);
    }
}
