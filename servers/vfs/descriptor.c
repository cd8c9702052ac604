/* SPDX-License-Identifier: MIT */
/*
 * Linux calls that only concern descriptors: close, dup, fcntl, close_range.
 */
#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/syscalls.h"

#include "file.h"
#include "lock.h"
#include "pipe.h"
#include "process.h"
#include "vnode.h"

static int end(struct vfs_state *vfs, struct call *call, int64_t result)
{
    if (vfs->run_queue.first != 0 || vfs->is_late)
        operation_run_ready(vfs);
    if (result < 0)
        return (int)result;
    call_result(call, result);
    return 0;
}

static struct process *caller_of(struct vfs_state *vfs, struct call *call)
{
    uint32_t index = process_find(vfs, call->caller);

    return index == 0 ? NULL : &tables.processes[index];
}

int vfs_linux_close(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);

    if (process == NULL)
        return -ESRCH;
    return end(vfs, call, fd_close(vfs, process, (int32_t)linux_argument(call, 0)));
}

int vfs_linux_dup(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);
    uint32_t file;

    if (process == NULL)
        return -ESRCH;
    file = fd_file(vfs, process, (int32_t)linux_argument(call, 0));
    if (file == 0)
        return -EBADF;
    return end(vfs, call, fd_install(vfs, process, file, 0, false));
}

/* The file of `from` under number `to`, which is closed first. */
static int64_t duplicate_to(struct vfs_state *vfs, struct process *process, uint32_t file, uint32_t to, bool is_cloexec)
{
    uint32_t limit = process->open_files_max;
    int64_t result;

    if (to >= limit || to >= FD_LIMIT)
        return -EBADF;
    file_acquire(file);
    if (fd_file(vfs, process, (int32_t)to) != 0)
        fd_close(vfs, process, (int32_t)to);
    result = fd_install(vfs, process, file, to, is_cloexec);
    file_release(vfs, file);
    return result;
}

int vfs_linux_dup2(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);
    uint32_t to = (uint32_t)linux_argument(call, 1);
    uint32_t file;

    if (process == NULL)
        return -ESRCH;
    file = fd_file(vfs, process, (int32_t)linux_argument(call, 0));
    if (file == 0)
        return -EBADF;
    if (to == (uint32_t)linux_argument(call, 0))
        return end(vfs, call, to);
    return end(vfs, call, duplicate_to(vfs, process, file, to, false));
}

int vfs_linux_dup3(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);
    uint32_t to = (uint32_t)linux_argument(call, 1);
    uint32_t flags = (uint32_t)linux_argument(call, 2);
    uint32_t file;

    if (process == NULL)
        return -ESRCH;
    if ((flags & ~(uint32_t)O_CLOEXEC) || to == (uint32_t)linux_argument(call, 0))
        return -EINVAL;
    file = fd_file(vfs, process, (int32_t)linux_argument(call, 0));
    if (file == 0)
        return -EBADF;
    return end(vfs, call, duplicate_to(vfs, process, file, to, flags & O_CLOEXEC));
}

int vfs_linux_close_range(struct vfs_state *vfs, struct call *call)
{
    enum { CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4 };
    struct process *process = caller_of(vfs, call);
    uint32_t first = (uint32_t)linux_argument(call, 0);
    uint32_t last = (uint32_t)linux_argument(call, 1);
    uint32_t flags = (uint32_t)linux_argument(call, 2);

    if (process == NULL)
        return -ESRCH;
    if ((flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
        return -EINVAL;
    if ((flags & CLOSE_RANGE_UNSHARE) && tables.fd_tables[process->fds].references > 1) {
        uint32_t copy = fd_table_copy(vfs, process->fds);

        if (copy == 0)
            return -ENOMEM;
        tables.fd_tables[process->fds].references--;
        process->fds = copy;
    }
    for (int fd = first < FD_LIMIT ? fd_next(vfs, process, (int32_t)first) : -1; fd >= 0 && (uint32_t)fd <= last;
         fd = fd_next(vfs, process, fd + 1)) {
        if (flags & CLOSE_RANGE_CLOEXEC)
            fd_set_cloexec(vfs, process, (uint32_t)fd, true);
        else
            fd_close(vfs, process, fd);
    }
    return end(vfs, call, 0);
}

enum { SETTABLE_FLAGS = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME };

static int64_t set_flags(struct file *file, uint32_t flags)
{
    if (file->kind == FILE_PATH)
        return -EBADF;
    file->flags = (file->flags & ~(uint32_t)SETTABLE_FLAGS) | (flags & SETTABLE_FLAGS);
    return 0;
}

static int64_t get_flags(const struct vfs_state *vfs, const struct process *process, uint32_t fd)
{
    (void)vfs;
    return tables.fd_chunks[tables.fd_tables[process->fds].chunk[fd / FD_CHUNK]].cloexec >> (fd % FD_CHUNK) & 1;
}

int vfs_linux_fcntl(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);
    uint32_t fd = (uint32_t)linux_argument(call, 0);
    uint32_t command = (uint32_t)linux_argument(call, 1);
    uint64_t argument = linux_argument(call, 2);
    uint32_t index;
    struct file *file;

    if (process == NULL)
        return -ESRCH;
    index = fd_file(vfs, process, (int32_t)fd);
    if (index == 0)
        return -EBADF;
    file = file_at(index);
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (argument >= process->open_files_max)
            return -EINVAL;
        return end(vfs, call, fd_install(vfs, process, index, (uint32_t)argument, command == F_DUPFD_CLOEXEC));
    case F_GETFD:
        return end(vfs, call, get_flags(vfs, process, fd));
    case F_SETFD:
        fd_set_cloexec(vfs, process, fd, argument & FD_CLOEXEC);
        return end(vfs, call, 0);
    case F_GETFL:
        return end(vfs, call, file->flags | (file->kind == FILE_PATH ? 0 : O_LARGEFILE));
    case F_SETFL:
        return end(vfs, call, set_flags(file, (uint32_t)argument));
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return lock_fcntl(vfs, call, index, command);
    case F_SETOWN:
        file->owner = (int32_t)argument;
        return end(vfs, call, 0);
    case F_GETOWN:
        return end(vfs, call, file->owner);
    case F_GETSIG:
    case F_SETSIG:
        return end(vfs, call, 0);
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
        return end(vfs, call, pipe_size(vfs, file, command, argument));
    default:
        return -EINVAL;
    }
}

int vfs_linux_umask(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);
    struct fs_info *info;
    uint32_t old;

    if (process == NULL)
        return -ESRCH;
    info = &tables.infos[process->info];
    old = info->umask;
    info->umask = (uint32_t)linux_argument(call, 0) & 0777;
    return end(vfs, call, old);
}
