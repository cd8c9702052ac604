/* SPDX-License-Identifier: MIT */
/*
 * Calls that look at attributes: stat, access, statfs.
 */
#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

#include "attribute.h"
#include "fast.h"
#include "file.h"
#include "process.h"
#include "protocols/fs_client.h"
#include "protocols/vm_client.h"
#include "walk.h"

enum { STEP_START, STEP_WALK, STEP_REPLY };
enum stat_form { FORM_STAT, FORM_STATX };
enum { DEVICE_FIRST_MINOR = 16 }; /* st_dev of mount 1 is 0:17 */

static inline __attribute__((always_inline)) struct linux_timespec timespec_of(uint64_t ns)
{
    return (struct linux_timespec){ .seconds = (int64_t)(ns / 1000000000), .nanoseconds = (int64_t)(ns % 1000000000) };
}

static void refresh_blocks(struct vnode *node)
{
    struct vm_object_info_request request = { .object = node->object };
    struct vm_object_info_reply reply;

    if (!(node->flags & VNODE_BLOCKS_STALE) || node->object == 0)
        return;
    if (vm_call_object_info(ENDPOINT_VM, &request, &reply) == 0)
        node->blocks = reply.pages * (PAGE_BYTES / 512);
    node->flags &= ~(uint32_t)VNODE_BLOCKS_STALE;
}

/* ---- stat. argument: 0 directory or fd, 1 path, 2 buffer, 3 flags, 4 by descriptor, 5 enum stat_form. vnode[0]. ---- */

LOCAL_STORES static void fill_stat(struct linux_stat *to, const struct vnode *node)
{
    struct linux_stat st = { 0 };

    st.st_dev = device_to_linux(device_make(0, DEVICE_FIRST_MINOR + node->mount));
    st.st_ino = node->inode;
    st.st_nlink = node->nlink;
    st.st_mode = node->mode;
    st.st_uid = node->uid;
    st.st_gid = node->gid;
    st.st_rdev = mode_is(node->mode, S_IFCHR) || mode_is(node->mode, S_IFBLK) ? device_to_linux(node->device) : 0;
    st.st_size = (int64_t)node->size;
    st.st_blksize = node->block_size;
    st.st_blocks = (int64_t)node->blocks;
    st.st_atim = timespec_of(node->atime_ns);
    st.st_mtim = timespec_of(node->mtime_ns);
    st.st_ctim = timespec_of(node->ctime_ns);
    *to = st;
}

static struct linux_statx_time statx_time(uint64_t ns)
{
    return (struct linux_statx_time){ .seconds = (int64_t)(ns / 1000000000), .nanoseconds = (uint32_t)(ns % 1000000000) };
}

static int64_t statx_give(endpoint_t caller, uint64_t address, const struct vnode *node)
{
    bool is_device = mode_is(node->mode, S_IFCHR) || mode_is(node->mode, S_IFBLK);
    struct linux_statx st = {
        .stx_mask = STATX_BASIC_STATS,
        .stx_blksize = node->block_size,
        .stx_nlink = node->nlink,
        .stx_uid = node->uid,
        .stx_gid = node->gid,
        .stx_mode = (uint16_t)node->mode,
        .stx_ino = node->inode,
        .stx_size = node->size,
        .stx_blocks = node->blocks,
        .stx_atime = statx_time(node->atime_ns),
        .stx_mtime = statx_time(node->mtime_ns),
        .stx_ctime = statx_time(node->ctime_ns),
        .stx_rdev_major = is_device ? node->device >> 20 : 0,
        .stx_rdev_minor = is_device ? node->device & 0xfffff : 0,
        .stx_dev_minor = DEVICE_FIRST_MINOR + node->mount,
    };

    return sys_copy_to(caller, address, &st, sizeof(st)) == 0 ? 0 : -EFAULT;
}

/* form: enum stat_form. */
static int64_t stat_give(endpoint_t caller, uint64_t address, struct vnode *node, uint64_t form)
{
    struct linux_stat st;

    if (node->flags & VNODE_BLOCKS_STALE)
        refresh_blocks(node);
    if (form == FORM_STATX)
        return statx_give(caller, address, node);
    fill_stat(&st, node);
    return sys_copy_to(caller, address, &st, sizeof(st)) == 0 ? 0 : -EFAULT;
}

static bool is_complete(const struct vfs_state *vfs, const struct vnode *node)
{
    return (node->flags & VNODE_COMPLETE) && ((node->flags & VNODE_ANONYMOUS) || mount_is_cacheable(vfs, node->mount));
}

static int64_t stat_node(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);
    struct fs_getattr_request request;
    struct operation *record;
    uint32_t transaction;
    endpoint_t server;

    if (is_complete(vfs, node))
        return stat_give(op->caller, op->argument[2], node, op->argument[5]);
    operation_set_vnode(vfs, op, &op->vnode[0], vnode);
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, vnode)->server;
    transaction = operation_request(record, server, FS_GETATTR, STEP_REPLY);
    request.inode = node->inode;
    request.attributes = operation_grant(record, 0, &operation_links(record)->attributes, sizeof(struct fs_attributes), GRANT_WRITE);
    fs_send_getattr(outbox_default(), server, transaction, &request);
    return PENDING;
}

int64_t stat_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_REPLY) {
        if (reply->status != 0)
            return reply->status == -ESRVRESTART ? -EIO : reply->status;
        vnode_set_attributes(vnode_at(op->vnode[0]), &operation_links(op)->attributes);
        return stat_give(op->caller, op->argument[2], vnode_at(op->vnode[0]), op->argument[5]);
    }
    if (op->step == STEP_START) {
        uint8_t flags = 0;

        if (op->argument[4]) {
            uint32_t file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);

            return file == 0 ? -EBADF : stat_node(vfs, op, file_at(file)->vnode);
        }
        if (!(op->argument[3] & AT_SYMLINK_NOFOLLOW))
            flags |= WALK_FOLLOW;
        if (op->argument[3] & AT_EMPTY_PATH)
            flags |= WALK_EMPTY;
        result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], flags);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    return result != 0 ? result : stat_node(vfs, op, op->walk.node);
}

static int stat_any(struct vfs_state *vfs, struct call *call, uint64_t directory, uint64_t path, uint64_t buffer, uint32_t flags,
                    bool by_fd, enum stat_form form)
{
    uint32_t process = process_find(vfs, call->caller);
    struct operation op;
    int64_t vnode = 0;

    if (process == 0)
        return -ESRCH;
    if (by_fd)
        vnode = file_at(fd_file(vfs, &tables.processes[process], (int32_t)directory))->vnode;
    else if ((int32_t)directory == AT_FDCWD)
        vnode = fast_path(vfs, &tables.processes[process], call->caller, path, !(flags & AT_SYMLINK_NOFOLLOW));
    if (vnode < 0)
        return (int)vnode;
    if (vnode > 0 && is_complete(vfs, vnode_at((uint32_t)vnode)))
        return (int)stat_give(call->caller, buffer, vnode_at((uint32_t)vnode), form);
    if (operation_begin(vfs, call, &op, OPERATION_STAT) != 0)
        return -ESRCH;
    op.argument[0] = directory;
    op.argument[1] = path;
    op.argument[2] = buffer;
    op.argument[3] = flags;
    op.argument[4] = by_fd;
    op.argument[5] = form;
    return operation_run_linux(vfs, call, &op);
}

static int stat_call(struct vfs_state *vfs, struct call *call, uint64_t directory, uint64_t path, uint64_t buffer, uint32_t flags,
                     bool by_fd)
{
    return stat_any(vfs, call, directory, path, buffer, flags, by_fd, FORM_STAT);
}

int vfs_linux_statx(struct vfs_state *vfs, struct call *call)
{
    uint32_t flags = (uint32_t)linux_argument(call, 2);

    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) ||
        ((uint32_t)linux_argument(call, 3) & 0x80000000u))
        return -EINVAL;
    return stat_any(vfs, call, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 4), flags, false, FORM_STATX);
}

int vfs_linux_stat(struct vfs_state *vfs, struct call *call)
{
    return stat_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), linux_argument(call, 1), 0, false);
}

int vfs_linux_lstat(struct vfs_state *vfs, struct call *call)
{
    return stat_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), linux_argument(call, 1), AT_SYMLINK_NOFOLLOW, false);
}

int vfs_linux_fstat(struct vfs_state *vfs, struct call *call)
{
    return stat_call(vfs, call, linux_argument(call, 0), 0, linux_argument(call, 1), 0, true);
}

int vfs_linux_newfstatat(struct vfs_state *vfs, struct call *call)
{
    uint32_t flags = (uint32_t)linux_argument(call, 3);

    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
        return -EINVAL;
    /* fstat of glibc: an empty path. */
    if (flags == AT_EMPTY_PATH && (int32_t)linux_argument(call, 0) >= 0) {
        char first = '/';

        if (sys_copy_from(call->caller, linux_argument(call, 1), &first, 1) == 0 && first == '\0')
            return stat_call(vfs, call, linux_argument(call, 0), 0, linux_argument(call, 2), 0, true);
    }
    return stat_call(vfs, call, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2), flags, false);
}

/* ---- access. argument: 0 directory, 1 path, 2 mode, 3 flags. ---- */

static int64_t access_check(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *node = vnode_at(op->walk.node);
    uint32_t mode = (uint32_t)op->argument[2];
    uint32_t mount_flags = vnode_mount(vfs, op->walk.node)->flags;
    bool is_plain = mode_is(node->mode, S_IFREG) || mode_is(node->mode, S_IFDIR) || mode_is(node->mode, S_IFLNK);

    if (mode == 0)
        return 0;
    if ((mode & W_OK) && (mount_flags & MS_RDONLY) && is_plain)
        return -EROFS;
    if ((mode & X_OK) && mode_is(node->mode, S_IFREG) && (mount_flags & MS_NOEXEC))
        return -EACCES;
    return permission_check(operation_process(op), node, mode, !(op->argument[3] & AT_EACCESS));
}

int64_t access_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_START) {
        uint8_t flags = op->argument[3] & AT_EACCESS ? 0 : WALK_REAL;

        if (!(op->argument[3] & AT_SYMLINK_NOFOLLOW))
            flags |= WALK_FOLLOW;
        if (op->argument[3] & AT_EMPTY_PATH)
            flags |= WALK_EMPTY;
        result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], flags);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    if (result == 0 && op->argument[5] != 0)
        return (int64_t)op->argument[5];
    return result != 0 ? result : access_check(vfs, op);
}

static int access_call(struct vfs_state *vfs, struct call *call, uint64_t directory, uint64_t path, uint64_t mode, uint64_t flags)
{
    uint32_t process = process_find(vfs, call->caller);
    struct operation op;
    int64_t vnode = 0;

    if (process != 0 && (int32_t)directory == AT_FDCWD && flags == 0 && mode == 0 &&
        tables.processes[process].uid == tables.processes[process].euid) {
        vnode = fast_path(vfs, &tables.processes[process], call->caller, path, true);
        if (vnode != 0)
            return vnode < 0 ? (int)vnode : 0;
    }
    if (operation_begin(vfs, call, &op, OPERATION_ACCESS) != 0)
        return -ESRCH;
    if ((uint32_t)mode & ~7u || (uint32_t)flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    op.argument[0] = directory;
    op.argument[1] = path;
    op.argument[2] = (uint32_t)mode;
    op.argument[3] = flags;
    op.argument[5] = 0;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_access(struct vfs_state *vfs, struct call *call)
{
    return access_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), linux_argument(call, 1), 0);
}

int vfs_linux_faccessat(struct vfs_state *vfs, struct call *call)
{
    return access_call(vfs, call, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2), 0);
}

int vfs_linux_faccessat2(struct vfs_state *vfs, struct call *call)
{
    return access_call(vfs, call, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2), linux_argument(call, 3));
}

/* ---- statfs. argument: 0 path or fd, 1 buffer, 2 by descriptor. vnode[0]. ---- */

static int64_t statfs_give(struct vfs_state *vfs, struct operation *op, const struct fs_statistics *statistics)
{
    enum { ST_VALID = 0x20 };
    struct mount *mount = vnode_mount(vfs, op->vnode[0]);
    struct linux_statfs st = { 0 };

    st.f_type = statistics->magic;
    st.f_bsize = statistics->block_size;
    st.f_frsize = statistics->block_size;
    st.f_blocks = statistics->blocks;
    st.f_bfree = statistics->blocks_free;
    st.f_bavail = statistics->blocks_free;
    st.f_files = statistics->files;
    st.f_ffree = statistics->files_free;
    st.f_fsid[0] = (int32_t)mount->id;
    st.f_namelen = statistics->name_max;
    st.f_flags = (mount->flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)) | ST_VALID;
    return sys_copy_to(op->caller, op->argument[1], &st, sizeof(st)) == 0 ? 0 : -EFAULT;
}

static int64_t statfs_node(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    struct fs_statfs_request request;
    struct operation *record;
    uint32_t transaction;
    endpoint_t server;

    operation_set_vnode(vfs, op, &op->vnode[0], vnode);
    if (vnode_at(vnode)->flags & VNODE_ANONYMOUS) {
        struct fs_statistics statistics = { .magic = mode_is(vnode_at(vnode)->mode, S_IFIFO) ? PIPEFS_MAGIC : ANON_INODE_MAGIC,
                                            .block_size = PAGE_BYTES,
                                            .name_max = NAME_MAX };

        return statfs_give(vfs, op, &statistics);
    }
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, vnode)->server;
    transaction = operation_request(record, server, FS_STATFS, STEP_REPLY);
    request.mount_id = vnode_mount(vfs, vnode)->id;
    request.statistics = operation_grant(record, 0, &operation_links(record)->statistics, sizeof(struct fs_statistics), GRANT_WRITE);
    fs_send_statfs(outbox_default(), server, transaction, &request);
    return PENDING;
}

int64_t statfs_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_REPLY) {
        if (reply->status != 0)
            return reply->status == -ESRVRESTART ? -EIO : reply->status;
        return statfs_give(vfs, op, &operation_links(op)->statistics);
    }
    if (op->step == STEP_START) {
        if (op->argument[2]) {
            uint32_t file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);

            return file == 0 ? -EBADF : statfs_node(vfs, op, file_at(file)->vnode);
        }
        result = walk_begin(vfs, op, 0, AT_FDCWD, op->argument[0], WALK_FOLLOW);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    return result != 0 ? result : statfs_node(vfs, op, op->walk.node);
}

static int statfs_call(struct vfs_state *vfs, struct call *call, bool by_fd)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_STATFS) != 0)
        return -ESRCH;
    op.argument[2] = by_fd;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_statfs(struct vfs_state *vfs, struct call *call)
{
    return statfs_call(vfs, call, false);
}

int vfs_linux_fstatfs(struct vfs_state *vfs, struct call *call)
{
    return statfs_call(vfs, call, true);
}
