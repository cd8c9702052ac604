/* SPDX-License-Identifier: MIT */
/*
 * wait4 and waitid: look at the children; if nothing is there to report, wait with step STEP_WAIT until a child changes.
 */
#include "wait.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "errors.h"
#include "handlers.h"
#include "linux_pm_dispatch.h"
#include "process.h"
#include "signal.h"
#include "sys/syscalls.h"
#include "usage.h"

enum { WNOHANG = 1, WUNTRACED = 2, WSTOPPED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x1000000 };
#define WNOTHREAD 0x20000000u
#define WALL      0x40000000u
#define WCLONE    0x80000000u
enum { P_ALL = 0, P_PID = 1, P_PGID = 2 };
enum { WAIT_NOTHING = 0, WAIT_FOUND = 1 };

struct wait_event {
    struct pm_process *child;
    int code;
    uint32_t status; /* as wait4 */
};

static bool is_meant(const struct pm_process *child, const struct pm_thread *thread)
{
    int64_t which = thread->call.wait.which;
    uint32_t options = thread->call.wait.options;

    if (which > 0 && child->pid != (uint64_t)which)
        return false;
    if (which == 0 && child->group != process_of(thread)->group)
        return false;
    if (which < -1 && child->group != (uint64_t)-which)
        return false;
    return (options & WALL) || ((child->exit_signal != LINUX_SIGCHLD) == ((options & WCLONE) != 0));
}

static bool has_event(struct pm_process *child, uint32_t options, struct wait_event *event)
{
    event->child = child;
    if (child->state == PROCESS_ZOMBIE && (options & WEXITED)) {
        event->status = child->exit_status;
        event->code = (child->exit_status & 0x7f) != 0 ? LINUX_CLD_KILLED : LINUX_CLD_EXITED;
        return true;
    }
    if (child->state == PROCESS_STOPPED && child->has_stop_report && (options & WSTOPPED)) {
        event->status = (uint32_t)child->stop_signal << 8 | 0x7f;
        event->code = LINUX_CLD_STOPPED;
        return true;
    }
    if (child->has_continue_report && process_is_live(child) && (options & WCONTINUED)) {
        event->status = 0xffff;
        event->code = LINUX_CLD_CONTINUED;
        return true;
    }
    return false;
}

/* 1: found; 0: nothing yet; -ECHILD: no such child. */
static int find_event(const struct pm_thread *thread, struct wait_event *event)
{
    int result = -ECHILD;

    for (uint32_t i = process_of(thread)->first_child; i != NONE; i = process_at(i)->next_sibling) {
        if (!is_meant(process_at(i), thread))
            continue;
        if (has_event(process_at(i), thread->call.wait.options, event))
            return WAIT_FOUND;
        result = WAIT_NOTHING;
    }
    return result;
}

static int write_info(const struct pm_thread *thread, const struct wait_event *event)
{
    struct linux_siginfo info;
    struct signal_info short_info = {
        .signal = LINUX_SIGCHLD,
        .code = event->code,
        .pid = event->child->pid,
        .uid = event->child->uid,
    };

    if (event->code == LINUX_CLD_EXITED) {
        short_info.value = event->status >> 8;
    } else if (event->code == LINUX_CLD_STOPPED) {
        short_info.value = event->child->stop_signal;
    } else {
        short_info.value = event->code == LINUX_CLD_CONTINUED ? LINUX_SIGCONT : event->status & 0x7f;
    }
    signal_info_write(&short_info, &info);
    return sys_copy_to(thread->endpoint, thread->call.wait.info_address, &info, sizeof(info));
}

/* Write what the caller wants to know; then forget the event. Returns the call's result. */
static int64_t report(struct pm_state *pm, struct pm_thread *thread, const struct wait_event *event)
{
    struct pm_process *parent = process_of(thread);
    struct pm_process *child = event->child;
    int64_t result = thread->call.wait.is_waitid ? 0 : (int64_t)child->pid;

    if (thread->call.wait.usage_address != 0 && usage_write_child(thread, child) != 0)
        return -EFAULT;
    if (thread->call.wait.status_address != 0 &&
        sys_copy_to(thread->endpoint, thread->call.wait.status_address, &event->status, sizeof(event->status)) != 0)
        return -EFAULT;
    if (thread->call.wait.info_address != 0 && write_info(thread, event) != 0)
        return -EFAULT;
    if (thread->call.wait.options & WNOWAIT)
        return result;
    if (event->code == LINUX_CLD_STOPPED) {
        child->has_stop_report = false;
    } else if (event->code == LINUX_CLD_CONTINUED) {
        child->has_continue_report = false;
    } else {
        parent->children_user_ns += child->user_ns + child->children_user_ns;
        parent->children_system_ns += child->system_ns + child->children_system_ns;
        process_give(pm, child);
    }
    return result;
}

static int64_t nothing_yet(const struct pm_thread *thread)
{
    const struct linux_siginfo none = { 0 };

    if (thread->call.wait.info_address != 0 && sys_copy_to(thread->endpoint, thread->call.wait.info_address, &none, sizeof(none)) != 0)
        return -EFAULT;
    return 0;
}

static int wait_begin(struct pm_state *pm, struct pm_thread *thread, struct call *call)
{
    struct wait_event event;
    int found = find_event(thread, &event);

    if (found < 0)
        return found;
    if (found == WAIT_FOUND)
        return answer(call, report(pm, thread, &event));
    if (thread->call.wait.options & WNOHANG)
        return answer(call, nothing_yet(thread));
    if (!thread_may_wait(thread))
        return -ERESTARTSYS;
    thread->step = STEP_WAIT;
    return CALL_PARKED;
}

int pm_linux_wait4(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint32_t options = (uint32_t)linux_argument(call, 2);
    int32_t pid = (int32_t)linux_argument(call, 0);

    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    memset(&thread->call.wait, 0, sizeof(thread->call.wait));
    thread->call.wait.which = pid;
    thread->call.wait.options = options | WEXITED;
    thread->call.wait.status_address = linux_argument(call, 1);
    thread->call.wait.usage_address = linux_argument(call, 3);
    return wait_begin(pm, thread, call);
}

int pm_linux_waitid(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    int32_t type = (int32_t)linux_argument(call, 0);
    int32_t id = (int32_t)linux_argument(call, 1);
    uint32_t options = (uint32_t)linux_argument(call, 3);

    if (options & ~(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL | WCLONE))
        return -EINVAL;
    if ((options & (WSTOPPED | WEXITED | WCONTINUED)) == 0)
        return -EINVAL;
    if (type < P_ALL || type > P_PGID || (type == P_PID && id <= 0) || (type == P_PGID && id < 0))
        return -EINVAL;
    memset(&thread->call.wait, 0, sizeof(thread->call.wait));
    thread->call.wait.is_waitid = true;
    thread->call.wait.which = type == P_ALL ? -1 : type == P_PID ? id : -(int64_t)id;
    thread->call.wait.options = options;
    thread->call.wait.info_address = linux_argument(call, 2);
    thread->call.wait.usage_address = linux_argument(call, 4);
    return wait_begin(pm, thread, call);
}

/* Something happened to a child of this process: threads that wait look again. */
static void wake_waiters(struct pm_state *pm, struct pm_process *parent)
{
    struct wait_event event;
    uint32_t next;
    int found;

    for (uint32_t i = parent->first_thread; i != NONE; i = next) {
        struct pm_thread *thread = thread_at(i);
        next = thread->next;
        if (thread->step != STEP_WAIT)
            continue;
        found = find_event(thread, &event);
        if (found == WAIT_FOUND) {
            thread_answer(pm, thread, report(pm, thread, &event));
        } else if (found < 0) {
            thread_answer(pm, thread, found);
        }
    }
}

void parent_notify(struct pm_state *pm, struct pm_process *child, int code, uint32_t status)
{
    struct pm_process *parent = child->parent == NONE ? NULL : process_at(child->parent);
    struct signal_info info = { .signal = LINUX_SIGCHLD, .code = code, .pid = child->pid, .uid = child->uid, .value = status };

    if (parent == NULL || !process_is_live(parent))
        return;
    wake_waiters(pm, parent);
    if ((handlers_get(parent, LINUX_SIGCHLD).flags & LINUX_SA_NOCLDSTOP) == 0) {
        signal_send(pm, parent, NULL, &info);
    }
}

void parent_notify_exit(struct pm_state *pm, struct pm_process *child)
{
    struct pm_process *parent = child->parent == NONE ? NULL : process_at(child->parent);
    uint32_t status = child->exit_status;
    bool was_killed = (status & 0x7f) != 0;
    struct signal_info info = {
        .signal = child->exit_signal,
        .code = was_killed ? LINUX_CLD_KILLED : LINUX_CLD_EXITED,
        .pid = child->pid,
        .uid = child->uid,
        .value = was_killed ? status & 0x7f : status >> 8,
    };
    bool is_unwanted;

    if (parent == NULL || !process_is_live(parent)) {
        if (parent == NULL) {
            process_give(pm, child);
        }
        return;
    }
    is_unwanted = child->exit_signal == LINUX_SIGCHLD && ((handlers_ignored(parent) & signal_bit(LINUX_SIGCHLD)) != 0 ||
                                                          (handlers_get(parent, LINUX_SIGCHLD).flags & LINUX_SA_NOCLDWAIT) != 0);
    if (is_unwanted) {
        process_give(pm, child);
    }
    wake_waiters(pm, parent);
    if (info.signal != 0) {
        signal_send(pm, parent, NULL, &info);
    }
}
