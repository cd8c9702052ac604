/* SPDX-License-Identifier: MIT */
/*
 * eventfd: a counter that reads take and writes add to.
 */
#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/syscalls.h"

#include "file.h"
#include "pipe.h"
#include "poll.h"
#include "process.h"
#include "vnode.h"

#define EVENT_MAX 0xfffffffffffffffeull

int64_t event_transfer(struct vfs_state *vfs, struct file *file, endpoint_t process, bool is_write, uint64_t address, uint64_t length)
{
    struct event *event = &vfs->events[file->thing];
    uint64_t value;

    if (length < sizeof(value))
        return -EINVAL;
    if (is_write) {
        if (sys_copy_from(process, address, &value, sizeof(value)) != 0)
            return -EFAULT;
        if (value == UINT64_MAX)
            return -EINVAL;
        if (event->count > EVENT_MAX - value)
            return -EAGAIN;
        event->count += value;
        operation_wake_all(vfs, &event->read_queue);
    } else {
        if (event->count == 0)
            return -EAGAIN;
        value = event->is_semaphore ? 1 : event->count;
        if (sys_copy_to(process, address, &value, sizeof(value)) != 0)
            return -EFAULT;
        event->count -= value;
        operation_wake_all(vfs, &event->write_queue);
    }
    watch_wake(vfs, WATCH_EVENT, file->thing);
    return sizeof(value);
}

uint32_t event_poll(const struct vfs_state *vfs, const struct file *file)
{
    const struct event *event = &vfs->events[file->thing];

    return (event->count != 0 ? POLLIN | POLLRDNORM : 0) | (event->count < EVENT_MAX ? POLLOUT | POLLWRNORM : 0);
}

void event_close(struct vfs_state *vfs, uint32_t event)
{
    vfs->events[event].in_use = 0;
}

static int event_call(struct vfs_state *vfs, struct call *call, uint32_t flags)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t index, vnode, file;
    int fd;

    if (process == 0)
        return -ESRCH;
    if (flags & ~(uint32_t)(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    for (index = 1; index < EVENTS && vfs->events[index].in_use; index++)
        continue;
    vnode = index < EVENTS ? vnode_make_anonymous(vfs, 0600) : 0;
    file = vnode != 0 ? file_create(vfs, FILE_EVENT, vnode, O_RDWR | (flags & O_NONBLOCK)) : 0;
    if (file == 0)
        return -ENFILE;
    memset(&vfs->events[index], 0, sizeof(vfs->events[index]));
    vfs->events[index].in_use = 1;
    vfs->events[index].is_semaphore = flags & EFD_SEMAPHORE;
    vfs->events[index].count = (uint32_t)linux_argument(call, 0);
    file_at(file)->thing = index;
    file_acquire(file);
    fd = fd_install(vfs, &tables.processes[process], file, 0, flags & O_CLOEXEC);
    file_release(vfs, file);
    if (fd >= 0)
        call_result(call, fd);
    return fd < 0 ? fd : 0;
}

int vfs_linux_eventfd(struct vfs_state *vfs, struct call *call)
{
    return event_call(vfs, call, 0);
}

int vfs_linux_eventfd2(struct vfs_state *vfs, struct call *call)
{
    return event_call(vfs, call, (uint32_t)linux_argument(call, 1));
}
