/* SPDX-License-Identifier: MIT */
/*
 * Signals: defaults, handlers, masks, restart rules, job control, waiting for them.
 */
#include "harness.h"

enum { HANDLER = 0x401000 };

static const struct event_signal_ready_reply *ready_reply(const struct message *m)
{
    static struct event_signal_ready_reply reply;

    CHECK(m != NULL);
    event_signal_ready_reply_get(m, &reply);
    return &reply;
}

TEST(default_action_ends_the_process_at_once)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);
    uint32_t status;

    CHECK_EQ(call_linux(init, kill, pid, LINUX_SIGTERM), 0);
    CHECK_EQ(cleared, 1);
    CHECK_EQ(call_linux(init, wait4, pid, (uint64_t)(uintptr_t)&status, 0, 0), pid);
    CHECK_EQ(status, LINUX_SIGTERM);
}

TEST(init_does_not_die_of_signals)
{
    struct pm_thread *init = start();

    CHECK_EQ(call_linux(init, kill, 1, LINUX_SIGKILL), 0);
    CHECK_EQ(call_linux(init, kill, 1, LINUX_SIGTERM), 0);
    CHECK_EQ(cleared, 0);
}

TEST(handler_interrupts_a_call_and_sa_restart_restarts_it)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);

    set_handler(child, LINUX_SIGUSR1, HANDLER, 0);
    waits_for = ENDPOINT_VFS;
    CHECK_EQ(call_linux(init, kill, pid_of(child), LINUX_SIGUSR1), 0);
    CHECK_EQ(posted[thread_index(child)], 1);
    CHECK_EQ(fake_sent_to(ENDPOINT_VFS)->message.type, VFS_CANCEL);
    CHECK(signal_ready(child, 0, -ERESTARTSYS) != NULL);
    CHECK_EQ(frames_built, 1);
    CHECK_EQ(last_frame.handler, HANDLER);
    CHECK_EQ(last_frame.result, -EINTR);
    CHECK_EQ(last_frame.restart, 0);
    CHECK_EQ(*mask_of(child), signal_bit(LINUX_SIGUSR1));
    set_handler(child, LINUX_SIGUSR2, HANDLER, LINUX_SA_RESTART);
    call_linux(init, kill, pid_of(child), LINUX_SIGUSR2);
    signal_ready(child, 0, -ERESTARTSYS);
    CHECK_EQ(last_frame.restart, 1);
}

TEST(signal_to_oneself_is_delivered_in_the_call)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);

    set_handler(child, LINUX_SIGUSR1, HANDLER, 0);
    CHECK_EQ(call_linux(child, kill, pid_of(child), LINUX_SIGUSR1), PARKED);
    CHECK_EQ(frames_built, 1);
    CHECK_EQ(last_frame.has_result, 1);
    CHECK_EQ(last_frame.result, 0);
    CHECK_EQ(answered(child->endpoint), 0);
    CHECK_EQ(posted[thread_index(child)], 0);
}

TEST(blocked_signal_stays_pending_until_it_is_unblocked)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint64_t set = signal_bit(LINUX_SIGTERM);
    uint64_t pending = 0;
    uint32_t pid = pid_of(child);

    CHECK_EQ(call_linux(child, rt_sigprocmask, LINUX_SIG_BLOCK, (uint64_t)(uintptr_t)&set, 0, 8), 0);
    call_linux(init, kill, pid, LINUX_SIGTERM);
    CHECK_EQ(cleared, 0);
    CHECK_EQ(call_linux(child, rt_sigpending, (uint64_t)(uintptr_t)&pending, 8), 0);
    CHECK_EQ(pending, set);
    CHECK_EQ(call_linux(child, rt_sigprocmask, LINUX_SIG_UNBLOCK, (uint64_t)(uintptr_t)&set, 0, 8), PARKED);
    CHECK_EQ(answered(child->endpoint), PARKED);
    CHECK_EQ(process_by_pid(&pm_state, pid)->exit_status, LINUX_SIGTERM);
}

TEST(sigsuspend_restores_the_mask_after_the_handler)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint64_t blocked = signal_bit(LINUX_SIGUSR1);
    uint64_t none = 0;

    set_handler(child, LINUX_SIGUSR1, HANDLER, 0);
    call_linux(child, rt_sigprocmask, LINUX_SIG_BLOCK, (uint64_t)(uintptr_t)&blocked, 0, 8);
    CHECK_EQ(call_linux(child, rt_sigsuspend, (uint64_t)(uintptr_t)&none, 8), PARKED);
    CHECK_EQ(*mask_of(child), 0);
    call_linux(init, kill, pid_of(child), LINUX_SIGUSR1);
    CHECK_EQ(frames_built, 1);
    CHECK(answered(child->endpoint) != PARKED);
    CHECK_EQ(last_frame.mask, blocked);
    CHECK_EQ(last_frame.result, -EINTR);
}

TEST(stopped_process_reports_and_continues_with_its_call_restarted)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);
    uint32_t status = 0;
    const struct event_signal_ready_reply *reply;

    call_linux(init, kill, pid, LINUX_SIGSTOP);
    CHECK(signal_ready(child, 0, -ERESTARTSYS) == NULL);
    CHECK_EQ(process_of(child)->state, PROCESS_STOPPED);
    CHECK_EQ(call_linux(init, wait4, pid, (uint64_t)(uintptr_t)&status, 2, 0), pid);
    CHECK_EQ(status, LINUX_SIGSTOP << 8 | 0x7f);
    CHECK_EQ(call_linux(init, wait4, pid, (uint64_t)(uintptr_t)&status, 2 | 1, 0), 0);
    fake_sent_clear();
    call_linux(init, kill, pid, LINUX_SIGCONT);
    reply = ready_reply(&fake_sent_to(child->endpoint)->message);
    CHECK_EQ(reply->restart, 1);
    CHECK_EQ(call_linux(init, wait4, pid, (uint64_t)(uintptr_t)&status, 8, 0), pid);
    CHECK_EQ(status, 0xffff);
}

TEST(sigkill_ends_a_stopped_process)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);

    call_linux(init, kill, pid_of(child), LINUX_SIGSTOP);
    signal_ready(child, -1, 0);
    call_linux(init, kill, pid_of(child), LINUX_SIGKILL);
    CHECK_EQ(cleared, 1);
}

TEST(stopped_process_dies_of_sigterm_only_when_it_continues)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);

    call_linux(init, kill, pid_of(child), LINUX_SIGSTOP);
    signal_ready(child, -1, 0);
    call_linux(init, kill, pid_of(child), LINUX_SIGTERM);
    CHECK_EQ(cleared, 0);
    call_linux(init, kill, pid_of(child), LINUX_SIGCONT);
    CHECK_EQ(cleared, 1);
}

TEST(terminal_stop_is_ignored_in_an_orphaned_group)
{
    struct pm_thread *init = start();
    struct pm_thread *leader = do_fork(init);

    call_linux(leader, setsid, 0);
    call_linux(init, kill, pid_of(leader), LINUX_SIGTSTP);
    CHECK(signal_ready(leader, -1, 0) != NULL);
    CHECK_EQ(process_of(leader)->state, PROCESS_RUNNING);
}

TEST(stopped_job_gets_hangup_and_continue_when_its_shell_ends)
{
    struct pm_thread *init = start();
    struct pm_thread *shell = do_fork(init);
    struct pm_thread *job;
    uint32_t pid;

    call_linux(shell, setsid, 0);
    job = do_fork(shell);
    pid = pid_of(job);
    call_linux(job, setpgid, 0, 0);
    call_linux(shell, kill, pid, LINUX_SIGTSTP);
    CHECK(signal_ready(job, -1, 0) == NULL);
    CHECK_EQ(process_of(job)->state, PROCESS_STOPPED);
    call_linux(shell, exit_group, 0);
    CHECK_EQ(process_by_pid(&pm_state, pid)->exit_status, LINUX_SIGHUP);
}

TEST(sigchld_tells_who_ended_and_how)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);
    struct linux_siginfo *info = (struct linux_siginfo *)last_frame.siginfo;

    set_handler(init, LINUX_SIGCHLD, HANDLER, LINUX_SA_SIGINFO);
    call_linux(child, exit_group, 5);
    CHECK_EQ(posted[thread_index(init)], 1);
    signal_ready(init, -1, 0);
    CHECK_EQ(info->signal, LINUX_SIGCHLD);
    CHECK_EQ(info->code, LINUX_CLD_EXITED);
    CHECK_EQ(info->child.pid, pid);
    CHECK_EQ(info->child.status, 5);
}

TEST(realtime_signals_queue_in_order_and_standard_ones_do_not)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint64_t set = signal_bit(34) | signal_bit(LINUX_SIGUSR1);
    struct linux_siginfo info = { .code = LINUX_SI_QUEUE };
    struct linux_siginfo got;
    struct linux_timespec {
        int64_t s, ns;
    } zero = { 0, 0 };

    call_linux(child, rt_sigprocmask, LINUX_SIG_BLOCK, (uint64_t)(uintptr_t)&set, 0, 8);
    for (uint64_t i = 1; i <= 2; i++) {
        info.user.value = i;
        CHECK_EQ(call_linux(init, rt_sigqueueinfo, pid_of(child), 34, (uint64_t)(uintptr_t)&info), 0);
        CHECK_EQ(call_linux(init, kill, pid_of(child), LINUX_SIGUSR1), 0);
    }
    CHECK_EQ(call_linux(child, rt_sigtimedwait, (uint64_t)(uintptr_t)&set, (uint64_t)(uintptr_t)&got, (uint64_t)(uintptr_t)&zero, 8),
             LINUX_SIGUSR1);
    for (uint64_t i = 1; i <= 2; i++) {
        CHECK_EQ(call_linux(child, rt_sigtimedwait, (uint64_t)(uintptr_t)&set, (uint64_t)(uintptr_t)&got, (uint64_t)(uintptr_t)&zero, 8),
                 34);
        CHECK_EQ(got.user.value, i);
    }
    CHECK_EQ(call_linux(child, rt_sigtimedwait, (uint64_t)(uintptr_t)&set, 0, (uint64_t)(uintptr_t)&zero, 8), -EAGAIN);
}

TEST(sigtimedwait_takes_a_signal_that_comes_later)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint64_t set = signal_bit(LINUX_SIGUSR1);

    call_linux(child, rt_sigprocmask, LINUX_SIG_BLOCK, (uint64_t)(uintptr_t)&set, 0, 8);
    CHECK_EQ(call_linux(child, rt_sigtimedwait, (uint64_t)(uintptr_t)&set, 0, 0, 8), PARKED);
    call_linux(init, kill, pid_of(child), LINUX_SIGUSR1);
    CHECK_EQ(answered(child->endpoint), LINUX_SIGUSR1);
}

TEST(permission_to_signal_needs_the_same_user)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);

    process_of(child)->uid = 5;
    process_of(child)->euid = 5;
    process_of(child)->suid = 5;
    CHECK_EQ(call_linux(child, kill, 1, LINUX_SIGTERM), -EPERM);
    CHECK_EQ(call_linux(child, kill, 4000, LINUX_SIGTERM), -ESRCH);
    CHECK_EQ(call_linux(child, kill, 1, 65), -EINVAL);
    CHECK_EQ(call_linux(init, kill, pid_of(child), 0), 0);
}

TEST(exception_that_is_blocked_kills)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    struct signal_info info = { .signal = LINUX_SIGSEGV, .code = 1, .value = 0x1234 };
    uint32_t pid = pid_of(child);

    set_handler(child, LINUX_SIGSEGV, HANDLER, 0);
    signal_force(&pm_state, child, &info);
    CHECK(signal_ready(child, -1, 0) != NULL);
    CHECK_EQ(((struct linux_siginfo *)last_frame.siginfo)->address, 0x1234);
    signal_force(&pm_state, child, &info);
    CHECK_EQ(process_by_pid(&pm_state, pid)->exit_status, LINUX_SIGSEGV);
}

TEST(handlers_are_shared_after_fork_until_one_changes_them)
{
    struct pm_thread *init = start();
    struct pm_thread *child;
    struct linux_sigaction old;

    set_handler(init, LINUX_SIGUSR1, HANDLER, 0);
    child = do_fork(init);
    CHECK_EQ(process_of(child)->sighand, process_of(init)->sighand);
    set_handler(child, LINUX_SIGUSR1, HANDLER + 1, 0);
    CHECK(process_of(child)->sighand != process_of(init)->sighand);
    call_linux(init, rt_sigaction, LINUX_SIGUSR1, 0, (uint64_t)(uintptr_t)&old, 8);
    CHECK_EQ(old.handler, HANDLER);
}
