/* SPDX-License-Identifier: MIT */
/*
 * Making, removing and reading entries of directories. rename and link are in rename.c.
 */
#include "directory.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

#include "file.h"
#include "process.h"
#include "protocols/fs_client.h"
#include "walk.h"

enum { STEP_START, STEP_WALK, STEP_REPLY };

uint32_t directory_new_gid(const struct process *process, uint32_t directory)
{
    return vnode_at(directory)->mode & S_ISGID ? vnode_at(directory)->gid : process->egid;
}

void directory_changed(uint32_t directory)
{
    struct vnode *node = vnode_at(directory);

    if (node->flags & VNODE_COMPLETE)
        node->flags &= ~(uint32_t)VNODE_COMPLETE;
}

static int64_t server_error(const struct message *message)
{
    return message->status == -ESRVRESTART || message->status == -EDEADSRCDST ? -EIO : message->status;
}

/* ---- mkdir, mknod, symlink. argument: 0 directory, 1 path, 2 mode with type, 3 device, 4 target address. value[0]: target length. ---- */

static uint32_t make_mode(const struct operation *op)
{
    uint32_t mode = (uint32_t)op->argument[2];
    uint32_t umask = tables.infos[operation_process(op)->info].umask;

    if (mode_is(mode, S_IFLNK))
        return S_IFLNK | 0777;
    mode = (mode & S_IFMT) | (mode & S_PERMISSIONS & ~umask);
    if (mode_is(mode, S_IFDIR)) {
        mode &= ~(uint32_t)(S_ISUID | S_ISGID);
        mode |= vnode_at(op->walk.directory)->mode & S_ISGID;
    }
    return mode;
}

static void send_make(struct vfs_state *vfs, struct operation *op, endpoint_t server)
{
    const struct process *process = operation_process(op);
    uint32_t inode = vnode_at(op->walk.directory)->inode;
    uint32_t gid = directory_new_gid(process, op->walk.directory);
    uint32_t length = op->walk.name_length;
    uint32_t transaction;

    (void)vfs;
    switch (op->argument[2] & S_IFMT) {
    case S_IFDIR: {
        struct fs_mkdir_request request = {
            .directory = inode, .name_length = length, .mode = make_mode(op), .uid = process->euid, .gid = gid
        };

        transaction = operation_request(op, server, FS_MKDIR, STEP_REPLY);
        request.name = operation_grant(op, 0, walk_name(op), length, GRANT_READ);
        fs_send_mkdir(outbox_default(), server, transaction, &request);
        break;
    }
    case S_IFLNK: {
        struct fs_symlink_request request = {
            .directory = inode, .name_length = length, .target_length = (uint32_t)op->value[0], .uid = process->euid, .gid = gid
        };

        transaction = operation_request(op, server, FS_SYMLINK, STEP_REPLY);
        request.name = operation_grant(op, 0, walk_name(op), length, GRANT_READ);
        request.target = operation_grant(op, 1, operation_text(op, 1), op->value[0], GRANT_READ);
        fs_send_symlink(outbox_default(), server, transaction, &request);
        break;
    }
    default: {
        struct fs_create_request request = { .directory = inode,
                                             .name_length = length,
                                             .mode = make_mode(op),
                                             .uid = process->euid,
                                             .gid = gid,
                                             .device = (uint32_t)op->argument[3] };

        transaction = operation_request(op, server, FS_CREATE, STEP_REPLY);
        request.name = operation_grant(op, 0, walk_name(op), length, GRANT_READ);
        fs_send_create(outbox_default(), server, transaction, &request);
        break;
    }
    }
}

static int64_t make_walked(struct vfs_state *vfs, struct operation *op)
{
    bool is_directory = mode_is((uint32_t)op->argument[2], S_IFDIR);
    struct operation *record;
    int result;

    if (op->walk.node != 0 || op->walk.last != LAST_NORMAL)
        return -EEXIST;
    if (op->walk.trailing && !is_directory)
        return -ENOENT;
    result = permission_change(vfs, operation_process(op), op->walk.directory);
    if (result != 0)
        return result;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    send_make(vfs, record, vnode_mount(vfs, record->walk.directory)->server);
    return PENDING;
}

/* The new node enters the caches with what we know; the rest is asked for when somebody wants it. */
static int64_t make_reply(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    const struct process *process = operation_process(op);
    uint32_t directory = op->walk.directory;
    struct vnode_facts facts = { .mount = vnode_at(directory)->mount,
                                 .mode = make_mode(op),
                                 .uid = process->euid,
                                 .gid = directory_new_gid(process, directory),
                                 .nlink = 1,
                                 .has_attributes = true };
    uint32_t vnode;

    if (message->status != 0) {
        name_forget(directory, walk_name(op), op->walk.name_length);
        return server_error(message);
    }
    directory_changed(directory);
    if (mode_is(facts.mode, S_IFDIR)) {
        struct fs_mkdir_reply reply;

        fs_mkdir_reply_get(message, &reply);
        facts.inode = reply.inode;
        facts.mtime_ns = reply.mtime_ns;
        facts.nlink = 2;
        vnode_at(directory)->nlink++;
    } else if (mode_is(facts.mode, S_IFLNK)) {
        struct fs_symlink_reply reply;

        fs_symlink_reply_get(message, &reply);
        facts.inode = reply.inode;
        facts.size = op->value[0];
        facts.mtime_ns = time_coarse_ns();
    } else {
        struct fs_create_reply reply;

        fs_create_reply_get(message, &reply);
        facts.inode = reply.inode;
        facts.flags = reply.flags;
        facts.mtime_ns = reply.mtime_ns;
        facts.device = (uint32_t)op->argument[3];
    }
    vnode = vnode_get(vfs, &facts);
    if (vnode != 0) {
        name_enter(vfs, directory, walk_name(op), op->walk.name_length, vnode);
        operation_set_vnode(vfs, op, &op->vnode[0], vnode);
    }
    return 0;
}

static int64_t make_start(struct vfs_state *vfs, struct operation *op)
{
    int64_t result;

    if (operation_need_text(vfs, op) != 0)
        return PENDING;
    if (mode_is((uint32_t)op->argument[2], S_IFLNK)) {
        result = sys_copy_string_anew(op->caller, op->argument[4], operation_text(op, 1), PATH_MAX);
        if (result <= 0)
            return result == 0 ? -ENOENT : result;
        op->value[0] = (uint64_t)result;
        op->text_bytes[1] = (uint16_t)result;
    }
    op->step = STEP_WALK;
    return walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1],
                      WALK_PARENT | (mode_is((uint32_t)op->argument[2], S_IFDIR) ? WALK_DIRECTORY : 0));
}

int64_t make_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_REPLY)
        return make_reply(vfs, op, reply);
    if (op->step == STEP_START) {
        result = make_start(vfs, op);
        if (result != 0)
            return result;
    }
    result = walk_run(vfs, op, reply);
    /* "x/" where x is a file exists, too. */
    if (result == -ENOTDIR && op->walk.node != 0 && op->walk.trailing && op->walk.offset == op->walk.end)
        return -EEXIST;
    return result != 0 ? result : make_walked(vfs, op);
}

static int make_call(struct vfs_state *vfs, struct call *call, uint64_t directory, uint64_t path, uint32_t mode, uint32_t device,
                     uint64_t target)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_MAKE) != 0)
        return -ESRCH;
    op.argument[0] = directory;
    op.argument[1] = path;
    op.argument[2] = mode;
    op.argument[3] = device;
    op.argument[4] = target;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_mkdir(struct vfs_state *vfs, struct call *call)
{
    return make_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), S_IFDIR | (linux_argument(call, 1) & S_PERMISSIONS), 0, 0);
}

int vfs_linux_mkdirat(struct vfs_state *vfs, struct call *call)
{
    return make_call(vfs, call, linux_argument(call, 0), linux_argument(call, 1), S_IFDIR | (linux_argument(call, 2) & S_PERMISSIONS), 0,
                     0);
}

int vfs_linux_symlink(struct vfs_state *vfs, struct call *call)
{
    return make_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 1), S_IFLNK, 0, linux_argument(call, 0));
}

int vfs_linux_symlinkat(struct vfs_state *vfs, struct call *call)
{
    return make_call(vfs, call, linux_argument(call, 1), linux_argument(call, 2), S_IFLNK, 0, linux_argument(call, 0));
}

static int mknod_call(struct vfs_state *vfs, struct call *call, uint64_t directory, uint64_t path, uint32_t mode, uint64_t device)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t type = mode & S_IFMT;

    if (type == 0)
        type = S_IFREG;
    if (type == S_IFDIR)
        return -EPERM;
    if (type != S_IFREG && type != S_IFCHR && type != S_IFBLK && type != S_IFIFO && type != S_IFSOCK)
        return -EINVAL;
    if ((type == S_IFCHR || type == S_IFBLK) && tables.processes[process].euid != 0)
        return -EPERM;
    return make_call(vfs, call, directory, path, type | (mode & S_PERMISSIONS), device_from_linux(device), 0);
}

int vfs_linux_mknod(struct vfs_state *vfs, struct call *call)
{
    return mknod_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), (uint32_t)linux_argument(call, 1), linux_argument(call, 2));
}

int vfs_linux_mknodat(struct vfs_state *vfs, struct call *call)
{
    return mknod_call(vfs, call, linux_argument(call, 0), linux_argument(call, 1), (uint32_t)linux_argument(call, 2),
                      linux_argument(call, 3));
}

/* ---- unlink, rmdir. argument: 0 directory, 1 path, 2 AT_REMOVEDIR. ---- */

static int64_t remove_check(struct vfs_state *vfs, struct operation *op)
{
    const struct process *process = operation_process(op);
    bool is_rmdir = op->argument[2] & AT_REMOVEDIR;
    struct vnode *node = vnode_at(op->walk.node);
    int result;

    if (op->walk.last != LAST_NORMAL) {
        if (!is_rmdir)
            return -EISDIR;
        return op->walk.last == LAST_DOT ? -EINVAL : op->walk.last == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
    }
    if (op->walk.node == 0)
        return -ENOENT;
    result = permission_change(vfs, process, op->walk.directory);
    if (result == 0)
        result = permission_sticky(process, vnode_at(op->walk.directory), node);
    if (result != 0)
        return result;
    if (is_rmdir && !mode_is(node->mode, S_IFDIR))
        return -ENOTDIR;
    if (node->mount != vnode_at(op->walk.directory)->mount)
        return -EBUSY;
    return !is_rmdir && mode_is(node->mode, S_IFDIR) ? -EISDIR : 0;
}

static int64_t remove_reply(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct fs_unlink_reply reply;
    uint32_t node;

    if (message->status != 0)
        return server_error(message);
    fs_unlink_reply_get(message, &reply);
    name_enter(vfs, op->walk.directory, walk_name(op), op->walk.name_length, 0);
    node = vnode_find(vfs, vnode_at(op->walk.directory)->mount, reply.inode);
    if (node != 0)
        vnode_unlinked(vfs, node, op->argument[2] & AT_REMOVEDIR ? 0 : reply.nlink);
    directory_changed(op->walk.directory);
    return 0;
}

int64_t remove_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    struct fs_unlink_request request;
    struct operation *record;
    uint32_t transaction;
    endpoint_t server;
    int64_t result;

    if (op->step == STEP_REPLY)
        return remove_reply(vfs, op, reply);
    if (op->step == STEP_START) {
        result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], WALK_PARENT);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    if (result == 0)
        result = remove_check(vfs, op);
    if (result != 0)
        return result;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, record->walk.directory)->server;
    transaction = operation_request(record, server, FS_UNLINK, STEP_REPLY);
    request.directory = vnode_at(record->walk.directory)->inode;
    request.name_length = record->walk.name_length;
    request.name = operation_grant(record, 0, walk_name(record), record->walk.name_length, GRANT_READ);
    request.is_directory = record->argument[2] & AT_REMOVEDIR ? 1 : 0;
    fs_send_unlink(outbox_default(), server, transaction, &request);
    return PENDING;
}

static int remove_call(struct vfs_state *vfs, struct call *call, uint64_t directory, uint64_t path, uint32_t flags)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_REMOVE) != 0)
        return -ESRCH;
    if (flags & ~(uint32_t)AT_REMOVEDIR)
        return -EINVAL;
    op.argument[0] = directory;
    op.argument[1] = path;
    op.argument[2] = flags;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_unlink(struct vfs_state *vfs, struct call *call)
{
    return remove_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), 0);
}

int vfs_linux_rmdir(struct vfs_state *vfs, struct call *call)
{
    return remove_call(vfs, call, (uint64_t)AT_FDCWD, linux_argument(call, 0), AT_REMOVEDIR);
}

int vfs_linux_unlinkat(struct vfs_state *vfs, struct call *call)
{
    return remove_call(vfs, call, linux_argument(call, 0), linux_argument(call, 1), (uint32_t)linux_argument(call, 2));
}

/* ---- readlink. argument: 0 directory, 1 path, 2 buffer, 3 size. ---- */

static int64_t give_link(struct operation *op, const char *text, uint64_t length)
{
    if (length > op->argument[3])
        length = op->argument[3];
    return sys_copy_to(op->caller, op->argument[2], text, length) == 0 ? (int64_t)length : -EFAULT;
}

static int64_t readlink_walked(struct vfs_state *vfs, struct operation *op)
{
    struct fs_readlink_request request = { 0 };
    struct operation *record;
    const char *text;
    uint32_t length, transaction;
    endpoint_t server;

    if (!mode_is(vnode_at(op->walk.node)->mode, S_IFLNK))
        return op->walk.last == LAST_ROOT && op->walk.end == 0 ? -ENOENT : -EINVAL;
    text = link_text_find(op->walk.node, &length);
    if (text != NULL)
        return give_link(op, text, length);
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, record->walk.node)->server;
    transaction = operation_request(record, server, FS_READLINK, STEP_REPLY);
    request.inode = vnode_at(record->walk.node)->inode;
    request.room = PATH_MAX;
    request.text = operation_grant(record, 0, operation_text(record, 1), PATH_MAX, GRANT_WRITE);
    request.caller = record->caller;
    fs_send_readlink(outbox_default(), server, transaction, &request);
    return PENDING;
}

int64_t readlink_run(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct fs_readlink_reply reply;
    int64_t result;

    if (op->step == STEP_REPLY) {
        if (message->status != 0)
            return server_error(message);
        fs_readlink_reply_get(message, &reply);
        if (mount_is_cacheable(vfs, vnode_at(op->walk.node)->mount))
            link_text_enter(op->walk.node, operation_text(op, 1), reply.length);
        return give_link(op, operation_text(op, 1), reply.length);
    }
    if (op->step == STEP_START) {
        if ((int32_t)op->argument[3] <= 0)
            return -EINVAL;
        op->argument[3] = (uint32_t)op->argument[3];
        result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], op->argument[4] ? WALK_EMPTY : 0);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, message);
    return result != 0 ? result : readlink_walked(vfs, op);
}

int vfs_linux_readlink(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_READLINK) != 0)
        return -ESRCH;
    op.argument[0] = (uint64_t)AT_FDCWD;
    op.argument[1] = linux_argument(call, 0);
    op.argument[2] = linux_argument(call, 1);
    op.argument[3] = linux_argument(call, 2);
    op.argument[4] = 0;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_readlinkat(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_READLINK) != 0)
        return -ESRCH;
    op.argument[4] = 1;
    return operation_run_linux(vfs, call, &op);
}

/* ---- getdents64. argument: 0 fd, 1 buffer, 2 count. ---- */

int64_t getdents_run(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct fs_getdents_request request = { 0 };
    struct fs_getdents_reply reply;
    struct operation *record;
    uint32_t file, transaction;
    endpoint_t server;

    if (op->step == STEP_REPLY) {
        if (message->status != 0)
            return server_error(message);
        fs_getdents_reply_get(message, &reply);
        file_at(op->file[0])->position = reply.next;
        return reply.length;
    }
    file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);
    if (file == 0 || file_at(file)->kind == FILE_PATH)
        return -EBADF;
    if (file_at(file)->kind != FILE_DIRECTORY)
        return -ENOTDIR;
    if (vnode_at(file_at(file)->vnode)->nlink == 0)
        return -ENOENT;
    operation_set_file(vfs, op, &op->file[0], file);
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, file_at(file)->vnode)->server;
    transaction = operation_request(record, server, FS_GETDENTS, STEP_REPLY);
    request.directory = vnode_at(file_at(file)->vnode)->inode;
    request.room = record->argument[2] < 65536 ? (uint32_t)record->argument[2] : 65536;
    request.buffer = operation_grant_caller(record, 0, record->argument[1], request.room, GRANT_WRITE);
    request.cookie = file_at(file)->position;
    fs_send_getdents(outbox_default(), server, transaction, &request);
    return PENDING;
}

int vfs_linux_getdents64(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_GETDENTS) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}
