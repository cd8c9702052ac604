/* SPDX-License-Identifier: MIT */
/*
 * What file servers tell VFS about a node and a file system (fs.idl getattr, setattr, statfs). Times in ns since the epoch.
 */
#pragma once

#include <stdint.h>

struct fs_attributes {
    uint32_t inode;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint64_t size;
    uint64_t blocks; /* of 512 bytes */
    uint32_t nlink;
    uint32_t device; /* major << 20 | minor, device nodes */
    uint32_t block_size;
    uint32_t flags; /* fs.idl node_flags */
    uint64_t atime_ns;
    uint64_t mtime_ns;
    uint64_t ctime_ns;
};

struct fs_statistics {
    uint32_t magic;
    uint32_t block_size;
    uint64_t blocks;
    uint64_t blocks_free;
    uint64_t files;
    uint64_t files_free;
    uint32_t name_max;
    uint32_t flags;
};
