/* SPDX-License-Identifier: MIT */
/*
 * The way back: from a node up to the root, name by name, from what the walk remembers or from the file server.
 */
#include "path.h"

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

enum { STEP_START, STEP_WALK, STEP_BUILD };

void path_build_begin(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    operation_set_vnode(vfs, op, &op->vnode[0], vnode);
    op->position = PATH_MAX;
}

static int prepend(struct operation *op, const char *name, uint32_t length)
{
    char *text = operation_text(op, 1);

    if (op->position < length + 1 + NAME_MAX + 1)
        return -ENAMETOOLONG;
    op->position -= length;
    memcpy(text + op->position, name, length);
    text[--op->position] = '/';
    return 0;
}

static int64_t ask_name(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record = operation_record(vfs, op);
    struct fs_name_of_request request;
    uint32_t transaction;
    endpoint_t server;

    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, record->vnode[0])->server;
    transaction = operation_request(record, server, FS_NAME_OF, record->step);
    request.directory = vnode_at(record->vnode[0])->inode;
    request.room = NAME_MAX + 1;
    request.name = operation_grant(record, 0, operation_text(record, 1), request.room, GRANT_WRITE);
    fs_send_name_of(outbox_default(), server, transaction, &request);
    return PENDING;
}

/* The server says inode and name; the parent's attributes come with a lookup of "..", which the cache mostly has. */
static int64_t got_name(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    uint32_t mount = vnode_at(op->vnode[0])->mount;
    struct fs_name_of_reply reply;
    uint32_t parent;
    int result;

    if (message->status != 0)
        return message->status == -ESRVRESTART ? -EIO : message->status;
    fs_name_of_reply_get(message, &reply);
    /* A parent that is not cached is a directory; nothing else is needed of it here. */
    struct vnode_facts facts = { .mount = mount, .inode = reply.parent, .mode = S_IFDIR, .has_attributes = false };

    parent = vnode_find(vfs, mount, reply.parent);
    if (parent == 0)
        parent = vnode_get(vfs, &facts);
    else
        vnode_at(parent)->server_references++;
    if (parent == 0)
        return -ENFILE;
    result = prepend(op, operation_text(op, 1), reply.length);
    if (result != 0)
        return result;
    operation_set_vnode(vfs, op, &op->vnode[0], parent);
    return 0;
}

int64_t path_build(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    uint32_t root = process_root(vfs, operation_process(op));
    int64_t result;

    if (reply != NULL) {
        result = got_name(vfs, op, reply);
        if (result != 0)
            return result;
    }
    for (;;) {
        uint32_t at = op->vnode[0];
        struct mount *mount = vnode_mount(vfs, at);
        const char *name;
        uint32_t length, parent;

        if (at == root)
            break;
        if (at == mount->root) {
            if (mount->covered == 0)
                return prepend(op, "(unreachable)", 13) == 0 ? 0 : -ENAMETOOLONG;
            operation_set_vnode(vfs, op, &op->vnode[0], mount->covered);
            continue;
        }
        if (!name_of_child(at, &parent, &name, &length)) {
            if (!mode_is(vnode_at(at)->mode, S_IFDIR))
                return -ENOENT;
            return ask_name(vfs, op);
        }
        if (prepend(op, name, length) != 0)
            return -ENAMETOOLONG;
        operation_set_vnode(vfs, op, &op->vnode[0], parent);
    }
    if (op->position == PATH_MAX)
        return prepend(op, "", 0);
    return 0;
}

int64_t getcwd_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    const char *text;
    uint64_t length;
    int64_t result;

    if (op->step == STEP_START) {
        uint32_t cwd = process_cwd(vfs, operation_process(op));

        if (operation_need_text(vfs, op) != 0)
            return PENDING;
        op->text_bytes[0] = op->text_bytes[1] = PATH_MAX;
        if (vnode_at(cwd)->nlink == 0)
            return -ENOENT;
        path_build_begin(vfs, op, cwd);
        op->step = STEP_BUILD;
    }
    result = path_build(vfs, op, reply);
    if (result != 0)
        return result;
    text = operation_text(op, 1) + op->position;
    length = PATH_MAX - op->position;
    /* Unreachable directories begin with a bracket, not with a slash. */
    if (length > 1 && text[1] == '(') {
        text++;
        length--;
    }
    if (op->argument[1] < length + 1)
        return -ERANGE;
    if (sys_copy_to(op->caller, op->argument[0], text, length) != 0 || sys_copy_to(op->caller, op->argument[0] + length, "", 1) != 0)
        return -EFAULT;
    return (int64_t)length + 1;
}

int vfs_linux_getcwd(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_GETCWD) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}

/* ---- chdir, chroot. argument: 0 path. ---- */

static int64_t directory_walked(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *node = vnode_at(op->walk.node);

    (void)vfs;
    if (!mode_is(node->mode, S_IFDIR))
        return -ENOTDIR;
    return permission_check(operation_process(op), node, X_OK, false);
}

static int64_t walk_to_directory(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_START) {
        result = walk_begin(vfs, op, 0, AT_FDCWD, op->argument[0], WALK_FOLLOW);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    return result != 0 ? result : directory_walked(vfs, op);
}

int64_t chdir_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result = walk_to_directory(vfs, op, reply);

    if (result == 0)
        process_set_cwd(vfs, operation_process(op), op->walk.node);
    return result;
}

int64_t chroot_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result = walk_to_directory(vfs, op, reply);

    if (result == 0 && operation_process(op)->euid != 0)
        return -EPERM;
    if (result == 0)
        process_set_root(vfs, operation_process(op), op->walk.node);
    return result;
}

int vfs_linux_chdir(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_CHDIR) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_chroot(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_CHROOT) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_fchdir(struct vfs_state *vfs, struct call *call)
{
    uint32_t index = process_find(vfs, call->caller);
    struct process *process = &tables.processes[index];
    uint32_t file;

    if (index == 0)
        return -ESRCH;
    file = fd_file(vfs, process, (int32_t)linux_argument(call, 0));
    if (file == 0)
        return -EBADF;
    if (!mode_is(vnode_at(file_at(file)->vnode)->mode, S_IFDIR))
        return -ENOTDIR;
    if (permission_check(process, vnode_at(file_at(file)->vnode), X_OK, false) != 0)
        return -EACCES;
    process_set_cwd(vfs, process, file_at(file)->vnode);
    return 0;
}
