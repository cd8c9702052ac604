/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing. A call is a list of pieces (one, or an iovec); op->done counts over all of them. Cached files, pipes and eventfds
 * are served at once; file servers and drivers get a magic grant to the caller's memory, one piece at a time.
 */
#include "io.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/outbox.h"
#include "sys/service.h"
#include "sys/syscalls.h"

#include "device.h"
#include "file.h"
#include "object.h"
#include "pipe.h"
#include "process.h"
#include "protocols/char_client.h"
#include "protocols/fs_client.h"
#include "protocols/pm_client.h"
#include "socket.h"

/* argument: 0 fd, 1 buffer or vector, 2 length or count, 3 offset. value[0]: enum io_form bits. file[0]: the file. value[1]: retries. */
enum io_form { FORM_VECTOR = 1, FORM_POSITION = 2, FORM_DONTWAIT = 4, FORM_NOSIGNAL = 8, FORM_PEEK = 16 };
enum { STEP_START, STEP_OBJECT, STEP_TRANSFER, STEP_SERVER, STEP_DEVICE };
enum { TRANSFER_MAX = 0x7ffff000, PIPE_ATOMIC = 4096 };

/* The pieces of the call at hand; read again from the caller when it goes on after a wait. */
SERVICE_DERIVED static struct linux_iovec pieces[IOV_MAX];
SERVICE_DERIVED static uint32_t piece_count;

static int64_t load_pieces(struct operation *op)
{
    uint64_t total = 0;

    if (!(op->value[0] & FORM_VECTOR)) {
        pieces[0].base = op->argument[1];
        pieces[0].length = op->argument[2];
        piece_count = 1;
    } else {
        if (op->argument[2] > IOV_MAX)
            return -EINVAL;
        piece_count = (uint32_t)op->argument[2];
        if (piece_count != 0 && sys_copy_from(op->caller, op->argument[1], pieces, piece_count * sizeof(pieces[0])) != 0)
            return -EFAULT;
    }
    for (uint32_t i = 0; i < piece_count; i++) {
        if ((int64_t)pieces[i].length < 0 || (int64_t)(total + pieces[i].length) < 0)
            return -EINVAL;
        if (pieces[i].length > TRANSFER_MAX - total)
            pieces[i].length = TRANSFER_MAX - total;
        total += pieces[i].length;
    }
    return (int64_t)total;
}

/* The rest of the piece where `done` bytes end, as much of it as a turn may have. False: all is done. */
static bool next_piece(uint64_t done, struct linux_iovec *piece)
{
    for (uint32_t i = 0; i < piece_count; i++) {
        if (done < pieces[i].length) {
            piece->base = pieces[i].base + done;
            piece->length = pieces[i].length - done;
            if (piece->length > TURN_BYTES)
                piece->length = TURN_BYTES;
            return true;
        }
        done -= pieces[i].length;
    }
    return false;
}

static bool is_write(const struct operation *op)
{
    return op->kind == OPERATION_WRITE;
}

static int64_t finish(struct vfs_state *vfs, struct operation *op, int64_t result)
{
    struct file *file = file_at(op->file[0]);

    if (op->done != 0)
        result = (int64_t)op->done;
    if (result == -EPIPE && is_write(op) && !(op->value[0] & FORM_NOSIGNAL)) {
        struct pm_signal_thread_request request = { .process = op->caller, .signal = SIGPIPE };

        pm_call_signal_thread(ENDPOINT_PM, &request);
    }
    if (!(op->value[0] & FORM_POSITION) && op->done != 0)
        file->position = op->position + op->done;
    (void)vfs;
    return result;
}

static int64_t interrupted(const struct operation *op)
{
    return op->done != 0 ? (int64_t)op->done : -ERESTARTSYS;
}

/* ---- the kinds ---- */

static int64_t ask_server(struct vfs_state *vfs, struct operation *op, const struct linux_iovec *piece)
{
    struct operation *record = operation_record(vfs, op);
    uint32_t vnode, transaction, type = is_write(op) ? FS_WRITE : FS_READ;
    endpoint_t server;

    if (record == NULL)
        return PENDING;
    vnode = file_at(record->file[0])->vnode;
    server = vnode_mount(vfs, vnode)->server;
    transaction = operation_request(record, server, type, STEP_SERVER);
    if (is_write(record)) {
        struct fs_write_request request = {
            .inode = vnode_at(vnode)->inode, .position = record->position + record->done, .length = piece->length, .caller = record->caller
        };

        request.buffer = operation_grant_caller(record, 0, piece->base, piece->length, GRANT_READ);
        fs_send_write(outbox_default(), server, transaction, &request);
    } else {
        struct fs_read_request request = {
            .inode = vnode_at(vnode)->inode, .position = record->position + record->done, .length = piece->length, .caller = record->caller
        };

        request.buffer = operation_grant_caller(record, 0, piece->base, piece->length, GRANT_WRITE);
        fs_send_read(outbox_default(), server, transaction, &request);
    }
    return PENDING;
}

static int64_t transfer_object(struct vfs_state *vfs, struct operation *op, const struct linux_iovec *piece)
{
    struct file *file = file_at(op->file[0]);
    uint64_t position = op->position + op->done;
    int64_t length = (int64_t)piece->length;

    if (!is_write(op))
        return object_read(vfs, file->vnode, op->caller, piece->base, piece->length, position);
    length = object_write_limit(vfs, operation_process(op), position, piece->length);
    if (length < 0)
        return length;
    if (op->done == 0)
        vnode_clear_suid(vfs, operation_process(op), file->vnode);
    return object_write(vfs, file->vnode, op->caller, piece->base, (uint64_t)length, position);
}

static int64_t transfer_pipe(struct vfs_state *vfs, struct operation *op, const struct linux_iovec *piece, uint64_t total)
{
    struct file *file = file_at(op->file[0]);
    uint32_t pipe = file_pipe(vfs, file, is_write(op));

    if (pipe == 0)
        return is_write(op) ? -ENOTCONN : -EINVAL;
    if (is_write(op)) {
        if (file->kind == FILE_SOCKET && (vfs->sockets[file->thing].shut & SHUT_WRITE))
            return -EPIPE;
        return pipe_write(vfs, pipe, op->caller, piece->base, piece->length,
                          total <= PIPE_ATOMIC && op->done == 0 && piece->length == total);
    }
    if (file->kind == FILE_SOCKET && (vfs->sockets[file->thing].shut & SHUT_READ))
        return 0;
    if (op->done != 0 && tables.pipes[pipe].length == 0)
        return 0;
    if (op->value[0] & FORM_PEEK)
        return op->done != 0 ? 0 : pipe_peek(vfs, pipe, op->caller, piece->base, piece->length);
    return pipe_read(vfs, pipe, op->caller, piece->base, piece->length);
}

/* Would block: sleep in the file's queue, unless it may not. */
static int64_t wait_for_file(struct vfs_state *vfs, struct operation *op)
{
    struct file *file = file_at(op->file[0]);
    struct operation *record;

    if (!is_write(op) && op->done != 0)
        return finish(vfs, op, 0);
    if ((file->flags & O_NONBLOCK) || (op->value[0] & FORM_DONTWAIT))
        return finish(vfs, op, -EAGAIN);
    if (op->is_cancelled)
        return interrupted(op);
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    if (file->kind != FILE_EVENT)
        return operation_sleep(vfs, record, is_write(record) ? QUEUE_PIPE_WRITE : QUEUE_PIPE_READ, file_pipe(vfs, file, is_write(record)),
                               STEP_TRANSFER);
    return operation_sleep(vfs, record, is_write(record) ? QUEUE_EVENT_WRITE : QUEUE_EVENT_READ, file->thing, STEP_TRANSFER);
}

/* ---- long calls: contents of files are copied in turns, and nobody else reads or writes the file meanwhile ---- */

static bool is_busy(const struct file *file)
{
    return file->kind == FILE_OBJECT && (vnode_at(file->vnode)->flags & VNODE_BUSY) != 0;
}

void io_end_long(struct vfs_state *vfs, struct operation *op)
{
    uint32_t vnode = file_at(op->file[0])->vnode;

    vnode_at(vnode)->flags &= ~(uint32_t)VNODE_BUSY;
    if (op->kind == OPERATION_ALLOCATE) /* it may have been killed, or found no room, half way */
        object_give_back(vnode);
    operation_wake_all(vfs, &vfs->busy_queue);
}

int64_t io_wait_if_busy(struct vfs_state *vfs, struct operation *op, uint32_t file)
{
    struct operation *record;

    if (!is_busy(file_at(file)))
        return 0;
    record = operation_record(vfs, op);
    return record == NULL ? PENDING : operation_sleep(vfs, record, QUEUE_BUSY, 0, STEP_START);
}

int64_t io_next_turn(struct vfs_state *vfs, struct operation *op, uint16_t step)
{
    struct operation *record = operation_record(vfs, op);

    if (record == NULL)
        return PENDING;
    record->is_long = 1;
    vnode_at(file_at(record->file[0])->vnode)->flags |= VNODE_BUSY;
    return operation_sleep(vfs, record, QUEUE_TURN, 0, step);
}

static int64_t transfer_all(struct vfs_state *vfs, struct operation *op, uint64_t total)
{
    struct file *file = file_at(op->file[0]);
    uint64_t end = op->done + TURN_BYTES;
    struct linux_iovec piece;
    int64_t result = 0;

    while (next_piece(op->done, &piece)) {
        if (op->done >= end && file->kind == FILE_OBJECT)
            return io_next_turn(vfs, op, STEP_TRANSFER);
        switch (file->kind) {
        case FILE_OBJECT:
            result = transfer_object(vfs, op, &piece);
            break;
        case FILE_PIPE:
        case FILE_SOCKET:
            result = transfer_pipe(vfs, op, &piece, total);
            break;
        case FILE_EVENT:
            result = event_transfer(vfs, file, op->caller, is_write(op), piece.base, piece.length);
            break;
        case FILE_SERVER:
            return ask_server(vfs, op, &piece);
        case FILE_DEVICE:
            return device_transfer(vfs, op, op->file[0], is_write(op), piece.base, piece.length, op->position + op->done, STEP_DEVICE);
        default:
            return -EINVAL;
        }
        if (result == -EAGAIN)
            return wait_for_file(vfs, op);
        if (result <= 0)
            break;
        op->done += (uint64_t)result;
        if (file->kind == FILE_EVENT ||
            ((uint64_t)result < piece.length && !((file->kind == FILE_PIPE || file->kind == FILE_SOCKET) && is_write(op))))
            break;
    }
    return finish(vfs, op, result < 0 ? result : 0);
}

/* A server or driver has served a piece. */
static int64_t served(struct vfs_state *vfs, struct operation *op, const struct message *message, uint64_t total)
{
    struct linux_iovec piece;
    uint64_t length;

    if (message->status == -ESRVRESTART && op->value[1]++ < DRIVER_RETRIES)
        return transfer_all(vfs, op, total);
    if (message->status == -ESRVRESTART || message->status == -EDEADSRCDST)
        return finish(vfs, op, -EIO);
    if (message->status != 0)
        return finish(vfs, op, message->status);
    length = message->word[0]; /* the only field of all four replies */
    if (!next_piece(op->done, &piece))
        return finish(vfs, op, 0);
    if (length > piece.length)
        length = piece.length;
    op->done += length;
    if (message->type == (CHAR_READ | MESSAGE_REPLY) && message->word[1] != 0)
        op->position = message->word[1] - op->done; /* so that their sum is where the driver says */
    /* A terminal would wait for the next line to fill the next piece; it never gives as much as a turn. */
    if (length < piece.length || op->is_cancelled || (op->kind == OPERATION_READ && length < TURN_BYTES))
        return finish(vfs, op, 0);
    return transfer_all(vfs, op, total);
}

/* ---- the start ---- */

static bool is_seekable(const struct vfs_state *vfs, const struct file *file)
{
    (void)vfs;
    if (file->kind == FILE_DEVICE)
        return vfs->devices[file->thing].number >> 20 == 1;
    return file->kind == FILE_OBJECT || file->kind == FILE_SERVER || file->kind == FILE_DIRECTORY;
}

static int64_t check_file(struct vfs_state *vfs, struct operation *op, uint32_t index)
{
    struct file *file = file_at(index);

    if (index == 0 || file->kind == FILE_PATH || !(is_write(op) ? file_can_write(file) : file_can_read(file)))
        return -EBADF;
    if (op->value[0] & FORM_POSITION) {
        if ((int64_t)op->argument[3] < 0)
            return -EINVAL;
        if (!is_seekable(vfs, file))
            return -ESPIPE;
    }
    if (file->kind == FILE_DIRECTORY)
        return is_write(op) ? -EBADF : -EISDIR;
    return 0;
}

static void set_position(struct operation *op)
{
    struct file *file = file_at(op->file[0]);

    op->position = op->value[0] & FORM_POSITION ? op->argument[3] : file->position;
    if (is_write(op) && (file->flags & O_APPEND) && file->kind == FILE_OBJECT)
        op->position = vnode_at(file->vnode)->size;
}

static int64_t start(struct vfs_state *vfs, struct operation *op)
{
    uint32_t file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);
    int64_t total = check_file(vfs, op, file);

    if (total != 0)
        return total;
    total = io_wait_if_busy(vfs, op, file);
    if (total != 0)
        return total;
    total = load_pieces(op);
    if (total < 0)
        return total;
    operation_set_file(vfs, op, &op->file[0], file);
    if (total == 0 && file_at(file)->kind != FILE_EVENT)
        return 0;
    if (file_at(file)->kind == FILE_OBJECT) {
        struct vnode *node = vnode_at(file_at(file)->vnode);

        if (node->object == 0 && (is_write(op) || node->size != 0)) {
            int64_t result = object_ensure(vfs, op, file_at(file)->vnode, STEP_OBJECT);

            if (result != 0)
                return result;
        }
    }
    set_position(op);
    return transfer_all(vfs, op, (uint64_t)total);
}

static int64_t io_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t total, result;

    if (op->step == STEP_START)
        return start(vfs, op);
    total = load_pieces(op);
    if (total < 0)
        return finish(vfs, op, total);
    switch (op->step) {
    case STEP_OBJECT:
        result = object_got(file_at(op->file[0])->vnode, reply);
        if (result == 0)
            result = io_wait_if_busy(vfs, op, op->file[0]);
        if (result != 0)
            return result;
        set_position(op);
        return transfer_all(vfs, op, (uint64_t)total);
    case STEP_TRANSFER:
        return transfer_all(vfs, op, (uint64_t)total);
    default:
        return served(vfs, op, reply, (uint64_t)total);
    }
}

int64_t read_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    return io_run(vfs, op, reply);
}

int64_t write_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    return io_run(vfs, op, reply);
}

/* A file whose contents are at hand, no limits, no special bits. */
static int64_t object_fast(struct vfs_state *vfs, struct call *call, uint32_t process, struct file *file, bool write, bool is_positional)
{
    uint64_t position = is_positional ? linux_argument(call, 3) : file->position;
    uint64_t length = linux_argument(call, 2);
    struct vnode *node = vnode_at(file->vnode);
    int64_t result;

    if (node->object == 0 || (node->flags & VNODE_BUSY) != 0 || length == 0 || length > TURN_BYTES || (int64_t)position < 0)
        return -EAGAIN;
    if (write) {
        if (file->flags & O_APPEND)
            position = node->size;
        if (tables.processes[process].file_size_max < FILE_BYTES_MAX || (node->mode & (S_ISUID | S_ISGID)) ||
            position + length > FILE_BYTES_MAX)
            return -EAGAIN;
        result = object_write(vfs, file->vnode, call->caller, linux_argument(call, 1), length, position);
        if (result > 0 && (uint64_t)result < length)
            result = -EAGAIN; /* the file system is full: the general way finds out */
    } else {
        result = object_read(vfs, file->vnode, call->caller, linux_argument(call, 1), length, position);
    }
    if (result > 0 && !is_positional)
        file->position = position + (uint64_t)result;
    return result;
}

/* Cached files and pipes that need not wait. Returns -EAGAIN for the general way, which also knows the errors. */
static int64_t io_fast(struct vfs_state *vfs, struct call *call, uint32_t process, bool write)
{
    uint32_t index = fd_file(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0));
    uint64_t length = linux_argument(call, 2);
    struct file *file = file_at(index);
    int64_t result;

    if (length == 0 || length > TURN_BYTES || !(write ? file_can_write(file) : file_can_read(file)))
        return -EAGAIN;
    if ((file->kind == FILE_PIPE || (file->kind == FILE_SOCKET && vfs->sockets[file->thing].shut == 0)) && length <= PIPE_ATOMIC) {
        uint32_t pipe = file_pipe(vfs, file, write);

        if (pipe == 0)
            return -EAGAIN;
        result = write ? pipe_write(vfs, pipe, call->caller, linux_argument(call, 1), length, true)
                       : pipe_read(vfs, pipe, call->caller, linux_argument(call, 1), length);
        if (result == -EAGAIN && !write && !(file->flags & O_NONBLOCK) && tables.pipes[pipe].sleeper == 0 &&
            tables.pipes[pipe].read_queue.first == 0) {
            pipe_sleep(vfs, process, index, linux_argument(call, 1), length);
            return PENDING;
        }
        return result == -EPIPE ? -EAGAIN : result;
    }
    if (file->kind == FILE_DEVICE && vfs->devices[file->thing].shortcut != CHAR_SHORTCUT_NONE) {
        if (write)
            return (int64_t)length;
        if (vfs->devices[file->thing].shortcut == CHAR_SHORTCUT_NULL)
            return 0;
        return sys_memset(call->caller, linux_argument(call, 1), 0, length) == 0 ? (int64_t)length : -EFAULT;
    }
    return file->kind == FILE_OBJECT ? object_fast(vfs, call, process, file, write, false) : -EAGAIN;
}

static int64_t position_fast(struct vfs_state *vfs, struct call *call, uint32_t process, bool write)
{
    struct file *file = file_at(fd_file(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0)));

    if (file->kind != FILE_OBJECT || !(write ? file_can_write(file) : file_can_read(file)))
        return -EAGAIN;
    return object_fast(vfs, call, process, file, write, true);
}

static int io_call(struct vfs_state *vfs, struct call *call, enum operation_kind kind, uint32_t form)
{
    uint32_t process = process_find(vfs, call->caller);
    struct operation op;

    if (process == 0)
        return -ESRCH;
    if (form == 0 || form == FORM_POSITION) {
        bool write = kind == OPERATION_WRITE;
        int64_t result = form == 0 ? io_fast(vfs, call, process, write) : position_fast(vfs, call, process, write);

        if (result == PENDING)
            return CALL_PARKED;
        if (result != -EAGAIN)
            return operation_result(vfs, call, result);
    }
    if (operation_begin(vfs, call, &op, kind) != 0)
        return -ESRCH;
    op.value[0] = form;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_read(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_READ, 0);
}

int vfs_linux_write(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_WRITE, 0);
}

int vfs_linux_pread64(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_READ, FORM_POSITION);
}

int vfs_linux_pwrite64(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_WRITE, FORM_POSITION);
}

int vfs_linux_readv(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_READ, FORM_VECTOR);
}

int vfs_linux_writev(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_WRITE, FORM_VECTOR);
}

int vfs_linux_preadv(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_READ, FORM_VECTOR | FORM_POSITION);
}

int vfs_linux_pwritev(struct vfs_state *vfs, struct call *call)
{
    return io_call(vfs, call, OPERATION_WRITE, FORM_VECTOR | FORM_POSITION);
}

int io_message(struct vfs_state *vfs, struct call *call, bool write, uint64_t address, uint64_t length, bool is_vector, uint32_t flags)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, write ? OPERATION_WRITE : OPERATION_READ) != 0)
        return -ESRCH;
    op.argument[1] = address;
    op.argument[2] = length;
    op.value[0] = (is_vector ? FORM_VECTOR : 0) | (flags & MSG_DONTWAIT ? FORM_DONTWAIT : 0) | (flags & MSG_NOSIGNAL ? FORM_NOSIGNAL : 0) |
                  (flags & MSG_PEEK ? FORM_PEEK : 0);
    return operation_run_linux(vfs, call, &op);
}
