/* SPDX-License-Identifier: MIT */
/*
 * Watches: who wants to hear of what. A source (pipe, device, eventfd, epoll) has a list; an owner is a poll in progress or an epoll item.
 * And the signal mask that such a call may bring along.
 */
#include "base/string.h"

#include "errors.h"
#include "sys/syscalls.h"

#include "epoll.h"
#include "file.h"
#include "pipe.h"
#include "poll.h"
#include "pool.h"
#include "protocols/pm_client.h"
#include "socket.h"

uint32_t *watch_list(struct vfs_state *vfs, uint32_t source_kind, uint32_t source)
{
    switch (source_kind) {
    case WATCH_PIPE:
        return &tables.pipes[source].watches;
    case WATCH_DEVICE:
        return &vfs->devices[source].watches;
    case WATCH_EVENT:
        return &vfs->events[source].watches;
    case WATCH_SOCKET:
        return &vfs->sockets[source].watches;
    default:
        return &vfs->epolls[source].watches;
    }
}

uint32_t watch_add(struct vfs_state *vfs, uint32_t source_kind, uint32_t source, uint32_t owner_kind, uint32_t owner, uint32_t *own)
{
    uint32_t index = POOL_TAKE(vfs->watch_pool, tables.watches, own_next, WATCHES);
    struct watch *watch = &tables.watches[index];
    uint32_t *list = watch_list(vfs, source_kind, source);

    if (index == 0)
        return 0;
    watch->source_kind = source_kind;
    watch->source = source;
    watch->owner_kind = owner_kind;
    watch->owner = owner;
    watch->previous = 0;
    watch->next = *list;
    if (*list != 0)
        tables.watches[*list].previous = index;
    *list = index;
    watch->own_next = own == NULL ? 0 : *own;
    if (own != NULL)
        *own = index;
    return index;
}

void watch_remove(struct vfs_state *vfs, uint32_t index)
{
    struct watch *watch = &tables.watches[index];

    if (watch->previous != 0)
        tables.watches[watch->previous].next = watch->next;
    else
        *watch_list(vfs, watch->source_kind, watch->source) = watch->next;
    if (watch->next != 0)
        tables.watches[watch->next].previous = watch->previous;
    watch->source_kind = 0;
    POOL_GIVE(vfs->watch_pool, tables.watches, own_next, index);
}

void watch_remove_all(struct vfs_state *vfs, uint32_t owner_kind, uint32_t owner, uint32_t *own)
{
    (void)owner_kind;
    (void)owner;
    while (*own != 0) {
        uint32_t index = *own;

        *own = tables.watches[index].own_next;
        watch_remove(vfs, index);
    }
}

void watch_wake(struct vfs_state *vfs, uint32_t source_kind, uint32_t source)
{
    /* Waking only marks: operations run later, so the list does not change under us. */
    for (uint32_t i = *watch_list(vfs, source_kind, source); i != 0; i = tables.watches[i].next) {
        const struct watch *watch = &tables.watches[i];

        if (watch->owner_kind == WATCH_ITEM) {
            epoll_item_ready(vfs, watch->owner);
        } else {
            struct operation *op = &tables.operations[watch->owner];

            op->is_woken = 1;
            if (op->wait == WAIT_POLL)
                operation_make_ready(vfs, op);
        }
    }
}

uint32_t file_watch_source(const struct file *file, uint32_t *source)
{
    *source = file->thing;
    switch (file->kind) {
    case FILE_PIPE:
        return WATCH_PIPE;
    case FILE_DEVICE:
        return WATCH_DEVICE;
    case FILE_EVENT:
        return WATCH_EVENT;
    case FILE_SOCKET:
        return WATCH_SOCKET;
    case FILE_EPOLL:
        return WATCH_EPOLL;
    default:
        return 0;
    }
}

uint32_t file_poll(const struct vfs_state *vfs, const struct file *file)
{
    switch (file->kind) {
    case FILE_PIPE:
        return pipe_poll(vfs, file);
    case FILE_EVENT:
        return event_poll(vfs, file);
    case FILE_SOCKET:
        return socket_poll(vfs, file);
    case FILE_EPOLL:
        return epoll_poll(vfs, file->thing);
    case FILE_PATH:
        return POLLNVAL;
    default:
        return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
    }
}

/* ---- signal masks ---- */

int mask_load(struct operation *op, uint64_t address, uint64_t bytes)
{
    if (address == 0)
        return 0;
    if (bytes != sizeof(op->mask))
        return -EINVAL;
    if (sys_copy_from(op->caller, address, &op->mask, sizeof(op->mask)) != 0)
        return -EFAULT;
    op->mask_state = MASK_WANTED;
    return 0;
}

bool mask_exchange(struct operation *op)
{
    struct pm_exchange_mask_request request = { .process = op->caller, .mask = op->mask };
    struct pm_exchange_mask_reply reply;

    if (op->mask_state != MASK_WANTED)
        return false;
    op->mask_state = MASK_EXCHANGED;
    return pm_call_exchange_mask(ENDPOINT_PM, &request, &reply) == 0 && reply.pending;
}

void mask_restore(struct operation *op, int64_t result)
{
    struct pm_exchange_mask_request request = { .process = op->caller, .restore = 1 };
    struct pm_exchange_mask_reply reply;

    if (op->mask_state == MASK_EXCHANGED && result != -ERESTARTNOHAND && result != -EINTR && !op->is_abandoned)
        pm_call_exchange_mask(ENDPOINT_PM, &request, &reply);
}
