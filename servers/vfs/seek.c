/* SPDX-License-Identifier: MIT */
/*
 * lseek, sendfile, fadvise64, fallocate.
 */
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/syscalls.h"

#include "attribute.h"
#include "file.h"
#include "io.h"
#include "object.h"
#include "pipe.h"
#include "process.h"

static struct process *caller_of(struct vfs_state *vfs, struct call *call)
{
    uint32_t index = process_find(vfs, call->caller);

    return index == 0 ? NULL : &tables.processes[index];
}

static int64_t new_position(const struct file *file, int64_t offset, uint32_t whence)
{
    const struct vnode *node = &tables.vnodes[file->vnode];
    bool has_size = file->kind == FILE_OBJECT || file->kind == FILE_SERVER;
    int64_t base;

    switch (whence) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = (int64_t)file->position;
        break;
    case SEEK_END:
        base = has_size ? (int64_t)node->size : 0;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (!has_size)
            return -EINVAL;
        if (offset < 0 || offset >= (int64_t)node->size)
            return -ENXIO;
        return whence == SEEK_DATA ? offset : (int64_t)node->size;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &base))
        return -EOVERFLOW;
    return base < 0 ? -EINVAL : base;
}

int vfs_linux_lseek(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);
    uint32_t index;
    struct file *file;
    int64_t position;

    if (process == NULL)
        return -ESRCH;
    index = fd_file(vfs, process, (int32_t)linux_argument(call, 0));
    file = file_at(index);
    if (index == 0 || file->kind == FILE_PATH)
        return -EBADF;
    if ((uint32_t)linux_argument(call, 2) > SEEK_HOLE)
        return -EINVAL;
    if (file->kind == FILE_PIPE || file->kind == FILE_EVENT || file->kind == FILE_EPOLL || file->kind == FILE_SOCKET)
        return -ESPIPE;
    if (file->kind == FILE_DEVICE) {
        uint32_t major = vfs->devices[file->thing].number >> 20;

        if (major != 1)
            return -ESPIPE;
        /* null and zero have no position. */
        call_result(call, 0);
        return 0;
    }
    position = new_position(file, (int64_t)linux_argument(call, 1), (uint32_t)linux_argument(call, 2));
    if (position < 0)
        return (int)position;
    file->position = (uint64_t)position;
    call_result(call, position);
    return 0;
}

int vfs_linux_fadvise64(struct vfs_state *vfs, struct call *call)
{
    struct process *process = caller_of(vfs, call);
    uint32_t index;

    if (process == NULL)
        return -ESRCH;
    index = fd_file(vfs, process, (int32_t)linux_argument(call, 0));
    if (index == 0 || file_at(index)->kind == FILE_PATH)
        return -EBADF;
    if (file_at(index)->kind == FILE_PIPE)
        return -ESPIPE;
    if ((int64_t)linux_argument(call, 2) < 0 || (uint32_t)linux_argument(call, 3) > 5)
        return -EINVAL;
    return 0;
}

/* ---- sendfile: file contents to anything that takes them from VFS's own memory: files, pipes ---- */

/* argument: 0 out, 1 in, 2 offset address, 3 count. file[0] out, file[1] in. position: in the input. */
enum { STEP_START, STEP_OBJECT_IN, STEP_OBJECT_OUT, STEP_TRANSFER };

static int64_t sendfile_finish(struct vfs_state *vfs, struct operation *op, int64_t result)
{
    uint64_t position = op->position + op->done;

    (void)vfs;
    if (op->done != 0)
        result = (int64_t)op->done;
    if (op->argument[2] == 0)
        file_at(op->file[1])->position = position;
    else if (sys_copy_to(op->caller, op->argument[2], &position, sizeof(position)) != 0)
        return -EFAULT;
    return result;
}

static int64_t to_object(struct vfs_state *vfs, struct operation *op, uint64_t source, uint64_t length)
{
    struct file *out = file_at(op->file[0]);
    uint64_t position = out->flags & O_APPEND ? vnode_at(out->vnode)->size : out->position;
    int64_t result = object_write_limit(vfs, operation_process(op), position, length);

    if (result > 0)
        result = object_write(vfs, out->vnode, ENDPOINT_SELF, source, (uint64_t)result, position);
    if (result > 0)
        out->position = position + (uint64_t)result;
    return result;
}

static int64_t sendfile_transfer(struct vfs_state *vfs, struct operation *op)
{
    struct file *out = file_at(op->file[0]);
    uint32_t in_vnode = file_at(op->file[1])->vnode;
    int64_t result = 0;

    while (op->done < op->argument[3]) {
        uint64_t position = op->position + op->done;
        uint64_t length = op->argument[3] - op->done;
        uint64_t window = vnode_window(vfs, in_vnode);

        if (position >= vnode_at(in_vnode)->size)
            break;
        if (length > vnode_at(in_vnode)->size - position)
            length = vnode_at(in_vnode)->size - position;
        if (window == 0)
            return -EIO;
        if (out->kind == FILE_OBJECT)
            result = to_object(vfs, op, window + position, length);
        else
            result = pipe_write(vfs, out->thing, ENDPOINT_SELF, window + position, length, false);
        if (result == -EAGAIN) {
            struct operation *record;

            if (op->is_cancelled || (out->flags & O_NONBLOCK))
                return sendfile_finish(vfs, op, op->is_cancelled ? -ERESTARTSYS : -EAGAIN);
            record = operation_record(vfs, op);
            return record == NULL ? PENDING : operation_sleep(vfs, record, QUEUE_PIPE_WRITE, out->thing, STEP_TRANSFER);
        }
        if (result <= 0)
            break;
        op->done += (uint64_t)result;
    }
    return sendfile_finish(vfs, op, result < 0 ? result : 0);
}

static int64_t sendfile_start(struct vfs_state *vfs, struct operation *op)
{
    const struct process *process = operation_process(op);
    uint32_t in = fd_file(vfs, process, (int32_t)op->argument[1]);
    uint32_t out = fd_file(vfs, process, (int32_t)op->argument[0]);

    if (in == 0 || !file_can_read(file_at(in)) || out == 0 || !file_can_write(file_at(out)))
        return -EBADF;
    if (file_at(in)->kind != FILE_OBJECT || (file_at(out)->kind != FILE_OBJECT && file_at(out)->kind != FILE_PIPE))
        return -EINVAL;
    if (file_at(out)->kind == FILE_OBJECT && ((file_at(out)->flags & O_APPEND) || file_at(out)->vnode == file_at(in)->vnode))
        return -EINVAL;
    op->position = file_at(in)->position;
    if (op->argument[2] != 0 && sys_copy_from(op->caller, op->argument[2], &op->position, sizeof(op->position)) != 0)
        return -EFAULT;
    if ((int64_t)op->position < 0 || (int64_t)op->argument[3] < 0)
        return -EINVAL;
    if (op->argument[3] > TURN_BYTES)
        op->argument[3] = TURN_BYTES; /* the caller asks again for the rest (sendfile(2)) */
    operation_set_file(vfs, op, &op->file[0], out);
    operation_set_file(vfs, op, &op->file[1], in);
    return io_wait_if_busy(vfs, op, out);
}

int64_t sendfile_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result = 0;

    if (op->step == STEP_START)
        result = sendfile_start(vfs, op);
    else if (op->step == STEP_OBJECT_IN)
        result = object_got(file_at(op->file[1])->vnode, reply);
    else if (op->step == STEP_OBJECT_OUT)
        result = object_got(file_at(op->file[0])->vnode, reply);
    if (result != 0)
        return result;
    if (vnode_at(file_at(op->file[1])->vnode)->size != 0) {
        result = object_ensure(vfs, op, file_at(op->file[1])->vnode, STEP_OBJECT_IN);
        if (result != 0)
            return result;
    }
    if (file_at(op->file[0])->kind == FILE_OBJECT) {
        result = object_ensure(vfs, op, file_at(op->file[0])->vnode, STEP_OBJECT_OUT);
        if (result != 0)
            return result;
    }
    return sendfile_transfer(vfs, op);
}

int vfs_linux_sendfile(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_SENDFILE) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}

/* ---- fallocate ---- */

/* argument: 0 fd, 1 mode, 2 offset, 3 length. done: bytes that have their pages. */
enum { ALLOCATE_TURN = 8 * TURN_BYTES }; /* nothing is copied */

static int64_t allocate_pages(struct vfs_state *vfs, struct operation *op, uint32_t vnode)
{
    uint64_t left = op->argument[3] - op->done, end = op->argument[2] + op->argument[3];
    uint64_t length = left < ALLOCATE_TURN ? left : ALLOCATE_TURN;
    int64_t result = object_reserve(vfs, vnode, op->argument[2] + op->done, length);

    if (result < 0 || (uint64_t)result < length) {
        if (!op->is_long)
            object_give_back(vnode);
        return -ENOSPC;
    }
    op->done += length;
    if (length < left)
        return io_next_turn(vfs, op, STEP_TRANSFER);
    if (end > vnode_at(vnode)->size)
        vnode_at(vnode)->size = end;
    vnode_touch_modified(vnode_at(vnode));
    return 0;
}

int64_t allocate_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    uint32_t vnode;
    int64_t result;

    if (op->step == STEP_START) {
        uint32_t file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);

        if (file == 0 || !file_can_write(file_at(file)))
            return -EBADF;
        if ((int64_t)op->argument[2] < 0 || (int64_t)op->argument[3] <= 0)
            return -EINVAL;
        if (op->argument[1] != 0)
            return -EOPNOTSUPP;
        if (file_at(file)->kind == FILE_PIPE)
            return -ESPIPE;
        if (file_at(file)->kind != FILE_OBJECT)
            return -ENODEV;
        if (op->argument[2] + op->argument[3] > FILE_BYTES_MAX)
            return -EFBIG;
        result = io_wait_if_busy(vfs, op, file);
        if (result != 0)
            return result;
        operation_set_file(vfs, op, &op->file[0], file);
    }
    vnode = file_at(op->file[0])->vnode;
    if (op->step == STEP_OBJECT_IN) {
        result = object_got(vnode, reply);
        if (result != 0)
            return result;
    }
    result = object_ensure(vfs, op, vnode, STEP_OBJECT_IN);
    if (result != 0)
        return result;
    return allocate_pages(vfs, op, vnode);
}

int vfs_linux_fallocate(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_ALLOCATE) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}
