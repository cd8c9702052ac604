/* SPDX-License-Identifier: MIT */
/*
 * What PM, VM and procfs ask: a program file to execute, the object behind a descriptor, what a process has open.
 */
#include "exec.h"

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "sys/grant.h"
#include "sys/outbox.h"
#include "sys/service.h"

#include "file.h"
#include "object.h"
#include "open.h"
#include "path.h"
#include "process.h"
#include "protocols/vfs_client.h"
#include "protocols/vfs_server.h"
#include "walk.h"

enum { STEP_START, STEP_WALK, STEP_OBJECT, STEP_BUILD };

/* ---- exec_open. argument: 0 process, 1 path grant, 2 path length, 3 header grant, 4 header room, 5 requester. vnode[0]. value[0]: header length. ---- */

void executable_release(struct vfs_state *vfs, uint32_t vnode)
{
    if (vnode == 0)
        return;
    vnode_at(vnode)->executing--;
    vnode_release(vfs, vnode);
}

/* The first process of all: its descriptors 0, 1 and 2 are the console. */
int64_t console_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    static const char name[] = "/dev/console";
    int64_t result;

    if (op->step == STEP_START) {
        memcpy(operation_text(op, 0), name, sizeof(name));
        op->argument[2] = O_RDWR;
        result = open_begin_text(vfs, op, sizeof(name) - 1);
        if (result != 0)
            return result;
    }
    result = open_run(vfs, op, reply);
    if (result == PENDING)
        return PENDING;
    for (int fd = 1; result == 0 && fd < 3; fd++)
        fd_install(vfs, operation_process(op), fd_file(vfs, operation_process(op), 0), (uint32_t)fd, false);
    operation_wake_all(vfs, &vfs->boot_queue);
    return result;
}

static int64_t first_process(struct vfs_state *vfs, struct operation *op)
{
    uint32_t process = process_create_first(vfs, (endpoint_t)op->argument[0]);
    struct operation console;

    if (process == 0)
        return -ENOMEM;
    operation_begin_for(&console, OPERATION_CONSOLE, process);
    console.caller = (endpoint_t)op->argument[0];
    console.is_text = 1;
    console.is_silent = 1;
    operation_sleep(vfs, op, QUEUE_BOOT, 0, STEP_START);
    operation_start(vfs, &console);
    return PENDING;
}

static int64_t exec_start(struct vfs_state *vfs, struct operation *op)
{
    uint32_t length = (uint32_t)op->argument[2];
    char *text;

    if (vfs->start_step != START_DONE)
        return operation_sleep(vfs, op, QUEUE_BOOT, 0, STEP_START);
    op->process = process_find(vfs, (endpoint_t)op->argument[0]);
    if (op->process == 0)
        return first_process(vfs, op);
    operation_process(op)->operation = op->index;
    if (operation_need_text(vfs, op) != 0)
        return PENDING;
    if (length > PATH_MAX)
        return -ENAMETOOLONG;
    text = operation_text(op, 0);
    if (sys_safecopyfrom((endpoint_t)op->argument[5], (grant_t)op->argument[1], 0, text, length) != 0)
        return -EFAULT;
    while (length != 0 && text[length - 1] == '\0')
        length--;
    if (length == PATH_MAX)
        return -ENAMETOOLONG;
    op->step = STEP_WALK;
    return walk_begin_text(vfs, op, 0, length, WALK_FOLLOW);
}

static int64_t exec_check(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *node = vnode_at(op->walk.node);

    operation_set_vnode(vfs, op, &op->vnode[0], op->walk.node);
    if (!mode_is(node->mode, S_IFREG) || (vnode_mount(vfs, op->vnode[0])->flags & MS_NOEXEC))
        return -EACCES;
    if (permission_check(operation_process(op), node, X_OK, false) != 0)
        return -EACCES;
    if (node->writers != 0)
        return -ETXTBSY;
    return node->flags & VNODE_OBJECT ? 0 : -EACCES;
}

static int64_t exec_header(struct vfs_state *vfs, struct operation *op)
{
    struct vnode *node = vnode_at(op->vnode[0]);
    uint64_t length = node->size < op->argument[4] ? node->size : op->argument[4];
    uint64_t window = length != 0 ? vnode_window(vfs, op->vnode[0]) : 1;

    if (window == 0)
        return -EIO;
    if (length != 0 && sys_safecopyto((endpoint_t)op->argument[5], (grant_t)op->argument[3], 0, (const void *)window, length) != 0)
        return -EFAULT;
    op->value[0] = length;
    return 0;
}

int64_t exec_open_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result = 0;

    if (op->step == STEP_START) {
        result = exec_start(vfs, op);
        if (result != 0)
            return result;
    }
    if (op->step == STEP_WALK) {
        result = walk_run(vfs, op, reply);
        if (result == 0)
            result = exec_check(vfs, op);
    } else if (op->step == STEP_OBJECT) {
        result = object_got(op->vnode[0], reply);
    }
    if (result != 0)
        return result;
    if (vnode_at(op->vnode[0])->size != 0) {
        result = object_ensure(vfs, op, op->vnode[0], STEP_OBJECT);
        if (result != 0)
            return result;
    }
    return exec_header(vfs, op);
}

void exec_open_answer(struct vfs_state *vfs, struct operation *op, int64_t result)
{
    struct vfs_exec_open_reply reply = { 0 };
    struct process *process = operation_process(op);
    struct vnode *node = vnode_at(op->vnode[0]);

    if (op->is_abandoned)
        result = -ESRCH;
    if (result == 0) {
        executable_release(vfs, process->pending_executable);
        process->pending_executable = op->vnode[0];
        vnode_acquire(op->vnode[0]);
        node->executing++;
        reply.object = node->object;
        reply.mode = node->mode;
        reply.uid = node->uid;
        reply.gid = node->gid;
        reply.header_length = (uint32_t)op->value[0];
        reply.mount_flags = vnode_mount(vfs, op->vnode[0])->flags;
        reply.size = node->size;
    }
    vfs_reply_exec_open(outbox_default(), (endpoint_t)op->argument[5], op->transaction, (int)result, &reply);
}

int vfs_handle_exec_open(struct vfs_state *vfs, struct call *call, const struct vfs_exec_open_request *request,
                         struct vfs_exec_open_reply *reply)
{
    struct operation op;

    (void)reply;
    operation_begin_for(&op, OPERATION_EXEC_OPEN, 0);
    op.caller = request->process;
    op.type = call->type;
    op.transaction = call->transaction;
    op.argument[0] = (uint64_t)request->process;
    op.argument[1] = (uint64_t)request->path;
    op.argument[2] = request->path_length;
    op.argument[3] = (uint64_t)request->header;
    op.argument[4] = request->header_room;
    op.argument[5] = (uint64_t)call->caller;
    return operation_run_parked(vfs, &op);
}

int vfs_handle_exec_done(struct vfs_state *vfs, struct call *call, const struct vfs_exec_done_request *request)
{
    uint32_t index = process_find(vfs, request->process);
    struct process *process = &tables.processes[index];
    uint32_t executable = process->pending_executable;

    (void)call;
    if (index == 0)
        return -ESRCH;
    process->pending_executable = 0;
    if (!request->success) {
        executable_release(vfs, executable);
        return 0;
    }
    if (executable != 0) {
        /* ETXTBSY only while it is being loaded: the object is mapped privately afterwards. */
        vnode_at(executable)->executing--;
        vnode_release(vfs, process->executable);
        process->executable = executable;
    }
    process->euid = request->euid;
    process->egid = request->egid;
    fd_exec(vfs, process);
    operation_run_ready(vfs);
    return 0;
}

/* ---- mmap_file. argument: 0 fd, 1 protection, 2 flags, 5 requester. vnode[0]; 0: anonymous memory. ---- */

enum { PROTECTION_WRITE = 2, PROTECTION_EXECUTE = 4, MAP_SHARED = 1 };

static int64_t mmap_check(struct vfs_state *vfs, struct operation *op)
{
    uint32_t index = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);
    struct file *file = file_at(index);

    if (index == 0 || file->kind == FILE_PATH)
        return -EBADF;
    if (file->kind == FILE_DEVICE)
        return vfs->devices[file->thing].number == device_make(1, 5) ? 0 : -ENODEV;
    if (!file_can_read(file))
        return -EACCES;
    if ((op->argument[2] & MAP_SHARED) && (op->argument[1] & PROTECTION_WRITE) && (!file_can_write(file) || (file->flags & O_APPEND)))
        return -EACCES;
    if ((op->argument[1] & PROTECTION_EXECUTE) && (vnode_mount(vfs, file->vnode)->flags & MS_NOEXEC))
        return -EPERM;
    if (file->kind != FILE_OBJECT)
        return -ENODEV;
    operation_set_vnode(vfs, op, &op->vnode[0], file->vnode);
    return object_ensure(vfs, op, file->vnode, STEP_OBJECT);
}

int64_t mmap_file_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    return op->step == STEP_OBJECT ? object_got(op->vnode[0], reply) : mmap_check(vfs, op);
}

void mmap_file_answer(struct vfs_state *vfs, struct operation *op, int64_t result)
{
    struct vfs_mmap_file_reply reply = { 0 };
    struct vnode *node = vnode_at(op->vnode[0]);

    (void)vfs;
    if (result == 0 && op->vnode[0] != 0) {
        reply.object = node->object;
        reply.vnode = op->vnode[0];
        reply.size = node->size;
        reply.device = node->mount;
        reply.inode = node->inode;
    }
    vfs_reply_mmap_file(outbox_default(), (endpoint_t)op->argument[5], op->transaction, (int)result, &reply);
}

int vfs_handle_mmap_file(struct vfs_state *vfs, struct call *call, const struct vfs_mmap_file_request *request,
                         struct vfs_mmap_file_reply *reply)
{
    uint32_t process = process_find(vfs, request->process);
    struct operation op;

    (void)reply;
    if (process == 0)
        return -EBADF;
    operation_begin_for(&op, OPERATION_MMAP_FILE, process);
    op.caller = request->process;
    op.type = call->type;
    op.transaction = call->transaction;
    op.argument[0] = (uint64_t)(int64_t)request->fd;
    op.argument[1] = request->protection;
    op.argument[2] = request->flags;
    op.argument[5] = (uint64_t)call->caller;
    return operation_run_parked(vfs, &op);
}

/* ---- describe. argument: 0 process index, 1 what, 2 fd, 3 grant, 4 room, 5 requester. value[0]: fd, value[1]: length. file[0]. ---- */

enum { DESCRIBE_LIST, DESCRIBE_DESCRIPTOR, DESCRIBE_CWD, DESCRIBE_ROOT, DESCRIBE_EXECUTABLE };

static int64_t describe_give(struct operation *op, const char *text, uint64_t length)
{
    if (length > op->argument[4])
        length = op->argument[4];
    op->value[1] = length;
    return sys_safecopyto((endpoint_t)op->argument[5], (grant_t)op->argument[3], 0, text, length) == 0 ? 0 : -EFAULT;
}

/* The text of what has no path; NULL: it has one. */
static const char *special_name(const struct file *file, char *room, size_t size)
{
    switch (file->kind) {
    case FILE_PIPE:
        if (!(vnode_at(file->vnode)->flags & VNODE_ANONYMOUS))
            return NULL;
        format_string(room, size, "pipe:[%u]", vnode_at(file->vnode)->inode);
        return room;
    case FILE_SOCKET:
        format_string(room, size, "socket:[%u]", vnode_at(file->vnode)->inode);
        return room;
    case FILE_EVENT:
        return "anon_inode:[eventfd]";
    case FILE_EPOLL:
        return "anon_inode:[eventpoll]";
    default:
        return NULL;
    }
}

/* One u32 for each open descriptor. */
static int64_t describe_list(struct vfs_state *vfs, struct operation *op, const struct process *process)
{
    uint32_t *list = (uint32_t *)operation_text(op, 0);
    uint32_t count = 0;

    for (int fd = fd_next(vfs, process, 0); fd >= 0 && count < 2 * PATH_MAX / sizeof(*list); fd = fd_next(vfs, process, fd + 1))
        list[count++] = (uint32_t)fd;
    return describe_give(op, (const char *)list, count * sizeof(*list));
}

static int64_t describe_start(struct vfs_state *vfs, struct operation *op)
{
    const struct process *process = &tables.processes[op->argument[0]];
    uint32_t vnode = 0;

    if (operation_need_text(vfs, op) != 0)
        return PENDING;
    switch (op->argument[1]) {
    case DESCRIBE_LIST:
        return describe_list(vfs, op, process);
    case DESCRIBE_DESCRIPTOR: {
        uint32_t file = fd_file(vfs, process, (int32_t)op->argument[2]);
        const char *name;
        char room[32];

        if (file == 0)
            return -EBADF;
        op->value[0] = op->argument[2];
        operation_set_file(vfs, op, &op->file[0], file);
        name = special_name(file_at(file), room, sizeof(room));
        if (name != NULL)
            return describe_give(op, name, strlen(name));
        vnode = file_at(file)->vnode;
        break;
    }
    case DESCRIBE_CWD:
        vnode = process_cwd(vfs, process);
        break;
    case DESCRIBE_ROOT:
        vnode = process_root(vfs, process);
        break;
    case DESCRIBE_EXECUTABLE:
        vnode = process->executable;
        break;
    default:
        return -EINVAL;
    }
    if (vnode == 0)
        return -ENOENT;
    path_build_begin(vfs, op, vnode);
    op->step = STEP_BUILD;
    return 0;
}

int64_t describe_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    if (op->step == STEP_START) {
        result = describe_start(vfs, op);
        if (result != 0 || op->step != STEP_BUILD)
            return result;
    }
    result = path_build(vfs, op, reply);
    if (result != 0)
        return result;
    return describe_give(op, operation_text(op, 1) + op->position, PATH_MAX - op->position);
}

void describe_answer(struct vfs_state *vfs, struct operation *op, int64_t result)
{
    struct vfs_describe_reply reply = { .length = (uint32_t)op->value[1], .fd = (int32_t)op->value[0] };

    (void)vfs;
    if (result == 0 && op->file[0] != 0) {
        reply.flags = file_at(op->file[0])->flags;
        reply.mode = vnode_at(file_at(op->file[0])->vnode)->mode;
        reply.position = file_at(op->file[0])->position;
    }
    vfs_reply_describe(outbox_default(), (endpoint_t)op->argument[5], op->transaction, (int)result, &reply);
}

int vfs_handle_describe(struct vfs_state *vfs, struct call *call, const struct vfs_describe_request *request,
                        struct vfs_describe_reply *reply)
{
    uint32_t process = process_find(vfs, request->process);
    struct operation op;

    (void)reply;
    if (process == 0)
        return -ESRCH;
    operation_begin_for(&op, OPERATION_DESCRIBE, 0);
    op.caller = request->process;
    op.type = call->type;
    op.transaction = call->transaction;
    op.argument[0] = process;
    op.argument[1] = request->what;
    op.argument[2] = (uint64_t)(int64_t)request->fd;
    op.argument[3] = (uint64_t)request->text;
    op.argument[4] = request->room;
    op.argument[5] = (uint64_t)call->caller;
    return operation_run_parked(vfs, &op);
}
