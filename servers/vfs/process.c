/* SPDX-License-Identifier: MIT */
/*
 * Threads: birth, death, ids, sessions.
 */
#include "process.h"

#include "base/string.h"
#include "errors.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

#include "device.h"
#include "exec.h"
#include "file.h"
#include "mount.h"
#include "pipe.h"
#include "pool.h"
#include "protocols/char_client.h"
#include "protocols/vfs_server.h"
#include "vnode.h"

/* ---- directories ---- */

uint32_t process_root(const struct vfs_state *vfs, const struct process *process)
{
    uint32_t root = tables.infos[process->info].root;

    return root != 0 ? root : vfs->mounts[vfs->root_mount].root;
}

uint32_t process_cwd(const struct vfs_state *vfs, const struct process *process)
{
    uint32_t cwd = tables.infos[process->info].cwd;

    return cwd != 0 ? cwd : process_root(vfs, process);
}

void process_set_cwd(struct vfs_state *vfs, struct process *process, uint32_t vnode)
{
    struct fs_info *info = &tables.infos[process->info];
    uint32_t old = info->cwd;

    vnode_acquire(vnode);
    info->cwd = vnode;
    vnode_release(vfs, old);
}

void process_set_root(struct vfs_state *vfs, struct process *process, uint32_t vnode)
{
    struct fs_info *info = &tables.infos[process->info];
    uint32_t old = info->root;

    vnode_acquire(vnode);
    info->root = vnode;
    vnode_release(vfs, old);
}

static void info_release(struct vfs_state *vfs, uint32_t index)
{
    struct fs_info *info = &tables.infos[index];

    if (index == 0 || --info->references != 0)
        return;
    vnode_release(vfs, info->cwd);
    vnode_release(vfs, info->root);
    POOL_GIVE(vfs->info_pool, tables.infos, cwd, index);
}

static uint32_t info_copy(struct vfs_state *vfs, uint32_t from)
{
    uint32_t index = POOL_TAKE(vfs->info_pool, tables.infos, cwd, INFOS);

    if (index == 0)
        return 0;
    tables.infos[index] = tables.infos[from];
    tables.infos[index].references = 1;
    vnode_acquire(tables.infos[index].cwd);
    vnode_acquire(tables.infos[index].root);
    return index;
}

/* ---- sessions ---- */

uint32_t session_terminal(const struct vfs_state *vfs, uint32_t session)
{
    for (uint32_t i = 0; session != 0 && i < SESSIONS; i++) {
        if (vfs->sessions[i].id == session)
            return vfs->sessions[i].device;
    }
    return 0;
}

void session_set_terminal(struct vfs_state *vfs, uint32_t session, uint32_t device)
{
    uint32_t free = SESSIONS;

    for (uint32_t i = 0; i < SESSIONS; i++) {
        struct session *entry = &vfs->sessions[i];

        if (entry->id == session || (entry->id != 0 && device != 0 && entry->device == device)) {
            entry->id = 0;
            entry->device = 0;
        }
        if (entry->id == 0 && free == SESSIONS)
            free = i;
    }
    if (device == 0 || session == 0 || free == SESSIONS)
        return;
    vfs->sessions[free].id = session;
    vfs->sessions[free].device = device;
}

/* The leader of a session is gone: its terminal hangs up. */
static void session_end(struct vfs_state *vfs, uint32_t session)
{
    uint32_t device = session_terminal(vfs, session);
    struct char_session_end_request request = { .minor = device & 0xfffff, .session = session };
    endpoint_t driver;

    if (device == 0)
        return;
    driver = device_driver(vfs, device);
    session_set_terminal(vfs, session, 0);
    if (driver != ENDPOINT_NONE)
        char_send_session_end(outbox_default(), driver, 0, &request);
}

/* ---- PM's requests ---- */

uint32_t process_create_first(struct vfs_state *vfs, endpoint_t endpoint)
{
    uint32_t index = endpoint_slot(endpoint) - SERVICE_SLOTS + 1;
    struct process *process;
    uint32_t info, fds;

    if (endpoint_slot(endpoint) < SERVICE_SLOTS || index >= PROCESSES)
        return 0;
    process = &tables.processes[index];
    info = info_copy(vfs, 0);
    fds = fd_table_create(vfs);
    if (info == 0 || fds == 0)
        return 0;
    memset(process, 0, sizeof(*process));
    process->endpoint = endpoint;
    process->tid = process->tgid = process->group = process->session = index;
    process->info = info;
    process->fds = fds;
    process->open_files_max = 1024;
    process->file_size_max = UINT64_MAX;
    tables.infos[info].umask = 022;
    process_set_cwd(vfs, process, vfs->mounts[vfs->root_mount].root);
    process_set_root(vfs, process, vfs->mounts[vfs->root_mount].root);
    return index;
}

static void process_end(struct vfs_state *vfs, struct process *process)
{
    if (process->operation != 0)
        operation_abandon(vfs, &tables.operations[process->operation]);
    if (process->sleep_pipe != 0)
        pipe_forget(vfs, (uint32_t)(process - tables.processes));
    if (process->session == process->tgid && process->tid == process->tgid)
        session_end(vfs, process->session);
    fd_table_release(vfs, process->fds);
    info_release(vfs, process->info);
    vnode_release(vfs, process->executable);
    executable_release(vfs, process->pending_executable);
    memset(process, 0, sizeof(*process));
}

int vfs_handle_fork(struct vfs_state *vfs, struct call *call, const struct vfs_fork_request *request)
{
    uint32_t parent = process_find(vfs, request->parent);
    uint32_t child = endpoint_slot(request->child) - SERVICE_SLOTS + 1;
    struct process *process;
    uint32_t info, fds;

    (void)call;
    if (endpoint_slot(request->child) < SERVICE_SLOTS || child >= PROCESSES || parent == 0)
        return -ESRCH;
    process = &tables.processes[child];
    if (process->endpoint == request->child)
        return 0;
    if (process->endpoint != 0)
        process_end(vfs, process);
    info = request->flags & CLONE_FS ? tables.processes[parent].info : info_copy(vfs, tables.processes[parent].info);
    if (info == 0)
        return -ENOMEM;
    fds = request->flags & CLONE_FILES ? tables.processes[parent].fds : fd_table_copy(vfs, tables.processes[parent].fds);
    if (fds == 0) {
        if (!(request->flags & CLONE_FS))
            info_release(vfs, info);
        return -ENOMEM;
    }
    /* Cannot fail from here on. */
    if (request->flags & CLONE_FS)
        tables.infos[info].references++;
    if (request->flags & CLONE_FILES)
        tables.fd_tables[fds].references++;
    *process = tables.processes[parent];
    process->endpoint = request->child;
    process->tid = request->child_tid;
    process->tgid = request->child_tgid;
    process->info = info;
    process->fds = fds;
    process->operation = 0;
    process->pending_executable = 0;
    process->sleep_pipe = 0;
    process->sleep_file = 0;
    vnode_acquire(process->executable);
    return 0;
}

int vfs_handle_exit(struct vfs_state *vfs, struct call *call, const struct vfs_exit_request *request)
{
    uint32_t index = process_find(vfs, request->process);

    (void)call;
    if (index != 0)
        process_end(vfs, &tables.processes[index]);
    operation_run_ready(vfs);
    return 0;
}

int vfs_handle_setids(struct vfs_state *vfs, struct call *call, const struct vfs_setids_request *request)
{
    uint32_t index = process_find(vfs, request->process);
    uint32_t count = request->group_count < NGROUPS_INLINE ? request->group_count : NGROUPS_INLINE;
    struct process *process = &tables.processes[index];

    if (index == 0)
        return -ESRCH;
    process->uid = request->uid;
    process->euid = request->euid;
    process->gid = request->gid;
    process->egid = request->egid;
    process->group_count = 0;
    if (count != 0 && sys_safecopyfrom(call->caller, request->groups, 0, process->groups, count * sizeof(uint32_t)) == 0)
        process->group_count = count;
    return 0;
}

int vfs_handle_setgroup(struct vfs_state *vfs, struct call *call, const struct vfs_setgroup_request *request)
{
    uint32_t index = process_find(vfs, request->process);
    uint32_t tgid = tables.processes[index].tgid;

    (void)call;
    if (index == 0)
        return 0;
    for (uint32_t i = 1; i < PROCESSES; i++) {
        struct process *process = &tables.processes[i];

        if (process->endpoint == 0 || process->tgid != tgid)
            continue;
        process->group = request->group;
        process->session = request->session;
    }
    return 0;
}

int vfs_handle_cancel(struct vfs_state *vfs, struct call *call, const struct vfs_cancel_request *request)
{
    uint32_t index = process_find(vfs, request->process);

    (void)call;
    if (index != 0 && tables.processes[index].sleep_pipe != 0)
        pipe_wake(vfs, index, -ERESTARTSYS);
    else if (index != 0 && tables.processes[index].operation != 0)
        operation_cancel(vfs, &tables.operations[tables.processes[index].operation]);
    operation_run_ready(vfs);
    return 0;
}

int vfs_handle_limits(struct vfs_state *vfs, struct call *call, const struct vfs_limits_request *request)
{
    uint32_t index = process_find(vfs, request->process);

    (void)call;
    if (index == 0)
        return 0;
    tables.processes[index].open_files_max = request->open_files < FD_LIMIT ? (uint32_t)request->open_files : FD_LIMIT;
    tables.processes[index].file_size_max = request->file_size;
    return 0;
}

int vfs_handle_reboot(struct vfs_state *vfs, struct call *call)
{
    (void)call;
    for (uint32_t vnode = 1; vnode < VNODES; vnode++) {
        if (tables.vnodes[vnode].mount != 0 && outbox_room(outbox_default()) > 64)
            vnode_store(vfs, vnode);
    }
    return 0;
}
