/* SPDX-License-Identifier: MIT */
/*
 * The path walk and permission checks.
 */
#include "walk.h"

#include "base/string.h"
#include "errors.h"
#include "sys/grant.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

#include "fast.h"
#include "file.h"
#include "process.h"
#include "protocols/fs_client.h"

enum walk_step { STEP_NEXT, STEP_LOOKUP, STEP_READLINK };

/* ---- permissions ---- */

bool permission_in_group(const struct process *process, uint32_t gid)
{
    if (process->egid == gid)
        return true;
    for (uint32_t i = 0; i < process->group_count; i++) {
        if (process->groups[i] == gid)
            return true;
    }
    return false;
}

int permission_check(const struct process *process, const struct vnode *node, uint32_t mask, bool is_real)
{
    uint32_t uid = is_real ? process->uid : process->euid;
    uint32_t bits = node->mode;

    if (uid == 0) {
        if ((mask & X_OK) && !mode_is(node->mode, S_IFDIR) && (node->mode & 0111) == 0)
            return -EACCES;
        return 0;
    }
    if (uid == node->uid)
        bits >>= 6;
    else if ((is_real && process->gid == node->gid) || permission_in_group(process, node->gid))
        bits >>= 3;
    return (mask & ~bits & 7) == 0 ? 0 : -EACCES;
}

int permission_change(struct vfs_state *vfs, const struct process *process, uint32_t directory)
{
    if (vnode_mount(vfs, directory)->flags & MS_RDONLY)
        return -EROFS;
    if (permission_check(process, vnode_at(directory), W_OK | X_OK, false) != 0)
        return -EACCES;
    return vnode_at(directory)->nlink == 0 ? -ENOENT : 0;
}

int permission_sticky(const struct process *process, const struct vnode *directory, const struct vnode *node)
{
    if (!(directory->mode & S_ISVTX) || process->euid == 0)
        return 0;
    return process->euid == node->uid || process->euid == directory->uid ? 0 : -EPERM;
}

/* ---- the start ---- */

static int64_t set_start(struct vfs_state *vfs, struct operation *op, uint32_t half, int32_t directory_fd, uint32_t length, uint8_t flags)
{
    const struct process *process = operation_process(op);
    const char *text = operation_text(op, half);
    uint32_t start;

    if (length == 0 && !(flags & WALK_EMPTY))
        return -ENOENT;
    if (length != 0 && text[0] == '/') {
        start = process_root(vfs, process);
    } else if (directory_fd == AT_FDCWD) {
        start = process_cwd(vfs, process);
    } else {
        uint32_t file = fd_file(vfs, process, directory_fd);

        if (file == 0)
            return -EBADF;
        start = tables.files[file].vnode;
        if (length != 0 && !mode_is(vnode_at(start)->mode, S_IFDIR))
            return -ENOTDIR;
    }
    operation_set_vnode(vfs, op, &op->walk.node, 0);
    operation_set_vnode(vfs, op, &op->walk.directory, start);
    op->text_bytes[half] = (uint16_t)length;
    op->walk.offset = 0;
    op->walk.end = (uint16_t)length;
    op->walk.flags = flags;
    op->walk.links = 0;
    op->walk.trailing = 0;
    op->walk.last = LAST_NORMAL;
    op->walk.text = (uint8_t)half;
    op->walk.step = STEP_NEXT;
    return 0;
}

int64_t walk_begin(struct vfs_state *vfs, struct operation *op, uint32_t half, int32_t directory_fd, uint64_t path_address, uint8_t flags)
{
    int length;

    if (operation_need_text(vfs, op) != 0)
        return PENDING;
    length = sys_copy_string_anew(op->caller, path_address, operation_text(op, half), PATH_MAX);
    if (length < 0)
        return length;
    return set_start(vfs, op, half, directory_fd, (uint32_t)length, flags);
}

int64_t walk_begin_text(struct vfs_state *vfs, struct operation *op, uint32_t half, uint32_t length, uint8_t flags)
{
    return set_start(vfs, op, half, AT_FDCWD, length, flags);
}

/* ---- requests ---- */

static int64_t ask_lookup(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record = operation_record(vfs, op);
    struct fs_lookup_request request;
    uint32_t transaction;
    endpoint_t server;

    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, record->walk.directory)->server;
    record->walk.step = STEP_LOOKUP;
    transaction = operation_request(record, server, FS_LOOKUP, record->step);
    request.directory = vnode_at(record->walk.directory)->inode;
    request.name_length = record->walk.name_length;
    request.name = operation_grant(record, 0, walk_name(record), record->walk.name_length, GRANT_READ);
    fs_send_lookup(outbox_default(), server, transaction, &request);
    return PENDING;
}

/* The rest of the path moves to the end of the buffer; the server writes the link's text to the front. */
static int64_t ask_readlink(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record = operation_record(vfs, op);
    struct fs_readlink_request request = { 0 };
    uint32_t rest, transaction;
    endpoint_t server;
    char *text;

    if (record == NULL)
        return PENDING;
    text = operation_text(record, record->walk.text);
    rest = record->walk.end - record->walk.offset;
    memmove(text + PATH_MAX - rest, text + record->walk.offset, rest);
    server = vnode_mount(vfs, record->walk.node)->server;
    record->walk.step = STEP_READLINK;
    transaction = operation_request(record, server, FS_READLINK, record->step);
    request.inode = vnode_at(record->walk.node)->inode;
    request.room = PATH_MAX - rest;
    request.text = operation_grant(record, 0, text, request.room, GRANT_WRITE);
    request.caller = record->caller;
    fs_send_readlink(outbox_default(), server, transaction, &request);
    return PENDING;
}

/* ---- symbolic links ---- */

/* The text of the link is at the front of the buffer, `rest` bytes of the path at its end. */
static int64_t continue_with_link(struct vfs_state *vfs, struct operation *op, uint32_t length, uint32_t rest)
{
    char *text = operation_text(op, op->walk.text);

    if (length == 0)
        return -ENOENT;
    if (length + rest >= PATH_MAX)
        return -ENAMETOOLONG;
    memmove(text + length, text + PATH_MAX - rest, rest);
    op->walk.offset = 0;
    op->walk.end = (uint16_t)(length + rest);
    op->text_bytes[op->walk.text] = op->walk.end;
    op->walk.trailing = 0;
    op->walk.step = STEP_NEXT;
    if (text[0] == '/')
        operation_set_vnode(vfs, op, &op->walk.directory, process_root(vfs, operation_process(op)));
    operation_set_vnode(vfs, op, &op->walk.node, 0);
    return 0;
}

static bool is_last(const struct operation *op)
{
    return op->walk.offset == op->walk.end;
}

static int64_t follow_link(struct vfs_state *vfs, struct operation *op)
{
    uint32_t length, rest;
    char *text = operation_text(op, op->walk.text);
    const char *cached;

    if (++op->walk.links > LINKS_MAX)
        return -ELOOP;
    /* Slashes at the end still demand a directory. */
    if (op->walk.trailing && is_last(op))
        op->walk.offset--;
    rest = op->walk.end - op->walk.offset;
    cached = link_text_find(op->walk.node, &length);
    if (cached == NULL)
        return ask_readlink(vfs, op);
    if (length + rest >= PATH_MAX)
        return -ENAMETOOLONG;
    memmove(text + PATH_MAX - rest, text + op->walk.offset, rest);
    memcpy(text, cached, length);
    return continue_with_link(vfs, op, length, rest);
}

/* "pipe:[N]" of /proc/PID/fd: the pipe itself. 0: the text is none of these. */
static uint32_t find_pipe(const struct vfs_state *vfs, const char *text, uint32_t length)
{
    uint32_t inode = 0;

    if (length < 8 || memcmp(text, "pipe:[", 6) != 0)
        return 0;
    for (uint32_t i = 6; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        inode = inode * 10 + (uint32_t)(text[i] - '0');
    for (uint32_t vnode = 1; vnode < vfs->vnode_pool.top; vnode++) {
        const struct vnode *node = vnode_at(vnode);

        if (node->mount != 0 && (node->flags & VNODE_ANONYMOUS) && node->inode == inode && node->pipe != 0)
            return vnode;
    }
    return 0;
}

static int64_t got_link(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct fs_readlink_reply reply;
    uint32_t pipe;

    if (message->status != 0)
        return message->status;
    fs_readlink_reply_get(message, &reply);
    if (vnode_mount(vfs, op->walk.node)->server == ENDPOINT_PROCFS) {
        pipe = find_pipe(vfs, operation_text(op, op->walk.text), reply.length);
        if (pipe != 0) {
            operation_set_vnode(vfs, op, &op->walk.node, pipe);
            return is_last(op) ? 1 : -ENOTDIR;
        }
    }
    if (mount_is_cacheable(vfs, vnode_at(op->walk.node)->mount))
        link_text_enter(op->walk.node, operation_text(op, op->walk.text), reply.length);
    return continue_with_link(vfs, op, reply.length, op->walk.end - op->walk.offset);
}

/* ---- components ---- */

static bool is_dot_dot(const struct operation *op)
{
    const char *name = walk_name(op);

    return op->walk.name_length == 2 && name[0] == '.' && name[1] == '.';
}

/*
 * A component was found (child 0: it does not exist). Returns 1: the walk is over, 0: go on, PENDING or a negative error.
 */
static int64_t arrive(struct vfs_state *vfs, struct operation *op, uint32_t child)
{
    struct walk *walk = &op->walk;
    bool last = is_last(op);

    if (child == 0) {
        operation_set_vnode(vfs, op, &walk->node, 0);
        return last && (walk->flags & WALK_PARENT) ? 1 : -ENOENT;
    }
    while (walk->last != LAST_DOTDOT && vnode_at(child)->covering != 0)
        child = vfs->mounts[vnode_at(child)->covering].root;
    operation_set_vnode(vfs, op, &walk->node, child);
    if (mode_is(vnode_at(child)->mode, S_IFLNK) &&
        (!last || (walk->flags & WALK_FOLLOW) || (walk->trailing && !(walk->flags & WALK_PARENT))))
        return follow_link(vfs, op);
    if (!last) {
        operation_set_vnode(vfs, op, &walk->directory, child);
        return 0;
    }
    if (walk->trailing && !(walk->flags & WALK_DIRECTORY) && !mode_is(vnode_at(child)->mode, S_IFDIR))
        return -ENOTDIR;
    return 1;
}

static int64_t got_lookup(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    uint32_t directory = op->walk.directory;
    uint32_t child = 0;

    op->walk.step = STEP_NEXT;
    if (message->status == -ENOENT) {
        name_enter(vfs, directory, walk_name(op), op->walk.name_length, 0);
    } else if (message->status != 0) {
        return message->status == -ESRVRESTART || message->status == -EDEADSRCDST ? -EIO : message->status;
    } else {
        child = vnode_from_lookup(vfs, vnode_at(directory)->mount, message);
        if (child == 0)
            return -ENFILE;
        name_enter(vfs, directory, walk_name(op), op->walk.name_length, child);
    }
    return arrive(vfs, op, child);
}

static int64_t step_up(struct vfs_state *vfs, struct operation *op)
{
    uint32_t root = process_root(vfs, operation_process(op));
    uint32_t directory = op->walk.directory;
    uint32_t parent;

    op->walk.last = LAST_DOTDOT;
    while (directory != root && vnode_mount(vfs, directory)->root == directory && vnode_mount(vfs, directory)->covered != 0)
        directory = vnode_mount(vfs, directory)->covered;
    if (directory == root || vnode_mount(vfs, directory)->root == directory)
        return arrive(vfs, op, directory);
    operation_set_vnode(vfs, op, &op->walk.directory, directory);
    if (name_find(directory, "..", 2, &parent) && parent != 0)
        return arrive(vfs, op, parent);
    return ask_lookup(vfs, op);
}

static int64_t take_component(struct operation *op)
{
    struct walk *walk = &op->walk;
    const char *text = operation_text(op, walk->text);
    uint32_t offset = walk->offset;

    walk->name = (uint16_t)offset;
    while (offset < walk->end && text[offset] != '/')
        offset++;
    walk->name_length = (uint16_t)(offset - walk->name);
    walk->trailing = offset < walk->end;
    while (offset < walk->end && text[offset] == '/')
        offset++;
    /* A slash that is not at the end belongs to the next component. */
    if (offset == walk->end)
        walk->offset = walk->end;
    else
        walk->offset = (uint16_t)(offset - 1);
    return walk->name_length > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* One component from where the walk stands. Results as arrive. */
static int64_t advance(struct vfs_state *vfs, struct operation *op)
{
    struct walk *walk = &op->walk;
    const char *text = operation_text(op, walk->text);
    uint32_t child;

    while (walk->offset < walk->end && text[walk->offset] == '/')
        walk->offset++;
    if (walk->offset == walk->end) {
        walk->last = LAST_ROOT;
        walk->name_length = 0;
        operation_set_vnode(vfs, op, &walk->node, walk->directory);
        return 1;
    }
    if (!mode_is(vnode_at(walk->directory)->mode, S_IFDIR))
        return -ENOTDIR;
    if (permission_check(operation_process(op), vnode_at(walk->directory), X_OK, walk->flags & WALK_REAL) != 0)
        return -EACCES;
    if (take_component(op) != 0)
        return -ENAMETOOLONG;
    walk->last = LAST_NORMAL;
    if (walk_name(op)[0] == '.' && walk->name_length == 1) {
        walk->last = LAST_DOT;
        return arrive(vfs, op, walk->directory);
    }
    if (is_dot_dot(op))
        return step_up(vfs, op);
    if (name_find(walk->directory, walk_name(op), walk->name_length, &child))
        return arrive(vfs, op, child);
    return ask_lookup(vfs, op);
}

int64_t walk_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result = 0;

    if (op->index == 0 && op->walk.offset == 0 && !(op->walk.flags & WALK_REAL)) {
        uint32_t offset;
        uint32_t directory = fast_prefix(vfs, operation_process(op), operation_text(op, op->walk.text), op->walk.directory, &offset);

        op->walk.directory = directory;
        op->walk.offset = (uint16_t)offset;
    }
    if (op->walk.step == STEP_LOOKUP && reply != NULL)
        result = got_lookup(vfs, op, reply);
    else if (op->walk.step == STEP_READLINK && reply != NULL)
        result = got_link(vfs, op, reply);
    while (result == 0)
        result = advance(vfs, op);
    return result == 1 ? 0 : result;
}
