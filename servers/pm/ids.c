/* SPDX-License-Identifier: MIT */
/*
 * Ids. A change is complete for the caller when VFS knows it: the call waits in STEP_IDS. Capabilities are Linux's old rule: effective user 0 may.
 */
#include "ids.h"

#include "base/string.h"
#include "caller.h"
#include "deliver.h"
#include "linux_pm_dispatch.h"
#include "protocols/vfs_client.h"
#include "sys/grant.h"

enum { KEEP = -1 };

/* ---- telling VFS ---- */

static int ids_changed(struct call *call)
{
    struct pm_thread *thread = caller_thread(call);
    struct pm_process *process = process_of(thread);
    struct vfs_setids_request request = {
        .process = thread->endpoint,
        .uid = process->uid,
        .euid = process->euid,
        .gid = process->gid,
        .egid = process->egid,
        .group_count = process->group_count,
    };

    publish_ids(process);
    request.groups = cpf_grant_direct(ENDPOINT_VFS, process->groups, sizeof(process->groups), GRANT_READ);
    thread->call.ids.grant = request.groups;
    thread->step = STEP_IDS;
    thread->vfs_request = VFS_REQUEST_IDS;
    vfs_send_setids(outbox_default(), ENDPOINT_VFS, thread_index(thread) | thread->sequence << 16, &request);
    return CALL_PARKED;
}

void ids_done(struct pm_state *pm, struct pm_thread *thread)
{
    cpf_revoke(thread->call.ids.grant);
    thread_answer(pm, thread, 0);
}

/* ---- reading ---- */

int pm_linux_getuid(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return answer(call, caller_process(call)->uid);
}

int pm_linux_geteuid(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return answer(call, caller_process(call)->euid);
}

int pm_linux_getgid(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return answer(call, caller_process(call)->gid);
}

int pm_linux_getegid(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return answer(call, caller_process(call)->egid);
}

static int write_three(const struct call *call, uint32_t first, uint32_t second, uint32_t third)
{
    if (caller_write(call, linux_argument(call, 0), &first, sizeof(first)) != 0 ||
        caller_write(call, linux_argument(call, 1), &second, sizeof(second)) != 0 ||
        caller_write(call, linux_argument(call, 2), &third, sizeof(third)) != 0)
        return -EFAULT;
    return 0;
}

int pm_linux_getresuid(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = caller_process(call);

    (void)pm;
    return write_three(call, process->uid, process->euid, process->suid);
}

int pm_linux_getresgid(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = caller_process(call);

    (void)pm;
    return write_three(call, process->gid, process->egid, process->sgid);
}

int pm_linux_getgroups(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = caller_process(call);
    int32_t room = (int32_t)linux_argument(call, 0);

    (void)pm;
    if (room < 0 || (room != 0 && (uint32_t)room < process->group_count))
        return -EINVAL;
    if (room != 0 && process->group_count != 0 &&
        caller_write(call, linux_argument(call, 1), process->groups, process->group_count * sizeof(uint32_t)) != 0)
        return -EFAULT;
    return answer(call, process->group_count);
}

/* ---- changing ---- */

static bool is_one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
    return id == a || id == b || id == c;
}

int pm_linux_setuid(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t uid = (uint32_t)linux_argument(call, 0);

    (void)pm;
    if (uid == (uint32_t)KEEP)
        return -EINVAL;
    if (is_root(process)) {
        process->uid = uid;
        process->suid = uid;
    } else if (uid != process->uid && uid != process->suid) {
        return -EPERM;
    }
    process->euid = uid;
    process->fsuid = uid;
    return ids_changed(call);
}

int pm_linux_setgid(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t gid = (uint32_t)linux_argument(call, 0);

    (void)pm;
    if (gid == (uint32_t)KEEP)
        return -EINVAL;
    if (is_root(process)) {
        process->gid = gid;
        process->sgid = gid;
    } else if (gid != process->gid && gid != process->sgid) {
        return -EPERM;
    }
    process->egid = gid;
    process->fsgid = gid;
    return ids_changed(call);
}

int pm_linux_setreuid(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t real = (uint32_t)linux_argument(call, 0);
    uint32_t effective = (uint32_t)linux_argument(call, 1);
    uint32_t old_real = process->uid;

    (void)pm;
    if (!is_root(process)) {
        if (real != (uint32_t)KEEP && real != process->uid && real != process->euid)
            return -EPERM;
        if (effective != (uint32_t)KEEP && !is_one_of(effective, process->uid, process->euid, process->suid))
            return -EPERM;
    }
    if (real != (uint32_t)KEEP) {
        process->uid = real;
    }
    if (effective != (uint32_t)KEEP) {
        process->euid = effective;
    }
    if (real != (uint32_t)KEEP || (effective != (uint32_t)KEEP && effective != old_real)) {
        process->suid = process->euid;
    }
    process->fsuid = process->euid;
    return ids_changed(call);
}

int pm_linux_setregid(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t real = (uint32_t)linux_argument(call, 0);
    uint32_t effective = (uint32_t)linux_argument(call, 1);
    uint32_t old_real = process->gid;

    (void)pm;
    if (!is_root(process)) {
        if (real != (uint32_t)KEEP && real != process->gid && real != process->egid)
            return -EPERM;
        if (effective != (uint32_t)KEEP && !is_one_of(effective, process->gid, process->egid, process->sgid))
            return -EPERM;
    }
    if (real != (uint32_t)KEEP) {
        process->gid = real;
    }
    if (effective != (uint32_t)KEEP) {
        process->egid = effective;
    }
    if (real != (uint32_t)KEEP || (effective != (uint32_t)KEEP && effective != old_real)) {
        process->sgid = process->egid;
    }
    process->fsgid = process->egid;
    return ids_changed(call);
}

static bool may_have(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
    return id == (uint32_t)KEEP || is_one_of(id, a, b, c);
}

int pm_linux_setresuid(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t id[3];

    (void)pm;
    for (int i = 0; i < 3; i++) {
        id[i] = (uint32_t)linux_argument(call, i);
        if (!is_root(process) && !may_have(id[i], process->uid, process->euid, process->suid))
            return -EPERM;
    }
    process->uid = id[0] == (uint32_t)KEEP ? process->uid : id[0];
    process->euid = id[1] == (uint32_t)KEEP ? process->euid : id[1];
    process->suid = id[2] == (uint32_t)KEEP ? process->suid : id[2];
    process->fsuid = process->euid;
    return ids_changed(call);
}

int pm_linux_setresgid(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t id[3];

    (void)pm;
    for (int i = 0; i < 3; i++) {
        id[i] = (uint32_t)linux_argument(call, i);
        if (!is_root(process) && !may_have(id[i], process->gid, process->egid, process->sgid))
            return -EPERM;
    }
    process->gid = id[0] == (uint32_t)KEEP ? process->gid : id[0];
    process->egid = id[1] == (uint32_t)KEEP ? process->egid : id[1];
    process->sgid = id[2] == (uint32_t)KEEP ? process->sgid : id[2];
    process->fsgid = process->egid;
    return ids_changed(call);
}

int pm_linux_setfsuid(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return answer(call, caller_process(call)->fsuid);
}

int pm_linux_setfsgid(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return answer(call, caller_process(call)->fsgid);
}

int pm_linux_setgroups(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);
    uint32_t count = (uint32_t)linux_argument(call, 0);
    uint32_t groups[GROUPS_MAX];

    (void)pm;
    if (!is_root(process))
        return -EPERM;
    if (count > GROUPS_MAX)
        return -EINVAL;
    if (count != 0 && caller_read(call, linux_argument(call, 1), groups, count * sizeof(uint32_t)) != 0)
        return -EFAULT;
    memcpy(process->groups, groups, count * sizeof(uint32_t));
    process->group_count = count;
    return ids_changed(call);
}

/* ---- process groups and sessions ---- */

static struct pm_process *process_or_self(const struct pm_state *pm, const struct call *call, int32_t pid)
{
    if (pid == 0)
        return caller_process(call);
    return pid < 0 ? NULL : process_by_pid(pm, (uint32_t)pid);
}

static void publish_group(const struct pm_process *process, bool is_new_session)
{
    const struct pm_thread *leader = process_leader(process);
    struct vfs_setgroup_request request = {
        .process = leader == NULL ? ENDPOINT_NONE : leader->endpoint,
        .group = process->group,
        .session = process->session,
        .new_session = is_new_session,
    };

    if (leader != NULL) {
        vfs_send_setgroup(outbox_default(), ENDPOINT_VFS, 0, &request);
    }
}

int pm_linux_setpgid(struct pm_state *pm, struct call *call)
{
    struct pm_process *caller = caller_process(call);
    int32_t group = (int32_t)linux_argument(call, 1);
    struct pm_process *process = process_or_self(pm, call, (int32_t)linux_argument(call, 0));

    if (group < 0)
        return -EINVAL;
    if (process == NULL)
        return -ESRCH;
    if (process != caller) {
        if (process->parent != process_index(caller) || !process_is_live(process))
            return -ESRCH;
        if (process->session != caller->session)
            return -EPERM;
        if (process->has_execed)
            return -EACCES;
    }
    if (process->session == process->pid)
        return -EPERM;
    if (group == 0) {
        group = (int32_t)process->pid;
    }
    if ((uint32_t)group != process->pid && group_session(pm, (uint32_t)group) != caller->session)
        return -EPERM;
    if (process->group != (uint32_t)group) {
        process->group = (uint32_t)group;
        publish_group(process, false);
    }
    return 0;
}

int pm_linux_getpgid(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = process_or_self(pm, call, (int32_t)linux_argument(call, 0));

    return process == NULL ? -ESRCH : answer(call, process->group);
}

int pm_linux_getpgrp(struct pm_state *pm, struct call *call)
{
    (void)pm;
    return answer(call, caller_process(call)->group);
}

int pm_linux_getsid(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = process_or_self(pm, call, (int32_t)linux_argument(call, 0));

    return process == NULL ? -ESRCH : answer(call, process->session);
}

int pm_linux_setsid(struct pm_state *pm, struct call *call)
{
    struct pm_process *process = caller_process(call);

    if (process->session == process->pid || group_session(pm, process->pid) != 0)
        return -EPERM;
    process->session = process->pid;
    process->group = process->pid;
    publish_group(process, true);
    return answer(call, process->pid);
}

int pm_linux_getppid(struct pm_state *pm, struct call *call)
{
    const struct pm_process *process = caller_process(call);

    (void)pm;
    return answer(call, process->parent == NONE ? 0 : process_at(process->parent)->pid);
}
