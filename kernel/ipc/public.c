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

static struct linux_public *pages[PAGES];
static const struct thread *publisher; /* NULL: no table */

CALL_HANDLER(publish)
{
    struct kernel_publish_request r;
    (void)reply;

    kernel_publish_request_get(request, &r);
    if (r.table % PAGE_BYTES || !user_range_ok(r.table, (uint64_t)PAGES * PAGE_BYTES))
        return -EINVAL;
    publisher = NULL;
    for (uint32_t i = 0; i < PAGES; i++) {
        pages[i] = space_pointer(caller->space, r.table + (uint64_t)i * PAGE_BYTES, true);
        if (!pages[i])
            return -EFAULT;
    }
    publisher = caller;
    return 0;
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

static bool word_is_bad(uint64_t address)
{
    return address >> USER_ADDRESS_BITS || address + sizeof(uint64_t) > 1ull << USER_ADDRESS_BITS;
}

/* PM does what is unusual: absent memory, wrong arguments. */
static bool answer_mask(struct thread *t, struct linux_public *entry)
{
    uint64_t how = t->frame.rdi, set_address = t->frame.rsi, old_address = t->frame.rdx;
    uint64_t old = entry->mask, set;

    if (t->frame.r10 != SIGSET_BYTES || word_is_bad(set_address) || word_is_bad(old_address))
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
    entry->mask = set & ~UNBLOCKABLE;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (*(volatile uint64_t *)&entry->pending & ~entry->mask)
        t->misc_flags |= MF_SIGNAL_POSTED; /* as if PM had posted it */
    return true;
}

bool public_answer(struct thread *t, uint64_t number)
{
    struct linux_public *entry = entry_of(t);

    if (!entry)
        return false;
    switch (number) {
    case LINUX_SYS_rt_sigprocmask: return answer_mask(t, entry);
    case LINUX_SYS_getppid: t->frame.rax = entry->parent; return true;
    case LINUX_SYS_getuid: t->frame.rax = entry->uid; return true;
    case LINUX_SYS_geteuid: t->frame.rax = entry->euid; return true;
    case LINUX_SYS_getgid: t->frame.rax = entry->gid; return true;
    case LINUX_SYS_getegid: t->frame.rax = entry->egid; return true;
    default: return false;
    }
}
