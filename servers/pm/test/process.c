/* SPDX-License-Identifier: MIT */
/*
 * fork, exit, wait, threads.
 */
#include "harness.h"

#include "../derive.h"

TEST(child_is_reaped_with_its_exit_status)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);
    uint32_t status = 0;

    CHECK_EQ(call_linux(init, wait4, (uint64_t)-1, (uint64_t)(uintptr_t)&status, 0, 0), PARKED);
    CHECK_EQ(call_linux(child, exit_group, 7), PARKED);
    CHECK_EQ(cleared, 1);
    CHECK_EQ(answered(init->endpoint), pid);
    CHECK_EQ(status, 7 << 8);
    CHECK(process_by_pid(&pm_state, pid) == NULL);
    CHECK_EQ(pm_state.free_thread_count, THREADS - 2);
    CHECK(vfs_answers(VFS_EXIT, 0, NULL, 0));
    CHECK_EQ(pm_state.free_thread_count, THREADS - 1);
    CHECK_EQ(call_linux(init, wait4, (uint64_t)-1, 0, 0, 0), -ECHILD);
}

TEST(child_that_ends_first_waits_as_a_zombie)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);

    CHECK_EQ(call_linux(init, wait4, (uint64_t)-1, 0, 1, 0), 0);
    call_linux(child, exit_group, 1);
    CHECK_EQ(process_by_pid(&pm_state, pid)->state, PROCESS_ZOMBIE);
    CHECK_EQ(call_linux(init, wait4, pid, 0, 0, 0), pid);
    CHECK(process_by_pid(&pm_state, pid) == NULL);
}

TEST(fork_gives_eagain_or_enomem_when_there_is_no_room)
{
    struct pm_thread *init = start();

    vm_fork_result = -ENOMEM;
    CHECK_EQ(call_linux(init, fork, 0), -ENOMEM);
    CHECK_EQ(pm_state.free_thread_count, THREADS - 1);
    vm_fork_result = 0;
    CHECK_EQ(call_linux(init, fork, 0), PARKED);
    CHECK(vfs_answers(VFS_FORK, -ENOMEM, NULL, 0));
    CHECK_EQ(answered(init->endpoint), -ENOMEM);
    CHECK_EQ(pm_state.free_thread_count, THREADS - 1);
    process_of(init)->uid = 5;
    process_of(init)->limits[LINUX_RLIMIT_NPROC].current = 1;
    CHECK_EQ(call_linux(init, fork, 0), -EAGAIN);
}

TEST(orphans_go_to_init)
{
    struct pm_thread *init = start();
    struct pm_thread *parent = do_fork(init);
    struct pm_thread *child = do_fork(parent);
    uint32_t pid = pid_of(child);

    CHECK_EQ(call_linux(child, getppid, 0), pid_of(parent));
    call_linux(parent, exit_group, 0);
    CHECK_EQ(call_linux(child, getppid, 0), 1);
    call_linux(child, exit_group, 0);
    CHECK_EQ(call_linux(init, wait4, pid, 0, 0, 0), pid);
}

TEST(vfork_parent_waits_until_the_child_ends)
{
    struct pm_thread *init = start();
    struct pm_thread *child;

    CHECK_EQ(call_linux(init, vfork, 0), PARKED);
    CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    CHECK_EQ(answered(init->endpoint), PARKED);
    child = thread_by_tid(&pm_state, 2);
    CHECK(child != NULL);
    call_linux(child, exit_group, 0);
    CHECK_EQ(answered(init->endpoint), 2);
}

TEST(ignored_sigchld_leaves_no_zombie)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);

    set_handler(init, LINUX_SIGCHLD, LINUX_SIG_IGN, 0);
    CHECK_EQ(call_linux(init, wait4, (uint64_t)-1, 0, 0, 0), PARKED);
    call_linux(child, exit_group, 0);
    CHECK_EQ(answered(init->endpoint), -ECHILD);
}

TEST(child_killed_while_vfs_does_not_know_it_leaves_cleanly)
{
    struct pm_thread *init = start();
    struct pm_thread *child;

    CHECK_EQ(call_linux(init, fork, 0), PARKED);
    child = thread_by_tid(&pm_state, 2);
    process_exit(&pm_state, process_of(child), LINUX_SIGKILL);
    check_state();
    CHECK(!vfs_answers(VFS_EXIT, 0, NULL, 0));
    CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    CHECK_EQ(answered(init->endpoint), 2);
    CHECK(vfs_answers(VFS_EXIT, 0, NULL, 0));
    CHECK_EQ(pm_state.free_thread_count, THREADS - 1);
    CHECK_EQ(call_linux(init, wait4, 2, 0, 0, 0), 2);
}

static struct pm_thread *new_thread(struct pm_thread *leader, uint64_t child_tid)
{
    uint32_t tid;

    fake_sent_clear();
    CHECK_EQ(call_linux(leader, clone, 0x3d0f00, 0x1000, child_tid, child_tid, 0), PARKED);
    CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
    tid = (uint32_t)answered(leader->endpoint);
    return thread_by_tid(&pm_state, tid);
}

TEST(joined_thread_clears_its_tid_and_wakes_the_futex)
{
    struct pm_thread *init = start();
    uint32_t word = 0;
    struct pm_thread *thread = new_thread(init, (uint64_t)(uintptr_t)&word);

    CHECK_EQ(word, thread->tid);
    CHECK_EQ(process_of(thread)->thread_count, 2);
    CHECK_EQ(call_linux(init, futex, (uint64_t)(uintptr_t)&word, 0, thread->tid, 0), PARKED);
    call_linux(thread, exit, 0);
    CHECK_EQ(word, 0);
    CHECK_EQ(answered(init->endpoint), 0);
    CHECK_EQ(process_of(init)->thread_count, 1);
}

TEST(exit_group_ends_all_threads)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);
    uint32_t word;
    struct pm_thread *thread = new_thread(child, (uint64_t)(uintptr_t)&word);

    call_linux(thread, exit_group, 3);
    CHECK_EQ(cleared, 2);
    CHECK_EQ(process_by_pid(&pm_state, pid)->exit_status, 3 << 8);
}

TEST(fork_bomb_leaves_slots_for_root_and_can_be_killed)
{
    struct pm_thread *init = start();
    struct pm_thread *bomb = do_fork(init);
    uint32_t count = 0;

    process_of(bomb)->uid = 9;
    process_of(bomb)->euid = 9;
    process_of(bomb)->suid = 9;
    process_of(bomb)->limits[LINUX_RLIMIT_NPROC].current = 300;
    for (;;) {
        int64_t result;
        fake_sent_clear();
        result = call_linux(bomb, fork, 0);
        if (result != PARKED) {
            CHECK_EQ(result, -EAGAIN);
            break;
        }
        CHECK(vfs_answers(VFS_FORK, 0, NULL, 0));
        count++;
    }
    CHECK_EQ(count, 299);
    fake_sent_clear();
    CHECK_EQ(call_linux(init, kill, (uint64_t)-1, LINUX_SIGKILL), 0);
    CHECK_EQ(cleared, 300);
    while (vfs_answers(VFS_EXIT, 0, NULL, 0)) {
    }
    CHECK_EQ(pm_state.free_thread_count, THREADS - 1);
}

TEST(a_new_pm_finds_threads_again_whatever_has_become_of_the_hashes)
{
    struct pm_thread *init = start();
    struct pm_thread *child = do_fork(init);
    uint32_t pid = pid_of(child);

    memset(pm_state.tid_bucket, 0xf0, sizeof(pm_state.tid_bucket));
    memset(pm_state.pid_bucket, 0xf0, sizeof(pm_state.pid_bucket));
    child->tid_next = init->tid_next = 0x5555;
    process_of(child)->pid_next = 0x5555;
    derive_hashes(&pm_state);
    CHECK(thread_by_tid(&pm_state, pid) == child);
    CHECK(process_by_pid(&pm_state, pid) == process_of(child));
    CHECK(process_by_pid(&pm_state, 1) == process_of(init));
    CHECK(thread_by_tid(&pm_state, pid + 1) == NULL);
    CHECK(do_fork(init) != NULL);
}

TEST(a_broken_list_of_free_records_is_found_and_made_anew)
{
    uint16_t *const heads[] = { &pm_state.free_thread, &pm_state.free_process, &pm_state.free_sighand, &pm_state.free_timer };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct pm_thread *init = start();
        struct pm_thread *child = do_fork(init);
        uint32_t free = pm_state.free_thread_count;

        CHECK(pm_state_check(&pm_state) == NULL);
        *heads[i] = i == 3 ? POSIX_TIMERS : i == 1 ? (uint16_t)process_index(process_of(child)) : 0xfff0;
        CHECK(pm_state_check(&pm_state) != NULL);
        derive_lists(&pm_state);
        CHECK(pm_state_check(&pm_state) == NULL);
        CHECK_EQ(pm_state.free_thread_count, free);
        CHECK(do_fork(init) != NULL);
    }
}

TEST(process_groups_and_sessions_follow_posix)
{
    struct pm_thread *init = start();
    struct pm_thread *shell = do_fork(init);
    struct pm_thread *job;

    CHECK_EQ(call_linux(shell, setsid, 0), pid_of(shell));
    CHECK_EQ(call_linux(shell, setsid, 0), -EPERM);
    CHECK_EQ(call_linux(shell, setpgid, 0, 0), -EPERM);
    job = do_fork(shell);
    CHECK_EQ(call_linux(shell, setpgid, pid_of(job), 0), 0);
    CHECK_EQ(call_linux(job, getpgrp, 0), pid_of(job));
    CHECK_EQ(call_linux(shell, setpgid, pid_of(job), 9999), -EPERM);
    CHECK_EQ(call_linux(init, setpgid, pid_of(job), 0), -ESRCH);
    process_of(job)->has_execed = true;
    CHECK_EQ(call_linux(shell, setpgid, pid_of(job), pid_of(shell)), -EACCES);
}
