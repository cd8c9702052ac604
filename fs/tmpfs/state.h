/* SPDX-License-Identifier: MIT */
/*
 * All that tmpfs knows: inodes and records (directory entries, pieces of long names and link texts), linked by index. File contents are VM objects.
 * Index 0 of both tables is never used, so that 0 means none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocols/fs.h"
#include "sys/stores.h"
#include "sys/variant.h"

enum {
    TMPFS_INODES = 16384,
    TMPFS_RECORDS = 32768,
    TMPFS_HASH_HEADS = 8192,
    TMPFS_MOUNTS = 32,
    TMPFS_INLINE_NAME = 23,
    TMPFS_PIECE_BYTES = 60,
    TMPFS_LINK_MAX = 65000,
    TMPFS_DIRENT_SIZE = 20,    /* what Linux's tmpfs adds to a directory's size for each entry */
    TMPFS_FIRST_SEQUENCE = 16, /* cookies below are "." and ".." and the start */
    TMPFS_PAGE = 4096,
};

struct tmpfs_inode {
    LAYOUT_ADDED(variant);
    uint32_t mode; /* 0: free, then `next_free` links */
    uint32_t uid;
    uint32_t gid;
    uint32_t nlink;
    uint64_t size;
    uint64_t atime_ns;
    uint64_t mtime_ns;
    uint64_t ctime_ns;
    uint64_t next_sequence; /* directories: of the next entry */
    uint64_t scan_cookie;   /* directories: where the last getdents stopped, and at which entry */
    uint32_t scan_entry;
    uint32_t references; /* held by VFS */
    uint32_t device;
    uint32_t object; /* VM object of a regular file, 0 none yet */
    uint32_t mount;
    uint32_t parent;      /* directories */
    uint32_t own_entry;   /* directories: the entry that names it */
    uint32_t first_entry; /* directories: newest first, as Linux lists them */
    uint32_t entry_count;
    uint32_t text; /* symbolic links: first piece of the target */
    uint32_t next_free;
    uint32_t holds_parent; /* removed directories: a reference keeps `..` alive */
} IN_TABLES;

/* A directory entry. The rest of a long name is in pieces. */
struct tmpfs_entry {
    uint32_t inode;
    uint32_t directory;
    uint32_t hash_next;
    uint32_t next; /* in the directory, older; or in the free list */
    uint32_t previous;
    uint32_t more; /* first piece of the rest of the name */
    uint64_t sequence;
    uint32_t hash;
    uint8_t name_length;
    char name[TMPFS_INLINE_NAME];
    uint32_t reserved;
} IN_TABLES;

struct tmpfs_piece {
    uint32_t next;
    char bytes[TMPFS_PIECE_BYTES];
} IN_TABLES;

union tmpfs_record {
    struct tmpfs_entry entry;
    struct tmpfs_piece piece;
} IN_TABLES;

_Static_assert(sizeof(struct tmpfs_entry) == 64 && sizeof(struct tmpfs_piece) == 64, "a record is one cache line");

struct tmpfs_mount {
    LAYOUT_ADDED(variant);
    uint32_t mount_id; /* VFS's number; 0: free */
    uint32_t root;
    uint32_t inode_count;
    uint32_t reserved;
};

/* The big tables; an arena, part of the state. */
struct tmpfs_tables {
    struct tmpfs_inode inode[TMPFS_INODES];
    union tmpfs_record record[TMPFS_RECORDS];
    uint32_t hash_head[TMPFS_HASH_HEADS];
} IN_TABLES;

struct tmpfs_state {
    LAYOUT_ADDED(variant);
    /* survives restart */
    uint32_t free_inode;
    uint32_t free_record;
    uint32_t inodes_free;
    uint32_t records_free;
    uint32_t root_built; /* the first tree was filled from the boot archive */
    uint32_t root_inode;
    struct tmpfs_mount mount[TMPFS_MOUNTS]; /* index == VM pool */
};

/* The tables of this instance (set in init from the arena; unit tests set their own). */
extern struct tmpfs_tables *tmpfs_tables;

void tmpfs_tables_init(struct tmpfs_state *state);
const char *tmpfs_state_check(const void *state);
