/* SPDX-License-Identifier: MIT */
/*
 * Local sockets: making, naming, connecting, accepting. Data goes through io.c and pipe.c; calls with messages and options are in message.c.
 */
#include "socket.h"

#include "base/string.h"
#include "directory.h"
#include "errors.h"
#include "file.h"
#include "linux_vfs_dispatch.h"
#include "pipe.h"
#include "poll.h"
#include "process.h"
#include "sys/syscalls.h"
#include "vnode.h"
#include "walk.h"

static struct socket *socket_at(struct vfs_state *vfs, uint32_t socket)
{
    return &vfs->sockets[socket];
}

uint32_t file_pipe(const struct vfs_state *vfs, const struct file *file, bool write)
{
    if (file->kind == FILE_PIPE)
        return file->thing;
    return write ? vfs->sockets[file->thing].pipe_out : vfs->sockets[file->thing].pipe_in;
}

/* ---- making ---- */

static uint32_t socket_take(struct vfs_state *vfs, const struct process *process)
{
    for (uint32_t i = 1; i < SOCKETS; i++) {
        struct socket *socket = socket_at(vfs, i);

        if (socket->in_use)
            continue;
        memset(socket, 0, sizeof(*socket));
        socket->in_use = 1;
        socket->type = SOCK_STREAM;
        socket->pid = process->tgid;
        socket->uid = process->euid;
        socket->gid = process->egid;
        return i;
    }
    return 0;
}

/* A file for the socket; 0 if there is none (the socket is freed). */
static uint32_t socket_file(struct vfs_state *vfs, uint32_t socket, uint32_t flags)
{
    uint32_t vnode = vnode_make_anonymous(vfs, S_IFSOCK | 0777);
    uint32_t file = vnode == 0 ? 0 : file_create(vfs, FILE_SOCKET, vnode, O_RDWR | (flags & O_NONBLOCK));

    if (file == 0)
        socket_close(vfs, socket);
    else
        file_at(file)->thing = socket;
    return file;
}

static int socket_install(struct vfs_state *vfs, const struct process *process, uint32_t socket, uint32_t flags)
{
    uint32_t file = socket_file(vfs, socket, flags);
    int fd;

    if (file == 0)
        return -ENFILE;
    file_acquire(file);
    fd = fd_install(vfs, process, file, 0, flags & O_CLOEXEC);
    file_release(vfs, file);
    return fd;
}

/* Two pipes between two sockets. */
static int join(struct vfs_state *vfs, uint32_t a, uint32_t b)
{
    uint32_t there = pipe_create(vfs, 0);
    uint32_t back = there == 0 ? 0 : pipe_create(vfs, 0);

    if (back == 0) {
        if (there != 0) {
            pipe_attach(vfs, there, O_RDWR);
            pipe_detach(vfs, there, true, true);
        }
        return -ENFILE;
    }
    pipe_attach(vfs, there, O_RDWR);
    pipe_attach(vfs, back, O_RDWR);
    socket_at(vfs, a)->pipe_out = socket_at(vfs, b)->pipe_in = there;
    socket_at(vfs, a)->pipe_in = socket_at(vfs, b)->pipe_out = back;
    socket_at(vfs, a)->peer = b;
    socket_at(vfs, b)->peer = a;
    socket_at(vfs, a)->state = socket_at(vfs, b)->state = SOCKET_CONNECTED;
    tables.pipes[there].sockets[0] = tables.pipes[back].sockets[0] = a;
    tables.pipes[there].sockets[1] = tables.pipes[back].sockets[1] = b;
    return 0;
}

static void detach(struct vfs_state *vfs, uint32_t socket, bool in, bool out)
{
    struct socket *s = socket_at(vfs, socket);

    if (in && s->pipe_in != 0 && !(s->shut & SHUT_READ)) {
        s->shut |= SHUT_READ;
        pipe_detach(vfs, s->pipe_in, true, false);
    }
    if (out && s->pipe_out != 0 && !(s->shut & SHUT_WRITE)) {
        s->shut |= SHUT_WRITE;
        pipe_detach(vfs, s->pipe_out, false, true);
    }
}

void socket_close(struct vfs_state *vfs, uint32_t socket)
{
    struct socket *s = socket_at(vfs, socket);
    uint32_t pipes[2] = { s->pipe_in, s->pipe_out };

    while (s->pending_first != 0) {
        uint32_t next = socket_at(vfs, s->pending_first)->next;

        socket_close(vfs, s->pending_first);
        s->pending_first = next;
    }
    operation_wake_all(vfs, &s->queue);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2 && pipes[i] != 0; j++) {
            if (tables.pipes[pipes[i]].sockets[j] == socket)
                tables.pipes[pipes[i]].sockets[j] = 0;
        }
    }
    detach(vfs, socket, true, true);
    if (s->peer != 0)
        socket_at(vfs, s->peer)->peer = 0;
    vnode_release(vfs, s->vnode);
    s->vnode = 0;
    s->in_use = 0;
}

uint32_t socket_poll(const struct vfs_state *vfs, const struct file *file)
{
    const struct socket *socket = &vfs->sockets[file->thing];
    const struct pipe *in = &tables.pipes[socket->pipe_in];
    const struct pipe *out = &tables.pipes[socket->pipe_out];
    uint32_t events = 0;

    if (socket->state == SOCKET_LISTENING)
        return socket->pending_first != 0 ? POLLIN | POLLRDNORM : 0;
    if (socket->state != SOCKET_CONNECTED)
        return POLLOUT | POLLWRNORM | POLLHUP;
    if (in->length != 0)
        events |= POLLIN | POLLRDNORM;
    if (in->writers == 0 || (socket->shut & SHUT_READ))
        events |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (out->length + PAGE_BYTES <= out->page_limit * PAGE_BYTES || out->readers == 0)
        events |= POLLOUT | POLLWRNORM;
    if (socket->peer == 0 || socket->shut == (SHUT_READ | SHUT_WRITE))
        events |= POLLHUP;
    return events;
}

/* ---- socket, socketpair, listen, shutdown ---- */

static int check_kind(uint32_t domain, uint32_t type)
{
    if (domain != AF_UNIX)
        return -EAFNOSUPPORT;
    if ((type & SOCK_TYPE_MASK) != SOCK_STREAM && (type & SOCK_TYPE_MASK) != SOCK_DGRAM && (type & SOCK_TYPE_MASK) != SOCK_SEQPACKET)
        return -ESOCKTNOSUPPORT;
    return type & ~(uint32_t)(SOCK_TYPE_MASK | O_CLOEXEC | O_NONBLOCK) ? -EINVAL : 0;
}

int vfs_linux_socket(struct vfs_state *vfs, struct call *call)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t type = (uint32_t)linux_argument(call, 1);
    int result = check_kind((uint32_t)linux_argument(call, 0), type);
    uint32_t socket;

    if (process == 0 || result != 0)
        return process == 0 ? -ESRCH : result;
    if (linux_argument(call, 2) != 0 && linux_argument(call, 2) != AF_UNIX)
        return -EPROTONOSUPPORT;
    socket = socket_take(vfs, &tables.processes[process]);
    if (socket == 0)
        return -ENFILE;
    socket_at(vfs, socket)->type = type & SOCK_TYPE_MASK;
    return operation_result(vfs, call, socket_install(vfs, &tables.processes[process], socket, type));
}

int vfs_linux_socketpair(struct vfs_state *vfs, struct call *call)
{
    uint32_t index = process_find(vfs, call->caller);
    const struct process *process = &tables.processes[index];
    uint32_t type = (uint32_t)linux_argument(call, 1);
    int result = check_kind((uint32_t)linux_argument(call, 0), type);
    int32_t fds[2];
    uint32_t a, b;

    if (index == 0 || result != 0)
        return index == 0 ? -ESRCH : result;
    if (linux_argument(call, 2) != 0 && linux_argument(call, 2) != AF_UNIX)
        return -EPROTONOSUPPORT;
    if ((type & SOCK_TYPE_MASK) != SOCK_STREAM)
        return -EOPNOTSUPP;
    a = socket_take(vfs, process);
    b = a == 0 ? 0 : socket_take(vfs, process);
    result = b == 0 ? -ENFILE : join(vfs, a, b);
    if (result != 0) {
        if (a != 0)
            socket_close(vfs, a);
        if (b != 0)
            socket_close(vfs, b);
        return result;
    }
    fds[0] = socket_install(vfs, process, a, type);
    fds[1] = socket_install(vfs, process, b, type);
    if (fds[0] >= 0 && fds[1] >= 0 && sys_copy_to(call->caller, linux_argument(call, 3), fds, sizeof(fds)) == 0)
        return operation_result(vfs, call, 0);
    result = fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : -EFAULT;
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            fd_close(vfs, process, fds[i]);
    }
    return operation_result(vfs, call, result);
}

/* The socket behind a descriptor, or a negative error. */
static int64_t socket_of(struct vfs_state *vfs, const struct process *process, int32_t fd)
{
    uint32_t file = fd_file(vfs, process, fd);

    if (file == 0)
        return -EBADF;
    return file_at(file)->kind == FILE_SOCKET ? (int64_t)file_at(file)->thing : -ENOTSOCK;
}

int vfs_linux_listen(struct vfs_state *vfs, struct call *call)
{
    uint32_t process = process_find(vfs, call->caller);
    int64_t socket = process == 0 ? -ESRCH : socket_of(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0));
    uint32_t backlog = (uint32_t)linux_argument(call, 1);

    if (socket < 0)
        return (int)socket;
    if (socket_at(vfs, (uint32_t)socket)->state != SOCKET_NAMED && socket_at(vfs, (uint32_t)socket)->state != SOCKET_LISTENING)
        return -EINVAL;
    socket_at(vfs, (uint32_t)socket)->state = SOCKET_LISTENING;
    socket_at(vfs, (uint32_t)socket)->backlog = backlog < SOCKETS / 4 ? backlog : SOCKETS / 4;
    return 0;
}

int vfs_linux_shutdown(struct vfs_state *vfs, struct call *call)
{
    uint32_t process = process_find(vfs, call->caller);
    int64_t socket = process == 0 ? -ESRCH : socket_of(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0));
    uint32_t how = (uint32_t)linux_argument(call, 1);

    if (socket < 0)
        return (int)socket;
    if (how > 2)
        return -EINVAL;
    if (socket_at(vfs, (uint32_t)socket)->state != SOCKET_CONNECTED)
        return -ENOTCONN;
    detach(vfs, (uint32_t)socket, how != 1, how != 0);
    return operation_result(vfs, call, 0);
}

/* ---- names. argument: 0 fd, 1 address, 2 length. file[0]. ---- */

enum { STEP_START, STEP_WALK, STEP_REPLY };

/* The address of a call as text in half 0 (paths) or in *name (abstract names). Returns the length of the path, 0 for an abstract name. */
static int64_t load_address(struct operation *op, char name[SOCKADDR_UN_BYTES], uint32_t *name_length)
{
    uint32_t length = (uint32_t)op->argument[2];
    uint16_t family;

    if (length < 2 || length > SOCKADDR_UN_BYTES)
        return -EINVAL;
    memset(name, 0, SOCKADDR_UN_BYTES);
    if (sys_copy_from(op->caller, op->argument[1], name, length) != 0)
        return -EFAULT;
    memcpy(&family, name, sizeof(family));
    if (family != AF_UNIX || length == 2)
        return -EINVAL;
    memmove(name, name + 2, length - 2);
    name[length - 2] = '\0';
    *name_length = length - 2;
    if (name[0] == '\0')
        return 0;
    *name_length = (uint32_t)strlen(name);
    memcpy(operation_text(op, 0), name, *name_length + 1);
    return *name_length;
}

static uint32_t find_named(const struct vfs_state *vfs, uint32_t vnode, const char *name, uint32_t length)
{
    for (uint32_t i = 1; i < SOCKETS; i++) {
        const struct socket *socket = &vfs->sockets[i];

        if (!socket->in_use || (socket->state != SOCKET_LISTENING && socket->state != SOCKET_NAMED))
            continue;
        if (vnode != 0 ? socket->vnode == vnode
                       : socket->vnode == 0 && socket->name_length == length && memcmp(socket->name, name, length) == 0)
            return i;
    }
    return 0;
}

static void set_name(struct vfs_state *vfs, uint32_t socket, const char *name, uint32_t length)
{
    struct socket *s = socket_at(vfs, socket);

    s->name_length = length < sizeof(s->name) ? length : (uint32_t)sizeof(s->name);
    memcpy(s->name, name, s->name_length);
    s->state = SOCKET_NAMED;
}

static int64_t name_start(struct vfs_state *vfs, struct operation *op, char name[SOCKADDR_UN_BYTES], uint32_t *name_length)
{
    int64_t socket = socket_of(vfs, operation_process(op), (int32_t)op->argument[0]);

    if (socket < 0)
        return socket;
    if (operation_need_text(vfs, op) != 0)
        return PENDING;
    operation_set_file(vfs, op, &op->file[0], fd_file(vfs, operation_process(op), (int32_t)op->argument[0]));
    return load_address(op, name, name_length);
}

int64_t bind_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    char name[SOCKADDR_UN_BYTES];
    uint32_t length;
    int64_t result;

    if (op->step == STEP_START) {
        result = name_start(vfs, op, name, &length);
        if (result < 0)
            return result;
        if (socket_at(vfs, file_at(op->file[0])->thing)->state != SOCKET_NEW)
            return -EINVAL;
        if (result == 0) {
            if (find_named(vfs, 0, name, length) != 0)
                return -EADDRINUSE;
            set_name(vfs, file_at(op->file[0])->thing, name, length);
            return 0;
        }
        op->argument[2] = S_IFSOCK | 0777;
        result = walk_begin_text(vfs, op, 0, (uint32_t)result, WALK_PARENT);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = make_run(vfs, op, reply);
    if (result != 0)
        return result == -EEXIST ? -EADDRINUSE : result;
    set_name(vfs, file_at(op->file[0])->thing, walk_name(op), op->walk.name_length);
    socket_at(vfs, file_at(op->file[0])->thing)->vnode = op->vnode[0];
    vnode_acquire(op->vnode[0]);
    return 0;
}

/* ---- connect, accept ---- */

static int64_t connect_to(struct vfs_state *vfs, struct operation *op, uint32_t listener)
{
    uint32_t client = file_at(op->file[0])->thing;
    struct socket *l = socket_at(vfs, listener);
    struct operation *record;
    uint32_t queued = 0, server, *link;
    int result;

    if (listener == 0 || l->state != SOCKET_LISTENING || l->type != socket_at(vfs, client)->type)
        return -ECONNREFUSED;
    for (uint32_t i = l->pending_first; i != 0; i = socket_at(vfs, i)->next)
        queued++;
    if (queued > l->backlog) {
        if (file_at(op->file[0])->flags & O_NONBLOCK)
            return -EAGAIN;
        if (op->is_cancelled)
            return -ERESTARTSYS;
        record = operation_record(vfs, op);
        return record == NULL ? PENDING : operation_sleep(vfs, record, QUEUE_SOCKET, listener, STEP_START);
    }
    server = socket_take(vfs, operation_process(op));
    if (server == 0)
        return -ENFILE;
    result = join(vfs, client, server);
    if (result != 0) {
        socket_at(vfs, server)->in_use = 0;
        return result;
    }
    socket_at(vfs, server)->pid = l->pid;
    socket_at(vfs, server)->uid = l->uid;
    socket_at(vfs, server)->gid = l->gid;
    memcpy(socket_at(vfs, server)->name, l->name, sizeof(l->name));
    socket_at(vfs, server)->name_length = l->name_length;
    for (link = &l->pending_first; *link != 0; link = &socket_at(vfs, *link)->next)
        continue;
    *link = server;
    operation_wake_all(vfs, &l->queue);
    watch_wake(vfs, WATCH_SOCKET, listener);
    return 0;
}

int64_t connect_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    char name[SOCKADDR_UN_BYTES];
    uint32_t length, state;
    int64_t result;

    if (op->step == STEP_START) {
        result = name_start(vfs, op, name, &length);
        if (result < 0)
            return result;
        state = socket_at(vfs, file_at(op->file[0])->thing)->state;
        if (state == SOCKET_CONNECTED)
            return -EISCONN;
        if (state == SOCKET_LISTENING)
            return -EINVAL;
        if (result == 0)
            return connect_to(vfs, op, find_named(vfs, 0, name, length));
        result = walk_begin_text(vfs, op, 0, (uint32_t)result, WALK_FOLLOW);
        if (result != 0)
            return result;
        op->step = STEP_WALK;
    }
    result = walk_run(vfs, op, reply);
    if (result != 0)
        return result;
    if (permission_check(operation_process(op), vnode_at(op->walk.node), W_OK, false) != 0)
        return -EACCES;
    if (!mode_is(vnode_at(op->walk.node)->mode, S_IFSOCK))
        return -ECONNREFUSED;
    return connect_to(vfs, op, find_named(vfs, op->walk.node, NULL, 0));
}

/* argument: 0 fd, 1 address, 2 address of its length, 3 flags. */
int64_t accept_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    struct operation *record;
    struct socket *listener;
    uint32_t server;

    (void)reply;
    if (op->step == STEP_START) {
        int64_t socket = socket_of(vfs, operation_process(op), (int32_t)op->argument[0]);

        if (socket < 0)
            return socket;
        if (op->argument[3] & ~(uint64_t)(O_NONBLOCK | O_CLOEXEC))
            return -EINVAL;
        operation_set_file(vfs, op, &op->file[0], fd_file(vfs, operation_process(op), (int32_t)op->argument[0]));
    }
    listener = socket_at(vfs, file_at(op->file[0])->thing);
    if (listener->state != SOCKET_LISTENING)
        return -EINVAL;
    server = listener->pending_first;
    if (server != 0) {
        static const uint8_t nothing[2] = { AF_UNIX, 0 };
        uint32_t length = sizeof(nothing);

        listener->pending_first = socket_at(vfs, server)->next;
        socket_at(vfs, server)->next = 0;
        operation_wake_all(vfs, &listener->queue);
        if (op->argument[1] != 0 && (sys_copy_to(op->caller, op->argument[1], nothing, sizeof(nothing)) != 0 ||
                                     sys_copy_to(op->caller, op->argument[2], &length, sizeof(length)) != 0)) {
            socket_close(vfs, server);
            return -EFAULT;
        }
        return socket_install(vfs, operation_process(op), server, (uint32_t)op->argument[3]);
    }
    if (file_at(op->file[0])->flags & O_NONBLOCK)
        return -EAGAIN;
    if (op->is_cancelled)
        return -ERESTARTSYS;
    record = operation_record(vfs, op);
    return record == NULL ? PENDING : operation_sleep(vfs, record, QUEUE_SOCKET, file_at(record->file[0])->thing, STEP_WALK);
}

static int socket_call(struct vfs_state *vfs, struct call *call, enum operation_kind kind, uint64_t flags)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, kind) != 0)
        return -ESRCH;
    op.argument[3] = flags;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_bind(struct vfs_state *vfs, struct call *call)
{
    return socket_call(vfs, call, OPERATION_BIND, 0);
}

int vfs_linux_connect(struct vfs_state *vfs, struct call *call)
{
    return socket_call(vfs, call, OPERATION_CONNECT, 0);
}

int vfs_linux_accept(struct vfs_state *vfs, struct call *call)
{
    return socket_call(vfs, call, OPERATION_ACCEPT, 0);
}

int vfs_linux_accept4(struct vfs_state *vfs, struct call *call)
{
    return socket_call(vfs, call, OPERATION_ACCEPT, (uint32_t)linux_argument(call, 3));
}
