/* SPDX-License-Identifier: MIT */
/*
 * Numbers and layouts of Linux x86-64 that VFS needs: open flags, modes, fcntl, poll, epoll, struct stat and friends.
 * They are the programs' ABI, so they never change; names are Linux's.
 */
#pragma once

#include <stdint.h>

enum {
    O_RDONLY = 0,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_ACCMODE = 3,
    O_CREAT = 0x40,
    O_EXCL = 0x80,
    O_NOCTTY = 0x100,
    O_TRUNC = 0x200,
    O_APPEND = 0x400,
    O_NONBLOCK = 0x800,
    O_DSYNC = 0x1000,
    O_ASYNC = 0x2000,
    O_DIRECT = 0x4000,
    O_LARGEFILE = 0x8000,
    O_DIRECTORY = 0x10000,
    O_NOFOLLOW = 0x20000,
    O_NOATIME = 0x40000,
    O_CLOEXEC = 0x80000,
    O_SYNC_BIT = 0x100000,
    O_PATH = 0x200000,
    O_TMPFILE_BIT = 0x400000,
};

enum {
    S_IFMT = 0170000,
    S_IFSOCK = 0140000,
    S_IFLNK = 0120000,
    S_IFREG = 0100000,
    S_IFBLK = 0060000,
    S_IFDIR = 0040000,
    S_IFCHR = 0020000,
    S_IFIFO = 0010000,
    S_ISUID = 04000,
    S_ISGID = 02000,
    S_ISVTX = 01000,
    S_PERMISSIONS = 07777,
};

static inline int mode_is(uint32_t mode, uint32_t type)
{
    return (mode & S_IFMT) == type;
}

enum {
    AT_FDCWD = -100,
    AT_SYMLINK_NOFOLLOW = 0x100,
    AT_REMOVEDIR = 0x200,
    AT_EACCESS = 0x200,
    AT_SYMLINK_FOLLOW = 0x400,
    AT_NO_AUTOMOUNT = 0x800,
    AT_EMPTY_PATH = 0x1000,
    AT_STATX_SYNC_TYPE = 0x6000,
};

enum { PATH_MAX = 4096, NAME_MAX = 255, LINKS_MAX = 40, IOV_MAX = 1024, NGROUPS_INLINE = 32 };

enum { SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, SEEK_DATA = 3, SEEK_HOLE = 4 };

enum { R_OK = 4, W_OK = 2, X_OK = 1 };

enum {
    F_DUPFD = 0,
    F_GETFD = 1,
    F_SETFD = 2,
    F_GETFL = 3,
    F_SETFL = 4,
    F_GETLK = 5,
    F_SETLK = 6,
    F_SETLKW = 7,
    F_SETOWN = 8,
    F_GETOWN = 9,
    F_SETSIG = 10,
    F_GETSIG = 11,
    F_SETOWN_EX = 15,
    F_GETOWN_EX = 16,
    F_OFD_GETLK = 36,
    F_OFD_SETLK = 37,
    F_OFD_SETLKW = 38,
    F_DUPFD_CLOEXEC = 1030,
    F_SETPIPE_SZ = 1031,
    F_GETPIPE_SZ = 1032,
    F_ADD_SEALS = 1033,
    F_GET_SEALS = 1034,
    F_RDLCK = 0,
    F_WRLCK = 1,
    F_UNLCK = 2,
    FD_CLOEXEC = 1,
    LOCK_SH = 1,
    LOCK_EX = 2,
    LOCK_NB = 4,
    LOCK_UN = 8,
};

struct linux_flock {
    int16_t type;
    int16_t whence;
    int32_t pad;
    int64_t start;
    int64_t length;
    int32_t pid;
    int32_t pad_end;
};

enum {
    POLLIN = 1,
    POLLPRI = 2,
    POLLOUT = 4,
    POLLERR = 8,
    POLLHUP = 0x10,
    POLLNVAL = 0x20,
    POLLRDNORM = 0x40,
    POLLRDBAND = 0x80,
    POLLWRNORM = 0x100,
    POLLWRBAND = 0x200,
    POLLRDHUP = 0x2000,
};

struct linux_pollfd {
    int32_t fd;
    int16_t events;
    int16_t revents;
};

enum {
    EPOLL_CTL_ADD = 1,
    EPOLL_CTL_DEL = 2,
    EPOLL_CTL_MOD = 3,
};
#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

struct linux_epoll_event {
    uint32_t events;
    uint64_t data;
} __attribute__((packed));

struct linux_iovec {
    uint64_t base;
    uint64_t length;
};

struct linux_timespec {
    int64_t seconds;
    int64_t nanoseconds;
};

struct linux_timeval {
    int64_t seconds;
    int64_t microseconds;
};

enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };

struct linux_stat {
    uint64_t st_dev;
    uint64_t st_ino;
    uint64_t st_nlink;
    uint32_t st_mode;
    uint32_t st_uid;
    uint32_t st_gid;
    uint32_t pad0;
    uint64_t st_rdev;
    int64_t st_size;
    int64_t st_blksize;
    int64_t st_blocks;
    struct linux_timespec st_atim;
    struct linux_timespec st_mtim;
    struct linux_timespec st_ctim;
    int64_t reserved[3];
};
_Static_assert(sizeof(struct linux_stat) == 144, "struct stat of x86-64");

struct linux_statx_time {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t reserved;
};

struct linux_statx {
    uint32_t stx_mask;
    uint32_t stx_blksize;
    uint64_t stx_attributes;
    uint32_t stx_nlink;
    uint32_t stx_uid;
    uint32_t stx_gid;
    uint16_t stx_mode;
    uint16_t reserved0;
    uint64_t stx_ino;
    uint64_t stx_size;
    uint64_t stx_blocks;
    uint64_t stx_attributes_mask;
    struct linux_statx_time stx_atime, stx_btime, stx_ctime, stx_mtime;
    uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
    uint64_t reserved[14];
};
_Static_assert(sizeof(struct linux_statx) == 256, "struct statx");

enum { STATX_BASIC_STATS = 0x7ff };

struct linux_statfs {
    int64_t f_type;
    int64_t f_bsize;
    uint64_t f_blocks;
    uint64_t f_bfree;
    uint64_t f_bavail;
    uint64_t f_files;
    uint64_t f_ffree;
    int32_t f_fsid[2];
    int64_t f_namelen;
    int64_t f_frsize;
    int64_t f_flags;
    int64_t f_spare[4];
};
_Static_assert(sizeof(struct linux_statfs) == 120, "struct statfs of x86-64");

struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

enum {
    FIONREAD = 0x541b,
    FIONBIO = 0x5421,
    FIONCLEX = 0x5450,
    FIOCLEX = 0x5451,
    FIOASYNC = 0x5452,
    TIOCSCTTY = 0x540e,
    TIOCNOTTY = 0x5422,
};

enum {
    MS_RDONLY = 1,
    MS_NOSUID = 2,
    MS_NODEV = 4,
    MS_NOEXEC = 8,
    MS_REMOUNT = 32,
    MS_BIND = 4096,
    MS_MOVE = 8192,
    MS_REC = 16384,
    MNT_FORCE = 1,
    MNT_DETACH = 2,
    MNT_EXPIRE = 4,
    UMOUNT_NOFOLLOW = 8,
};

enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4 };

enum { CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_THREAD = 0x10000 };

enum { SIGPIPE = 13, SIGXFSZ = 25, SIGIO = 29 };

enum { EFD_SEMAPHORE = 1 };

enum { TMPFS_MAGIC = 0x01021994, PROC_MAGIC = 0x9fa0, PIPEFS_MAGIC = 0x50495045, ANON_INODE_MAGIC = 0x09041934 };

/* Linux's encoding of device numbers for programs, from ours (major << 20 | minor). */
static inline uint64_t device_to_linux(uint32_t device)
{
    uint64_t major = device >> 20;
    uint64_t minor = device & 0xfffff;

    return (minor & 0xff) | major << 8 | (minor & ~0xffull) << 12;
}

static inline uint32_t device_from_linux(uint64_t device)
{
    uint32_t major = (uint32_t)(device >> 8) & 0xfff;
    uint32_t minor = (uint32_t)((device & 0xff) | ((device >> 12) & 0xfff00));

    return major << 20 | minor;
}

static inline uint32_t device_make(uint32_t major, uint32_t minor)
{
    return major << 20 | minor;
}
