/* SPDX-License-Identifier: MIT */
/*
 * epoll. An item is in the ready list if its file may have something; epoll_wait looks at these only and drops those that have nothing.
 */
#include "epoll.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/syscalls.h"

#include "device.h"
#include "file.h"
#include "poll.h"
#include "pool.h"
#include "process.h"
#include "protocols/char_client.h"
#include "vnode.h"

static struct epoll_item *item_at(uint32_t item)
{
    return &tables.items[item];
}

/* ---- the ready list ---- */

static void ready_append(struct vfs_state *vfs, uint32_t index)
{
    struct epoll *epoll = &vfs->epolls[item_at(index)->epoll];

    item_at(index)->is_ready = 1;
    item_at(index)->ready_next = 0;
    if (epoll->ready_last != 0)
        item_at(epoll->ready_last)->ready_next = index;
    else
        epoll->ready_first = index;
    epoll->ready_last = index;
}

static uint32_t ready_pop(struct vfs_state *vfs, uint32_t epoll_index)
{
    struct epoll *epoll = &vfs->epolls[epoll_index];
    uint32_t index = epoll->ready_first;

    epoll->ready_first = item_at(index)->ready_next;
    if (epoll->ready_first == 0)
        epoll->ready_last = 0;
    item_at(index)->is_ready = 0;
    return index;
}

static void ready_remove(struct vfs_state *vfs, uint32_t index)
{
    struct epoll *epoll = &vfs->epolls[item_at(index)->epoll];
    uint32_t previous = 0;

    if (!item_at(index)->is_ready)
        return;
    for (uint32_t i = epoll->ready_first; i != index; i = item_at(i)->ready_next)
        previous = i;
    if (previous != 0)
        item_at(previous)->ready_next = item_at(index)->ready_next;
    else
        epoll->ready_first = item_at(index)->ready_next;
    if (epoll->ready_last == index)
        epoll->ready_last = previous;
    item_at(index)->is_ready = 0;
}

void epoll_item_ready(struct vfs_state *vfs, uint32_t index)
{
    struct epoll_item *item = item_at(index);

    if (item->is_disabled)
        return;
    if (!item->is_ready)
        ready_append(vfs, index);
    operation_wake_first(vfs, &vfs->epolls[item->epoll].wait_queue);
    if (vfs->epolls[item->epoll].watches != 0)
        watch_wake(vfs, WATCH_EPOLL, item->epoll);
}

uint32_t epoll_poll(const struct vfs_state *vfs, uint32_t epoll)
{
    for (uint32_t i = vfs->epolls[epoll].ready_first; i != 0; i = item_at(i)->ready_next) {
        const struct file *file = file_at(item_at(i)->file);

        if (file->kind == FILE_DEVICE || (file_poll(vfs, file) & (item_at(i)->events | POLLERR | POLLHUP)))
            return POLLIN | POLLRDNORM;
    }
    return 0;
}

/* ---- items ---- */

static void item_destroy(struct vfs_state *vfs, uint32_t index)
{
    struct epoll_item *item = item_at(index);
    uint32_t *link = &file_at(item->file)->epoll_items;

    ready_remove(vfs, index);
    if (item->watch != 0)
        watch_remove(vfs, item->watch);
    while (*link != index)
        link = &item_at(*link)->file_next;
    *link = item->file_next;
    if (item->epoll_previous != 0)
        item_at(item->epoll_previous)->epoll_next = item->epoll_next;
    else
        vfs->epolls[item->epoll].items = item->epoll_next;
    if (item->epoll_next != 0)
        item_at(item->epoll_next)->epoll_previous = item->epoll_previous;
    item->epoll = 0;
    POOL_GIVE(vfs->item_pool, tables.items, ready_next, index);
}

void epoll_file_closed(struct vfs_state *vfs, uint32_t file)
{
    while (file_at(file)->epoll_items != 0)
        item_destroy(vfs, file_at(file)->epoll_items);
}

void epoll_close(struct vfs_state *vfs, uint32_t epoll)
{
    while (vfs->epolls[epoll].items != 0)
        item_destroy(vfs, vfs->epolls[epoll].items);
    vfs->epolls[epoll].in_use = 0;
}

static uint32_t item_find(uint32_t epoll, uint32_t file, int32_t fd)
{
    for (uint32_t i = file_at(file)->epoll_items; i != 0; i = item_at(i)->file_next) {
        if (item_at(i)->epoll == epoll && item_at(i)->fd == fd)
            return i;
    }
    return 0;
}

static int item_create(struct vfs_state *vfs, uint32_t epoll, uint32_t file, int32_t fd, const struct linux_epoll_event *event)
{
    uint32_t index = POOL_TAKE(vfs->item_pool, tables.items, ready_next, EPOLL_ITEMS);
    struct epoll_item *item = item_at(index);
    uint32_t source, kind = file_watch_source(file_at(file), &source);

    if (index == 0)
        return -ENOSPC;
    memset(item, 0, sizeof(*item));
    item->epoll = epoll;
    item->file = file;
    item->fd = fd;
    item->events = event->events;
    item->data = event->data;
    item->watch = watch_add(vfs, kind, source, WATCH_ITEM, index, NULL);
    if (item->watch == 0) {
        item->epoll = 0;
        POOL_GIVE(vfs->item_pool, tables.items, ready_next, index);
        return -ENOSPC;
    }
    item->file_next = file_at(file)->epoll_items;
    file_at(file)->epoll_items = index;
    item->epoll_next = vfs->epolls[epoll].items;
    if (item->epoll_next != 0)
        item_at(item->epoll_next)->epoll_previous = index;
    vfs->epolls[epoll].items = index;
    epoll_item_ready(vfs, index);
    return 0;
}

/* ---- calls ---- */

static int create(struct vfs_state *vfs, struct call *call, uint32_t flags)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t index, vnode, file;
    int fd;

    if (process == 0)
        return -ESRCH;
    if (flags & ~(uint32_t)O_CLOEXEC)
        return -EINVAL;
    for (index = 1; index < EPOLLS && vfs->epolls[index].in_use; index++)
        continue;
    vnode = index < EPOLLS ? vnode_make_anonymous(vfs, 0600) : 0;
    file = vnode != 0 ? file_create(vfs, FILE_EPOLL, vnode, O_RDWR) : 0;
    if (file == 0)
        return -ENFILE;
    memset(&vfs->epolls[index], 0, sizeof(vfs->epolls[index]));
    vfs->epolls[index].in_use = 1;
    file_at(file)->thing = index;
    file_acquire(file);
    fd = fd_install(vfs, &tables.processes[process], file, 0, flags & O_CLOEXEC);
    file_release(vfs, file);
    if (fd >= 0)
        call_result(call, fd);
    return fd < 0 ? fd : 0;
}

int vfs_linux_epoll_create(struct vfs_state *vfs, struct call *call)
{
    return (int32_t)linux_argument(call, 0) <= 0 ? -EINVAL : create(vfs, call, 0);
}

int vfs_linux_epoll_create1(struct vfs_state *vfs, struct call *call)
{
    return create(vfs, call, (uint32_t)linux_argument(call, 0));
}

static int control(struct vfs_state *vfs, uint32_t epoll, uint32_t operation, uint32_t file, int32_t fd,
                   const struct linux_epoll_event *event)
{
    uint32_t item = item_find(epoll, file, fd);

    switch (operation) {
    case EPOLL_CTL_ADD:
        return item != 0 ? -EEXIST : item_create(vfs, epoll, file, fd, event);
    case EPOLL_CTL_DEL:
        if (item == 0)
            return -ENOENT;
        item_destroy(vfs, item);
        return 0;
    case EPOLL_CTL_MOD:
        if (item == 0)
            return -ENOENT;
        if (item_at(item)->events & EPOLLEXCLUSIVE)
            return -EINVAL;
        item_at(item)->events = event->events;
        item_at(item)->data = event->data;
        item_at(item)->is_disabled = 0;
        epoll_item_ready(vfs, item);
        return 0;
    default:
        return -EINVAL;
    }
}

int vfs_linux_epoll_ctl(struct vfs_state *vfs, struct call *call)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t operation = (uint32_t)linux_argument(call, 1);
    int32_t fd = (int32_t)linux_argument(call, 2);
    struct linux_epoll_event event = { 0 };
    uint32_t epoll_file, file, source;
    int result;

    if (process == 0)
        return -ESRCH;
    if (operation != EPOLL_CTL_DEL && sys_copy_from(call->caller, linux_argument(call, 3), &event, sizeof(event)) != 0)
        return -EFAULT;
    epoll_file = fd_file(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0));
    file = fd_file(vfs, &tables.processes[process], fd);
    if (epoll_file == 0 || file == 0)
        return -EBADF;
    if (file_watch_source(file_at(file), &source) == 0)
        return -EPERM;
    if (epoll_file == file || file_at(epoll_file)->kind != FILE_EPOLL)
        return -EINVAL;
    result = control(vfs, file_at(epoll_file)->thing, operation, file, fd, &event);
    operation_run_ready(vfs);
    return result;
}

/* ---- epoll_wait. argument: 0 epoll, 1 events, 2 maximum, 3 timeout. file[0]. value[0]: deadline, value[1]: item that a driver is asked about.
 * position: items left to look at. done: events stored. ---- */

enum { STEP_START, STEP_SCAN, STEP_DEVICE };

static int64_t store(struct vfs_state *vfs, struct operation *op, uint32_t index, uint32_t ready)
{
    struct epoll_item *item = item_at(index);
    struct linux_epoll_event event = { .events = ready & (item->events | POLLERR | POLLHUP), .data = item->data };

    if (event.events == 0)
        return 0;
    if (sys_copy_to(op->caller, op->argument[1] + op->done * sizeof(event), &event, sizeof(event)) != 0)
        return -EFAULT;
    op->done++;
    if (item->events & EPOLLONESHOT)
        item->is_disabled = 1;
    else if (!(item->events & EPOLLET))
        ready_append(vfs, index);
    return 0;
}

static int64_t scan(struct vfs_state *vfs, struct operation *op)
{
    uint32_t epoll = file_at(op->file[0])->thing;

    while (op->position != 0 && op->done < op->argument[2] && vfs->epolls[epoll].ready_first != 0) {
        uint32_t index = ready_pop(vfs, epoll);
        struct file *file = file_at(item_at(index)->file);
        int64_t result;

        op->position--;
        if (item_at(index)->is_disabled)
            continue;
        if (file->kind == FILE_DEVICE && device_driver(vfs, vfs->devices[file->thing].number) != ENDPOINT_NONE) {
            op->value[1] = index;
            return device_poll(vfs, op, item_at(index)->file, item_at(index)->events & 0xffff, true, STEP_DEVICE);
        }
        result = store(vfs, op, index, file->kind == FILE_DEVICE ? POLLERR | POLLHUP : file_poll(vfs, file));
        if (result != 0)
            return op->done != 0 ? (int64_t)op->done : result;
    }
    return 0;
}

static int64_t wait_end(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record;

    if (op->done != 0 || op->value[0] == 0 || op->is_expired)
        return (int64_t)op->done;
    if (op->is_cancelled || mask_exchange(op))
        return -EINTR;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    if (record->value[0] != UINT64_MAX)
        operation_set_deadline(vfs, record, record->value[0]);
    return operation_sleep(vfs, record, QUEUE_EPOLL, file_at(record->file[0])->thing, STEP_SCAN);
}

static int64_t wait_start(struct vfs_state *vfs, struct operation *op)
{
    uint32_t file = fd_file(vfs, operation_process(op), (int32_t)op->argument[0]);
    int32_t timeout_ms = (int32_t)op->argument[3];

    if ((int32_t)op->argument[2] <= 0 || (uint32_t)op->argument[2] > INT32_MAX / sizeof(struct linux_epoll_event))
        return -EINVAL;
    if (file == 0)
        return -EBADF;
    if (file_at(file)->kind != FILE_EPOLL)
        return -EINVAL;
    op->argument[2] = (uint32_t)op->argument[2];
    operation_set_file(vfs, op, &op->file[0], file);
    op->value[0] = timeout_ms < 0 ? UINT64_MAX : timeout_ms == 0 ? 0 : poll_deadline((uint64_t)timeout_ms * 1000000);
    return 0;
}

int64_t epoll_wait_run(struct vfs_state *vfs, struct operation *op, const struct message *message)
{
    struct char_poll_reply reply;
    int64_t result = 0;

    if (op->step == STEP_START)
        result = wait_start(vfs, op);
    if (result != 0)
        return result;
    if (op->step == STEP_DEVICE) {
        uint32_t index = (uint32_t)op->value[1];

        char_poll_reply_get(message, &reply);
        /* The item may have gone meanwhile, or a wake put it back. */
        if (item_at(index)->epoll == file_at(op->file[0])->thing && !item_at(index)->is_ready)
            result = store(vfs, op, index, message->status == 0 ? reply.ready : POLLERR);
        if (result != 0)
            return result;
    } else {
        op->position = EPOLL_ITEMS;
    }
    if (op->position > vfs->item_pool.in_use)
        op->position = vfs->item_pool.in_use;
    result = scan(vfs, op);
    return result != 0 ? result : wait_end(vfs, op);
}

static int wait_call(struct vfs_state *vfs, struct call *call, bool has_mask)
{
    struct operation op;

    int result;

    if (operation_begin(vfs, call, &op, OPERATION_EPOLL_WAIT) != 0)
        return -ESRCH;
    result = has_mask ? mask_load(&op, op.argument[4], op.argument[5]) : 0;
    if (result != 0)
        return result;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_epoll_wait(struct vfs_state *vfs, struct call *call)
{
    return wait_call(vfs, call, false);
}

int vfs_linux_epoll_pwait(struct vfs_state *vfs, struct call *call)
{
    return wait_call(vfs, call, true);
}
