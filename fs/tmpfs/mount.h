/* SPDX-License-Identifier: MIT */
/*
 * Trees: one per mount, each with a root directory and a limit on its pages (a VM pool with the mount's index).
 */
#pragma once

#include "fs_attributes.h"
#include "state.h"

/* A tree for VFS's mount. The first is the boot archive's. data: comma list of size=N[k|m|g|%], mode=OCTAL, uid=N, gid=N, nr_inodes=N (ignored). */
int mount_add(struct tmpfs_state *state, uint32_t mount_id, const char *data, uint32_t *root);
/* -EBUSY while VFS holds nodes other than the root; the tree is freed. */
int mount_remove(struct tmpfs_state *state, uint32_t mount_id);
/* VFS begins anew and holds nothing any more: only the first tree stays, without the nodes that have no name. An error of VM: not all is done. */
int mount_forget(struct tmpfs_state *state);
int mount_statistics(const struct tmpfs_state *state, uint32_t mount_id, struct fs_statistics *statistics);
/* An empty root directory for tree `index`. 0 if the table is full. */
uint32_t mount_make_root(struct tmpfs_state *state, uint32_t index, uint32_t mode);
/* Set the page limit of tree `index`. */
int mount_set_limit(uint32_t index, uint64_t pages);
/* Half of the machine's memory, in pages, as Linux does. */
uint64_t mount_default_limit(void);
