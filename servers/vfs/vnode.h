/* SPDX-License-Identifier: MIT */
/*
 * The cache of nodes: one record per (mount, inode), found by hash, recycled by a clock hand when nobody uses it. Attributes live here
 * while a node is known; for nodes with an object VFS owns size and times and stores them when it lets the node go.
 */
#pragma once

#include "operation.h"
#include "sys/outbox.h"

/* What a server said about a node (lookup, create, ..). */
struct vnode_facts {
    uint32_t mount, inode, mode, uid, gid, nlink, device, flags;
    uint64_t size, mtime_ns;
    bool has_attributes; /* size, nlink .. are known */
};

static inline struct vnode *vnode_at(uint32_t vnode)
{
    return &tables.vnodes[vnode];
}

static inline void vnode_acquire(uint32_t vnode)
{
    if (vnode != 0)
        tables.vnodes[vnode].references++;
}

void vnode_release(struct vfs_state *vfs, uint32_t vnode);
/* The record of a node, from the server's reply, which gave us one more reference there. 0: the table is full (reference given back). */
uint32_t vnode_get(struct vfs_state *vfs, const struct vnode_facts *facts);
uint32_t vnode_find(const struct vfs_state *vfs, uint32_t mount, uint32_t inode);
/* A node without a server: pipes, eventfd. No reference. */
uint32_t vnode_make_anonymous(struct vfs_state *vfs, uint32_t mode);
uint32_t vnode_from_lookup(struct vfs_state *vfs, uint32_t mount, const struct message *reply);
void vnode_drop_reply(struct vfs_state *vfs, struct operation *op, const struct message *reply);
void vnode_set_attributes(struct vnode *node, const struct fs_attributes *attributes);
/* How many nodes of a mount are in use; forget all the others (of a mount that is detached). */
uint32_t vnode_count_used(const struct vfs_state *vfs, uint32_t mount);
void vnode_purge_mount(struct vfs_state *vfs, uint32_t mount);
/* Let go of the nodes that could not be let go when the outbox was full. */
void vnode_reap(struct vfs_state *vfs);
/* Store what is newer here; an event, so nobody waits. */
void vnode_store(struct vfs_state *vfs, uint32_t vnode);
/* One link less. The server forgets the node when the last reference goes. */
void vnode_unlinked(struct vfs_state *vfs, uint32_t vnode, uint32_t nlink);

/* The address in VFS where the contents of an object node are. 0: VM refused. */
uint64_t vnode_window(struct vfs_state *vfs, uint32_t vnode);
void vnode_windows_forget(struct vfs_state *vfs);
/* Of a node whose mount and number are known: it can be found by them. */
void vnode_hash_insert(uint32_t vnode);

/* A name of at most NAME_INLINE bytes as the cache compares it: the name, zeros, in the last byte the length. */
struct name_key {
    uint64_t word[4];
    uint32_t hash; /* of the name alone */
};

#define NAME_DIRECTORY_FACTOR 2654435761u

static inline __attribute__((always_inline)) uint32_t name_hash(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    return (uint32_t)(((w0 ^ w1 * 3 ^ w2 * 5 ^ w3 * 7) * 0x9e3779b97f4a7c15ull) >> 32);
}

/* Name cache. Found: returns true, *child is 0 for a name known not to exist. */
bool name_find(uint32_t directory, const char *name, uint32_t length, uint32_t *child);
void name_enter(struct vfs_state *vfs, uint32_t directory, const char *name, uint32_t length, uint32_t child);
void name_forget(uint32_t directory, const char *name, uint32_t length);
/* Directory and name by which a node was found last; false if that is not known any more. */
bool name_of_child(uint32_t child, uint32_t *directory, const char **name, uint32_t *length);

const char *link_text_find(uint32_t vnode, uint32_t *length);
void link_text_enter(uint32_t vnode, const char *text, uint32_t length);

/* Room of the outbox that is kept for answers, and how many messages nobody waits for may be on their way at once: a crowd is slow to deliver. */
enum { OUTBOX_RESERVE = 128, OUTBOX_CROWD = 96 };

static inline bool outbox_is_crowded(void)
{
    return outbox_room(outbox_default()) < OUTBOX_ENTRIES - OUTBOX_CROWD;
}

/* Time for mtime and the like: at most 4 ms old. */
uint64_t time_coarse_ns(void);

static inline struct mount *vnode_mount(struct vfs_state *vfs, uint32_t vnode)
{
    return &vfs->mounts[tables.vnodes[vnode].mount];
}

static inline bool mount_is_cacheable(const struct vfs_state *vfs, uint32_t mount)
{
    return (vfs->mounts[mount].result & MOUNT_CACHEABLE) != 0;
}
