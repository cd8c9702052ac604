/* SPDX-License-Identifier: MIT */
/*
 * open, openat, creat.
 */
#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/outbox.h"

#include "device.h"
#include "directory.h"
#include "fast.h"
#include "file.h"
#include "object.h"
#include "open.h"
#include "pipe.h"
#include "process.h"
#include "protocols/fs_client.h"
#include "walk.h"

/* argument: 0 directory, 1 path, 2 flags, 3 mode. vnode[0]: the node, once it is chosen. */
enum { STEP_START, STEP_WALK, STEP_CREATE, STEP_OBJECT, STEP_DEVICE, STEP_FIFO };

static uint32_t flags_of(const struct operation *op)
{
    return (uint32_t)op->argument[2];
}

static uint32_t access_mask(uint32_t flags)
{
    static const uint8_t masks[] = { R_OK, W_OK, R_OK | W_OK, R_OK | W_OK };

    return masks[flags & O_ACCMODE] | (flags & O_TRUNC ? W_OK : 0);
}

static int64_t install(struct vfs_state *vfs, struct operation *op, uint32_t file)
{
    int fd;

    file_acquire(file);
    fd = fd_install(vfs, operation_process(op), file, 0, flags_of(op) & O_CLOEXEC);
    file_release(vfs, file);
    return fd;
}

static int64_t install_new(struct vfs_state *vfs, struct operation *op, enum file_kind kind)
{
    uint32_t file = file_create(vfs, kind, op->vnode[0], flags_of(op));

    return file == 0 ? -ENFILE : install(vfs, op, file);
}

static int64_t truncate_then_install(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *node = vnode_at(op->vnode[0]);
    int64_t result;

    if (node->size != 0) {
        result = object_ensure(vfs, op, op->vnode[0], STEP_OBJECT);
        if (result != 0)
            return result;
    }
    result = object_truncate(vfs, op->vnode[0], 0);
    if (result != 0)
        return result;
    vnode_clear_suid(vfs, operation_process(op), op->vnode[0]);
    return install_new(vfs, op, FILE_OBJECT);
}

/* The node is chosen and access is granted. */
static int64_t open_node(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *node = vnode_at(op->vnode[0]);
    uint32_t flags = flags_of(op);

    switch (node->mode & S_IFMT) {
    case S_IFREG:
        if (!(node->flags & VNODE_OBJECT))
            return install_new(vfs, op, FILE_SERVER);
        return flags & O_TRUNC ? truncate_then_install(vfs, op) : install_new(vfs, op, FILE_OBJECT);
    case S_IFDIR:
        return install_new(vfs, op, FILE_DIRECTORY);
    case S_IFCHR:
        return device_open_start(vfs, op, op->vnode[0], flags, STEP_DEVICE);
    case S_IFIFO: {
        int64_t file = fifo_open(vfs, op, op->vnode[0], flags, STEP_FIFO);

        return file < 0 ? file : install(vfs, op, (uint32_t)file);
    }
    default:
        return -ENXIO;
    }
}

int open_check(struct vfs_state *vfs, const struct process *process, uint32_t vnode, uint32_t flags)
{
    struct vnode *node = vnode_at(vnode);
    uint32_t mask = access_mask(flags);
    uint32_t mount_flags = vnode_mount(vfs, vnode)->flags;

    if (mode_is(node->mode, S_IFLNK))
        return flags & O_DIRECTORY ? -ENOTDIR : -ELOOP;
    if ((flags & O_DIRECTORY) && !mode_is(node->mode, S_IFDIR))
        return -ENOTDIR;
    if (mode_is(node->mode, S_IFDIR) && ((mask & W_OK) || (flags & O_CREAT)))
        return -EISDIR;
    if ((mode_is(node->mode, S_IFCHR) || mode_is(node->mode, S_IFBLK)) && (mount_flags & MS_NODEV))
        return -EACCES;
    if ((mask & W_OK) && mode_is(node->mode, S_IFREG) && (mount_flags & MS_RDONLY))
        return -EROFS;
    if (permission_check(process, node, mask, false) != 0)
        return -EACCES;
    if ((mask & W_OK) && node->executing != 0)
        return -ETXTBSY;
    if ((flags & O_NOATIME) && process->euid != 0 && process->euid != node->uid)
        return -EPERM;
    return 0;
}

static int64_t ask_create(struct vfs_state *vfs, struct operation *op)
{
    const struct process *process = operation_process(op);
    struct fs_create_request request = { 0 };
    struct operation *record;
    uint32_t transaction;
    endpoint_t server;
    int result;

    if (op->walk.trailing)
        return -EISDIR;
    result = permission_change(vfs, process, op->walk.directory);
    if (result != 0)
        return result;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, record->walk.directory)->server;
    transaction = operation_request(record, server, FS_CREATE, STEP_CREATE);
    request.directory = vnode_at(record->walk.directory)->inode;
    request.name_length = record->walk.name_length;
    request.name = operation_grant(record, 0, walk_name(record), record->walk.name_length, GRANT_READ);
    request.mode = S_IFREG | ((uint32_t)record->argument[3] & S_PERMISSIONS & ~tables.infos[process->info].umask);
    request.uid = process->euid;
    request.gid = directory_new_gid(process, record->walk.directory);
    fs_send_create(outbox_default(), server, transaction, &request);
    return PENDING;
}

static int64_t created(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    const struct process *process = operation_process(op);
    struct fs_create_reply reply;
    uint32_t vnode;

    if (message->status == -EEXIST && !(flags_of(op) & O_EXCL)) {
        name_forget(op->walk.directory, walk_name(op), op->walk.name_length);
        op->step = STEP_START;
        return open_run(vfs, op, NULL);
    }
    if (message->status != 0)
        return message->status == -ESRVRESTART ? -EIO : message->status;
    fs_create_reply_get(message, &reply);
    struct vnode_facts facts = {
        .mount = vnode_at(op->walk.directory)->mount,
        .inode = reply.inode,
        .mode = S_IFREG | ((uint32_t)op->argument[3] & S_PERMISSIONS & ~tables.infos[process->info].umask),
        .uid = process->euid,
        .gid = directory_new_gid(process, op->walk.directory),
        .nlink = 1,
        .flags = reply.flags,
        .mtime_ns = reply.mtime_ns,
        .has_attributes = true,
    };
    vnode = vnode_get(vfs, &facts);
    if (vnode == 0)
        return -ENFILE;
    name_enter(vfs, op->walk.directory, walk_name(op), op->walk.name_length, vnode);
    directory_changed(op->walk.directory);
    operation_set_vnode(vfs, op, &op->vnode[0], vnode);
    return install_new(vfs, op, vnode_at(vnode)->flags & VNODE_OBJECT ? FILE_OBJECT : FILE_SERVER);
}

static int64_t walked(struct vfs_state *vfs, struct operation *op)
{
    uint32_t flags = flags_of(op);
    int result;

    if (op->walk.node == 0)
        return ask_create(vfs, op);
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    operation_set_vnode(vfs, op, &op->vnode[0], op->walk.node);
    if (flags & O_PATH) {
        if ((flags & O_DIRECTORY) && !mode_is(vnode_at(op->vnode[0])->mode, S_IFDIR))
            return -ENOTDIR;
        return install_new(vfs, op, FILE_PATH);
    }
    result = open_check(vfs, operation_process(op), op->vnode[0], flags);
    return result != 0 ? result : open_node(vfs, op);
}

static int64_t start(struct vfs_state *vfs, struct operation *op)
{
    uint32_t flags = flags_of(op);
    uint8_t walk_flags = 0;
    int64_t result;

    if (flags & O_PATH)
        op->argument[2] = flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
    if ((flags & O_TMPFILE_BIT) && !(flags & O_PATH))
        return flags & O_DIRECTORY ? -EOPNOTSUPP : -EINVAL;
    if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
        walk_flags |= WALK_FOLLOW;
    if (flags & O_CREAT)
        walk_flags |= WALK_PARENT;
    result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], walk_flags);
    if (result != 0)
        return result;
    op->step = STEP_WALK;
    return fd_can_install(vfs, operation_process(op));
}

int64_t open_begin_text(struct vfs_state *vfs, struct operation *op, uint32_t length)
{
    op->step = STEP_WALK;
    return walk_begin_text(vfs, op, 0, length, WALK_FOLLOW);
}

int64_t open_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    switch (op->step) {
    case STEP_START:
        result = start(vfs, op);
        if (result != 0)
            return result;
        /* fallthrough */
    case STEP_WALK:
        result = walk_run(vfs, op, reply);
        return result != 0 ? result : walked(vfs, op);
    case STEP_CREATE:
        return created(vfs, op, reply);
    case STEP_OBJECT:
        result = object_got(op->vnode[0], reply);
        return result != 0 ? result : truncate_then_install(vfs, op);
    case STEP_DEVICE:
        if (reply->status == -ESRVRESTART && op->value[1]++ < DRIVER_RETRIES) /* the driver forgot all it had open: nothing is done twice */
            return device_open_start(vfs, op, op->vnode[0], flags_of(op), STEP_DEVICE);
        result = device_open_finish(vfs, op, op->vnode[0], flags_of(op), reply);
        return result < 0 ? result : install(vfs, op, (uint32_t)result);
    default:
        return open_node(vfs, op);
    }
}

/* A file of tmpfs or a directory that exists and is cached. Returns a descriptor, an error, or -EAGAIN: take the general way. */
static int open_fast(struct vfs_state *vfs, struct call *call, uint32_t index, uint64_t path, uint32_t flags)
{
    const struct process *process = &tables.processes[index];
    int64_t vnode = fast_path(vfs, process, call->caller, path, !(flags & O_NOFOLLOW));
    uint32_t file, mode;
    int result;

    if (vnode <= 0)
        return vnode == 0 ? -EAGAIN : (int)vnode;
    mode = vnode_at((uint32_t)vnode)->mode & S_IFMT;
    if (mode != S_IFDIR && (mode != S_IFREG || !(vnode_at((uint32_t)vnode)->flags & VNODE_OBJECT)))
        return -EAGAIN;
    result = open_check(vfs, process, (uint32_t)vnode, flags);
    if (result != 0)
        return result;
    file = file_create(vfs, mode == S_IFDIR ? FILE_DIRECTORY : FILE_OBJECT, (uint32_t)vnode, flags);
    if (file == 0)
        return -ENFILE;
    result = fd_install(vfs, process, file, 0, flags & O_CLOEXEC);
    if (result < 0)
        file_destroy(vfs, file);
    return result;
}

static int open_call(struct vfs_state *vfs, struct call *call, uint64_t directory, uint64_t path, uint64_t flags, uint64_t mode)
{
    uint32_t process = process_find(vfs, call->caller);
    struct operation op;

    if (process != 0 && (int32_t)directory == AT_FDCWD && !(flags & (O_CREAT | O_TRUNC | O_PATH | O_TMPFILE_BIT))) {
        int fd = open_fast(vfs, call, process, path, (uint32_t)flags);

        if (fd != -EAGAIN)
            return operation_result(vfs, call, fd);
    }

    if (operation_begin(vfs, call, &op, OPERATION_OPEN) != 0)
        return -ESRCH;
    op.argument[0] = directory;
    op.argument[1] = path;
    op.argument[2] = (uint32_t)flags;
    op.argument[3] = mode;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_open(struct vfs_state *vfs, struct call *call)
{
    return open_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2));
}

int vfs_linux_openat(struct vfs_state *vfs, struct call *call)
{
    return open_call(vfs, call, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2), linux_argument(call, 3));
}

int vfs_linux_creat(struct vfs_state *vfs, struct call *call)
{
    return open_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), O_CREAT | O_WRONLY | O_TRUNC, linux_argument(call, 1));
}
