/* SPDX-License-Identifier: MIT */
/*
 * File contents in VM objects. Pages are reserved before they are written, so a full file system is ENOSPC and not a fault.
 */
#include "object.h"

#include "errors.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"

#include "attribute.h"
#include "protocols/fs_client.h"
#include "protocols/pm_client.h"
#include "protocols/vm_client.h"

int64_t object_ensure(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint16_t next_step)
{
    struct fs_data_object_request request;
    struct operation *record;
    uint32_t transaction;
    endpoint_t server;

    if (vnode_at(vnode)->object != 0)
        return 0;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    server = vnode_mount(vfs, vnode)->server;
    transaction = operation_request(record, server, FS_DATA_OBJECT, next_step);
    request.inode = vnode_at(vnode)->inode;
    fs_send_data_object(outbox_default(), server, transaction, &request);
    return PENDING;
}

int64_t object_got(uint32_t vnode, const struct message *message)
{
    struct fs_data_object_reply reply;

    if (message->status != 0)
        return message->status == -ESRVRESTART ? -EIO : message->status;
    fs_data_object_reply_get(message, &reply);
    vnode_at(vnode)->object = reply.object;
    return 0;
}

void vnode_touch_modified(struct vnode *node)
{
    uint64_t now_ns = time_coarse_ns();

    if (node->mtime_ns != now_ns || node->ctime_ns != now_ns) {
        node->mtime_ns = now_ns;
        node->ctime_ns = now_ns;
    }
    if (!(node->flags & VNODE_DIRTY))
        node->flags |= VNODE_DIRTY;
}

int64_t object_read(struct vfs_state *vfs, uint32_t vnode, endpoint_t process, uint64_t address, uint64_t length, uint64_t position)
{
    struct vnode *node = vnode_at(vnode);
    uint64_t window;
    int result;

    if (position >= node->size || length == 0)
        return 0;
    if (length > node->size - position)
        length = node->size - position;
    window = vnode_window(vfs, vnode);
    if (window == 0)
        return -EIO;
    result = sys_vircopy(ENDPOINT_SELF, window + position, process, address, length);
    if (result != 0)
        return result;
    if (node->atime_ns <= node->mtime_ns) {
        node->atime_ns = time_coarse_ns();
        node->flags |= VNODE_ATIME;
    }
    return (int64_t)length;
}

/* Remember which pages are there: one range per file is enough for programs that write in order. */
static void remember_reserved(struct vnode *node, uint64_t from, uint64_t to)
{
    if (from <= node->reserved_to && to >= node->reserved_from && node->reserved_to != 0) {
        if (from < node->reserved_from)
            node->reserved_from = from;
        if (to > node->reserved_to)
            node->reserved_to = to;
    } else {
        node->reserved_from = from;
        node->reserved_to = to;
    }
}

int64_t object_reserve(struct vfs_state *vfs, uint32_t vnode, uint64_t position, uint64_t length)
{
    struct vnode *node = vnode_at(vnode);
    uint64_t from = position & ~(uint64_t)(PAGE_BYTES - 1);
    uint64_t to = (position + length + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);

    (void)vfs;
    if (from >= node->reserved_from && to <= node->reserved_to)
        return (int64_t)length;
    while (to > from) {
        struct vm_object_reserve_request request = { .object = node->object, .offset = from, .length = to - from };
        int result = vm_call_object_reserve(ENDPOINT_VM, &request);

        if (result == 0) {
            remember_reserved(node, from, to);
            node->flags |= VNODE_BLOCKS_STALE;
            return (int64_t)(to - position < length ? to - position : length);
        }
        if (result != -ENOSPC && result != -ENOMEM)
            return result;
        /* A part of it may fit. */
        to = from + ((to - from) / 2 & ~(uint64_t)(PAGE_BYTES - 1));
    }
    return -ENOSPC;
}

int64_t object_write(struct vfs_state *vfs, uint32_t vnode, endpoint_t process, uint64_t address, uint64_t length, uint64_t position)
{
    struct vnode *node = vnode_at(vnode);
    uint64_t window = vnode_window(vfs, vnode);
    int64_t room;
    int result;

    if (window == 0)
        return -EIO;
    room = object_reserve(vfs, vnode, position, length);
    if (room < 0)
        return room;
    result = sys_vircopy(process, address, ENDPOINT_SELF, window + position, (uint64_t)room);
    if (result != 0)
        return result;
    if (position + (uint64_t)room > node->size)
        node->size = position + (uint64_t)room;
    vnode_touch_modified(node);
    return room;
}

int64_t object_write_limit(struct vfs_state *vfs, const struct process *process, uint64_t position, uint64_t length)
{
    uint64_t limit = FILE_BYTES_MAX;

    (void)vfs;
    if (process->file_size_max < limit) {
        limit = process->file_size_max;
        if (position >= limit) {
            struct pm_signal_thread_request request = { .process = process->endpoint, .signal = SIGXFSZ };

            pm_call_signal_thread(ENDPOINT_PM, &request);
        }
    }
    if (position >= limit)
        return -EFBIG;
    return (int64_t)(length < limit - position ? length : limit - position);
}

/* VM drops what lies behind `size` and remembers it: of a mapping the rest is SIGBUS. */
static int set_end(struct vnode *node, uint64_t size)
{
    struct vm_object_truncate_request request = { .object = node->object, .length = size };
    int result = vm_call_object_truncate(ENDPOINT_VM, &request);

    if (result != 0)
        return result;
    if (node->reserved_to > size)
        node->reserved_to = size & ~(uint64_t)(PAGE_BYTES - 1);
    if (node->reserved_from > node->reserved_to)
        node->reserved_from = node->reserved_to;
    node->flags |= VNODE_BLOCKS_STALE;
    return 0;
}

void object_give_back(uint32_t vnode)
{
    (void)set_end(vnode_at(vnode), vnode_at(vnode)->size);
}

int64_t object_truncate(struct vfs_state *vfs, uint32_t vnode, uint64_t size)
{
    struct vnode *node = vnode_at(vnode);

    (void)vfs;
    if (size > FILE_BYTES_MAX)
        return -EFBIG;
    /* VM wants to know of growth too: beyond the size a mapping is SIGBUS. */
    if (size != node->size && node->object != 0) {
        int result = set_end(node, size);

        if (result != 0)
            return result;
    }
    node->size = size;
    vnode_touch_modified(node);
    return 0;
}

void vnode_clear_suid(struct vfs_state *vfs, const struct process *process, uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);
    uint32_t clear = 0;

    if (process->euid == 0 || !(node->mode & (S_ISUID | S_ISGID)))
        return;
    if (node->mode & S_ISUID)
        clear |= S_ISUID;
    if ((node->mode & S_ISGID) && (node->mode & 010))
        clear |= S_ISGID;
    if (clear != 0)
        attribute_store_mode(vfs, vnode, node->mode & ~clear);
}
