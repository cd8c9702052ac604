/* SPDX-License-Identifier: MIT */
/*
 * rt_sig* and sigaltstack. rt_sigaction and rt_sigprocmask are a quarter of a shell's calls: one copy in and one copy out, each only if asked for.
 */
#include "sigcalls.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "handlers.h"
#include "kernel_calls.h"
#include "linux_pm_dispatch.h"
#include "protocols/kernel_client.h"
#include "signal.h"
#include "timer.h"

enum { SIGSET_BYTES = 8 };

/* ---- actions and masks ---- */

static int set_action(struct pm_state *pm, struct pm_process *process, int signal, const struct linux_sigaction *action)
{
    uint64_t bit = signal_bit(signal);
    struct linux_sigaction clean = *action;
    int result;

    clean.mask &= ~SIGNALS_UNBLOCKABLE;
    result = handlers_set(pm, process, signal, &clean);
    if (result != 0)
        return result;
    if (action->handler == LINUX_SIG_IGN || (action->handler == LINUX_SIG_DFL && (SIGNALS_IGNORE & bit) != 0)) {
        signal_discard(pm, process, bit);
    }
    return 0;
}

int pm_linux_rt_sigaction(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint64_t number = linux_argument(call, 0);
    uint64_t action_address = linux_argument(call, 1);
    uint64_t old_address = linux_argument(call, 2);
    struct linux_sigaction action;
    struct linux_sigaction old;
    int result;

    if (linux_argument(call, 3) != SIGSET_BYTES || (uint32_t)number - 1 >= LINUX_SIGNALS)
        return -EINVAL;
    if (action_address != 0) {
        if (caller_read(call, action_address, &action, sizeof(action)) != 0)
            return -EFAULT;
        if (SIGNALS_UNBLOCKABLE & signal_bit((int)number))
            return -EINVAL;
    }
    old = handlers_get(process, (int)number);
    if (action_address != 0) {
        result = set_action(pm, process, (int)number, &action);
        if (result != 0)
            return result;
    }
    return old_address == 0 ? 0 : caller_write(call, old_address, &old, sizeof(old));
}

int pm_linux_rt_sigprocmask(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint64_t set_address = linux_argument(call, 1);
    uint64_t old_address = linux_argument(call, 2);
    uint64_t old = *mask_of(thread);
    uint64_t set;

    if (linux_argument(call, 3) != SIGSET_BYTES)
        return -EINVAL;
    if (set_address != 0) {
        if (caller_read(call, set_address, &set, sizeof(set)) != 0)
            return -EFAULT;
        switch ((int32_t)linux_argument(call, 0)) {
        case LINUX_SIG_BLOCK:
            set |= *mask_of(thread);
            break;
        case LINUX_SIG_UNBLOCK:
            set = *mask_of(thread) & ~set;
            break;
        case LINUX_SIG_SETMASK:
            break;
        default:
            return -EINVAL;
        }
        *mask_of(thread) = set & ~SIGNALS_UNBLOCKABLE;
        signal_recheck(pm, thread);
    }
    return old_address == 0 ? 0 : caller_write(call, old_address, &old, sizeof(old));
}

int pm_linux_rt_sigpending(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint64_t set = (thread->pending | process_of(thread)->pending) & *mask_of(thread);

    (void)pm;
    if (linux_argument(call, 1) > SIGSET_BYTES)
        return -EINVAL;
    return caller_write(call, linux_argument(call, 0), &set, linux_argument(call, 1));
}

/* ---- waiting for signals ---- */

int pm_linux_pause(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);

    (void)pm;
    if (!thread_may_wait(thread))
        return -ERESTARTNOHAND;
    thread->step = STEP_PAUSE;
    return CALL_PARKED;
}

int pm_linux_rt_sigsuspend(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint64_t set;

    if (linux_argument(call, 1) != SIGSET_BYTES)
        return -EINVAL;
    if (caller_read(call, linux_argument(call, 0), &set, sizeof(set)) != 0)
        return -EFAULT;
    thread->saved_mask = *mask_of(thread);
    thread->has_saved_mask = true;
    *mask_of(thread) = set & ~SIGNALS_UNBLOCKABLE;
    if (signal_is_waiting(thread)) {
        thread_notice(pm, thread);
        return -ERESTARTNOHAND;
    }
    thread->step = STEP_PAUSE;
    return CALL_PARKED;
}

/* Takes one of the awaited signals: its number, 0 if there is none, -EFAULT. */
static int64_t sigwait_take(struct pm_state *pm, struct pm_thread *thread, uint64_t set, uint64_t info_address)
{
    struct signal_info info;
    struct linux_siginfo out;
    int signal = signal_take(pm, thread, set, &info);

    if (signal == 0 || info_address == 0)
        return signal;
    signal_info_write(&info, &out);
    return sys_copy_to(thread->endpoint, info_address, &out, sizeof(out)) == 0 ? signal : -EFAULT;
}

void sigwait_finish(struct pm_state *pm, struct pm_thread *thread)
{
    int64_t result = sigwait_take(pm, thread, thread->call.sigwait.set, thread->call.sigwait.info_address);

    if (result != 0) {
        thread_answer(pm, thread, result);
    }
}

void sigwait_timeout(struct pm_state *pm, struct pm_thread *thread)
{
    thread_answer(pm, thread, -EAGAIN);
}

int pm_linux_rt_sigtimedwait(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint64_t info_address = linux_argument(call, 1);
    struct linux_timespec time;
    uint64_t set;
    int64_t result;

    if (linux_argument(call, 3) != SIGSET_BYTES)
        return -EINVAL;
    if (caller_read(call, linux_argument(call, 0), &set, sizeof(set)) != 0)
        return -EFAULT;
    if (linux_argument(call, 2) != 0) {
        if (caller_read(call, linux_argument(call, 2), &time, sizeof(time)) != 0)
            return -EFAULT;
        if (!timespec_is_valid(&time))
            return -EINVAL;
    }
    set &= ~SIGNALS_UNBLOCKABLE;
    result = sigwait_take(pm, thread, set, info_address);
    if (result != 0)
        return answer(call, result);
    if (linux_argument(call, 2) != 0 && timespec_to_ns(&time) == 0)
        return -EAGAIN;
    if (!thread_may_wait(thread))
        return -EINTR;
    thread->call.sigwait.set = set;
    thread->call.sigwait.info_address = info_address;
    thread->step = STEP_SIGWAIT;
    if (linux_argument(call, 2) != 0) {
        timer_set(pm, TIMER_OF_THREAD + thread_index(thread), sys_uptime() + timespec_to_ns(&time));
    }
    return CALL_PARKED;
}

/* ---- sending ---- */

bool may_signal(const struct pm_process *sender, const struct pm_process *target, int signal)
{
    if (is_root(sender) || sender == target)
        return true;
    if (signal == LINUX_SIGCONT && sender->session == target->session)
        return true;
    return sender->euid == target->suid || sender->euid == target->uid || sender->uid == target->suid || sender->uid == target->uid;
}

static int kill_service(struct pm_state *pm, const struct pm_process *sender, uint32_t pid, int signal)
{
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        const struct pm_service *service = &pm->services[i];
        if (service->endpoint == ENDPOINT_NONE || service->pid != pid)
            continue;
        if (!is_root(sender))
            return -EPERM;
        return signal == 0 ? 0 : sys_kill(service->endpoint, signal);
    }
    return -ESRCH;
}

/* kill(2): one process, a group, everybody. */
static int kill_many(struct pm_state *pm, struct pm_process *sender, int32_t pid, const struct signal_info *info)
{
    uint32_t group = pid == 0 ? sender->group : (uint32_t)-pid;
    uint32_t found = 0;
    uint32_t sent = 0;

    /* The sender comes last: it may not outlive its own signal. */
    for (uint32_t n = 0; n <= pm->process_limit; n++) {
        bool is_last = n == pm->process_limit;
        struct pm_process *process = is_last ? sender : process_at(n);
        if ((!is_last && process == sender) || !(process_is_live(process) || process->state == PROCESS_ZOMBIE))
            continue;
        if (pid == -1 ? (process->is_init || process == sender) : process->group != group)
            continue;
        found++;
        if (!may_signal(sender, process, info->signal))
            continue;
        sent++;
        if (info->signal != 0) {
            signal_send(pm, process, NULL, info);
        }
    }
    if (found == 0)
        return -ESRCH;
    return sent == 0 ? -EPERM : 0;
}

int pm_linux_kill(struct pm_state *pm, struct call *call)
{
    struct pm_process *sender = caller_process(call);
    int32_t pid = (int32_t)linux_argument(call, 0);
    int32_t signal = (int32_t)linux_argument(call, 1);
    struct signal_info info = { .signal = signal, .code = LINUX_SI_USER, .pid = sender->pid, .uid = sender->uid };
    struct pm_process *target;

    if (signal < 0 || signal > LINUX_SIGNALS)
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    if (pid <= 0)
        return kill_many(pm, sender, pid, &info);
    target = process_by_pid(pm, (uint32_t)pid);
    if (target == NULL) { /* Linux takes a thread's number too */
        struct pm_thread *thread = thread_by_tid(pm, (uint32_t)pid);
        if (thread == NULL)
            return kill_service(pm, sender, (uint32_t)pid, signal);
        target = process_of(thread);
    }
    if (!may_signal(sender, target, signal))
        return -EPERM;
    if (signal != 0) {
        signal_send(pm, target, NULL, &info);
    }
    return 0;
}

static int send_to_thread(struct pm_state *pm, struct call *call, int32_t pid, int32_t tid, const struct signal_info *info)
{
    struct pm_process *sender = caller_process(call);
    struct pm_thread *thread = tid > 0 ? thread_by_tid(pm, (uint32_t)tid) : NULL;

    if (tid <= 0 || info->signal < 0 || info->signal > LINUX_SIGNALS)
        return -EINVAL;
    if (thread == NULL) {
        struct pm_process *zombie = process_by_pid(pm, (uint32_t)tid);
        return zombie != NULL && (pid == -1 || zombie->pid == (uint32_t)pid) ? 0 : -ESRCH;
    }
    if (pid != -1 && process_of(thread)->pid != (uint32_t)pid)
        return -ESRCH;
    if (!may_signal(sender, process_of(thread), info->signal))
        return -EPERM;
    if (info->signal != 0) {
        signal_send(pm, process_of(thread), thread, info);
    }
    return 0;
}

int pm_linux_tkill(struct pm_state *pm, struct call *call)
{
    struct pm_process *sender = caller_process(call);
    struct signal_info info = {
        .signal = (int32_t)linux_argument(call, 1), .code = LINUX_SI_TKILL, .pid = sender->pid, .uid = sender->uid
    };

    return send_to_thread(pm, call, -1, (int32_t)linux_argument(call, 0), &info);
}

int pm_linux_tgkill(struct pm_state *pm, struct call *call)
{
    struct pm_process *sender = caller_process(call);
    struct signal_info info = {
        .signal = (int32_t)linux_argument(call, 2), .code = LINUX_SI_TKILL, .pid = sender->pid, .uid = sender->uid
    };

    if ((int32_t)linux_argument(call, 0) <= 0)
        return -EINVAL;
    return send_to_thread(pm, call, (int32_t)linux_argument(call, 0), (int32_t)linux_argument(call, 1), &info);
}

static int read_queue_info(struct call *call, int argument, int32_t signal, bool is_self, struct signal_info *info)
{
    struct linux_siginfo in;

    if (caller_read(call, linux_argument(call, argument), &in, sizeof(in)) != 0)
        return -EFAULT;
    if ((in.code >= 0 || in.code == LINUX_SI_TKILL) && !is_self)
        return -EPERM;
    *info = (struct signal_info){
        .signal = signal, .code = in.code, .pid = (uint32_t)in.user.pid, .uid = in.user.uid, .value = in.user.value
    };
    return 0;
}

int pm_linux_rt_sigqueueinfo(struct pm_state *pm, struct call *call)
{
    struct pm_process *sender = caller_process(call);
    int32_t pid = (int32_t)linux_argument(call, 0);
    int32_t signal = (int32_t)linux_argument(call, 1);
    struct pm_process *target = pid > 0 ? process_by_pid(pm, (uint32_t)pid) : NULL;
    struct signal_info info;
    int result = read_queue_info(call, 2, signal, target == sender, &info);

    if (result != 0)
        return result;
    if (signal < 0 || signal > LINUX_SIGNALS)
        return -EINVAL;
    if (target == NULL)
        return -ESRCH;
    if (!may_signal(sender, target, signal))
        return -EPERM;
    if (signal != 0) {
        signal_send(pm, target, NULL, &info);
    }
    return 0;
}

int pm_linux_rt_tgsigqueueinfo(struct pm_state *pm, struct call *call)
{
    int32_t pid = (int32_t)linux_argument(call, 0);
    struct signal_info info;
    int result = read_queue_info(call, 3, (int32_t)linux_argument(call, 2), caller_process(call)->pid == (uint32_t)pid, &info);

    if (result != 0)
        return result;
    if (pid <= 0)
        return -EINVAL;
    return send_to_thread(pm, call, pid, (int32_t)linux_argument(call, 1), &info);
}

/* ---- stack and return ---- */

int pm_linux_sigaltstack(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    uint64_t new_address = linux_argument(call, 0);
    uint64_t old_address = linux_argument(call, 1);
    struct linux_stack new = { 0 };
    struct linux_stack old = { .base = thread->altstack_base, .length = thread->altstack_length };

    (void)pm;
    if (new_address != 0 && caller_read(call, new_address, &new, sizeof(new)) != 0)
        return -EFAULT;
    old.flags = (int32_t)altstack_status(thread);
    if (new_address != 0) {
        uint32_t mode = (uint32_t) new.flags & ~LINUX_SS_AUTODISARM;
        if (old.flags == LINUX_SS_ONSTACK)
            return -EPERM;
        if (mode != LINUX_SS_DISABLE && mode != LINUX_SS_ONSTACK && mode != 0)
            return -EINVAL;
        if (mode != LINUX_SS_DISABLE && new.length < LINUX_MINSIGSTKSZ)
            return -ENOMEM;
        thread->altstack_flags = (uint32_t) new.flags & ~(uint32_t)LINUX_SS_ONSTACK;
        thread->altstack_base = mode == LINUX_SS_DISABLE ? 0 : new.base;
        thread->altstack_length = mode == LINUX_SS_DISABLE ? 0 : new.length;
        handlers_publish(process_of(thread));
    }
    return old_address == 0 ? 0 : caller_write(call, old_address, &old, sizeof(old));
}

int pm_linux_rt_sigreturn(struct pm_state *pm, struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    struct kernel_sigreturn_request request = { .process = call->caller, .sequence = ++thread->signal_sequence };
    struct kernel_sigreturn_reply reply;
    int result;
    struct signal_info info = { .signal = LINUX_SIGSEGV, .code = LINUX_SI_KERNEL };

    TRY_AGAIN(result, 1, kernel_call_sigreturn(ENDPOINT_SYSTEM, &request, &reply));
    if (result != 0) {
        signal_force(pm, thread, &info);
        return 0;
    }
    *mask_of(thread) = reply.mask & ~SIGNALS_UNBLOCKABLE;
    thread->altstack_base = reply.altstack_base;
    thread->altstack_length = reply.altstack_length;
    thread->altstack_flags = reply.altstack_flags & ~(uint32_t)LINUX_SS_ONSTACK;
    handlers_publish(process_of(thread));
    signal_recheck(pm, thread);
    return 0;
}
