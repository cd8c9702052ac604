/* SPDX-License-Identifier: MIT */
/*
 * File mode bits and directory entry types as Linux has them (inode(7), getdents64(2)).
 */
#pragma once

#include <stdint.h>

enum linux_mode {
    LINUX_S_IFMT = 0170000,
    LINUX_S_IFSOCK = 0140000,
    LINUX_S_IFLNK = 0120000,
    LINUX_S_IFREG = 0100000,
    LINUX_S_IFBLK = 0060000,
    LINUX_S_IFDIR = 0040000,
    LINUX_S_IFCHR = 0020000,
    LINUX_S_IFIFO = 0010000,
    LINUX_S_ISUID = 04000,
    LINUX_S_ISGID = 02000,
    LINUX_S_ISVTX = 01000,
};

/* d_type of a directory entry is the file type of the mode, shifted. */
static inline uint8_t linux_dirent_type(uint32_t mode)
{
    return (uint8_t)((mode & LINUX_S_IFMT) >> 12);
}

/* Header of each getdents64 record; the NUL-terminated name follows at d_name, records are padded to 8 bytes. */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

enum { LINUX_DIRENT64_NAME_OFFSET = 19 };
