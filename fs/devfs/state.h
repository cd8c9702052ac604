/* SPDX-License-Identifier: MIT */
/*
 * All that devfs knows: one table of nodes. The inode number is the index + 1; node 0 is the root.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocols/fs.h"
#include "sys/variant.h"

enum {
    DEVFS_NODES = 1024,
    DEVFS_NAME_MAX = 31,
    DEVFS_TARGET_MAX = 63,
    DEVFS_ROOT = 1,
    DEVFS_DEVICE_MAJOR_SHIFT = 20,
};

struct devfs_node {
    uint32_t mode; /* 0: free */
    LAYOUT_ADDED(variant);
    LAYOUT_ORDER(uint32_t uid, uint32_t gid);
    uint32_t device; /* major << 20 | minor */
    uint32_t parent; /* inode of the directory; 0: has lost its name */
    uint32_t references;
    uint32_t nlink;
    uint32_t reserved;
    uint64_t atime_ns;
    uint64_t mtime_ns;
    uint64_t ctime_ns;
    char name[DEVFS_NAME_MAX + 1];
    char target[DEVFS_TARGET_MAX + 1]; /* symbolic links */
};

struct devfs_state {
    /* survives restart */
    struct devfs_node node[DEVFS_NODES];
};
