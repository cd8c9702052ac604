/* SPDX-License-Identifier: MIT */
/*
 * The tree of procfs as two tables.
 */
#include "inode.h"

#include <stddef.h>

#include "linux/stat.h"

enum {
    FILE_MODE = LINUX_S_IFREG | 0444,
    DIRECTORY_MODE = LINUX_S_IFDIR | 0555,
    LINK_MODE = LINUX_S_IFLNK | 0777,
};

const struct procfs_file fixed_files[] = {
    { "", FIXED_ROOT, FIXED_ROOT, DIRECTORY_MODE, NULL },
    { "self", FIXED_SELF, FIXED_ROOT, LINK_MODE, NULL },
    { "mounts", FIXED_MOUNTS, FIXED_ROOT, LINK_MODE, "self/mounts" },
    { "stat", FIXED_STAT, FIXED_ROOT, FILE_MODE, NULL },
    { "meminfo", FIXED_MEMINFO, FIXED_ROOT, FILE_MODE, NULL },
    { "uptime", FIXED_UPTIME, FIXED_ROOT, FILE_MODE, NULL },
    { "loadavg", FIXED_LOADAVG, FIXED_ROOT, FILE_MODE, NULL },
    { "cpuinfo", FIXED_CPUINFO, FIXED_ROOT, FILE_MODE, NULL },
    { "version", FIXED_VERSION, FIXED_ROOT, FILE_MODE, NULL },
    { "filesystems", FIXED_FILESYSTEMS, FIXED_ROOT, FILE_MODE, NULL },
    { "cmdline", FIXED_CMDLINE, FIXED_ROOT, FILE_MODE, NULL },
    { "devices", FIXED_DEVICES, FIXED_ROOT, FILE_MODE, NULL },
    { "swaps", FIXED_SWAPS, FIXED_ROOT, FILE_MODE, NULL },
    { "vmstat", FIXED_VMSTAT, FIXED_ROOT, FILE_MODE, NULL },
    { "counters", FIXED_COUNTERS, FIXED_ROOT, FILE_MODE, NULL },
    { "service", FIXED_SERVICE, FIXED_ROOT, DIRECTORY_MODE, NULL },
    { "net", FIXED_NET, FIXED_ROOT, DIRECTORY_MODE, NULL },
    { "dev", FIXED_NET_DEV, FIXED_NET, FILE_MODE, NULL },
    { "sys", FIXED_SYS, FIXED_ROOT, DIRECTORY_MODE, NULL },
    { "kernel", FIXED_SYS_KERNEL, FIXED_SYS, DIRECTORY_MODE, NULL },
    { "vm", FIXED_SYS_VM, FIXED_SYS, DIRECTORY_MODE, NULL },
    { "hostname", FIXED_HOSTNAME, FIXED_SYS_KERNEL, FILE_MODE, NULL },
    { "domainname", FIXED_DOMAINNAME, FIXED_SYS_KERNEL, FILE_MODE, NULL },
    { "osrelease", FIXED_OSRELEASE, FIXED_SYS_KERNEL, FILE_MODE, NULL },
    { "ostype", FIXED_OSTYPE, FIXED_SYS_KERNEL, FILE_MODE, NULL },
    { "pid_max", FIXED_PID_MAX, FIXED_SYS_KERNEL, FILE_MODE, NULL },
    { "ngroups_max", FIXED_NGROUPS_MAX, FIXED_SYS_KERNEL, FILE_MODE, NULL },
    { "cap_last_cap", FIXED_CAP_LAST_CAP, FIXED_SYS_KERNEL, FILE_MODE, NULL },
    { "overcommit_memory", FIXED_OVERCOMMIT, FIXED_SYS_VM, FILE_MODE, NULL },
    { NULL, 0, 0, 0, NULL },
};

const struct procfs_file process_files[] = {
    { "", PROCESS_DIRECTORY, 0, DIRECTORY_MODE, NULL },
    { "stat", PROCESS_STAT, 0, FILE_MODE, NULL },
    { "statm", PROCESS_STATM, 0, FILE_MODE, NULL },
    { "status", PROCESS_STATUS, 0, FILE_MODE, NULL },
    { "cmdline", PROCESS_CMDLINE, 0, FILE_MODE, NULL },
    { "environ", PROCESS_ENVIRON, 0, LINUX_S_IFREG | 0400, NULL },
    { "comm", PROCESS_COMM, 0, FILE_MODE, NULL },
    { "maps", PROCESS_MAPS, 0, FILE_MODE, NULL },
    { "exe", PROCESS_EXE, 0, LINK_MODE, NULL },
    { "cwd", PROCESS_CWD, 0, LINK_MODE, NULL },
    { "root", PROCESS_ROOT, 0, LINK_MODE, NULL },
    { "fd", PROCESS_FD, 0, LINUX_S_IFDIR | 0500, NULL },
    { "mounts", PROCESS_MOUNTS, 0, FILE_MODE, NULL },
    { "oom_score_adj", PROCESS_OOM_SCORE_ADJ, 0, FILE_MODE, NULL },
    { NULL, 0, 0, 0, NULL },
};

const struct procfs_file *file_by_number(const struct procfs_file *files, uint32_t number)
{
    for (; files->name != NULL; files++) {
        if (files->number == number) {
            return files;
        }
    }
    return NULL;
}

const struct procfs_file *file_of_inode(uint32_t inode)
{
    static const struct procfs_file service = { "", 0, FIXED_SERVICE, FILE_MODE, NULL };

    if (inode_is_descriptor(inode)) {
        return NULL;
    }
    if (inode_is_service(inode)) {
        return &service;
    }
    return file_by_number(inode_is_process(inode) ? process_files : fixed_files, inode_file(inode));
}
