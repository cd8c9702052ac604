/* SPDX-License-Identifier: MIT */
/*
 * Ends of threads and processes: what Linux does in do_exit, in the same order where a program can see it.
 */
#include "exit.h"

#include "deliver.h"
#include "errors.h"
#include "exec.h"
#include "fork.h"
#include "futex.h"
#include "handlers.h"
#include "kernel_calls.h"
#include "late.h"
#include "posix_timer.h"
#include "process.h"
#include "protocols/vfs_client.h"
#include "script.h"
#include "signal.h"
#include "sys/log.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"
#include "timer.h"
#include "wait.h"

/* EXITS_AT_ONCE: VFS must find room for all its answers while PM is busy. */
enum { OUTBOX_SPARE = 128, EXITS_AT_ONCE = 256, ROBUST_LIMIT = 2048 };

/* ---- telling VFS ---- */

static void send_exit(struct pm_thread *thread)
{
    struct vfs_exit_request request = { .process = thread->endpoint };

    thread->vfs_request = VFS_REQUEST_EXIT;
    thread->must_leave = false;
    vfs_send_exit(outbox_default(), ENDPOINT_VFS, thread_index(thread) | thread->sequence << 16, &request);
}

static void leaving_add(struct pm_state *pm, struct pm_thread *thread)
{
    uint16_t index = (uint16_t)thread_index(thread);

    thread->leaving_next = NONE;
    if (pm->leaving_last == NONE) {
        pm->leaving_first = index;
    } else {
        thread_at(pm->leaving_last)->leaving_next = index;
    }
    pm->leaving_last = index;
}

void leaving_flush(struct pm_state *pm)
{
    while (pm->leaving_first != NONE && pm->exits_outstanding < EXITS_AT_ONCE && outbox_room(outbox_default()) > OUTBOX_SPARE) {
        struct pm_thread *thread = thread_at(pm->leaving_first);
        pm->leaving_first = thread->leaving_next;
        if (pm->leaving_first == NONE) {
            pm->leaving_last = NONE;
        }
        thread->leaving_next = NONE;
        pm->exits_outstanding++;
        send_exit(thread);
    }
}

void thread_left(struct pm_state *pm, struct pm_thread *thread, bool was_exit)
{
    thread->vfs_request = VFS_REQUEST_NONE;
    if (was_exit) {
        pm->exits_outstanding--;
        thread_give(pm, thread);
    } else if (thread->must_leave) {
        leaving_add(pm, thread);
        leaving_flush(pm);
    }
}

/* ---- memory that dies with a thread ---- */

static void wake_robust(struct pm_state *pm, struct pm_thread *thread, uint64_t entry, int64_t offset)
{
    uint64_t address = entry + (uint64_t)offset;
    uint32_t word;

    if (sys_copy_from(thread->endpoint, address, &word, sizeof(word)) != 0 || (word & 0x3fffffff) != thread->tid)
        return;
    word = (word & 0x80000000) | 0x40000000;
    sys_copy_to(thread->endpoint, address, &word, sizeof(word));
    futex_wake_address(pm, thread, address, 1);
}

/* struct robust_list_head: next, offset of the futex word, entry being worked on (get_robust_list(2)). */
static void walk_robust_list(struct pm_state *pm, struct pm_thread *thread)
{
    uint64_t head[3];
    uint64_t entry;

    if (thread->robust_list == 0 || sys_copy_from(thread->endpoint, thread->robust_list, head, sizeof(head)) != 0)
        return;
    entry = head[0];
    for (int i = 0; i < ROBUST_LIMIT && (entry & ~1ull) != thread->robust_list; i++) {
        uint64_t next;
        if (sys_copy_from(thread->endpoint, entry & ~1ull, &next, sizeof(next)) != 0)
            return;
        if ((entry & ~1ull) != (head[2] & ~1ull)) {
            wake_robust(pm, thread, entry & ~1ull, (int64_t)head[1]);
        }
        entry = next;
    }
    if ((head[2] & ~1ull) != 0) {
        wake_robust(pm, thread, head[2] & ~1ull, (int64_t)head[1]);
    }
}

static void release_memory(struct pm_state *pm, struct pm_thread *thread, bool others_live)
{
    const uint32_t zero = 0;

    walk_robust_list(pm, thread);
    if (thread->clear_child_tid != 0 && (others_live || thread->shares_space)) {
        sys_copy_to(thread->endpoint, thread->clear_child_tid, &zero, sizeof(zero));
        futex_wake_address(pm, thread, thread->clear_child_tid, 1);
    }
}

void vfork_release(struct pm_state *pm, struct pm_thread *child)
{
    struct pm_thread *maker;

    if (!child->is_vfork_child)
        return;
    child->is_vfork_child = false;
    maker = thread_maker(child);
    if (maker != NULL && maker->step == STEP_VFORK) {
        thread_answer(pm, maker, maker->call.fork.child_tid);
    }
}

/* ---- threads ---- */

static void add_times(struct pm_process *process, const struct pm_thread *thread)
{
    uint64_t user = 0;
    uint64_t system = 0;

    if (kernel_times(thread->endpoint, &user, &system) == 0) {
        process->user_ns += user;
        process->system_ns += system;
    }
}

/* The thread leaves the machine; its record stays until VFS has heard of it. */
static void thread_leave(struct pm_state *pm, struct pm_thread *thread, bool others_live)
{
    struct pm_process *process = process_of(thread);

    timer_cancel(pm, TIMER_OF_THREAD + thread_index(thread));
    if (thread->step == STEP_FUTEX) {
        futex_remove(pm, thread);
    }
    exec_forget(pm, thread);
    late_forget(pm, thread);
    release_memory(pm, thread, others_live);
    add_times(process, thread);
    kernel_clear(thread->endpoint);
    vm_leave(thread_index(thread) + SERVICE_SLOTS);
    vfork_release(pm, thread);
    signal_discard_thread(pm, thread);
    posix_timer_thread_gone(pm, thread);
    thread_forget_tid(pm, thread);
    process_remove_thread(process, thread);
    thread->state = THREAD_LEAVING;
    thread->step = STEP_NONE;
    if (thread->vfs_request == VFS_REQUEST_NONE) {
        leaving_add(pm, thread);
        leaving_flush(pm);
    } else {
        thread->must_leave = true;
    }
}

void thread_unmake(struct pm_state *pm, struct pm_thread *thread)
{
    struct pm_process *process = process_of(thread);

    kernel_clear(thread->endpoint);
    vm_leave(thread_index(thread) + SERVICE_SLOTS);
    thread_forget_tid(pm, thread);
    process_remove_thread(process, thread);
    thread_give(pm, thread);
    if (process->thread_count == 0) {
        script_ended(pm, process, SCRIPT_NOT_FOUND);
        handlers_release(pm, process);
        process_give(pm, process);
    }
}

void process_keep_one(struct pm_state *pm, struct pm_process *process, struct pm_thread *survivor)
{
    uint32_t next;

    for (uint32_t i = process->first_thread; i != NONE; i = next) {
        next = thread_at(i)->next;
        if (thread_at(i) != survivor) {
            thread_leave(pm, thread_at(i), false);
        }
    }
}

/* ---- processes ---- */

static bool group_loses_its_guard(const struct pm_state *pm, const struct pm_process *process, uint32_t group)
{
    return group_is_orphaned(pm, group, process) && group_has_stopped(pm, group);
}

static void hang_up_group(struct pm_state *pm, uint32_t group)
{
    struct signal_info info = { .signal = LINUX_SIGHUP, .code = LINUX_SI_KERNEL };

    signal_send_group(pm, group, &info);
    info.signal = LINUX_SIGCONT;
    signal_send_group(pm, group, &info);
}

/* setpgid(2): a stopped group that nobody can continue any more gets SIGHUP and SIGCONT. */
static void check_own_group(struct pm_state *pm, struct pm_process *process, const struct pm_process *parent)
{
    if (parent != NULL && parent->group != process->group && parent->session == process->session &&
        group_loses_its_guard(pm, process, process->group)) {
        hang_up_group(pm, process->group);
    }
}

/* PR_SET_CHILD_SUBREAPER: the nearest one above, else init. */
static struct pm_process *find_reaper(const struct pm_state *pm, const struct pm_process *process)
{
    for (uint32_t i = process->parent; i != NONE; i = process_at(i)->parent) {
        if (process_at(i)->is_subreaper && process_is_live(process_at(i)) && !process_at(i)->is_exiting)
            return process_at(i);
    }
    return process_at(pm->init);
}

static void give_children_away(struct pm_state *pm, struct pm_process *process)
{
    struct pm_process *reaper = find_reaper(pm, process);

    while (process->first_child != NONE) {
        struct pm_process *child = process_at(process->first_child);
        uint32_t group = child->group;
        bool was_guarded = process_is_live(child) && group != process->group && child->session == process->session;
        process_set_parent(child, reaper);
        if (process_is_live(child)) {
            for (uint32_t i = child->first_thread; i != NONE; i = thread_at(i)->next) {
                if (thread_at(i)->death_signal != 0) {
                    struct signal_info info = { .signal = thread_at(i)->death_signal, .code = LINUX_SI_USER, .pid = process->pid };
                    signal_send(pm, child, NULL, &info);
                    break;
                }
            }
        }
        child->exit_signal = LINUX_SIGCHLD;
        if (child->state == PROCESS_ZOMBIE) {
            parent_notify_exit(pm, child);
        } else if (was_guarded && group_loses_its_guard(pm, NULL, group)) {
            hang_up_group(pm, group);
        }
    }
}

static void become_zombie(struct pm_state *pm, struct pm_process *process, uint32_t status)
{
    if (process->is_init) {
        log_error("init ended, status %x", status);
        kernel_panic();
    }
    process->exit_status = status;
    script_ended(pm, process, status);
    timer_cancel(pm, TIMER_OF_PROCESS + process_index(process));
    posix_timer_process_gone(pm, process);
    signal_discard(pm, process, ~0ull);
    handlers_release(pm, process);
    check_own_group(pm, process, process->parent == NONE ? NULL : process_at(process->parent));
    process->state = PROCESS_ZOMBIE;
    give_children_away(pm, process);
    parent_notify_exit(pm, process);
}

void process_exit(struct pm_state *pm, struct pm_process *process, uint32_t status)
{
    if (process->is_exiting || !process_is_live(process))
        return;
    process->is_exiting = true;
    while (process->first_thread != NONE) {
        thread_leave(pm, thread_at(process->first_thread), false);
    }
    become_zombie(pm, process, status);
}

void thread_exit(struct pm_state *pm, struct pm_thread *thread, uint32_t status)
{
    struct pm_process *process = process_of(thread);

    if (process->thread_count == 1) {
        process_exit(pm, process, status);
        return;
    }
    thread_leave(pm, thread, true);
    /* What it alone would have taken may now be for another thread. */
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        if (process->pending & ~*mask_of(thread_at(i))) {
            thread_notice(pm, thread_at(i));
            break;
        }
    }
}
