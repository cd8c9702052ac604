/* SPDX-License-Identifier: MIT */
/*
 * Calls that change attributes: chmod, chown, utimens, truncate.
 */
#include "attribute.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

#include "file.h"
#include "object.h"
#include "process.h"
#include "protocols/fs_client.h"
#include "walk.h"

/*
 * argument: 0 directory or fd, 1 path, 2 walk flags, 3 mode or uid or address of times, 4 gid or form of times, 5 by descriptor.
 * value[0]: enum change. value[1]: mask for the server. position and done: new access and modification time.
 */
enum change { CHANGE_MODE, CHANGE_OWNER, CHANGE_TIMES };
enum times_form { TIMES_TIMESPEC, TIMES_TIMEVAL, TIMES_UTIMBUF };
enum { STEP_START, STEP_WALK, STEP_REPLY, STEP_OBJECT };

static bool owns(const struct process *process, const struct vnode *node)
{
    return process->euid == 0 || process->euid == node->uid;
}

static int64_t send_setattr(struct vfs_state *vfs, struct operation *op, uint32_t vnode, const struct fs_attributes *attributes,
                            uint32_t mask)
{
    struct fs_setattr_request request;
    struct operation *record;
    uint32_t transaction;
    endpoint_t server;

    operation_set_vnode(vfs, op, &op->vnode[0], vnode);
    op->value[1] = mask;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    operation_links(record)->attributes = *attributes;
    server = vnode_mount(vfs, vnode)->server;
    transaction = operation_request(record, server, FS_SETATTR, STEP_REPLY);
    request.inode = vnode_at(vnode)->inode;
    request.mask = mask;
    request.attributes = operation_grant(record, 0, &operation_links(record)->attributes, sizeof(*attributes), GRANT_READ);
    fs_send_setattr(outbox_default(), server, transaction, &request);
    return PENDING;
}

/* The server has stored it. */
static int64_t setattr_reply(struct operation *op, const struct message *reply)
{
    const struct fs_attributes *attributes = &operation_links(op)->attributes;
    struct vnode *node = vnode_at(op->vnode[0]);
    uint64_t mask = op->value[1];

    if (reply->status != 0)
        return reply->status == -ESRVRESTART ? -EIO : reply->status;
    if (mask & FS_SETATTR_MASK_MODE)
        node->mode = attributes->mode;
    if (mask & FS_SETATTR_MASK_UID)
        node->uid = attributes->uid;
    if (mask & FS_SETATTR_MASK_GID)
        node->gid = attributes->gid;
    if (mask & FS_SETATTR_MASK_ATIME) {
        node->atime_ns = attributes->atime_ns;
        node->flags &= ~(uint32_t)VNODE_ATIME;
    }
    if (mask & FS_SETATTR_MASK_MTIME)
        node->mtime_ns = attributes->mtime_ns;
    node->ctime_ns = attributes->ctime_ns;
    return 0;
}

int64_t store_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    struct fs_attributes attributes = { .mode = (uint32_t)op->argument[0] };

    if (op->step == STEP_REPLY)
        return reply->status;
    return send_setattr(vfs, op, op->vnode[0], &attributes, FS_SETATTR_MASK_MODE);
}

void attribute_store_mode(struct vfs_state *vfs, uint32_t vnode, uint32_t mode)
{
    struct operation op;

    vnode_at(vnode)->mode = mode;
    if (vnode_at(vnode)->flags & VNODE_ANONYMOUS)
        return;
    operation_begin_for(&op, OPERATION_STORE, 0);
    op.vnode[0] = vnode;
    op.argument[0] = mode;
    operation_runs[OPERATION_STORE](vfs, &op, NULL);
}

/* ---- the three changes ---- */

static int64_t change_mode(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    const struct process *process = operation_process(op);
    struct vnode *node = vnode_at(vnode);
    struct fs_attributes attributes = { .ctime_ns = time_coarse_ns() };

    if (!owns(process, node))
        return -EPERM;
    attributes.mode = (node->mode & S_IFMT) | ((uint32_t)op->argument[3] & S_PERMISSIONS);
    if (process->euid != 0 && !permission_in_group(process, node->gid))
        attributes.mode &= ~(uint32_t)S_ISGID;
    if (node->flags & VNODE_ANONYMOUS) {
        node->mode = attributes.mode;
        return 0;
    }
    return send_setattr(vfs, op, vnode, &attributes, FS_SETATTR_MASK_MODE | FS_SETATTR_MASK_CTIME);
}

static int64_t change_owner(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    const struct process *process = operation_process(op);
    struct vnode *node = vnode_at(vnode);
    uint32_t uid = (uint32_t)op->argument[3];
    uint32_t gid = (uint32_t)op->argument[4];
    struct fs_attributes attributes = { .ctime_ns = time_coarse_ns() };
    uint32_t mask = FS_SETATTR_MASK_CTIME;

    if (process->euid != 0) {
        if (uid != UINT32_MAX && (uid != node->uid || process->euid != node->uid))
            return -EPERM;
        if (gid != UINT32_MAX && (process->euid != node->uid || (gid != node->gid && !permission_in_group(process, gid))))
            return -EPERM;
    }
    attributes.uid = uid;
    attributes.gid = gid;
    if (uid != UINT32_MAX)
        mask |= FS_SETATTR_MASK_UID;
    if (gid != UINT32_MAX)
        mask |= FS_SETATTR_MASK_GID;
    attributes.mode = node->mode & ~(uint32_t)(S_ISUID | (node->mode & 010 ? S_ISGID : 0));
    if (!mode_is(node->mode, S_IFDIR) && attributes.mode != node->mode && (mask & (FS_SETATTR_MASK_UID | FS_SETATTR_MASK_GID)))
        mask |= FS_SETATTR_MASK_MODE;
    if (node->flags & VNODE_ANONYMOUS)
        return 0;
    return send_setattr(vfs, op, vnode, &attributes, mask);
}

static int64_t change_times(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    const struct process *process = operation_process(op);
    struct vnode *node = vnode_at(vnode);
    uint64_t now_ns = sys_realtime();
    struct fs_attributes attributes = { .ctime_ns = now_ns };
    uint32_t mask = FS_SETATTR_MASK_CTIME;
    bool is_now = op->position == UTIME_NOW && op->done == UTIME_NOW;

    if (op->position == UTIME_OMIT && op->done == UTIME_OMIT)
        return 0;
    if (!owns(process, node)) {
        if (!is_now)
            return -EPERM;
        if (permission_check(process, node, W_OK, false) != 0)
            return -EACCES;
    }
    attributes.atime_ns = op->position == UTIME_NOW ? now_ns : op->position;
    attributes.mtime_ns = op->done == UTIME_NOW ? now_ns : op->done;
    if (op->position != UTIME_OMIT)
        mask |= FS_SETATTR_MASK_ATIME;
    if (op->done != UTIME_OMIT)
        mask |= FS_SETATTR_MASK_MTIME;
    if (node->flags & VNODE_ANONYMOUS)
        return 0;
    return send_setattr(vfs, op, vnode, &attributes, mask);
}

static int64_t change(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    if (vnode_mount(vfs, vnode)->flags & MS_RDONLY)
        return -EROFS;
    switch (op->value[0]) {
    case CHANGE_MODE:
        return change_mode(vfs, op, vnode);
    case CHANGE_OWNER:
        return change_owner(vfs, op, vnode);
    default:
        return change_times(vfs, op, vnode);
    }
}

/* Times as programs give them; UTIME_NOW and UTIME_OMIT (which are no times of ours: below 1.1 s after the epoch) stay as they are. */
static int64_t load_times(struct operation *op)
{
    struct linux_timespec times[2];
    uint64_t ns[2];

    op->position = op->done = UTIME_NOW;
    if (op->argument[3] == 0)
        return 0;
    if (op->argument[4] == TIMES_UTIMBUF) {
        int64_t seconds[2];

        if (sys_copy_from(op->caller, op->argument[3], seconds, sizeof(seconds)) != 0)
            return -EFAULT;
        times[0] = (struct linux_timespec){ .seconds = seconds[0] };
        times[1] = (struct linux_timespec){ .seconds = seconds[1] };
    } else if (sys_copy_from(op->caller, op->argument[3], times, sizeof(times)) != 0) {
        return -EFAULT;
    }
    for (int i = 0; i < 2; i++) {
        int64_t part = times[i].nanoseconds;

        if (op->argument[4] == TIMES_TIMESPEC && (part == UTIME_NOW || part == UTIME_OMIT)) {
            ns[i] = (uint64_t)part;
            continue;
        }
        if (part < 0 || part >= (op->argument[4] == TIMES_TIMEVAL ? 1000000 : 1000000000))
            return -EINVAL;
        if (op->argument[4] == TIMES_TIMEVAL)
            part *= 1000;
        ns[i] = (uint64_t)times[i].seconds * 1000000000 + (uint64_t)part;
        if (ns[i] == UTIME_NOW || ns[i] == UTIME_OMIT)
            ns[i]++;
    }
    op->position = ns[0];
    op->done = ns[1];
    return 0;
}

int64_t attributes_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_REPLY)
        return setattr_reply(op, reply);
    if (op->step == STEP_START) {
        if (op->value[0] == CHANGE_TIMES) {
            result = load_times(op);
            if (result != 0)
                return result;
        }
        if (op->argument[5]) {
            uint32_t file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);

            if (file == 0 || file_at(file)->kind == FILE_PATH)
                return -EBADF;
            return change(vfs, op, file_at(file)->vnode);
        }
        result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], (uint8_t)op->argument[2]);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    return result != 0 ? result : change(vfs, op, op->walk.node);
}

struct change_arguments {
    enum change change;
    bool by_fd;
    uint64_t directory, path;
    uint8_t walk_flags;
    uint64_t first, second;
};

static int change_call(struct vfs_state *vfs, struct call *call, const struct change_arguments *arguments)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_ATTRIBUTES) != 0)
        return -ESRCH;
    op.value[0] = arguments->change;
    op.argument[0] = arguments->directory;
    op.argument[1] = arguments->path;
    op.argument[2] = arguments->walk_flags;
    op.argument[3] = arguments->first;
    op.argument[4] = arguments->second;
    op.argument[5] = arguments->by_fd;
    return operation_run_linux(vfs, call, &op);
}

#define PATH_CHANGE(kind, directory_value, path_value, flags_value, first_value, second_value) \
    (&(struct change_arguments){ .change = (kind),                                             \
                                 .directory = (uint64_t)(directory_value),                     \
                                 .path = (path_value),                                         \
                                 .walk_flags = (flags_value),                                  \
                                 .first = (first_value),                                       \
                                 .second = (second_value) })
#define FD_CHANGE(kind, fd_value, first_value, second_value) \
    (&(struct change_arguments){                             \
        .change = (kind), .by_fd = true, .directory = (fd_value), .first = (first_value), .second = (second_value) })

int vfs_linux_chmod(struct vfs_state *vfs, struct call *call)
{
    return change_call(vfs, call, PATH_CHANGE(CHANGE_MODE, AT_FDCWD, linux_argument(call, 0), WALK_FOLLOW, linux_argument(call, 1), 0));
}

int vfs_linux_fchmod(struct vfs_state *vfs, struct call *call)
{
    return change_call(vfs, call, FD_CHANGE(CHANGE_MODE, linux_argument(call, 0), linux_argument(call, 1), 0));
}

int vfs_linux_fchmodat(struct vfs_state *vfs, struct call *call)
{
    return change_call(vfs, call,
                       PATH_CHANGE(CHANGE_MODE, linux_argument(call, 0), linux_argument(call, 1), WALK_FOLLOW, linux_argument(call, 2), 0));
}

int vfs_linux_chown(struct vfs_state *vfs, struct call *call)
{
    return change_call(
        vfs, call,
        PATH_CHANGE(CHANGE_OWNER, AT_FDCWD, linux_argument(call, 0), WALK_FOLLOW, linux_argument(call, 1), linux_argument(call, 2)));
}

int vfs_linux_lchown(struct vfs_state *vfs, struct call *call)
{
    return change_call(vfs, call,
                       PATH_CHANGE(CHANGE_OWNER, AT_FDCWD, linux_argument(call, 0), 0, linux_argument(call, 1), linux_argument(call, 2)));
}

int vfs_linux_fchown(struct vfs_state *vfs, struct call *call)
{
    return change_call(vfs, call, FD_CHANGE(CHANGE_OWNER, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2)));
}

int vfs_linux_fchownat(struct vfs_state *vfs, struct call *call)
{
    uint32_t flags = (uint32_t)linux_argument(call, 4);
    uint8_t walk_flags = (uint8_t)((flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0));

    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return change_call(vfs, call,
                       PATH_CHANGE(CHANGE_OWNER, linux_argument(call, 0), linux_argument(call, 1), walk_flags, linux_argument(call, 2),
                                   linux_argument(call, 3)));
}

int vfs_linux_utime(struct vfs_state *vfs, struct call *call)
{
    return change_call(vfs, call,
                       PATH_CHANGE(CHANGE_TIMES, AT_FDCWD, linux_argument(call, 0), WALK_FOLLOW, linux_argument(call, 1), TIMES_UTIMBUF));
}

int vfs_linux_utimes(struct vfs_state *vfs, struct call *call)
{
    return change_call(vfs, call,
                       PATH_CHANGE(CHANGE_TIMES, AT_FDCWD, linux_argument(call, 0), WALK_FOLLOW, linux_argument(call, 1), TIMES_TIMEVAL));
}

int vfs_linux_futimesat(struct vfs_state *vfs, struct call *call)
{
    return change_call(
        vfs, call,
        PATH_CHANGE(CHANGE_TIMES, linux_argument(call, 0), linux_argument(call, 1), WALK_FOLLOW, linux_argument(call, 2), TIMES_TIMEVAL));
}

int vfs_linux_utimensat(struct vfs_state *vfs, struct call *call)
{
    uint32_t flags = (uint32_t)linux_argument(call, 3);
    uint8_t walk_flags = (uint8_t)((flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0));

    if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (linux_argument(call, 1) == 0 && (int32_t)linux_argument(call, 0) != AT_FDCWD)
        return flags != 0
                   ? -EINVAL
                   : change_call(vfs, call, FD_CHANGE(CHANGE_TIMES, linux_argument(call, 0), linux_argument(call, 2), TIMES_TIMESPEC));
    return change_call(
        vfs, call,
        PATH_CHANGE(CHANGE_TIMES, linux_argument(call, 0), linux_argument(call, 1), walk_flags, linux_argument(call, 2), TIMES_TIMESPEC));
}

/* ---- truncate. argument: 0 path or fd, 1 length, 2 by descriptor. vnode[0]. ---- */

static int64_t truncate_node(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);
    int64_t result;

    operation_set_vnode(vfs, op, &op->vnode[0], vnode);
    if (!(node->flags & VNODE_OBJECT))
        return -EPERM;
    if (op->argument[1] > node->size) {
        result = object_write_limit(vfs, operation_process(op), op->argument[1] - 1, 1);
        if (result < 0)
            return result;
    } else if (node->size != 0) {
        result = object_ensure(vfs, op, vnode, STEP_OBJECT);
        if (result != 0)
            return result;
    }
    result = object_truncate(vfs, vnode, op->argument[1]);
    if (result == 0)
        vnode_clear_suid(vfs, operation_process(op), vnode);
    return result;
}

static int64_t truncate_check(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *node = vnode_at(op->walk.node);

    if (mode_is(node->mode, S_IFDIR))
        return -EISDIR;
    if (!mode_is(node->mode, S_IFREG))
        return -EINVAL;
    if (vnode_mount(vfs, op->walk.node)->flags & MS_RDONLY)
        return -EROFS;
    if (permission_check(operation_process(op), node, W_OK, false) != 0)
        return -EACCES;
    return node->executing != 0 ? -ETXTBSY : 0;
}

int64_t truncate_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_OBJECT) {
        result = object_got(op->vnode[0], reply);
        return result != 0 ? result : truncate_node(vfs, op, op->vnode[0]);
    }
    if (op->step == STEP_START) {
        if ((int64_t)op->argument[1] < 0)
            return -EINVAL;
        if (op->argument[2]) {
            uint32_t file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);

            if (file == 0 || file_at(file)->kind == FILE_PATH)
                return -EBADF;
            if (!file_can_write(file_at(file)) || (file_at(file)->kind != FILE_OBJECT && file_at(file)->kind != FILE_SERVER))
                return -EINVAL;
            return truncate_node(vfs, op, file_at(file)->vnode);
        }
        result = walk_begin(vfs, op, 0, AT_FDCWD, op->argument[0], WALK_FOLLOW);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    if (result == 0)
        result = truncate_check(vfs, op);
    return result != 0 ? result : truncate_node(vfs, op, op->walk.node);
}

static int truncate_call(struct vfs_state *vfs, struct call *call, bool by_fd)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_TRUNCATE) != 0)
        return -ESRCH;
    op.argument[2] = by_fd;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_truncate(struct vfs_state *vfs, struct call *call)
{
    return truncate_call(vfs, call, false);
}

int vfs_linux_ftruncate(struct vfs_state *vfs, struct call *call)
{
    return truncate_call(vfs, call, true);
}
