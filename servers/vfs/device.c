/* SPDX-License-Identifier: MIT */
/*
 * Character devices.
 */
#include "device.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/grant.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

#include "file.h"
#include "pipe.h"
#include "poll.h"
#include "process.h"
#include "protocols/char_client.h"
#include "protocols/vfs_server.h"
#include "socket.h"
#include "vnode.h"

enum { MAJOR_TTY_AUX = 5, MINOR_TTY = 0, IOCTL_MEMORY = 4096 };

endpoint_t device_driver(const struct vfs_state *vfs, uint32_t device)
{
    uint32_t major = device >> 20;
    uint32_t minor = device & 0xfffff;

    for (int i = 0; i < DRIVERS; i++) {
        const struct driver *driver = &vfs->drivers[i];

        if (driver->in_use && driver->major == major && minor >= driver->minor_first && minor <= driver->minor_last)
            return driver->endpoint;
    }
    return ENDPOINT_NONE;
}

int vfs_handle_map_driver(struct vfs_state *vfs, struct call *call, const struct vfs_map_driver_request *request)
{
    struct driver *free = NULL;

    (void)call;
    if (request->minor_first > request->minor_last || request->major >= 4096)
        return -EINVAL;
    for (int i = 0; i < DRIVERS; i++) {
        struct driver *driver = &vfs->drivers[i];

        if (driver->in_use && driver->major == request->major && driver->minor_first == request->minor_first) {
            free = driver;
            break;
        }
        if (!driver->in_use && free == NULL)
            free = driver;
    }
    if (free == NULL)
        return -ENOMEM;
    free->in_use = 1;
    free->endpoint = request->driver;
    free->major = request->major;
    free->minor_first = request->minor_first;
    free->minor_last = request->minor_last;
    memcpy(free->label, request->label, sizeof(free->label));
    return 0;
}

/* ---- open devices ---- */

static uint32_t device_find(const struct vfs_state *vfs, uint32_t number)
{
    for (uint32_t i = 1; i < DEVICES; i++) {
        if (vfs->devices[i].number == number)
            return i;
    }
    return 0;
}

static uint32_t device_acquire(struct vfs_state *vfs, uint32_t number)
{
    uint32_t index = device_find(vfs, number);

    for (uint32_t i = 1; index == 0 && i < DEVICES; i++) {
        if (vfs->devices[i].number == 0)
            index = i;
    }
    if (index == 0)
        return 0;
    vfs->devices[index].number = number;
    vfs->devices[index].references++;
    return index;
}

static uint32_t char_flags(const struct process *process, const struct vfs_state *vfs, uint32_t flags)
{
    uint32_t result = flags & (O_NONBLOCK | O_NOCTTY);

    if ((flags & O_ACCMODE) != O_WRONLY)
        result |= CHAR_OPEN_FLAGS_READ;
    if ((flags & O_ACCMODE) != O_RDONLY)
        result |= CHAR_OPEN_FLAGS_WRITE;
    if (process->session == process->tgid && session_terminal(vfs, process->session) == 0)
        result |= CHAR_OPEN_FLAGS_LEADER;
    return result;
}

int64_t device_open_start(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint32_t flags, uint16_t next_step)
{
    const struct process *process = operation_process(op);
    uint32_t number = vnode_at(vnode)->device;
    struct char_open_request request = { 0 };
    struct operation *record;
    uint32_t transaction;
    endpoint_t driver;

    if (number == device_make(MAJOR_TTY_AUX, MINOR_TTY)) {
        number = session_terminal(vfs, process->session);
        flags |= O_NOCTTY;
    }
    driver = device_driver(vfs, number);
    if (driver == ENDPOINT_NONE || number == 0)
        return -ENXIO;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    record->value[0] = number;
    transaction = operation_request(record, driver, CHAR_OPEN, next_step);
    request.major = number >> 20;
    request.minor = record->minor = number & 0xfffff;
    request.flags = char_flags(process, vfs, flags);
    request.caller = record->caller;
    request.group = process->group;
    request.session = process->session;
    char_send_open(outbox_default(), driver, transaction, &request);
    return PENDING;
}

static void send_close(struct vfs_state *vfs, uint32_t number, uint32_t flags)
{
    struct char_close_request request = { .minor = number & 0xfffff, .flags = flags };
    endpoint_t driver = device_driver(vfs, number);

    if (driver != ENDPOINT_NONE)
        char_send_close(outbox_default(), driver, 0, &request);
}

int64_t device_open_finish(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint32_t flags, const struct message *message)
{
    const struct process *process = operation_process(op);
    struct char_open_reply reply;
    uint32_t number = (uint32_t)op->value[0];
    uint32_t file, device;

    if (message->status != 0)
        return message->status == -ESRVRESTART || message->status == -EDEADSRCDST ? -EIO : message->status;
    char_open_reply_get(message, &reply);
    number = device_make(number >> 20, reply.minor);
    device = device_acquire(vfs, number);
    file = device == 0 ? 0 : file_create(vfs, FILE_DEVICE, vnode, flags);
    if (file == 0) {
        send_close(vfs, number, 0);
        if (device != 0 && --vfs->devices[device].references == 0)
            vfs->devices[device].number = 0;
        return -ENFILE;
    }
    file_at(file)->thing = device;
    vfs->devices[device].shortcut = reply.shortcut;
    if (reply.controlling)
        session_set_terminal(vfs, process->session, number);
    return file;
}

void device_close(struct vfs_state *vfs, struct file *file)
{
    struct device *device = &vfs->devices[file->thing];

    if (device->shortcut != CHAR_SHORTCUT_NONE) {
        /* The driver has nothing to end: VFS served it. */
    } else if (outbox_is_crowded()) {
        device->closes_pending++;
        vfs->is_late = 1;
    } else {
        send_close(vfs, device->number, file->flags & O_ACCMODE);
    }
    if (--device->references == 0) {
        watch_wake(vfs, WATCH_DEVICE, file->thing);
        if (device->closes_pending == 0)
            device->number = 0;
    }
}

void device_close_late(struct vfs_state *vfs)
{
    for (uint32_t i = 1; i < DEVICES; i++) {
        struct device *device = &vfs->devices[i];

        while (device->closes_pending != 0 && !outbox_is_crowded()) {
            send_close(vfs, device->number, 0);
            if (--device->closes_pending == 0 && device->references == 0)
                device->number = 0;
        }
        if (device->closes_pending != 0)
            vfs->is_late = 1;
    }
}

void device_drop_reply(struct operation *op, const struct message *message)
{
    struct char_open_reply reply;
    struct char_close_request request = { 0 };

    char_open_reply_get(message, &reply);
    request.minor = reply.minor;
    char_send_close(outbox_default(), op->server, 0, &request);
}

/* ---- transfers ---- */

int64_t device_transfer(struct vfs_state *vfs, struct operation *op, uint32_t file, bool is_write, uint64_t address, uint64_t length,
                        uint64_t position, uint16_t next_step)
{
    uint32_t number = vfs->devices[file_at(file)->thing].number;
    const struct process *process = operation_process(op);
    endpoint_t driver = device_driver(vfs, number);
    uint32_t flags = char_flags(process, vfs, file_at(file)->flags);
    struct operation *record;
    uint32_t transaction;

    if (driver == ENDPOINT_NONE)
        return -EIO;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    record->minor = number & 0xfffff;
    transaction = operation_request(record, driver, is_write ? CHAR_WRITE : CHAR_READ, next_step);
    if (is_write) {
        struct char_write_request request = { .minor = record->minor,
                                              .flags = flags,
                                              .caller = record->caller,
                                              .length = length,
                                              .position = position,
                                              .group = process->group,
                                              .session = process->session };

        request.buffer = operation_grant_caller(record, 0, address, length, GRANT_READ);
        char_send_write(outbox_default(), driver, transaction, &request);
    } else {
        struct char_read_request request = { .minor = record->minor,
                                             .flags = flags,
                                             .caller = record->caller,
                                             .length = length,
                                             .position = position,
                                             .group = process->group,
                                             .session = process->session };

        request.buffer = operation_grant_caller(record, 0, address, length, GRANT_WRITE);
        char_send_read(outbox_default(), driver, transaction, &request);
    }
    return PENDING;
}

int64_t device_poll(struct vfs_state *vfs, struct operation *op, uint32_t file, uint32_t events, bool is_watch, uint16_t next_step)
{
    uint32_t number = vfs->devices[file_at(file)->thing].number;
    struct char_poll_request request = { .minor = number & 0xfffff, .events = events, .watch = is_watch };
    endpoint_t driver = device_driver(vfs, number);
    struct operation *record = operation_record(vfs, op);
    uint32_t transaction;

    if (record == NULL)
        return PENDING;
    transaction = operation_request(record, driver, CHAR_POLL, next_step);
    char_send_poll(outbox_default(), driver, transaction, &request);
    return PENDING;
}

int vfs_handle_device_ready(struct vfs_state *vfs, struct call *call, const struct vfs_device_ready_request *request)
{
    uint32_t device = device_find(vfs, device_make(request->major, request->minor));

    (void)call;
    if (device != 0)
        watch_wake(vfs, WATCH_DEVICE, device);
    operation_run_ready(vfs);
    return 0;
}

/* The operations that wait for the driver hear that it forgot them: each repeats its request or ends with EIO. */
void device_driver_restarted(struct vfs_state *vfs, endpoint_t driver)
{
    for (uint32_t i = 1; i < vfs->operation_pool.top; i++) {
        struct operation *op = &tables.operations[i];
        struct message reply = { .source = driver, .status = -ESRVRESTART };

        if (op->kind == OPERATION_NONE || op->wait != WAIT_SERVER || op->server != driver)
            continue;
        reply.type = op->request | MESSAGE_REPLY;
        reply.transaction = i | (uint32_t)op->sequence << 16;
        operation_handle_reply(vfs, &reply);
    }
    for (uint32_t i = 1; i < DEVICES; i++) {
        if (vfs->devices[i].number != 0 && device_driver(vfs, vfs->devices[i].number) == driver)
            watch_wake(vfs, WATCH_DEVICE, i);
    }
    operation_run_ready(vfs);
}

/* ---- ioctl: argument: 0 fd, 1 request, 2 argument. file[0]. ---- */

enum { STEP_START, STEP_REPLY };

static int64_t ioctl_reply(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    const struct process *process = operation_process(op);
    struct char_ioctl_reply reply;

    if (message->status != 0)
        return message->status == -ESRVRESTART || message->status == -EDEADSRCDST ? -EIO : message->status;
    char_ioctl_reply_get(message, &reply);
    if (reply.controlling == 1)
        session_set_terminal(vfs, process->session, vfs->devices[file_at(op->file[0])->thing].number);
    else if (reply.controlling == 2)
        session_set_terminal(vfs, process->session, 0);
    return (int64_t)reply.result;
}

static int64_t readable_bytes(struct vfs_state *vfs, struct operation *op, const struct file *file)
{
    int32_t count;

    (void)vfs;
    if (file->kind == FILE_PIPE || file->kind == FILE_SOCKET)
        count = (int32_t)tables.pipes[file_pipe(vfs, file, false)].length;
    else if (file->kind == FILE_OBJECT)
        count = (int32_t)(vnode_at(file->vnode)->size - file->position);
    else
        return -ENOTTY;
    return sys_copy_to(op->caller, op->argument[2], &count, sizeof(count));
}

static int64_t set_flag(struct operation *op, struct file *file, uint32_t flag)
{
    int32_t on;

    if (sys_copy_from(op->caller, op->argument[2], &on, sizeof(on)) != 0)
        return -EFAULT;
    file->flags = on ? file->flags | flag : file->flags & ~flag;
    return 0;
}

static int64_t ask_driver(struct vfs_state *vfs, struct operation *op)
{
    const struct process *process = operation_process(op);
    uint32_t number = vfs->devices[file_at(op->file[0])->thing].number;
    endpoint_t driver = device_driver(vfs, number);
    struct char_ioctl_request request = { .minor = number & 0xfffff,
                                          .request = (uint32_t)op->argument[1],
                                          .argument = op->argument[2],
                                          .caller = op->caller,
                                          .group = process->group,
                                          .session = process->session };
    struct operation *record;
    uint32_t transaction;

    if (driver == ENDPOINT_NONE)
        return -EIO;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    record->minor = request.minor;
    transaction = operation_request(record, driver, CHAR_IOCTL, STEP_REPLY);
    request.memory = operation_grant_caller(record, 0, record->argument[2], IOCTL_MEMORY, GRANT_READ | GRANT_WRITE);
    char_send_ioctl(outbox_default(), driver, transaction, &request);
    return PENDING;
}

int64_t ioctl_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    const struct process *process = operation_process(op);
    uint32_t index;
    struct file *file;

    if (op->step == STEP_REPLY)
        return ioctl_reply(vfs, op, reply);
    index = fd_file(vfs, process, (int32_t)op->argument[0]);
    file = file_at(index);
    if (index == 0 || file->kind == FILE_PATH)
        return -EBADF;
    op->argument[1] = (uint32_t)op->argument[1];
    switch (op->argument[1]) {
    case FIOCLEX:
    case FIONCLEX:
        fd_set_cloexec(vfs, process, (uint32_t)op->argument[0], op->argument[1] == FIOCLEX);
        return 0;
    case FIONBIO:
        return set_flag(op, file, O_NONBLOCK);
    case FIOASYNC:
        return set_flag(op, file, O_ASYNC);
    case FIONREAD:
        if (file->kind != FILE_DEVICE)
            return readable_bytes(vfs, op, file);
        break;
    default:
        break;
    }
    if (file->kind != FILE_DEVICE)
        return -ENOTTY;
    operation_set_file(vfs, op, &op->file[0], index);
    return ask_driver(vfs, op);
}

int vfs_linux_ioctl(struct vfs_state *vfs, struct call *call)
{
    struct operation op;

    if (operation_begin(vfs, call, &op, OPERATION_IOCTL) != 0)
        return -ESRCH;
    return operation_run_linux(vfs, call, &op);
}
