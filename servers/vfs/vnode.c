/* SPDX-License-Identifier: MIT */
/*
 * Nodes: the hash, the clock hand, storing back, and where the attributes come from.
 */
#include "vnode.h"

#include "base/string.h"
#include "errors.h"
#include "sys/journal_debug.h"
#include "sys/outbox.h"
#include "sys/service.h"
#include "sys/syscalls.h"

#include "lock.h"
#include "mount.h"
#include "pool.h"
#include "protocols/fs_client.h"
#include "protocols/vm_client.h"

static uint32_t hash_of(uint32_t mount, uint32_t inode)
{
    return (inode * 2654435761u ^ mount * 40503u) % VNODE_HASH;
}

uint32_t vnode_find(const struct vfs_state *vfs, uint32_t mount, uint32_t inode)
{
    (void)vfs;
    for (uint32_t v = tables.vnode_hash[hash_of(mount, inode)]; v != 0; v = tables.vnodes[v].hash_next) {
        if (tables.vnodes[v].inode == inode && tables.vnodes[v].mount == mount)
            return v;
    }
    return 0;
}

void vnode_hash_insert(uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);
    uint32_t *first = &tables.vnode_hash[hash_of(node->mount, node->inode)];

    node->hash_next = *first;
    *first = vnode;
}

static void hash_remove(uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);
    uint32_t *link = &tables.vnode_hash[hash_of(node->mount, node->inode)];

    while (*link != 0 && *link != vnode)
        link = &tables.vnodes[*link].hash_next;
    if (*link == vnode)
        *link = node->hash_next;
}

static void window_drop(struct vfs_state *vfs, uint32_t window)
{
    struct window *w = &vfs->windows[window];

    if (w->is_mapped) {
        struct vm_object_unmap_request request = { .address = WINDOW_BASE + window * WINDOW_BYTES, .length = WINDOW_BYTES };

        vm_call_object_unmap(ENDPOINT_VM, &request);
    }
    if (w->vnode != 0)
        tables.vnodes[w->vnode].window = 0;
    w->vnode = 0;
    w->is_mapped = 0;
}

static void put_node(struct vfs_state *vfs, struct vnode *node, uint32_t count)
{
    struct fs_put_node_request request = { .inode = node->inode, .count = count };

    if (node->flags & VNODE_DIRTY)
        request.mask |= FS_SETATTR_MASK_SIZE | FS_SETATTR_MASK_MTIME;
    if (node->flags & VNODE_ATIME)
        request.mask |= FS_SETATTR_MASK_ATIME;
    request.size = node->size;
    request.mtime_ns = node->mtime_ns;
    request.atime_ns = node->atime_ns;
    node->flags &= ~(uint32_t)(VNODE_DIRTY | VNODE_ATIME);
    fs_send_put_node(outbox_default(), vfs->mounts[node->mount].server, 0, &request);
}

void vnode_store(struct vfs_state *vfs, uint32_t vnode)
{
    if (vnode_at(vnode)->flags & (VNODE_DIRTY | VNODE_ATIME))
        put_node(vfs, vnode_at(vnode), 0);
}

/* The last node of a detached mount is gone. */
static void unmount(struct vfs_state *vfs, uint32_t mount)
{
    struct fs_unmount_request request = { .mount_id = vfs->mounts[mount].id };

    fs_send_unmount(outbox_default(), vfs->mounts[mount].server, 0, &request);
    vfs->mounts[mount].id = 0;
}

/* The record is free again. Only for nodes without references. */
static void forget(struct vfs_state *vfs, uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);
    uint32_t generation = node->generation + 1;

    if (node->window != 0)
        window_drop(vfs, node->window);
    if (!(node->flags & VNODE_ANONYMOUS)) {
        hash_remove(vnode);
        /* A file system that is unmounted forgets everything by itself. */
        if (!vfs->mounts[node->mount].is_detached)
            put_node(vfs, node, node->server_references);
    }
    vfs->mounts[node->mount].vnodes--;
    if (vfs->mounts[node->mount].is_detached && vfs->mounts[node->mount].vnodes == 0)
        unmount(vfs, node->mount);
    journal_release(node, sizeof(*node));
    node->mount = 0;
    node->generation = generation;
    POOL_GIVE(vfs->vnode_pool, tables.vnodes, hash_next, vnode);
}

/* Is there no sense in keeping a node that nobody uses? */
static bool is_useless(const struct vfs_state *vfs, const struct vnode *node)
{
    return (node->flags & VNODE_ANONYMOUS) || node->nlink == 0 || !mount_is_cacheable(vfs, node->mount) ||
           vfs->mounts[node->mount].is_detached;
}

static void forget_or_defer(struct vfs_state *vfs, uint32_t vnode)
{
    if (!(vnode_at(vnode)->flags & VNODE_ANONYMOUS) && outbox_is_crowded())
        vfs->is_late = 1;
    else
        forget(vfs, vnode);
}

void vnode_release(struct vfs_state *vfs, uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);

    if (vnode == 0 || --node->references != 0)
        return;
    if (is_useless(vfs, node))
        forget_or_defer(vfs, vnode);
    else if (!(node->flags & VNODE_RECENT))
        node->flags |= VNODE_RECENT;
}

void vnode_reap(struct vfs_state *vfs)
{
    for (uint32_t vnode = 1; vnode < vfs->vnode_pool.top; vnode++) {
        struct vnode *node = vnode_at(vnode);

        if (node->mount == 0 || node->references != 0 || node->covering != 0 || !is_useless(vfs, node))
            continue;
        forget_or_defer(vfs, vnode);
        if (vfs->is_late)
            return;
    }
}

/* Two rounds of the hand: the first takes the second chances away. */
static bool recycle_one(struct vfs_state *vfs)
{
    for (uint32_t i = 0; i < 2 * VNODES; i++) {
        uint32_t vnode = ++vfs->vnode_hand % VNODES;
        struct vnode *node = vnode_at(vnode);

        if (vnode == 0 || node->mount == 0 || node->references != 0 || node->covering != 0)
            continue;
        if (node->flags & VNODE_RECENT) {
            node->flags &= ~(uint32_t)VNODE_RECENT;
            continue;
        }
        forget(vfs, vnode);
        return true;
    }
    return false;
}

static uint32_t vnode_take(struct vfs_state *vfs, uint32_t mount)
{
    uint32_t vnode = POOL_TAKE(vfs->vnode_pool, tables.vnodes, hash_next, VNODES);

    if (vnode == 0 && recycle_one(vfs))
        vnode = POOL_TAKE(vfs->vnode_pool, tables.vnodes, hash_next, VNODES);
    if (vnode != 0) {
        struct vnode *node = vnode_at(vnode);
        uint32_t generation = node->generation;

        /* What comes before tells that the record was free, where the next one is, and names that are cached have the generation. */
        journal_forgo(&node->references, sizeof(*node) - offsetof(struct vnode, references));
        memset(node, 0, sizeof(*node));
        node->generation = generation + 1;
        node->mount = mount;
        node->flags = VNODE_RECENT;
        vfs->mounts[mount].vnodes++;
    }
    return vnode;
}

static void take_facts(struct vfs_state *vfs, struct vnode *node, const struct vnode_facts *facts)
{
    node->mode = facts->mode;
    node->uid = facts->uid;
    node->gid = facts->gid;
    node->device = facts->device;
    if (facts->flags & FS_NODE_FLAGS_OBJECT)
        node->flags |= VNODE_OBJECT;
    if (!facts->has_attributes)
        return;
    node->nlink = facts->nlink;
    node->size = facts->size;
    node->mtime_ns = facts->mtime_ns;
    (void)vfs;
}

uint32_t vnode_get(struct vfs_state *vfs, const struct vnode_facts *facts)
{
    uint32_t vnode = vnode_find(vfs, facts->mount, facts->inode);
    struct vnode *node;

    if (vnode != 0) {
        node = vnode_at(vnode);
        node->server_references++;
        /* What VFS keeps itself is newer than what the server says. */
        if (!mount_is_cacheable(vfs, facts->mount))
            take_facts(vfs, node, facts);
        return vnode;
    }
    vnode = vnode_take(vfs, facts->mount);
    if (vnode == 0) {
        struct fs_put_node_request request = { .inode = facts->inode, .count = 1 };

        fs_send_put_node(outbox_default(), vfs->mounts[facts->mount].server, 0, &request);
        return 0;
    }
    node = vnode_at(vnode);
    node->inode = facts->inode;
    node->server_references = 1;
    node->nlink = 1;
    take_facts(vfs, node, facts);
    vnode_hash_insert(vnode);
    return vnode;
}

uint32_t vnode_make_anonymous(struct vfs_state *vfs, uint32_t mode)
{
    uint32_t vnode = vnode_take(vfs, vfs->anonymous_mount);
    struct vnode *node = vnode_at(vnode);

    if (vnode == 0)
        return 0;
    node->flags |= VNODE_ANONYMOUS | VNODE_COMPLETE;
    node->inode = ++vfs->inode_next;
    node->mode = mode;
    node->nlink = 1;
    node->block_size = PAGE_BYTES;
    node->atime_ns = node->mtime_ns = node->ctime_ns = time_coarse_ns();
    return vnode;
}

uint32_t vnode_from_lookup(struct vfs_state *vfs, uint32_t mount, const struct message *message)
{
    struct fs_lookup_reply reply;

    fs_lookup_reply_get(message, &reply);
    struct vnode_facts facts = {
        .mount = mount,
        .inode = reply.inode,
        .mode = reply.mode,
        .uid = reply.uid,
        .gid = reply.gid,
        .nlink = reply.nlink,
        .device = reply.device,
        .flags = reply.flags,
        .size = reply.size,
        .mtime_ns = reply.mtime_ns,
        .has_attributes = true,
    };
    return vnode_get(vfs, &facts);
}

void vnode_drop_reply(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    struct fs_put_node_request request = { .count = 1 };

    __builtin_memcpy(&request.inode, reply->payload, sizeof(request.inode)); /* inode is the first field of all of them */
    (void)vfs;
    fs_send_put_node(outbox_default(), op->server, 0, &request);
}

void vnode_set_attributes(struct vnode *node, const struct fs_attributes *attributes)
{
    node->mode = attributes->mode;
    node->uid = attributes->uid;
    node->gid = attributes->gid;
    node->nlink = attributes->nlink;
    node->device = attributes->device;
    node->block_size = attributes->block_size;
    node->ctime_ns = attributes->ctime_ns;
    node->blocks = attributes->blocks;
    if (!(node->flags & VNODE_DIRTY)) {
        node->size = attributes->size;
        node->mtime_ns = attributes->mtime_ns;
    } else if (node->ctime_ns < node->mtime_ns) {
        node->ctime_ns = node->mtime_ns;
    }
    if (!(node->flags & VNODE_ATIME))
        node->atime_ns = attributes->atime_ns;
    node->flags |= VNODE_COMPLETE;
    if (node->flags & VNODE_OBJECT)
        node->flags |= VNODE_BLOCKS_STALE;
}

void vnode_unlinked(struct vfs_state *vfs, uint32_t vnode, uint32_t nlink)
{
    struct vnode *node = vnode_at(vnode);

    node->nlink = nlink;
    node->flags &= ~(uint32_t)VNODE_COMPLETE;
    if (node->references == 0 && nlink == 0)
        forget_or_defer(vfs, vnode);
}

uint32_t vnode_count_used(const struct vfs_state *vfs, uint32_t mount)
{
    uint32_t count = 0;

    for (uint32_t vnode = 1; vnode < vfs->vnode_pool.top; vnode++)
        count += tables.vnodes[vnode].mount == mount && tables.vnodes[vnode].references != 0;
    return count;
}

void vnode_purge_mount(struct vfs_state *vfs, uint32_t mount)
{
    for (uint32_t vnode = 1; vnode < vfs->vnode_pool.top && vfs->mounts[mount].vnodes != 0; vnode++) {
        if (tables.vnodes[vnode].mount == mount && tables.vnodes[vnode].references == 0)
            forget(vfs, vnode);
    }
}

/* ---- windows ---- */

static uint32_t window_take(struct vfs_state *vfs)
{
    for (uint32_t i = 0; i < 2 * WINDOWS; i++) {
        uint32_t window = ++vfs->window_hand % WINDOWS;

        if (window == 0)
            continue;
        if (vfs->windows[window].vnode == 0)
            return window;
        if (vfs->windows[window].is_recent) {
            vfs->windows[window].is_recent = 0;
            continue;
        }
        window_drop(vfs, window);
        return window;
    }
    return 0;
}

uint64_t vnode_window(struct vfs_state *vfs, uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);
    uint32_t window = node->window;
    uint64_t address;

    if (node->object == 0)
        return 0;
    if (window == 0) {
        window = window_take(vfs);
        node->window = window;
        vfs->windows[window].vnode = vnode;
    }
    address = WINDOW_BASE + window * WINDOW_BYTES;
    if (!vfs->windows[window].is_recent)
        vfs->windows[window].is_recent = 1;
    if (!vfs->windows[window].is_mapped) {
        struct vm_object_map_request request = {
            .object = node->object, .writable = 1, .address = address, .offset = 0, .length = WINDOW_BYTES
        };

        if (vm_call_object_map(ENDPOINT_VM, &request) != 0)
            return 0;
        vfs->windows[window].is_mapped = 1;
    }
    return address;
}

void vnode_windows_forget(struct vfs_state *vfs)
{
    for (uint32_t i = 0; i < WINDOWS; i++) {
        struct vm_object_unmap_request request = { .address = WINDOW_BASE + i * WINDOW_BYTES, .length = WINDOW_BYTES };

        if (!vfs->windows[i].is_mapped)
            continue;
        (void)vm_call_object_unmap(ENDPOINT_VM, &request); /* VM keeps them over a restart, and with them what they show of deleted files */
        vfs->windows[i].is_mapped = 0;
    }
}

/* ---- time ---- */

/* Derived: a new instance asks again. */
SERVICE_DERIVED static uint64_t coarse_ns;
SERVICE_DERIVED static uint64_t coarse_counter;

enum { COARSE_COUNTS = 1 << 22 }; /* cycles of the time stamp counter: 1 to 4 ms */

uint64_t time_coarse_ns(void)
{
#ifdef PLANARIA_SERVICE
    uint64_t counter = __builtin_ia32_rdtsc();
#else
    uint64_t counter = coarse_counter + COARSE_COUNTS;
#endif

    if (coarse_ns == 0 || counter - coarse_counter >= COARSE_COUNTS) {
        coarse_counter = counter;
        coarse_ns = sys_realtime();
    }
    return coarse_ns;
}
