/* SPDX-License-Identifier: MIT */
/*
 * fork, vfork, clone: a new thread record, the space from VM, the kernel's copy of the registers; then VFS hears of the child, and only after its
 * answer both go on.
 */
#include "fork.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "exec.h"
#include "exit.h"
#include "handlers.h"
#include "kernel_calls.h"
#include "limits.h"
#include "linux_pm_dispatch.h"
#include "protocols/kernel_client.h"
#include "protocols/sched_client.h"
#include "protocols/vfs_client.h"
#include "protocols/vm_client.h"
#include "script.h"
#include "signal.h"

#define CLONE_VM             0x100ull
#define CLONE_FS             0x200ull
#define CLONE_FILES          0x400ull
#define CLONE_SIGHAND        0x800ull
#define CLONE_VFORK          0x4000ull
#define CLONE_PARENT         0x8000ull
#define CLONE_THREAD         0x10000ull
#define CLONE_SETTLS         0x80000ull
#define CLONE_PARENT_SETTID  0x100000ull
#define CLONE_CHILD_CLEARTID 0x200000ull
#define CLONE_CHILD_SETTID   0x1000000ull
/* SYSVSEM, DETACHED, UNTRACED, IO, PTRACE: nothing to do. The rest (namespaces, pidfd, NEWTIME) is refused. */
#define CLONE_HARMLESS       (0x40000ull | 0x400000ull | 0x800000ull | 0x80000000ull | 0x2000ull)
#define CLONE_KNOWN                                                                                                        \
    (0xff | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT | CLONE_THREAD | CLONE_SETTLS | \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_HARMLESS)

enum { OUTBOX_SPARE = 64 };

struct clone_arguments {
    uint64_t flags;
    uint64_t stack;
    uint64_t parent_tid;
    uint64_t child_tid;
    uint64_t tls;
};

static int check_flags(const struct pm_process *process, uint64_t flags)
{
    if (flags & ~CLONE_KNOWN)
        return -EINVAL;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
        return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
        return -EINVAL;
    if ((flags & CLONE_PARENT) && process->is_init)
        return -EINVAL;
    return 0;
}

static void copy_process(struct pm_process *child, const struct pm_process *parent)
{
    process_forgo(child);
    child->group = parent->group;
    child->session = parent->session;
    child->nice = parent->nice;
    child->no_new_privileges = parent->no_new_privileges;
    child->dumpable = parent->dumpable;
    child->personality = parent->personality;
    child->uid = parent->uid;
    child->euid = parent->euid;
    child->suid = parent->suid;
    child->fsuid = parent->fsuid;
    child->gid = parent->gid;
    child->egid = parent->egid;
    child->sgid = parent->sgid;
    child->fsgid = parent->fsgid;
    child->group_count = parent->group_count;
    memcpy(child->groups, parent->groups, parent->group_count * sizeof(child->groups[0]));
    child->arguments_start = parent->arguments_start;
    child->arguments_end = parent->arguments_end;
    child->environment_start = parent->environment_start;
    child->environment_end = parent->environment_end;
    memcpy(child->name, parent->name, sizeof(child->name));
    memcpy(child->limits, parent->limits, sizeof(child->limits));
}

static struct pm_process *new_process(struct pm_state *pm, struct pm_process *parent, uint32_t pid, uint64_t flags)
{
    struct pm_process *child = process_take(pm, pid);

    if (child == NULL)
        return NULL;
    copy_process(child, parent);
    handlers_share(child, parent);
    child->exit_signal = (uint8_t)(flags & 0xff);
    child->start_ns = sys_uptime();
    if ((flags & CLONE_PARENT) && parent->parent != NONE) {
        child->exit_signal = parent->exit_signal;
        process_set_parent(child, process_at(parent->parent));
    } else {
        process_set_parent(child, parent);
    }
    return child;
}

static int make_space(const struct pm_thread *parent, struct pm_thread *child, uint64_t flags)
{
    uint32_t slot = thread_index(child) + SERVICE_SLOTS;
    int result;

    if (flags & CLONE_VM) {
        struct vm_share_request request = { .parent = parent->endpoint, .child_slot = slot };
        struct vm_share_reply reply = { 0 };
        TRY_AGAIN(result, -ENOMEM, vm_call_share(ENDPOINT_VM, &request, &reply));
        child->space = reply.space;
    } else {
        struct vm_fork_request request = { .parent = parent->endpoint, .child_slot = slot };
        struct vm_fork_reply reply = { 0 };
        TRY_AGAIN(result, -ENOMEM, vm_call_fork(ENDPOINT_VM, &request, &reply));
        child->space = reply.space;
    }
    return result;
}

static int make_kernel_thread(const struct pm_thread *parent, struct pm_thread *child, uint32_t tgid,
                              const struct clone_arguments *arguments)
{
    struct kernel_fork_request request = {
        .parent = parent->endpoint,
        .slot = thread_index(child) + SERVICE_SLOTS,
        .space = child->space,
        .tid = child->tid,
        .tgid = tgid,
        .stack = arguments->stack,
        .tls = arguments->flags & CLONE_SETTLS ? arguments->tls : 0,
    };
    struct kernel_fork_reply reply;
    int result;

    TRY_AGAIN(result, -EBUSY, kernel_call_fork(ENDPOINT_SYSTEM, &request, &reply));
    if (result == 0) {
        child->endpoint = reply.child;
    }
    return result;
}

static void inherit(struct pm_thread *child, const struct pm_thread *parent, const struct clone_arguments *arguments)
{
    uint64_t flags = arguments->flags;

    *mask_of(child) = *mask_of(parent);
    memcpy(child->name, parent->name, sizeof(child->name));
    if (flags & CLONE_CHILD_CLEARTID) {
        child->clear_child_tid = arguments->child_tid;
    }
    if ((flags & CLONE_VM) && !(flags & (CLONE_THREAD | CLONE_VFORK))) {
        child->shares_space = true;
    }
    if (!(flags & CLONE_VM) || (flags & CLONE_VFORK)) { /* the stack is the parent's copy, or borrowed */
        child->altstack_base = parent->altstack_base;
        child->altstack_length = parent->altstack_length;
        child->altstack_flags = parent->altstack_flags;
    }
    handlers_publish(process_of(child));
}

static void tell_vfs(const struct pm_thread *parent, struct pm_thread *child, uint64_t flags)
{
    struct vfs_fork_request request = {
        .parent = parent->endpoint,
        .child = child->endpoint,
        .child_tid = child->tid,
        .child_tgid = process_of(child)->pid,
        .flags = flags,
    };

    child->vfs_request = VFS_REQUEST_FORK;
    vfs_send_fork(outbox_default(), ENDPOINT_VFS, thread_index(child) | child->sequence << 16, &request);
}

static int undo(struct pm_state *pm, struct pm_thread *child, bool is_thread, int error)
{
    struct pm_process *process = process_of(child);

    thread_forget_tid(pm, child);
    process_remove_thread(process, child);
    thread_give(pm, child);
    if (!is_thread) {
        handlers_release(pm, process);
        process_give(pm, process);
    }
    return error;
}

static int make_child(struct pm_state *pm, struct call *call, const struct clone_arguments *arguments, struct pm_thread **result)
{
    struct pm_thread *parent = caller_thread(call);
    struct pm_process *process = process_of(parent);
    bool is_thread = (arguments->flags & CLONE_THREAD) != 0;
    struct pm_thread *child;
    uint32_t tid;
    int status;

    if (process->uid != 0 && process_count_of_user(pm, process->uid) >= process->limits[LINUX_RLIMIT_NPROC].current)
        return -EAGAIN;
    if (outbox_room(outbox_default()) < OUTBOX_SPARE)
        return -EAGAIN; /* VFS does not keep up */
    child = thread_take(pm, process->uid == 0);
    if (child == NULL)
        return -EAGAIN;
    tid = pid_allocate(pm);
    if (!is_thread) {
        process = new_process(pm, process, tid, arguments->flags);
        if (process == NULL) {
            thread_give(pm, child);
            return -EAGAIN;
        }
    }
    thread_name(pm, child, tid);
    process_add_thread(process, child);
    status = make_space(parent, child, arguments->flags);
    if (status != 0)
        return undo(pm, child, is_thread, status == -ENOMEM ? -ENOMEM : -EAGAIN);
    status = make_kernel_thread(parent, child, process->pid, arguments);
    if (status != 0) {
        vm_leave(thread_index(child) + SERVICE_SLOTS);
        return undo(pm, child, is_thread, -EAGAIN);
    }
    *result = child;
    return 0;
}

static int do_clone(struct pm_state *pm, struct call *call, const struct clone_arguments *arguments)
{
    struct pm_thread *parent = caller_thread(call);
    struct pm_thread *child = NULL;
    int result = check_flags(process_of(parent), arguments->flags);

    if (result == 0) {
        result = make_child(pm, call, arguments, &child);
    }
    if (result != 0)
        return result;
    inherit(child, parent, arguments);
    if (arguments->flags & CLONE_PARENT_SETTID) {
        sys_copy_to(parent->endpoint, arguments->parent_tid, &child->tid, sizeof(child->tid));
    }
    if (arguments->flags & CLONE_CHILD_SETTID) {
        sys_copy_to(child->endpoint, arguments->child_tid, &child->tid, sizeof(child->tid));
    }
    child->maker = (uint16_t)thread_index(parent);
    child->is_vfork_child = (arguments->flags & CLONE_VFORK) != 0;
    tell_vfs(parent, child, arguments->flags);
    parent->step = STEP_FORK;
    parent->call.fork.child = (uint16_t)thread_index(child);
    parent->call.fork.child_tid = child->tid;
    return CALL_PARKED;
}

struct pm_thread *thread_maker(const struct pm_thread *child)
{
    struct pm_thread *maker = thread_at(child->maker);

    if ((maker->step != STEP_FORK && maker->step != STEP_VFORK) || maker->call.fork.child != thread_index(child))
        return NULL;
    return maker;
}

void fork_done(struct pm_state *pm, struct pm_thread *child, int status)
{
    struct pm_thread *parent = thread_maker(child);

    child->vfs_request = VFS_REQUEST_NONE;
    if (status != 0) {
        if (child->state == THREAD_STARTING) {
            thread_unmake(pm, child);
        } else {
            thread_give(pm, child);
        }
        if (parent != NULL) {
            thread_answer(pm, parent, status);
        }
        return;
    }
    if (child->state == THREAD_LEAVING) { /* killed before it ran */
        thread_left(pm, child, false);
    } else {
        struct sched_start_request request = { .process = child->endpoint,
                                               .parent = parent == NULL ? ENDPOINT_NONE : parent->endpoint,
                                               .nice = process_of(child)->nice };
        child->state = THREAD_ALIVE;
        sched_send_start(outbox_default(), ENDPOINT_SCHED, 0, &request);
        if (script_of(pm, process_of(child)) != NULL && !process_of(child)->has_execed) {
            exec_script(pm, child);
        } else {
            kernel_resume(child->endpoint);
        }
    }
    if (parent == NULL)
        return;
    if (child->state == THREAD_ALIVE && child->is_vfork_child) {
        parent->step = STEP_VFORK;
    } else {
        thread_answer(pm, parent, parent->call.fork.child_tid);
    }
}

int pm_linux_fork(struct pm_state *pm, struct call *call)
{
    struct clone_arguments arguments = { .flags = LINUX_SIGCHLD };

    return do_clone(pm, call, &arguments);
}

int pm_linux_vfork(struct pm_state *pm, struct call *call)
{
    struct clone_arguments arguments = { .flags = CLONE_VM | CLONE_VFORK | LINUX_SIGCHLD };

    return do_clone(pm, call, &arguments);
}

int pm_linux_clone(struct pm_state *pm, struct call *call)
{
    struct clone_arguments arguments = {
        .flags = linux_argument(call, 0) & 0xffffffff,
        .stack = linux_argument(call, 1),
        .parent_tid = linux_argument(call, 2),
        .child_tid = linux_argument(call, 3),
        .tls = linux_argument(call, 4),
    };

    return do_clone(pm, call, &arguments);
}
