/* SPDX-License-Identifier: MIT */
/*
 * rename and link: calls with two paths. The first walk uses half 0 of the text, the second half 1.
 */
#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/outbox.h"

#include "directory.h"
#include "process.h"
#include "protocols/fs_client.h"
#include "walk.h"

/*
 * argument: 0 old directory, 1 old path, 2 new directory, 3 new path, 4 flags. vnode: 0 old parent, 1 old node, 2 where the search for
 * ancestors stands. value[0]: name of the old entry: offset << 32 | length << 16 | trailing.
 */
enum { STEP_START, STEP_OLD, STEP_NEW, STEP_ANCESTOR, STEP_REPLY };

static const char *old_name(const struct operation *op)
{
    return operation_text(op, 0) + (op->value[0] >> 32);
}

static uint32_t old_length(const struct operation *op)
{
    return op->value[0] >> 16 & 0xffff;
}

static int64_t server_error(const struct message *message)
{
    return message->status == -ESRVRESTART || message->status == -EDEADSRCDST ? -EIO : message->status;
}

/* ---- rename ---- */

static int64_t rename_check_types(struct vfs_state *vfs, struct operation *op)
{
    const struct process *process = operation_process(op);
    struct vnode *old = vnode_at(op->vnode[1]);
    struct vnode *new = vnode_at(op->walk.node);
    bool is_directory = mode_is(old->mode, S_IFDIR);
    int result = permission_change(vfs, process, op->vnode[0]);

    if (result == 0)
        result = permission_sticky(process, vnode_at(op->vnode[0]), old);
    if (result == 0)
        result = permission_change(vfs, process, op->walk.directory);
    if (result == 0 && op->walk.node != 0)
        result = permission_sticky(process, vnode_at(op->walk.directory), new);
    if (result != 0)
        return result;
    if (old->mount != vnode_at(op->vnode[0])->mount)
        return -EBUSY;
    if (op->walk.node != 0) {
        if (new->mount != vnode_at(op->walk.directory)->mount)
            return -EBUSY;
        if (is_directory && !mode_is(new->mode, S_IFDIR))
            return -ENOTDIR;
        if (!is_directory && mode_is(new->mode, S_IFDIR))
            return -EISDIR;
    }
    if (is_directory && op->vnode[0] != op->walk.directory && permission_check(process, old, W_OK, false) != 0)
        return -EACCES;
    return 0;
}

static int64_t send_rename(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record = operation_record(vfs, op);
    struct fs_rename_request request = { 0 };
    uint32_t transaction;
    endpoint_t server;

    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, record->walk.directory)->server;
    transaction = operation_request(record, server, FS_RENAME, STEP_REPLY);
    request.old_directory = vnode_at(record->vnode[0])->inode;
    request.old_length = old_length(record);
    request.old_name = operation_grant(record, 0, old_name(record), old_length(record), GRANT_READ);
    request.new_directory = vnode_at(record->walk.directory)->inode;
    request.new_length = record->walk.name_length;
    request.new_name = operation_grant(record, 1, walk_name(record), record->walk.name_length, GRANT_READ);
    request.flags = (uint32_t)record->argument[4];
    fs_send_rename(outbox_default(), server, transaction, &request);
    return PENDING;
}

/* A directory must not move below itself: go up from the new parent. */
static int64_t search_ancestors(struct vfs_state *vfs, struct operation *op)
{
    for (;;) {
        uint32_t at = op->vnode[2];
        uint32_t parent;
        struct operation *record;
        struct fs_lookup_request request = { .name_length = 2 };
        uint32_t transaction;
        endpoint_t server;

        if (at == op->vnode[1])
            return -EINVAL;
        if (at == vnode_mount(vfs, at)->root || at == op->vnode[0])
            return send_rename(vfs, op);
        if (name_find(at, "..", 2, &parent) && parent != 0) {
            operation_set_vnode(vfs, op, &op->vnode[2], parent);
            continue;
        }
        record = operation_record(vfs, op);
        if (record == NULL)
            return PENDING;
        server = vnode_mount(vfs, at)->server;
        transaction = operation_request(record, server, FS_LOOKUP, STEP_ANCESTOR);
        request.directory = vnode_at(at)->inode;
        request.name = operation_grant(record, 0, "..", 2, GRANT_READ);
        fs_send_lookup(outbox_default(), server, transaction, &request);
        return PENDING;
    }
}

static int64_t rename_walked(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *old = vnode_at(op->vnode[1]);
    bool is_directory = mode_is(old->mode, S_IFDIR);
    int64_t result;

    if (vnode_at(op->walk.directory)->mount != vnode_at(op->vnode[0])->mount)
        return -EXDEV;
    if (op->walk.last != LAST_NORMAL)
        return op->argument[4] & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    if (op->vnode[1] == 0)
        return -ENOENT;
    if (op->walk.node != 0 && (op->argument[4] & RENAME_NOREPLACE))
        return -EEXIST;
    if (!is_directory && ((op->value[0] & 1) || op->walk.trailing))
        return -ENOTDIR;
    if (op->walk.node == op->vnode[1])
        return 0;
    /* A directory cannot go into itself, whatever else is wrong. */
    if (is_directory && op->walk.directory == op->vnode[1])
        return -EINVAL;
    result = rename_check_types(vfs, op);
    if (result != 0)
        return result;
    if (!is_directory || op->vnode[0] == op->walk.directory)
        return send_rename(vfs, op);
    operation_set_vnode(vfs, op, &op->vnode[2], op->walk.directory);
    return search_ancestors(vfs, op);
}

static int64_t rename_reply(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct fs_rename_reply reply;
    uint32_t replaced;

    if (message->status != 0)
        return server_error(message);
    fs_rename_reply_get(message, &reply);
    name_enter(vfs, op->vnode[0], old_name(op), old_length(op), 0);
    name_enter(vfs, op->walk.directory, walk_name(op), op->walk.name_length, op->vnode[1]);
    if (mode_is(vnode_at(op->vnode[1])->mode, S_IFDIR))
        name_forget(op->vnode[1], "..", 2);
    replaced = reply.replaced != 0 ? vnode_find(vfs, vnode_at(op->vnode[0])->mount, reply.replaced) : 0;
    if (replaced != 0)
        vnode_unlinked(vfs, replaced, mode_is(vnode_at(replaced)->mode, S_IFDIR) ? 0 : reply.replaced_nlink);
    directory_changed(op->vnode[0]);
    directory_changed(op->walk.directory);
    directory_changed(op->vnode[1]);
    return 0;
}

static int64_t ancestor_reply(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    uint32_t parent;

    if (message->status != 0)
        return server_error(message);
    parent = vnode_from_lookup(vfs, vnode_at(op->vnode[2])->mount, message);
    if (parent == 0)
        return -ENFILE;
    name_enter(vfs, op->vnode[2], "..", 2, parent);
    operation_set_vnode(vfs, op, &op->vnode[2], parent);
    return search_ancestors(vfs, op);
}

static int64_t rename_new(struct vfs_state *vfs, struct operation *op)
{
    if (op->walk.last != LAST_NORMAL)
        return -EBUSY;
    if (op->walk.node == 0)
        return -ENOENT;
    operation_set_vnode(vfs, op, &op->vnode[0], op->walk.directory);
    operation_set_vnode(vfs, op, &op->vnode[1], op->walk.node);
    op->value[0] = (uint64_t)op->walk.name << 32 | (uint64_t)op->walk.name_length << 16 | op->walk.trailing;
    op->step = STEP_NEW;
    return walk_begin(vfs, op, 1, (int32_t)op->argument[2], op->argument[3], WALK_PARENT | WALK_DIRECTORY);
}

int64_t rename_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    switch (op->step) {
    case STEP_START:
        result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], WALK_PARENT);
        if (result != 0)
            return result;
        op->step = STEP_OLD;
        /* fallthrough */
    case STEP_OLD:
        result = walk_run(vfs, op, reply);
        if (result == 0)
            result = rename_new(vfs, op);
        if (result != 0)
            return result;
        reply = NULL;
        /* fallthrough */
    case STEP_NEW:
        result = walk_run(vfs, op, reply);
        return result != 0 ? result : rename_walked(vfs, op);
    case STEP_ANCESTOR:
        return ancestor_reply(vfs, op, reply);
    default:
        return rename_reply(vfs, op, reply);
    }
}

static int two_paths(struct vfs_state *vfs, struct call *call, enum operation_kind kind, uint64_t old_directory, uint64_t old_path,
                     uint64_t new_directory, uint64_t new_path, uint64_t flags)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, kind) != 0)
        return -ESRCH;
    op.argument[0] = old_directory;
    op.argument[1] = old_path;
    op.argument[2] = new_directory;
    op.argument[3] = new_path;
    op.argument[4] = (uint32_t)flags;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_rename(struct vfs_state *vfs, struct call *call)
{
    return two_paths(vfs, call, OPERATION_RENAME, (uint64_t)AT_FDCWD, linux_argument(call, 0), (uint64_t)AT_FDCWD, linux_argument(call, 1),
                     0);
}

int vfs_linux_renameat(struct vfs_state *vfs, struct call *call)
{
    return two_paths(vfs, call, OPERATION_RENAME, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2),
                     linux_argument(call, 3), 0);
}

int vfs_linux_renameat2(struct vfs_state *vfs, struct call *call)
{
    uint32_t flags = (uint32_t)linux_argument(call, 4);

    if (flags & ~(uint32_t)RENAME_NOREPLACE)
        return -EINVAL;
    return two_paths(vfs, call, OPERATION_RENAME, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2),
                     linux_argument(call, 3), flags);
}

/* ---- link: vnode[1] is the node that gets another name ---- */

/* Linux's fs.protected_hardlinks: only the owner may link what he could not read and write, or what has special bits. */
static bool may_link(const struct process *process, const struct vnode *node)
{
    uint32_t special = S_ISGID | 010;

    if (process->euid == 0 || process->euid == node->uid)
        return true;
    return mode_is(node->mode, S_IFREG) && !(node->mode & S_ISUID) && (node->mode & special) != special &&
           permission_check(process, node, R_OK | W_OK, false) == 0;
}

static int64_t link_walked(struct vfs_state *vfs, struct operation *op)
{
    const struct process *process = operation_process(op);
    struct fs_link_request request = { 0 };
    struct operation *record;
    uint32_t transaction;
    endpoint_t server;
    int result;

    if (op->walk.node != 0 || op->walk.last != LAST_NORMAL)
        return -EEXIST;
    if (op->walk.trailing)
        return -ENOENT;
    if (vnode_at(op->walk.directory)->mount != vnode_at(op->vnode[1])->mount)
        return -EXDEV;
    if (!may_link(process, vnode_at(op->vnode[1])))
        return -EPERM;
    result = permission_change(vfs, process, op->walk.directory);
    if (result != 0)
        return result;
    if (mode_is(vnode_at(op->vnode[1])->mode, S_IFDIR))
        return -EPERM;
    if (vnode_at(op->vnode[1])->nlink == 0)
        return -ENOENT;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, record->walk.directory)->server;
    transaction = operation_request(record, server, FS_LINK, STEP_REPLY);
    request.directory = vnode_at(record->walk.directory)->inode;
    request.name_length = record->walk.name_length;
    request.name = operation_grant(record, 0, walk_name(record), record->walk.name_length, GRANT_READ);
    request.inode = vnode_at(record->vnode[1])->inode;
    fs_send_link(outbox_default(), server, transaction, &request);
    return PENDING;
}

static int64_t link_reply(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct vnode *node = vnode_at(op->vnode[1]);

    if (message->status != 0)
        return server_error(message);
    name_forget(op->walk.directory, walk_name(op), op->walk.name_length);
    name_enter(vfs, op->walk.directory, walk_name(op), op->walk.name_length, op->vnode[1]);
    node->nlink++;
    node->flags &= ~(uint32_t)VNODE_COMPLETE;
    directory_changed(op->walk.directory);
    return 0;
}

static int64_t link_new(struct vfs_state *vfs, struct operation *op)
{
    operation_set_vnode(vfs, op, &op->vnode[1], op->walk.node);
    op->step = STEP_NEW;
    return walk_begin(vfs, op, 1, (int32_t)op->argument[2], op->argument[3], WALK_PARENT);
}

int64_t link_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    uint8_t flags = 0;
    int64_t result;

    switch (op->step) {
    case STEP_START:
        if (op->argument[4] & AT_SYMLINK_FOLLOW)
            flags |= WALK_FOLLOW;
        if (op->argument[4] & AT_EMPTY_PATH)
            flags |= WALK_EMPTY;
        result = walk_begin(vfs, op, 0, (int32_t)op->argument[0], op->argument[1], flags);
        if (result != 0)
            return result;
        op->step = STEP_OLD;
        /* fallthrough */
    case STEP_OLD:
        result = walk_run(vfs, op, reply);
        if (result == 0)
            result = link_new(vfs, op);
        if (result != 0)
            return result;
        reply = NULL;
        /* fallthrough */
    case STEP_NEW:
        result = walk_run(vfs, op, reply);
        if (result == -ENOTDIR && op->walk.node != 0 && op->walk.trailing && op->walk.offset == op->walk.end)
            return -EEXIST;
        return result != 0 ? result : link_walked(vfs, op);
    default:
        return link_reply(vfs, op, reply);
    }
}

int vfs_linux_link(struct vfs_state *vfs, struct call *call)
{
    return two_paths(vfs, call, OPERATION_LINK, (uint64_t)AT_FDCWD, linux_argument(call, 0), (uint64_t)AT_FDCWD, linux_argument(call, 1),
                     0);
}

int vfs_linux_linkat(struct vfs_state *vfs, struct call *call)
{
    uint32_t flags = (uint32_t)linux_argument(call, 4);

    if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return two_paths(vfs, call, OPERATION_LINK, linux_argument(call, 0), linux_argument(call, 1), linux_argument(call, 2),
                     linux_argument(call, 3), flags);
}
