/* SPDX-License-Identifier: MIT */
/*
 * getrlimit, setrlimit, prlimit64. PM keeps all limits; those that others enforce are sent on: memory to VM, files to VFS.
 */
#include "limits.h"

#include "caller.h"
#include "linux_pm_dispatch.h"
#include "protocols/vfs_client.h"
#include "protocols/vm_client.h"
#include "sigcalls.h"

void limits_init(struct pm_process *process)
{
    for (uint32_t i = 0; i < RLIMITS; i++) {
        process->limits[i] = (struct rlimit64){ RLIMIT_INFINITY, RLIMIT_INFINITY };
    }
    process->limits[LINUX_RLIMIT_STACK].current = 8ull << 20;
    process->limits[LINUX_RLIMIT_CORE].current = 0;
    process->limits[LINUX_RLIMIT_NOFILE] = (struct rlimit64){ 1024, 4096 };
    process->limits[LINUX_RLIMIT_NPROC] = (struct rlimit64){ 2048, 2048 };
    process->limits[LINUX_RLIMIT_MEMLOCK] = (struct rlimit64){ 8ull << 20, 8ull << 20 };
    process->limits[LINUX_RLIMIT_SIGPENDING] = (struct rlimit64){ QUEUED_SIGNALS, QUEUED_SIGNALS };
    process->limits[LINUX_RLIMIT_NICE] = (struct rlimit64){ 0, 0 };
    process->limits[12] = (struct rlimit64){ 819200, 819200 }; /* MSGQUEUE */
    process->limits[14] = (struct rlimit64){ 0, 0 };           /* RTPRIO */
}

/* Tell who enforces the limit. */
static void send_limits(const struct pm_process *process, uint32_t resource)
{
    const struct pm_thread *leader = process_leader(process);
    struct vm_limits_request memory = {
        .address_space = process->limits[LINUX_RLIMIT_AS].current,
        .data = process->limits[LINUX_RLIMIT_DATA].current,
        .stack = process->limits[LINUX_RLIMIT_STACK].current,
    };
    struct vfs_limits_request files = {
        .open_files = process->limits[LINUX_RLIMIT_NOFILE].current,
        .file_size = process->limits[LINUX_RLIMIT_FSIZE].current,
    };

    if (leader == NULL)
        return;
    if (resource == LINUX_RLIMIT_AS || resource == LINUX_RLIMIT_DATA || resource == LINUX_RLIMIT_STACK) {
        memory.slot = endpoint_slot(leader->endpoint);
        vm_send_limits(outbox_default(), ENDPOINT_VM, 0, &memory);
    } else if (resource == LINUX_RLIMIT_NOFILE || resource == LINUX_RLIMIT_FSIZE) {
        files.process = leader->endpoint;
        vfs_send_limits(outbox_default(), ENDPOINT_VFS, 0, &files);
    }
}

static int set_limit(const struct pm_process *caller, struct pm_process *process, uint32_t resource, const struct rlimit64 *limit)
{
    struct rlimit64 *old = &process->limits[resource];

    if (limit->current > limit->maximum)
        return -EINVAL;
    if (limit->maximum > old->maximum && !is_root(caller))
        return -EPERM;
    if (resource == LINUX_RLIMIT_NOFILE && limit->maximum > 1048576)
        return -EPERM;
    *old = *limit;
    send_limits(process, resource);
    return 0;
}

int pm_linux_getrlimit(struct pm_state *pm, struct call *call)
{
    uint32_t resource = (uint32_t)linux_argument(call, 0);

    (void)pm;
    if (resource >= RLIMITS)
        return -EINVAL;
    return caller_write(call, linux_argument(call, 1), &caller_process(call)->limits[resource], sizeof(struct rlimit64));
}

int pm_linux_setrlimit(struct pm_state *pm, struct call *call)
{
    uint32_t resource = (uint32_t)linux_argument(call, 0);
    struct rlimit64 limit;

    (void)pm;
    if (resource >= RLIMITS)
        return -EINVAL;
    if (caller_read(call, linux_argument(call, 1), &limit, sizeof(limit)) != 0)
        return -EFAULT;
    return set_limit(caller_process(call), caller_process(call), resource, &limit);
}

int pm_linux_prlimit64(struct pm_state *pm, struct call *call)
{
    struct pm_process *caller = caller_process(call);
    int32_t pid = (int32_t)linux_argument(call, 0);
    uint32_t resource = (uint32_t)linux_argument(call, 1);
    struct pm_process *process = pid == 0 ? caller : pid < 0 ? NULL : process_by_pid(pm, (uint32_t)pid);
    struct rlimit64 limit;
    struct rlimit64 old;
    int result;

    if (resource >= RLIMITS)
        return -EINVAL;
    if (linux_argument(call, 2) != 0 && caller_read(call, linux_argument(call, 2), &limit, sizeof(limit)) != 0)
        return -EFAULT;
    if (process == NULL)
        return -ESRCH;
    if (process != caller && !is_root(caller) && (caller->uid != process->uid || caller->uid != process->euid))
        return -EPERM;
    old = process->limits[resource];
    if (linux_argument(call, 2) != 0) {
        result = set_limit(caller, process, resource, &limit);
        if (result != 0)
            return result;
    }
    return linux_argument(call, 3) == 0 ? 0 : caller_write(call, linux_argument(call, 3), &old, sizeof(old));
}
