/* SPDX-License-Identifier: MIT */
/*
 * Inode numbers of procfs: the number says it all, so nothing is stored.
 *   0x00000001..0xff                    fixed files (enum fixed_file)
 *   0x20000000 | slot                   file of a service in /proc/service
 *   0x40000000 | pid << 8 | file        files of a process (enum process_file)
 *   0x80000000 | pid << 12 | descriptor link of a descriptor
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum fixed_file {
    FIXED_ROOT = 1,
    FIXED_SELF,
    FIXED_MOUNTS,
    FIXED_STAT,
    FIXED_MEMINFO,
    FIXED_UPTIME,
    FIXED_LOADAVG,
    FIXED_CPUINFO,
    FIXED_VERSION,
    FIXED_FILESYSTEMS,
    FIXED_CMDLINE,
    FIXED_DEVICES,
    FIXED_SWAPS,
    FIXED_VMSTAT,
    FIXED_SYS,
    FIXED_SYS_KERNEL,
    FIXED_SYS_VM,
    FIXED_HOSTNAME,
    FIXED_OSRELEASE,
    FIXED_OSTYPE,
    FIXED_PID_MAX,
    FIXED_NGROUPS_MAX,
    FIXED_CAP_LAST_CAP,
    FIXED_OVERCOMMIT,
    FIXED_NET,
    FIXED_NET_DEV,
    FIXED_COUNTERS,
    FIXED_DOMAINNAME,
    FIXED_SERVICE,
    FIXED_END,
};

enum process_file {
    PROCESS_DIRECTORY = 1,
    PROCESS_STAT,
    PROCESS_STATM,
    PROCESS_STATUS,
    PROCESS_CMDLINE,
    PROCESS_ENVIRON,
    PROCESS_COMM,
    PROCESS_MAPS,
    PROCESS_EXE,
    PROCESS_CWD,
    PROCESS_ROOT,
    PROCESS_FD,
    PROCESS_MOUNTS,
    PROCESS_OOM_SCORE_ADJ,
    PROCESS_END,
};

enum {
    INODE_SERVICE = 0x20000000,
    INODE_PROCESS = 0x40000000,
    INODE_DESCRIPTOR = 0x80000000u,
    INODE_FILE_BITS = 8,
    INODE_DESCRIPTOR_BITS = 12,
    DESCRIPTOR_MAX = 1 << INODE_DESCRIPTOR_BITS,
};

static inline uint32_t inode_of_process(uint32_t pid, uint32_t file)
{
    return INODE_PROCESS | pid << INODE_FILE_BITS | file;
}

static inline uint32_t inode_of_descriptor(uint32_t pid, uint32_t descriptor)
{
    return INODE_DESCRIPTOR | pid << INODE_DESCRIPTOR_BITS | descriptor;
}

static inline bool inode_is_descriptor(uint32_t inode)
{
    return (inode & INODE_DESCRIPTOR) != 0;
}

static inline bool inode_is_process(uint32_t inode)
{
    return !inode_is_descriptor(inode) && (inode & INODE_PROCESS) != 0;
}

static inline uint32_t inode_of_service(uint32_t slot)
{
    return INODE_SERVICE | slot;
}

static inline bool inode_is_service(uint32_t inode)
{
    return !inode_is_descriptor(inode) && !inode_is_process(inode) && (inode & INODE_SERVICE) != 0;
}

static inline uint32_t inode_slot(uint32_t inode)
{
    return inode & ~(uint32_t)INODE_SERVICE;
}

/* 0: belongs to no process. */
static inline uint32_t inode_pid(uint32_t inode)
{
    if (inode_is_descriptor(inode)) {
        return (inode & ~INODE_DESCRIPTOR) >> INODE_DESCRIPTOR_BITS;
    }
    return inode_is_process(inode) ? (inode & ~(uint32_t)INODE_PROCESS) >> INODE_FILE_BITS : 0;
}

/* enum fixed_file or enum process_file. */
static inline uint32_t inode_file(uint32_t inode)
{
    return inode & ((1u << INODE_FILE_BITS) - 1);
}

/* One row of the tree: name, place and type. */
struct procfs_file {
    const char *name;
    uint32_t number; /* enum fixed_file, or enum process_file */
    uint32_t parent; /* fixed files: enum fixed_file of the directory */
    uint32_t mode;
    const char *target; /* links with a fixed text */
};

/* Rows end with a NULL name. */
extern const struct procfs_file fixed_files[];
extern const struct procfs_file process_files[];

const struct procfs_file *file_by_number(const struct procfs_file *files, uint32_t number);
/* The row of an inode number (one for all services), NULL for descriptor links and numbers that mean nothing. */
const struct procfs_file *file_of_inode(uint32_t inode);
