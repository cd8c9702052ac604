/* SPDX-License-Identifier: MIT */
/*
 * PM's table is PM's memory. It is used only while PM could run: when it has crashed, its successor copies the table, and nothing may be written
 * between that copy and the successor's own publish.
 */
#include "ipc/public.h"

#include "arch/x86_64/arch.h"
#include "calls/calls.h"
#include "errors.h"
#include "ipc/ipc.h"
#include "linux_public.h"
#include "linux_syscalls.h"
#include "protocols/kernel.h"

enum { PAGE_BYTES = 4096, ENTRIES_PER_PAGE = PAGE_BYTES / sizeof(struct linux_public), PAGES = USER_SLOTS / ENTRIES_PER_PAGE };
enum { HOW_BLOCK, HOW_UNBLOCK, HOW_SET, SIGSET_BYTES = 8, SIGNAL_KILL_NUMBER = 9, SIGNAL_STOP_NUMBER = 19 };
#define UNBLOCKABLE (1ull << (SIGNAL_KILL_NUMBER - 1) | 1ull << (SIGNAL_STOP_NUMBER - 1))

enum {
    TABLES_PER_PAGE = PAGE_BYTES / sizeof(struct linux_public_actions),
    ACTION_PAGES = PUBLIC_HANDLERS / TABLES_PER_PAGE,
    ACTION_WORDS = 4
};
#define IGNORED_BY_DEFAULT \
    (1ull << (LINUX_SIGCHLD - 1) | 1ull << (LINUX_SIGURG - 1) | 1ull << (LINUX_SIGWINCH - 1) | 1ull << (LINUX_SIGCONT - 1))

static struct linux_public *pages[PAGES];
static struct linux_public_actions *action_pages[ACTION_PAGES];
static const struct thread *publisher; /* NULL: no table */

static int find_pages(const struct thread *owner, uint64_t address, void **out, uint32_t count)
{
    if (address % PAGE_BYTES || !user_range_ok(address, (uint64_t)count * PAGE_BYTES))
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = space_pointer(owner->space, address + (uint64_t)i * PAGE_BYTES, true);
        if (!out[i])
            return -EFAULT;
    }
    return 0;
}

CALL_HANDLER(publish)
{
    struct kernel_publish_request r;
    (void)reply;

    kernel_publish_request_get(request, &r);
    publisher = NULL;
    int error = find_pages(caller, r.table, (void **)pages, PAGES);
    if (!error)
        error = find_pages(caller, r.actions, (void **)action_pages, ACTION_PAGES);
    if (!error)
        publisher = caller;
    return error;
}

void public_forget(const struct thread *t)
{
    if (publisher == t)
        publisher = NULL;
}

static struct linux_public *entry_of(const struct thread *t)
{
    enum { ALIVE = RTS_SENDING | RTS_RECEIVING | RTS_PAGEFAULT | RTS_VMREQUEST | RTS_PREEMPTED | RTS_NO_QUANTUM };
    uint32_t index = t->slot - SERVICE_SLOTS;

    if (!publisher || publisher->rts_flags & ~(uint32_t)ALIVE || thread_is_service(t))
        return NULL;
    return &pages[index / ENTRIES_PER_PAGE][index % ENTRIES_PER_PAGE];
}

static bool range_is_bad(uint64_t address, uint64_t length)
{
    return address >> USER_ADDRESS_BITS || address + length > 1ull << USER_ADDRESS_BITS;
}

static void set_mask(struct thread *t, struct linux_public *entry, uint64_t mask)
{
    entry->mask = mask & ~UNBLOCKABLE;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (*(volatile uint64_t *)&entry->pending & ~entry->mask)
        t->misc_flags |= MF_SIGNAL_POSTED; /* as if PM had posted it */
}

/* PM does what is unusual: absent memory, wrong arguments. */
static bool answer_mask(struct thread *t, struct linux_public *entry)
{
    uint64_t how = t->frame.rdi, set_address = t->frame.rsi, old_address = t->frame.rdx;
    uint64_t old = entry->mask, set;

    if (t->frame.r10 != SIGSET_BYTES || range_is_bad(set_address, SIGSET_BYTES) || range_is_bad(old_address, SIGSET_BYTES))
        return false;
    space_refresh();
    if (set_address && ((uint32_t)how > HOW_SET || !copy_user_words(&set, (const void *)set_address, 1)))
        return false;
    if (old_address && !copy_user_words((void *)old_address, &old, 1))
        return false;
    /* Cannot fail from here on. */
    t->frame.rax = 0;
    if (!set_address)
        return true;
    set = (uint32_t)how == HOW_BLOCK ? old | set : (uint32_t)how == HOW_UNBLOCK ? old & ~set : set;
    set_mask(t, entry, set);
    return true;
}

static struct linux_sigaction *find_action(const struct linux_public *entry, uint32_t signal)
{
    uint32_t table = entry->handlers;

    return table < PUBLIC_HANDLERS ? &action_pages[table / TABLES_PER_PAGE][table % TABLES_PER_PAGE].action[signal - 1] : NULL;
}

/* May the kernel itself put `new` in the place of an action? PM drops what is pending and makes tables. */
static bool may_act(const struct linux_public *entry, uint64_t bit, const struct linux_sigaction *new, const struct linux_sigaction *place)
{
    bool ignores = new->handler == LINUX_SIG_IGN || (new->handler == LINUX_SIG_DFL &&IGNORED_BY_DEFAULT &bit);

    return entry->flags & PUBLIC_SOLE && place && !(UNBLOCKABLE & bit) && !(ignores && entry->pending & bit);
}

static bool answer_action(struct thread *t, struct linux_public *entry)
{
    uint32_t signal = (uint32_t)t->frame.rdi;
    uint64_t new_address = t->frame.rsi, old_address = t->frame.rdx;
    struct linux_sigaction new, old = { 0 };

    if (signal - 1 >= LINUX_SIGNALS || t->frame.r10 != SIGSET_BYTES || range_is_bad(new_address, sizeof(new)) ||
        range_is_bad(old_address, sizeof(old)))
        return false;
    uint64_t bit = 1ull << (signal - 1);
    struct linux_sigaction *place = find_action(entry, signal);
    if (place)
        old = *place;
    else
        old.handler = entry->ignored & bit ? LINUX_SIG_IGN : LINUX_SIG_DFL;
    space_refresh();
    if (new_address && (!copy_user_words(&new, (const void *)new_address, ACTION_WORDS) || !may_act(entry, bit, &new, place)))
        return false;
    if (old_address && !copy_user_words((void *)old_address, &old, ACTION_WORDS))
        return false;
    /* Cannot fail from here on. */
    t->frame.rax = 0;
    if (!new_address)
        return true;
    new.mask &= ~UNBLOCKABLE;
    *place = new;
    entry->ignored = (entry->ignored & ~bit) | (new.handler == LINUX_SIG_IGN ? bit : 0);
    entry->caught = (entry->caught & ~bit) | (new.handler > LINUX_SIG_IGN ? bit : 0);
    return true;
}

static bool answer_return(struct thread *t, struct linux_public *entry)
{
    struct linux_sigreturn_result result = { 0 };
    struct copy_fault fault;

    if (!(entry->flags & PUBLIC_NO_ALTSTACK) || arch_sigreturn(t, &result, &fault))
        return false;
    set_mask(t, entry, result.mask);
    return true;
}

const bool public_calls[LINUX_SYSCALL_COUNT] = {
    [LINUX_SYS_rt_sigaction] = true, [LINUX_SYS_rt_sigprocmask] = true, [LINUX_SYS_rt_sigreturn] = true, [LINUX_SYS_getppid] = true,
    [LINUX_SYS_getuid] = true,       [LINUX_SYS_geteuid] = true,        [LINUX_SYS_getgid] = true,       [LINUX_SYS_getegid] = true,
};

bool public_answer(struct thread *t, uint64_t number)
{
    struct linux_public *entry = entry_of(t);

    if (!entry)
        return false;
    switch (number) {
    case LINUX_SYS_rt_sigprocmask:
        return answer_mask(t, entry);
    case LINUX_SYS_rt_sigaction:
        return answer_action(t, entry);
    case LINUX_SYS_rt_sigreturn:
        return answer_return(t, entry);
    case LINUX_SYS_getppid:
        t->frame.rax = entry->parent;
        return true;
    case LINUX_SYS_getuid:
        t->frame.rax = entry->uid;
        return true;
    case LINUX_SYS_geteuid:
        t->frame.rax = entry->euid;
        return true;
    case LINUX_SYS_getgid:
        t->frame.rax = entry->gid;
        return true;
    case LINUX_SYS_getegid:
        t->frame.rax = entry->egid;
        return true;
    default:
        return false;
    }
}
