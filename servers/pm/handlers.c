/* SPDX-License-Identifier: MIT */
/*
 * While PUBLIC_SOLE is set for a thread, the public entry has the true sets and PM's copy is old; sync brings them in, publish sends them out.
 */
#include "handlers.h"

#include "base/string.h"
#include "errors.h"
#include "sys/journal_debug.h"

static const struct linux_public *sole_entry(const struct pm_process *process)
{
    if (process->first_thread == NONE || !(tables.publics[process->first_thread].flags & PUBLIC_SOLE))
        return NULL;
    return &tables.publics[process->first_thread];
}

uint64_t handlers_ignored(const struct pm_process *process)
{
    const struct linux_public *entry = sole_entry(process);

    return entry != NULL ? entry->ignored : process->ignored;
}

uint64_t handlers_caught(const struct pm_process *process)
{
    const struct linux_public *entry = sole_entry(process);

    return entry != NULL ? entry->caught : process->caught;
}

void handlers_sync(struct pm_process *process)
{
    const struct linux_public *entry = sole_entry(process);

    if (entry != NULL) {
        process->ignored = entry->ignored;
        process->caught = entry->caught;
    }
}

static void push(const struct pm_process *process)
{
    bool is_sole = process->thread_count == 1 && process->sighand != NONE && tables.sighands[process->sighand].references == 1;

    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        struct linux_public *entry = &tables.publics[i];
        entry->ignored = process->ignored;
        entry->caught = process->caught;
        entry->handlers = process->sighand;
        entry->flags = (uint16_t)((is_sole ? PUBLIC_SOLE : 0) |
                                  ((thread_at(i)->altstack_flags & LINUX_SS_DISABLE) != 0 ? PUBLIC_NO_ALTSTACK : 0));
    }
}

void handlers_publish(struct pm_process *process)
{
    handlers_sync(process);
    push(process);
}

struct linux_sigaction handlers_get(const struct pm_process *process, int signal)
{
    struct linux_sigaction action = { 0 };

    if (process->sighand != NONE)
        return tables.actions[process->sighand].action[signal - 1];
    action.handler = process->ignored & signal_bit(signal) ? LINUX_SIG_IGN : LINUX_SIG_DFL;
    return action;
}

static void drop_table(struct pm_state *pm, struct pm_process *process)
{
    struct pm_sighand *table;

    if (process->sighand == NONE)
        return;
    table = &tables.sighands[process->sighand];
    if (--table->references == 0) {
        journal_release(&tables.actions[process->sighand], sizeof(tables.actions[process->sighand]));
        table->next_free = pm->free_sighand;
        pm->free_sighand = process->sighand;
    }
    process->sighand = NONE;
}

/* A table that nobody else uses; false: none is left. */
static bool own_table(struct pm_state *pm, struct pm_process *process)
{
    uint32_t index = pm->free_sighand;

    if (process->sighand != NONE && tables.sighands[process->sighand].references == 1)
        return true;
    if (index == NONE)
        return false;
    pm->free_sighand = tables.sighands[index].next_free;
    for (int signal = 1; signal <= LINUX_SIGNALS; signal++) {
        struct linux_sigaction *action = &tables.actions[index].action[signal - 1];
        journal_forgo(action, sizeof(*action)); /* nobody looks at a free table */
        *action = handlers_get(process, signal);
    }
    drop_table(pm, process);
    tables.sighands[index].references = 1;
    process->sighand = (uint16_t)index;
    return true;
}

int handlers_set(struct pm_state *pm, struct pm_process *process, int signal, const struct linux_sigaction *action)
{
    uint64_t bit = signal_bit(signal);
    bool is_plain = action->handler <= LINUX_SIG_IGN && (action->flags & ~LINUX_SA_RESTORER) == 0 && action->mask == 0;

    handlers_sync(process);
    if (process->sighand != NONE || !is_plain) {
        if (own_table(pm, process)) {
            tables.actions[process->sighand].action[signal - 1] = *action;
        } else if (process->sighand != NONE || action->handler > LINUX_SIG_IGN) {
            return -ENOMEM;
        } /* without any table, ignoring and the default still work; only the flags are lost */
    }
    process->ignored &= ~bit;
    process->caught &= ~bit;
    if (action->handler == LINUX_SIG_IGN) {
        process->ignored |= bit;
    } else if (action->handler != LINUX_SIG_DFL) {
        process->caught |= bit;
    }
    push(process);
    return 0;
}

void handlers_share(struct pm_process *child, struct pm_process *parent)
{
    handlers_sync(parent);
    child->ignored = parent->ignored;
    child->caught = parent->caught;
    child->sighand = parent->sighand;
    if (child->sighand != NONE) {
        tables.sighands[child->sighand].references++;
    }
    push(parent);
}

void handlers_reset(struct pm_state *pm, struct pm_process *process)
{
    handlers_sync(process);
    drop_table(pm, process);
    process->caught = 0;
    push(process);
}

void handlers_release(struct pm_state *pm, struct pm_process *process)
{
    drop_table(pm, process);
}
