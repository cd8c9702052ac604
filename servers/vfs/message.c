/* SPDX-License-Identifier: MIT */
/*
 * Calls with messages and options on local sockets: send, recv, sendmsg, recvmsg, names, getsockopt, setsockopt.
 */
#include "base/string.h"
#include "errors.h"
#include "file.h"
#include "io.h"
#include "linux_vfs_dispatch.h"
#include "process.h"
#include "socket.h"
#include "sys/syscalls.h"

enum {
    SOL_SOCKET = 1,
    SO_TYPE = 3,
    SO_ERROR = 4,
    SO_SNDBUF = 7,
    SO_RCVBUF = 8,
    SO_PEERCRED = 17,
    SO_ACCEPTCONN = 30,
    SO_PROTOCOL = 38,
    SO_DOMAIN = 39
};

struct linux_msghdr {
    uint64_t name;
    uint32_t name_length;
    uint32_t pad0;
    uint64_t vector;
    uint64_t count;
    uint64_t control;
    uint64_t control_length;
    int32_t flags;
    uint32_t pad1;
};
_Static_assert(sizeof(struct linux_msghdr) == 56, "struct msghdr");

static int64_t socket_of(struct vfs_state *vfs, struct call *call)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t file = process == 0 ? 0 : fd_file(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0));

    if (file == 0)
        return -EBADF;
    return file_at(file)->kind == FILE_SOCKET ? (int64_t)file_at(file)->thing : -ENOTSOCK;
}

static int transfer(struct vfs_state *vfs, struct call *call, bool write, uint64_t address, uint64_t length, bool is_vector, uint32_t flags)
{
    int64_t socket = socket_of(vfs, call);

    if (socket < 0)
        return (int)socket;
    if (vfs->sockets[socket].state != SOCKET_CONNECTED)
        return -ENOTCONN;
    return io_message(vfs, call, write, address, length, is_vector, flags);
}

int vfs_linux_sendto(struct vfs_state *vfs, struct call *call)
{
    return transfer(vfs, call, true, linux_argument(call, 1), linux_argument(call, 2), false, (uint32_t)linux_argument(call, 3));
}

int vfs_linux_recvfrom(struct vfs_state *vfs, struct call *call)
{
    uint32_t none = 0;

    if (linux_argument(call, 4) != 0 && linux_argument(call, 5) != 0 &&
        sys_copy_to(call->caller, linux_argument(call, 5), &none, sizeof(none)) != 0)
        return -EFAULT;
    return transfer(vfs, call, false, linux_argument(call, 1), linux_argument(call, 2), false, (uint32_t)linux_argument(call, 3));
}

int vfs_linux_sendmsg(struct vfs_state *vfs, struct call *call)
{
    struct linux_msghdr header;

    if (sys_copy_from(call->caller, linux_argument(call, 1), &header, sizeof(header)) != 0)
        return -EFAULT;
    /* Descriptors cannot travel yet. */
    if (header.control_length != 0)
        return -EOPNOTSUPP;
    return transfer(vfs, call, true, header.vector, header.count, true, (uint32_t)linux_argument(call, 2));
}

int vfs_linux_recvmsg(struct vfs_state *vfs, struct call *call)
{
    struct linux_msghdr header;

    if (sys_copy_from(call->caller, linux_argument(call, 1), &header, sizeof(header)) != 0)
        return -EFAULT;
    header.name_length = 0;
    header.control_length = 0;
    header.flags = 0;
    if (sys_copy_to(call->caller, linux_argument(call, 1), &header, sizeof(header)) != 0)
        return -EFAULT;
    return transfer(vfs, call, false, header.vector, header.count, true, (uint32_t)linux_argument(call, 2));
}

/* ---- names ---- */

static int give_name(struct call *call, const struct socket *socket)
{
    uint8_t address[2 + sizeof(socket->name)] = { AF_UNIX, 0 };
    uint32_t length, room;

    if (sys_copy_from(call->caller, linux_argument(call, 2), &room, sizeof(room)) != 0)
        return -EFAULT;
    if ((int32_t)room < 0)
        return -EINVAL;
    memcpy(address + 2, socket->name, sizeof(socket->name));
    /* A path has its NUL, an abstract name has not. */
    length = socket->name_length == 0 ? 2 : 2 + socket->name_length + (socket->name[0] != '\0');
    if (sys_copy_to(call->caller, linux_argument(call, 1), address, length < room ? length : room) != 0)
        return -EFAULT;
    return sys_copy_to(call->caller, linux_argument(call, 2), &length, sizeof(length)) == 0 ? 0 : -EFAULT;
}

int vfs_linux_getsockname(struct vfs_state *vfs, struct call *call)
{
    int64_t socket = socket_of(vfs, call);

    return socket < 0 ? (int)socket : give_name(call, &vfs->sockets[socket]);
}

int vfs_linux_getpeername(struct vfs_state *vfs, struct call *call)
{
    int64_t socket = socket_of(vfs, call);

    if (socket < 0)
        return (int)socket;
    if (vfs->sockets[socket].state != SOCKET_CONNECTED || vfs->sockets[socket].peer == 0)
        return -ENOTCONN;
    return give_name(call, &vfs->sockets[vfs->sockets[socket].peer]);
}

/* ---- options ---- */

static int64_t option_value(const struct socket *socket, uint32_t option)
{
    switch (option) {
    case SO_TYPE:
        return socket->type;
    case SO_ERROR:
    case SO_PROTOCOL:
        return 0;
    case SO_SNDBUF:
    case SO_RCVBUF:
        return PIPE_RING * PAGE_BYTES;
    case SO_ACCEPTCONN:
        return socket->state == SOCKET_LISTENING;
    case SO_DOMAIN:
        return AF_UNIX;
    default:
        return -ENOPROTOOPT;
    }
}

int vfs_linux_getsockopt(struct vfs_state *vfs, struct call *call)
{
    int64_t index = socket_of(vfs, call);
    uint32_t option = (uint32_t)linux_argument(call, 2);
    uint32_t value[3];
    uint32_t room, length = sizeof(value[0]);
    int64_t result;

    if (index < 0)
        return (int)index;
    if ((uint32_t)linux_argument(call, 1) != SOL_SOCKET)
        return -EOPNOTSUPP;
    if (sys_copy_from(call->caller, linux_argument(call, 4), &room, sizeof(room)) != 0)
        return -EFAULT;
    if (option == SO_PEERCRED) {
        const struct socket *peer = &vfs->sockets[vfs->sockets[index].peer];

        value[0] = peer->pid;
        value[1] = peer->uid;
        value[2] = peer->gid;
        length = sizeof(value);
    } else {
        result = option_value(&vfs->sockets[index], option);
        if (result < 0)
            return (int)result;
        value[0] = (uint32_t)result;
    }
    if (length > room)
        length = room;
    if (sys_copy_to(call->caller, linux_argument(call, 3), value, length) != 0)
        return -EFAULT;
    return sys_copy_to(call->caller, linux_argument(call, 4), &length, sizeof(length)) == 0 ? 0 : -EFAULT;
}

int vfs_linux_setsockopt(struct vfs_state *vfs, struct call *call)
{
    int64_t socket = socket_of(vfs, call);

    if (socket < 0)
        return (int)socket;
    return (uint32_t)linux_argument(call, 1) == SOL_SOCKET ? 0 : -EOPNOTSUPP;
}
