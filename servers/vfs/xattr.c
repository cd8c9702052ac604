/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: no file system here has any. The calls check their file, so that a missing one is ENOENT.
 */
#include "errors.h"
#include "linux_vfs_dispatch.h"

#include "file.h"
#include "process.h"
#include "walk.h"

static int by_path(struct vfs_state *vfs, struct call *call, bool follow, int error)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_ACCESS) != 0)
        return -ESRCH;
    op.argument[0] = (uint64_t)AT_FDCWD;
    op.argument[1] = linux_argument(call, 0);
    op.argument[2] = 0;
    op.argument[3] = AT_EACCESS | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
    op.argument[5] = (uint64_t)(int64_t)error;
    return operation_run_linux(vfs, call, &op);
}

static int by_fd(struct vfs_state *vfs, struct call *call, int error)
{
    uint32_t process = process_find(vfs, call->caller);

    if (process == 0 || fd_file(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0)) == 0)
        return -EBADF;
    return error;
}

int vfs_linux_setxattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, true, -EOPNOTSUPP);
}

int vfs_linux_lsetxattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, false, -EOPNOTSUPP);
}

int vfs_linux_fsetxattr(struct vfs_state *vfs, struct call *call)
{
    return by_fd(vfs, call, -EOPNOTSUPP);
}

int vfs_linux_getxattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, true, -EOPNOTSUPP);
}

int vfs_linux_lgetxattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, false, -EOPNOTSUPP);
}

int vfs_linux_fgetxattr(struct vfs_state *vfs, struct call *call)
{
    return by_fd(vfs, call, -EOPNOTSUPP);
}

int vfs_linux_listxattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, true, 0);
}

int vfs_linux_llistxattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, false, 0);
}

int vfs_linux_flistxattr(struct vfs_state *vfs, struct call *call)
{
    return by_fd(vfs, call, 0);
}

int vfs_linux_removexattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, true, -EOPNOTSUPP);
}

int vfs_linux_lremovexattr(struct vfs_state *vfs, struct call *call)
{
    return by_path(vfs, call, false, -EOPNOTSUPP);
}

int vfs_linux_fremovexattr(struct vfs_state *vfs, struct call *call)
{
    return by_fd(vfs, call, -EOPNOTSUPP);
}
