/* SPDX-License-Identifier: MIT */
/*
 * Only what the nodes themselves say is believed: their mount and number, and their window as long as no other node has it.
 */
#include "derive.h"

#include "base/string.h"

#include "vnode.h"

static void derive_window(struct vfs_state *vfs, uint32_t vnode)
{
    struct vnode *node = vnode_at(vnode);

    if (node->window >= WINDOWS || vfs->windows[node->window].vnode != 0)
        node->window = 0;
    if (node->window != 0)
        vfs->windows[node->window].vnode = vnode;
}

void derive_indexes(struct vfs_state *vfs)
{
    uint32_t top = vfs->vnode_pool.top < VNODES ? vfs->vnode_pool.top : VNODES;

    memset(tables.vnode_hash, 0, sizeof(tables.vnode_hash[0]) * VNODE_HASH);
    for (uint32_t i = 0; i < WINDOWS; i++)
        vfs->windows[i].vnode = 0;
    for (uint32_t vnode = 1; vnode < top; vnode++) {
        if (vnode_at(vnode)->mount == 0)
            continue;
        derive_window(vfs, vnode);
        if (!(vnode_at(vnode)->flags & VNODE_ANONYMOUS))
            vnode_hash_insert(vnode);
    }
}
