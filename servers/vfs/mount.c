/* SPDX-License-Identifier: MIT */
/*
 * Mounts.
 */
#include "mount.h"

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/log.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

#include "file.h"
#include "path.h"
#include "process.h"
#include "protocols/fs_client.h"
#include "protocols/vfs_server.h"
#include "walk.h"

enum { RETRY_NS = 5000000, RETRIES = 400, KEPT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };

/* ---- the table ---- */

static uint32_t mount_take(struct vfs_state *vfs, endpoint_t server, const char *type, const char *source, const char *path, uint32_t flags)
{
    for (uint32_t i = 1; i < MOUNTS; i++) {
        struct mount *mount = &vfs->mounts[i];

        if (mount->id != 0)
            continue;
        memset(mount, 0, sizeof(*mount));
        mount->id = ++vfs->mount_next_id;
        mount->server = server;
        mount->flags = flags;
        string_copy(mount->type, sizeof(mount->type), type);
        string_copy(mount->source, sizeof(mount->source), source);
        string_copy(mount->path, sizeof(mount->path), path);
        return i;
    }
    return 0;
}

/* The server has made it: the root node, and the place in the tree. covered 0: the first root. */
static int64_t mount_place(struct vfs_state *vfs, uint32_t index, uint32_t covered, const struct message *message)
{
    struct mount *mount = &vfs->mounts[index];
    struct fs_mount_reply reply;
    uint32_t root;

    fs_mount_reply_get(message, &reply);
    struct vnode_facts facts = {
        .mount = index, .inode = reply.inode, .mode = reply.mode, .uid = reply.uid, .gid = reply.gid, .nlink = 2, .has_attributes = true
    };

    mount->result = reply.result;
    mount->magic = reply.magic;
    root = vnode_get(vfs, &facts);
    if (root == 0)
        return -ENFILE;
    mount->root = root;
    vnode_acquire(root);
    if (covered != 0) {
        mount->covered = covered;
        mount->parent = vnode_at(covered)->mount;
        vnode_acquire(covered);
        vnode_at(covered)->covering = index;
    }
    return 0;
}

static int64_t send_mount(struct operation *record, uint32_t index, const struct mount *mount, uint32_t data_length, uint16_t step)
{
    bool is_first = record->kind == OPERATION_START && record->value[1] == 0; /* its server may have known the VFS before us */
    uint32_t flags = mount->flags | (is_first ? FS_MOUNT_AFRESH : 0);
    struct fs_mount_request request = { .mount_id = mount->id, .flags = flags, .data_length = data_length };
    uint32_t transaction = operation_request(record, mount->server, FS_MOUNT, step);

    record->value[0] = index;
    request.data = operation_grant(record, 0, operation_text(record, 1), data_length != 0 ? data_length : 1, GRANT_READ);
    fs_send_mount(outbox_default(), mount->server, transaction, &request);
    return PENDING;
}

/* ---- start-up: value[0] the mount at hand, value[1] which of the three, position: retries ---- */

enum { START_MOUNT, START_MOUNTED, START_LOOKED_UP, START_MADE };

static const struct {
    const char *on; /* path of the mount that has the directory */
    const char *name;
    const char *path;
    const char *type;
    endpoint_t server;
} start_mounts[] = {
    { "", "", "/", "tmpfs", ENDPOINT_TMPFS },
    { "/", "dev", "/dev", "devtmpfs", ENDPOINT_DEVFS },
    { "/dev", "shm", "/dev/shm", "tmpfs", ENDPOINT_TMPFS },
    { "/", "proc", "/proc", "proc", ENDPOINT_PROCFS },
};

enum { START_MOUNTS = 4 };

/* The mount at a path, 0 if it is not there. */
static uint32_t mount_at(const struct vfs_state *vfs, const char *path)
{
    for (uint32_t i = 1; i < MOUNTS; i++) {
        if (vfs->mounts[i].id != 0 && vfs->mounts[i].root != 0 && strcmp(vfs->mounts[i].path, path) == 0)
            return i;
    }
    return 0;
}

static int64_t start_mount(struct vfs_state *vfs, struct operation *op, uint32_t covered)
{
    uint64_t which = op->value[1];
    uint32_t index = mount_take(vfs, start_mounts[which].server, start_mounts[which].type, start_mounts[which].type,
                                start_mounts[which].path, 0);

    operation_set_vnode(vfs, op, &op->vnode[0], covered);
    return send_mount(op, index, &vfs->mounts[index], 0, START_MOUNTED);
}

static int64_t start_finished(struct vfs_state *vfs)
{
    vfs->start_step = START_DONE;
    operation_wake_all(vfs, &vfs->boot_queue);
    return 0;
}

/* Look for the directory to mount on. */
static int64_t start_next(struct vfs_state *vfs, struct operation *op)
{
    struct fs_lookup_request request;
    const char *name;
    uint32_t transaction, on = 0;

    while (on == 0) {
        if (++op->value[1] == START_MOUNTS)
            return start_finished(vfs);
        on = mount_at(vfs, start_mounts[op->value[1]].on);
    }
    op->position = 0;
    operation_set_vnode(vfs, op, &op->walk.directory, vfs->mounts[on].root);
    name = start_mounts[op->value[1]].name;
    transaction = operation_request(op, vfs->mounts[on].server, FS_LOOKUP, START_LOOKED_UP);
    request.directory = vnode_at(op->walk.directory)->inode;
    request.name_length = (uint32_t)strlen(name);
    request.name = operation_grant(op, 0, name, request.name_length, GRANT_READ);
    fs_send_lookup(outbox_default(), vfs->mounts[on].server, transaction, &request);
    return PENDING;
}

static int64_t start_make(struct vfs_state *vfs, struct operation *op)
{
    const char *name = start_mounts[op->value[1]].name;
    endpoint_t server = vnode_mount(vfs, op->walk.directory)->server;
    struct fs_mkdir_request request = { .mode = S_IFDIR | 0755 };
    uint32_t transaction = operation_request(op, server, FS_MKDIR, START_MADE);

    request.directory = vnode_at(op->walk.directory)->inode;
    request.name_length = (uint32_t)strlen(name);
    request.name = operation_grant(op, 0, name, request.name_length, GRANT_READ);
    fs_send_mkdir(outbox_default(), server, transaction, &request);
    return PENDING;
}

static int64_t start_mounted(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    uint32_t index = (uint32_t)op->value[0];

    if (message->status == 0) {
        if (op->value[1] == 0)
            vfs->root_mount = index;
        if (mount_place(vfs, index, op->vnode[0], message) != 0)
            log_error("mount of %s failed", start_mounts[op->value[1]].path);
        return start_next(vfs, op);
    }
    vfs->mounts[index].id = 0;
    if (op->value[1] != 0 && ++op->position > RETRIES) {
        log_error("%s is not there: status %d", start_mounts[op->value[1]].path, message->status);
        return start_next(vfs, op);
    }
    /* Not running yet: try again. */
    op->step = START_MOUNT;
    op->wait = WAIT_POLL;
    operation_set_deadline(vfs, op, sys_uptime() + RETRY_NS);
    return PENDING;
}

static int64_t start_directory(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    const char *name = start_mounts[op->value[1]].name;
    uint32_t mount = vnode_at(op->walk.directory)->mount;
    uint32_t covered;

    if (message->status == 0 && op->step == START_LOOKED_UP) {
        covered = vnode_from_lookup(vfs, mount, message);
    } else if (message->status == 0) {
        struct fs_mkdir_reply reply;

        fs_mkdir_reply_get(message, &reply);
        struct vnode_facts facts = {
            .mount = mount, .inode = reply.inode, .mode = S_IFDIR | 0755, .nlink = 2, .mtime_ns = reply.mtime_ns, .has_attributes = true
        };

        covered = vnode_get(vfs, &facts);
    } else if (op->step == START_LOOKED_UP && message->status == -ENOENT) {
        return start_make(vfs, op);
    } else {
        return start_next(vfs, op);
    }
    name_enter(vfs, op->walk.directory, name, (uint32_t)strlen(name), covered);
    return start_mount(vfs, op, covered);
}

int64_t start_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    switch (op->step) {
    case START_MOUNT:
        return start_mount(vfs, op, op->vnode[0]);
    case START_MOUNTED:
        return start_mounted(vfs, op, reply);
    default:
        return start_directory(vfs, op, reply);
    }
}

void mount_start(struct vfs_state *vfs)
{
    struct operation op;

    vfs->start_step = START_ROOT;
    vfs->anonymous_mount = mount_take(vfs, ENDPOINT_NONE, "anonymous", "none", "", 0);
    operation_begin_for(&op, OPERATION_START, 0);
    operation_run_parked(vfs, &op);
}

/* ---- mount(2). argument: 0 source, 1 target, 2 type, 3 flags, 4 data. vnode[1]: target, which path_build climbs from
 * in vnode[0]. value[0]: mount, value[1]: data length ---- */

enum { STEP_START, STEP_WALK, STEP_REPLY, STEP_PATH };

static endpoint_t server_of(const char *type)
{
    static const struct {
        const char *type;
        endpoint_t server;
    } types[] = { { "tmpfs", ENDPOINT_TMPFS },
                  { "ramfs", ENDPOINT_TMPFS },
                  { "proc", ENDPOINT_PROCFS },
                  { "devtmpfs", ENDPOINT_DEVFS },
                  { "devfs", ENDPOINT_DEVFS } };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].type, type) == 0)
            return types[i].server;
    }
    return ENDPOINT_NONE;
}

/* A short string of the caller; empty if the address is 0, cut if it is too long. */
static int copy_short(const struct operation *op, uint64_t address, char *to, size_t room)
{
    int length;

    to[0] = '\0';
    if (address == 0)
        return 0;
    length = sys_copy_string(op->caller, address, to, room);
    if (length == -ENAMETOOLONG) {
        to[room - 1] = '\0';
        return 0;
    }
    return length < 0 ? length : 0;
}

/* Option text of the caller, for the file server; none if it cannot be read. */
static void copy_data(struct operation *record)
{
    int length = 0;

    if (record->argument[4] != 0)
        length = sys_copy_string_anew(record->caller, record->argument[4], operation_text(record, 1), PATH_MAX);
    record->value[1] = length > 0 ? (uint64_t)length : 0;
}

/* The path is known: ask the server for the tree. */
static int64_t mount_send(struct vfs_state *vfs, struct operation *op)
{
    uint32_t flags = (uint32_t)op->argument[3];
    char type[16], source[32], path[128];
    uint64_t length = PATH_MAX - op->position;
    struct operation *record;
    uint32_t index;

    if (copy_short(op, op->argument[2], type, sizeof(type)) != 0 || copy_short(op, op->argument[0], source, sizeof(source)) != 0)
        return -EFAULT;
    if (length > sizeof(path) - 1)
        length = sizeof(path) - 1;
    memcpy(path, operation_text(op, 1) + op->position, length);
    path[length] = '\0';
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    copy_data(record);
    index = mount_take(vfs, server_of(type), type, source[0] != '\0' ? source : "none", path, flags & KEPT_FLAGS);
    return send_mount(record, index, &vfs->mounts[index], (uint32_t)record->value[1], STEP_REPLY);
}

static int64_t mount_walked(struct vfs_state *vfs, struct operation *op)
{
    uint32_t flags = (uint32_t)op->argument[3];
    char type[16];
    int64_t result;

    if (operation_process(op)->euid != 0)
        return -EPERM;
    if (flags & MS_REMOUNT) {
        struct mount *mount = vnode_mount(vfs, op->walk.node);

        if (mount->root != op->walk.node)
            return -EINVAL;
        mount->flags = flags & KEPT_FLAGS;
        return 0;
    }
    if (flags & (MS_BIND | MS_MOVE))
        return -EINVAL;
    if (copy_short(op, op->argument[2], type, sizeof(type)) != 0)
        return -EFAULT;
    if (server_of(type) == ENDPOINT_NONE)
        return -ENODEV;
    if (!mode_is(vnode_at(op->walk.node)->mode, S_IFDIR))
        return -ENOTDIR;
    op->text_bytes[0] = op->text_bytes[1] = PATH_MAX;
    operation_set_vnode(vfs, op, &op->vnode[1], op->walk.node);
    path_build_begin(vfs, op, op->walk.node);
    op->step = STEP_PATH;
    result = path_build(vfs, op, NULL);
    return result != 0 ? result : mount_send(vfs, op);
}

int64_t mount_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_REPLY) {
        if (reply->status != 0) {
            vfs->mounts[op->value[0]].id = 0;
            return reply->status == -ESRVRESTART || reply->status == -EDEADSRCDST ? -EIO : reply->status;
        }
        return mount_place(vfs, (uint32_t)op->value[0], op->vnode[1], reply);
    }
    if (op->step == STEP_PATH) {
        result = path_build(vfs, op, reply);
        return result != 0 ? result : mount_send(vfs, op);
    }
    if (op->step == STEP_START) {
        uint32_t used = 0;

        for (uint32_t i = 1; i < MOUNTS; i++)
            used += vfs->mounts[i].id != 0;
        if (used >= MOUNTS - 2)
            return -ENOMEM;
        result = walk_begin(vfs, op, 0, AT_FDCWD, op->argument[1], WALK_FOLLOW);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    return result != 0 ? result : mount_walked(vfs, op);
}

int vfs_linux_mount(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_MOUNT) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}

/* ---- umount2. argument: 0 target, 1 flags. ---- */

static int64_t unmount_walked(struct vfs_state *vfs, struct operation *op)
{
    uint32_t root = op->walk.node;
    uint32_t index = vnode_at(root)->mount;
    struct mount *mount = &vfs->mounts[index];
    uint32_t in_use;

    if (operation_process(op)->euid != 0)
        return -EPERM;
    if (mount->root != root || mount->covered == 0)
        return -EINVAL;
    operation_set_vnode(vfs, op, &op->walk.node, 0);
    operation_set_vnode(vfs, op, &op->walk.directory, 0);
    in_use = vnode_count_used(vfs, index);
    if ((in_use != 1 || vnode_at(root)->references != 1) && !(op->argument[1] & MNT_DETACH))
        return -EBUSY;
    vnode_at(mount->covered)->covering = 0;
    vnode_release(vfs, mount->covered);
    mount->covered = 0;
    mount->is_detached = 1;
    vnode_purge_mount(vfs, index);
    /* With its last node the mount goes. */
    vnode_release(vfs, root);
    return 0;
}

int64_t unmount_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_START) {
        if (op->argument[1] & ~(uint64_t)(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
            return -EINVAL;
        result = walk_begin(vfs, op, 0, AT_FDCWD, op->argument[0], op->argument[1] & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    return result != 0 ? result : unmount_walked(vfs, op);
}

int vfs_linux_umount2(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_UNMOUNT) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}

/* ---- /proc/mounts ---- */

int vfs_handle_mounts(struct vfs_state *vfs, struct call *call, const struct vfs_mounts_request *request, struct vfs_mounts_reply *reply)
{
    char line[256];
    uint32_t used = 0;

    for (uint32_t i = 1; i < MOUNTS; i++) {
        const struct mount *mount = &vfs->mounts[i];
        int length;

        if (mount->id == 0 || mount->is_detached || i == vfs->anonymous_mount)
            continue;
        length = format_string(line, sizeof(line), "%s %s %s %s%s%s%s 0 0\n", mount->source, mount->path, mount->type,
                               mount->flags & MS_RDONLY ? "ro" : "rw", mount->flags & MS_NOSUID ? ",nosuid" : "",
                               mount->flags & MS_NODEV ? ",nodev" : "", mount->flags & MS_NOEXEC ? ",noexec" : "");
        if (used + (uint32_t)length > request->room)
            break;
        if (sys_safecopyto(call->caller, request->text, used, line, (size_t)length) != 0)
            return -EFAULT;
        used += (uint32_t)length;
    }
    reply->length = used;
    return 0;
}

/* ---- sync ---- */

static void store_dirty(struct vfs_state *vfs)
{
    for (uint32_t vnode = 1; vnode < vfs->vnode_pool.top; vnode++) {
        if (tables.vnodes[vnode].mount != 0 && outbox_room(outbox_default()) > 64)
            vnode_store(vfs, vnode);
    }
}

int vfs_linux_sync(struct vfs_state *vfs, struct call *call)
{
    (void)call;
    store_dirty(vfs);
    return 0;
}

static int sync_file(struct vfs_state *vfs, struct call *call, bool is_whole)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t file = process == 0 ? 0 : fd_file(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0));

    if (file == 0 || file_at(file)->kind == FILE_PATH)
        return -EBADF;
    if (is_whole) {
        store_dirty(vfs);
        return 0;
    }
    if (file_at(file)->kind == FILE_OBJECT)
        vnode_store(vfs, file_at(file)->vnode);
    return file_at(file)->kind == FILE_OBJECT || file_at(file)->kind == FILE_SERVER || file_at(file)->kind == FILE_DIRECTORY ? 0 : -EINVAL;
}

int vfs_linux_fsync(struct vfs_state *vfs, struct call *call)
{
    return sync_file(vfs, call, false);
}

int vfs_linux_fdatasync(struct vfs_state *vfs, struct call *call)
{
    return sync_file(vfs, call, false);
}

int vfs_linux_syncfs(struct vfs_state *vfs, struct call *call)
{
    return sync_file(vfs, call, true);
}
