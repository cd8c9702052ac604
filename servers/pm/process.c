/* SPDX-License-Identifier: MIT */
/*
 * Records of threads and processes. Free slots are used oldest first, so that an endpoint of a dead thread stays invalid for long.
 */
#include "process.h"

#include "base/string.h"
#include "handlers.h"

static uint32_t bucket_of(uint32_t number)
{
    return number % PID_BUCKETS;
}

struct pm_thread *thread_find(endpoint_t endpoint)
{
    uint32_t slot = endpoint_slot(endpoint);
    struct pm_thread *thread;

    if (endpoint < 0 || slot < SERVICE_SLOTS || slot >= PROCESS_SLOTS)
        return NULL;
    thread = thread_at(slot - SERVICE_SLOTS);
    if (thread->endpoint != endpoint || (thread->state != THREAD_ALIVE && thread->state != THREAD_STARTING))
        return NULL;
    return thread;
}

struct pm_thread *thread_by_tid(const struct pm_state *pm, uint32_t tid)
{
    for (uint32_t i = pm->tid_bucket[bucket_of(tid)]; i != NONE; i = thread_at(i)->tid_next) {
        if (thread_at(i)->tid == tid)
            return thread_at(i);
    }
    return NULL;
}

struct pm_process *process_by_pid(const struct pm_state *pm, uint32_t pid)
{
    for (uint32_t i = pm->pid_bucket[bucket_of(pid)]; i != NONE; i = process_at(i)->pid_next) {
        if (process_at(i)->pid == pid)
            return process_at(i);
    }
    return NULL;
}

struct pm_thread *process_leader(const struct pm_process *process)
{
    return process->first_thread == NONE ? NULL : thread_at(process->first_thread);
}

static bool pid_is_used(const struct pm_state *pm, uint32_t pid)
{
    if (process_by_pid(pm, pid) != NULL || thread_by_tid(pm, pid) != NULL)
        return true;
    if (!pm->pids_wrapped)
        return false;
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        const struct pm_process *process = process_at(i);
        if (process->state != PROCESS_FREE && (process->group == pid || process->session == pid))
            return true;
    }
    for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
        if (pm->services[i].endpoint != ENDPOINT_NONE && pm->services[i].pid == pid)
            return true;
    }
    return false;
}

void publish_pending(const struct pm_process *process)
{
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        uint64_t *pending = &tables.publics[i].pending;
        journal_forgo(pending, sizeof(*pending)); /* derived: publish_all_pending */
        *pending = thread_at(i)->pending | process->pending;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before masks are read: abi/linux_public.h */
}

void publish_all_pending(const struct pm_state *pm)
{
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        if (process_is_live(process_at(i))) {
            publish_pending(process_at(i));
        }
    }
}

void publish_ids(const struct pm_process *process)
{
    for (uint32_t i = process->first_thread; i != NONE; i = thread_at(i)->next) {
        struct linux_public *public = &tables.publics[i];
        public->parent = process->parent == NONE ? 0 : process_at(process->parent)->pid;
        public->uid = process->uid;
        public->euid = process->euid;
        public->gid = process->gid;
        public->egid = process->egid;
        public->pending = thread_at(i)->pending | process->pending;
    }
}

uint32_t pid_allocate(struct pm_state *pm)
{
    do {
        pm->last_pid++;
        if (pm->last_pid >= PID_MAX) {
            pm->last_pid = 300;
            pm->pids_wrapped = true;
        }
    } while (pid_is_used(pm, pm->last_pid));
    return pm->last_pid;
}

struct pm_thread *thread_take(struct pm_state *pm, bool is_root)
{
    struct pm_thread *thread;
    uint32_t sequence;

    if (pm->free_thread_count <= (is_root ? 0u : ROOT_RESERVE))
        return NULL;
    thread = thread_at(pm->free_thread);
    pm->free_thread = thread->next;
    if (pm->free_thread == NONE) {
        pm->free_thread_last = NONE;
    }
    pm->free_thread_count--;
    sequence = thread->sequence + 1;
    thread_forgo(thread);
    memset(thread, 0, sizeof(*thread));
    thread->sequence = sequence;
    thread->endpoint = ENDPOINT_NONE;
    thread->state = THREAD_STARTING;
    thread->process = NONE;
    thread->next = NONE;
    thread->tid_next = NONE;
    thread->leaving_next = NONE;
    thread->queue.first = NONE;
    thread->queue.last = NONE;
    thread->altstack_flags = LINUX_SS_DISABLE;
    journal_forgo(&tables.publics[thread_index(thread)], sizeof(*tables.publics));
    memset(&tables.publics[thread_index(thread)], 0, sizeof(*tables.publics));
    return thread;
}

void thread_give(struct pm_state *pm, struct pm_thread *thread)
{
    uint16_t index = (uint16_t)thread_index(thread);

    journal_release(thread, sizeof(*thread));
    journal_release(&tables.publics[index], sizeof(tables.publics[index]));
    thread->state = THREAD_FREE;
    thread->step = STEP_NONE;
    thread->vfs_request = VFS_REQUEST_NONE;
    thread->endpoint = ENDPOINT_NONE;
    thread->process = NONE;
    thread->next = NONE;
    if (pm->free_thread_last == NONE) {
        pm->free_thread = index;
    } else {
        thread_at(pm->free_thread_last)->next = index;
    }
    pm->free_thread_last = index;
    pm->free_thread_count++;
}

void thread_name(struct pm_state *pm, struct pm_thread *thread, uint32_t tid)
{
    thread->tid = tid;
    thread->tid_next = pm->tid_bucket[bucket_of(tid)];
    pm->tid_bucket[bucket_of(tid)] = (uint16_t)thread_index(thread);
}

void thread_forget_tid(struct pm_state *pm, struct pm_thread *thread)
{
    uint16_t *link = &pm->tid_bucket[bucket_of(thread->tid)];

    while (*link != NONE && *link != thread_index(thread)) {
        link = &thread_at(*link)->tid_next;
    }
    if (*link != NONE) {
        *link = thread->tid_next;
    }
    thread->tid_next = NONE;
}

void process_add_thread(struct pm_process *process, struct pm_thread *thread)
{
    uint16_t *link = &process->first_thread;

    while (*link != NONE) {
        link = &thread_at(*link)->next;
    }
    handlers_sync(process);
    *link = (uint16_t)thread_index(thread);
    thread->next = NONE;
    thread->process = (uint16_t)process_index(process);
    process->thread_count++;
    publish_ids(process);
    handlers_publish(process);
}

void process_remove_thread(struct pm_process *process, struct pm_thread *thread)
{
    uint16_t *link = &process->first_thread;

    while (*link != NONE && *link != thread_index(thread)) {
        link = &thread_at(*link)->next;
    }
    if (*link == NONE)
        return;
    handlers_sync(process);
    *link = thread->next;
    thread->next = NONE;
    process->thread_count--;
    handlers_publish(process);
}

void process_name(struct pm_state *pm, struct pm_process *process)
{
    process->pid_next = pm->pid_bucket[bucket_of(process->pid)];
    pm->pid_bucket[bucket_of(process->pid)] = (uint16_t)process_index(process);
}

struct pm_process *process_take(struct pm_state *pm, uint32_t pid)
{
    struct pm_process *process;

    if (pm->free_process == NONE)
        return NULL;
    process = process_at(pm->free_process);
    pm->free_process = process->next_sibling;
    process_forgo(process);
    memset(process, 0, sizeof(*process));
    process->state = PROCESS_RUNNING;
    process->pid = pid;
    process->parent = NONE;
    process->first_child = NONE;
    process->next_sibling = NONE;
    process->previous_sibling = NONE;
    process->first_thread = NONE;
    process->sighand = NONE;
    process->queue.first = NONE;
    process->queue.last = NONE;
    process->exit_signal = LINUX_SIGCHLD;
    process->dumpable = 1;
    process_name(pm, process);
    if (process_index(process) >= pm->process_limit) {
        pm->process_limit = process_index(process) + 1;
    }
    return process;
}

static void unlink_child(struct pm_process *process)
{
    if (process->parent == NONE)
        return;
    if (process->previous_sibling == NONE) {
        process_at(process->parent)->first_child = process->next_sibling;
    } else {
        process_at(process->previous_sibling)->next_sibling = process->next_sibling;
    }
    if (process->next_sibling != NONE) {
        process_at(process->next_sibling)->previous_sibling = process->previous_sibling;
    }
    process->parent = NONE;
    process->next_sibling = NONE;
    process->previous_sibling = NONE;
}

void process_set_parent(struct pm_process *process, struct pm_process *parent)
{
    unlink_child(process);
    if (parent == NULL)
        return;
    process->parent = (uint16_t)process_index(parent);
    process->next_sibling = parent->first_child;
    if (parent->first_child != NONE) {
        process_at(parent->first_child)->previous_sibling = (uint16_t)process_index(process);
    }
    parent->first_child = (uint16_t)process_index(process);
    publish_ids(process);
}

void process_give(struct pm_state *pm, struct pm_process *process)
{
    uint16_t *link = &pm->pid_bucket[bucket_of(process->pid)];

    unlink_child(process);
    while (*link != NONE && *link != process_index(process)) {
        link = &process_at(*link)->pid_next;
    }
    if (*link != NONE) {
        *link = process->pid_next;
    }
    journal_release(process, sizeof(*process));
    process->state = PROCESS_FREE;
    process->next_sibling = pm->free_process;
    pm->free_process = (uint16_t)process_index(process);
}

uint32_t process_count_of_user(const struct pm_state *pm, uint32_t uid)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pm->process_limit; i++) {
        const struct pm_process *process = process_at(i);
        if (process->state != PROCESS_FREE && process->uid == uid) {
            count += process->thread_count == 0 ? 1 : process->thread_count;
        }
    }
    return count;
}

bool group_is_orphaned(const struct pm_state *pm, uint32_t group, const struct pm_process *except)
{
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        const struct pm_process *process = process_at(i);
        const struct pm_process *parent;
        if (!process_is_live(process) || process->group != group || process == except || process->parent == NONE)
            continue;
        parent = process_at(process->parent);
        if (!parent->is_init && parent->group != group && parent->session == process->session)
            return false;
    }
    return true;
}

bool group_has_stopped(const struct pm_state *pm, uint32_t group)
{
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        if (process_at(i)->state == PROCESS_STOPPED && process_at(i)->group == group)
            return true;
    }
    return false;
}

uint32_t group_session(const struct pm_state *pm, uint32_t group)
{
    for (uint32_t i = 0; i < pm->process_limit; i++) {
        const struct pm_process *process = process_at(i);
        if (process->state != PROCESS_FREE && process->group == group)
            return process->session;
    }
    return 0;
}
