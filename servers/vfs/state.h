/* SPDX-License-Identifier: MIT */
/*
 * All that VFS knows. Small things are in struct vfs_state (section .state), big tables are arenas behind struct vfs_tables.
 * Records are linked by index; index 0 of every table is "none". A record that is reused has a new generation.
 * Only window mappings are derived: they are dropped and made again when VFS starts anew.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fs_attributes.h"
#include "linux.h"
#include "message.h"
#include "sys/variant.h"

struct waiters;

enum {
    PROCESSES = USER_SLOTS + 1, /* by user slot + 1 */
    FD_TABLES = USER_SLOTS + 1,
    FD_CHUNK = 64,
    FD_CHUNKS = 8192,
    FD_TABLE_CHUNKS = 64, /* 4096 descriptors */
    FD_LIMIT = FD_CHUNK * FD_TABLE_CHUNKS,
    INFOS = USER_SLOTS + 1,
    FILES = 8192,
    VNODES = 8192,
    VNODE_HASH = 8192,
    NAME_WAYS = 4,
    NAME_SETS = 4096,
    NAME_INLINE = 31,
    OWN_NAMES = 2048,
    LINK_TEXTS = 512,
    LINK_TEXT_INLINE = 111,
    MOUNTS = 64,
    WINDOWS = 512,
    PIPES = 512,
    PIPE_PAGES = 1024,
    PIPE_RING = 16,
    PAGE_BYTES = 4096,
    OPERATIONS = PROCESSES + 64,
    TEXT_BUFFERS = 256,
    DEVICES = 256,
    DRIVERS = 64,
    SESSIONS = 128,
    LOCKS = 2048,
    WATCHES = 8192,
    EPOLLS = 256,
    EPOLL_ITEMS = 4096,
    EVENTS = 256,
    SOCKETS = 256,
};

#define WINDOW_BASE    0x100000000000ull
#define WINDOW_BYTES   0x100000000ull
#define FILE_BYTES_MAX 0xfffff000ull /* what a window can show */
#define POSITION_MAX   0x7fffffffffffffffll

/* ---- processes ---- */

/* What threads with CLONE_FS share. */
struct fs_info {
    uint32_t references;
    uint32_t cwd;  /* vnode */
    uint32_t root; /* vnode */
    uint32_t umask;
};

struct fd_chunk {
    uint64_t open;    /* bitmap */
    uint64_t cloexec; /* bitmap */
    uint32_t file[FD_CHUNK];
};

/* What threads with CLONE_FILES share. */
struct fd_table {
    uint32_t references;
    uint32_t owner;       /* number for record locks */
    uint32_t chunk_count; /* those behind are not there */
    uint32_t pad;
    uint16_t chunk[FD_TABLE_CHUNKS];
};

/* One thread. */
struct process {
    endpoint_t endpoint; /* 0: free (no user thread has endpoint 0) */
    uint32_t tid;
    uint32_t tgid;
    uint32_t fds;  /* fd_table */
    uint32_t info; /* fs_info */
    uint32_t uid, euid, gid, egid;
    uint32_t group;
    uint32_t session;
    uint32_t operation;  /* parked call */
    uint32_t executable; /* vnode */
    uint32_t pending_executable;
    uint32_t open_files_max;
    uint32_t group_count;
    uint32_t sleep_pipe; /* it sleeps in read(2) of this pipe, without an operation */
    uint32_t sleep_file;
    uint64_t sleep_address, sleep_length;
    uint64_t file_size_max;
    uint32_t groups[NGROUPS_INLINE];
};

/* The terminal of a session. */
struct session {
    uint32_t id; /* 0: free */
    uint32_t device;
};

/* ---- nodes and names ---- */

enum vnode_flags {
    VNODE_OBJECT = 1,        /* contents are a VM object */
    VNODE_COMPLETE = 2,      /* all attributes are known */
    VNODE_DIRTY = 4,         /* size or times here are newer than the server's */
    VNODE_RECENT = 8,        /* used since the hand of the clock passed */
    VNODE_ANONYMOUS = 16,    /* no server: pipes and the like */
    VNODE_BLOCKS_STALE = 32, /* ask VM how many pages there are */
    VNODE_ATIME = 64,        /* the access time here is newer than the server's */
    VNODE_BUSY = 128,        /* a long call reads or writes it: others wait in busy_queue (io.c) */
};

struct vnode {
    LAYOUT_ADDED(variant);
    uint32_t mount; /* 0: free record */
    uint32_t inode;
    uint32_t hash_next;
    uint32_t generation;
    uint32_t references;
    uint32_t server_references; /* lookups to give back */
    uint32_t flags;
    uint32_t mode, uid, gid, nlink;
    uint32_t device;
    uint32_t block_size;
    uint32_t object;
    uint32_t window;   /* 0: not mapped */
    uint32_t covering; /* mount on top of this directory */
    uint32_t locks;    /* list of struct lock */
    uint32_t pipe;     /* FIFO in use */
    uint32_t writers;  /* open for writing */
    uint32_t executing;
    uint64_t size, blocks;
    uint64_t atime_ns, mtime_ns, ctime_ns;
    uint64_t reserved_from, reserved_to; /* pages of the object known to be there */
};

struct window {
    uint32_t vnode;
    uint32_t is_mapped; /* derived: nothing is mapped in a new instance */
    uint32_t is_recent;
};

/* One way of a set of the name cache; valid if both generations hold. child 0: the name does not exist. */
struct name_entry {
    uint32_t directory, directory_generation;
    uint32_t child, child_generation;
    uint32_t hash;
    uint32_t pad;
    uint64_t key[4]; /* struct name_key */
};

struct link_text {
    uint32_t vnode, generation;
    uint8_t length;
    char text[LINK_TEXT_INLINE];
};

enum mount_result_flags { MOUNT_CACHEABLE = 1 };

struct mount {
    uint32_t id; /* for the server, never reused; 0: free */
    endpoint_t server;
    uint32_t root;    /* vnode */
    uint32_t covered; /* vnode below, 0 for the root file system */
    uint32_t parent;  /* mount of the covered vnode */
    uint32_t flags;   /* MS_RDONLY .. */
    uint32_t result;  /* MOUNT_CACHEABLE */
    uint32_t magic;
    uint32_t vnodes; /* records in use */
    uint32_t is_detached;
    char type[16];
    char source[32];
    char path[128];
};

/* ---- open files ---- */

enum file_kind {
    FILE_FREE,
    FILE_OBJECT,
    FILE_SERVER,
    FILE_DIRECTORY,
    FILE_DEVICE,
    FILE_PIPE,
    FILE_EVENT,
    FILE_EPOLL,
    FILE_TIMER,
    FILE_SOCKET,
    FILE_PATH
};

/* An open file description. */
struct file {
    LAYOUT_ADDED(variant);
    uint32_t kind;
    uint32_t references; /* descriptors and parked operations */
    uint32_t vnode;
    uint32_t flags;       /* as open: access mode and status flags */
    uint32_t thing;       /* pipe, device, event or epoll record */
    uint32_t flock;       /* LOCK_SH or LOCK_EX held */
    int32_t owner;        /* F_SETOWN */
    uint32_t epoll_items; /* list: epolls that watch this file */
    uint64_t position;
};

struct queue {
    uint32_t first, last; /* operations */
};

struct pipe {
    uint32_t in_use;
    uint32_t readers, writers;
    uint32_t vnode;
    uint32_t page_limit;
    uint32_t head, length; /* bytes in the ring of page_limit pages */
    uint32_t watches;
    uint32_t read_opens, write_opens; /* counters: who waits in open(2) of a FIFO compares */
    uint32_t sockets[2];              /* the two of a connection, to tell who watches them */
    uint32_t sleeper;                 /* process that sleeps in read(2) and gets the next bytes first */
    struct queue read_queue, write_queue, open_queue;
    uint16_t page[PIPE_RING]; /* page numbers + 1 */
};

/* A character device that is open. */
struct device {
    uint32_t number; /* major << 20 | minor, 0: free */
    uint32_t references;
    uint32_t watches;
    uint32_t closes_pending; /* for which the outbox had no room */
    uint32_t shortcut;       /* char.idl: what VFS answers itself */
};

struct driver {
    endpoint_t endpoint;
    uint32_t in_use;
    uint32_t major, minor_first, minor_last;
    char label[16];
};

struct event {
    uint32_t in_use;
    uint32_t is_semaphore;
    uint64_t count;
    uint32_t watches;
    uint32_t references;
    struct queue read_queue, write_queue;
};

enum socket_state { SOCKET_NEW, SOCKET_NAMED, SOCKET_LISTENING, SOCKET_CONNECTED };
enum socket_shut { SHUT_READ = 1, SHUT_WRITE = 2 };

/* A local socket. */
struct socket {
    uint32_t in_use;
    uint32_t state;
    uint32_t type;
    uint32_t pipe_in, pipe_out;
    uint32_t peer;
    uint32_t shut;
    uint32_t vnode; /* its name in the tree */
    uint32_t backlog;
    uint32_t pending_first; /* listening: connections to accept */
    uint32_t next;          /* in that list */
    uint32_t watches;
    uint32_t pid, uid, gid; /* of who made it */
    uint32_t name_length;
    struct queue queue; /* who waits to accept or to connect */
    char name[108];
};

/* ---- locks ---- */

struct lock {
    uint32_t next;
    uint32_t vnode; /* 0: free */
    uint32_t owner; /* fd_table owner number, or file index for flock and OFD locks */
    uint16_t kind;  /* enum lock_kind */
    uint16_t type;  /* F_RDLCK, F_WRLCK */
    uint32_t pid;
    uint32_t pad;
    uint64_t start, end; /* inclusive */
};

enum lock_kind { LOCK_RECORD, LOCK_OPEN_FILE, LOCK_WHOLE };

/* ---- poll ---- */

enum watch_source { WATCH_PIPE = 1, WATCH_DEVICE, WATCH_EVENT, WATCH_EPOLL, WATCH_SOCKET };
enum watch_owner { WATCH_OPERATION = 1, WATCH_ITEM };

/* Says: wake the owner when something happens to the source. */
struct watch {
    uint32_t source_kind; /* 0: free */
    uint32_t source;
    uint32_t owner_kind;
    uint32_t owner;
    uint32_t next, previous; /* in the source's list */
    uint32_t own_next;       /* in the owner's list */
    uint32_t events;
};

struct epoll {
    uint32_t in_use;
    uint32_t items; /* list through epoll_next */
    uint32_t ready_first, ready_last;
    uint32_t watches;
    struct queue wait_queue;
};

struct epoll_item {
    uint32_t epoll; /* 0: free */
    uint32_t file;
    int32_t fd;
    uint32_t events;
    uint64_t data;
    uint32_t watch;
    uint32_t epoll_next, epoll_previous;
    uint32_t file_next;
    uint32_t ready_next;
    uint32_t is_ready;    /* in the ready list */
    uint32_t is_disabled; /* EPOLLONESHOT fired */
};

/* ---- parked calls ---- */

enum walk_flags {
    WALK_FOLLOW = 1,     /* follow a symbolic link at the end */
    WALK_PARENT = 2,     /* the last component may be missing */
    WALK_CREATE = 4,     /* a missing last component will be made: no trailing slash unless directory */
    WALK_EMPTY = 8,      /* AT_EMPTY_PATH: "" names the start */
    WALK_REAL = 16,      /* permissions by real ids (access) */
    WALK_DIRECTORY = 32, /* a directory is made: trailing slashes are fine */
};

enum walk_last { LAST_NORMAL, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

struct walk {
    uint32_t directory;         /* where it stands; in the end: the parent */
    uint32_t node;              /* in the end: what was found, 0 if the last name does not exist */
    uint16_t offset, end;       /* rest of the path in the text */
    uint16_t name, name_length; /* the component at hand; in the end: the last one */
    uint8_t flags;
    uint8_t links;
    uint8_t last;     /* enum walk_last */
    uint8_t trailing; /* slashes after the last component */
    uint8_t step;
    uint8_t text; /* which half of the text buffer */
    uint16_t pad;
};

enum mask_state { MASK_NONE, MASK_WANTED, MASK_EXCHANGED };

enum operation_wait { WAIT_NONE, WAIT_SERVER, WAIT_QUEUE, WAIT_POLL, WAIT_TEXT, WAIT_RUN };

enum { OPERATION_VNODES = 3, OPERATION_FILES = 2, OPERATION_GRANTS = 2 };

/*
 * A call in progress. On the fast path it lives on the handler's stack (index 0) and owns nothing; parked, it is a record of the table
 * and holds references to the vnodes and files it names.
 */
struct operation {
    uint32_t index;
    uint16_t kind; /* enum operation_kind */
    uint16_t step; /* meaning belongs to the kind */
    endpoint_t caller;
    LAYOUT_ADDED(variant);
    uint32_t process;           /* index, 0: VFS itself */
    uint32_t type, transaction; /* of the request, for the reply */
    uint16_t sequence;
    uint8_t wait;
    uint8_t is_cancelled; /* a signal wants it to end */
    uint8_t is_abandoned; /* nobody waits for the result */
    uint8_t is_text;      /* owns a text buffer */
    uint8_t interrupt;    /* how a cancelled wait ends: enum operation_interrupt */
    uint8_t is_timed;
    uint8_t is_expired; /* its deadline has passed */
    uint8_t is_moved;   /* this copy on the stack is void: it became a record */
    uint8_t is_silent;  /* VFS's own: nobody waits for an answer */
    uint8_t is_woken;   /* poll: something happened while it asked around */
    uint8_t mask_state; /* enum mask_state */
    uint8_t is_long;    /* io.c: it takes more than a turn, and its file is busy until it ends */
    endpoint_t server;
    uint32_t request; /* type sent to the server */
    uint32_t minor;   /* of a driver request, for cancel */
    grant_t grant[OPERATION_GRANTS];
    uint32_t text;          /* text buffer */
    uint16_t text_bytes[2]; /* used of both halves, while on the stack */
    uint32_t vnode[OPERATION_VNODES];
    uint32_t file[OPERATION_FILES];
    struct walk walk;
    uint64_t argument[6];
    uint64_t position;
    uint64_t done;
    uint64_t value[2]; /* meaning belongs to the kind */
    uint64_t mask;     /* signal mask while it sleeps: pselect and the like */
};

struct operation_links {
    uint32_t next, previous;    /* in a queue, the run list, the free list or the list of those who wait for a text */
    uint32_t queue_kind, queue; /* which queue */
    uint32_t timed_next, timed_previous;
    uint32_t watches;
    uint32_t pad;
    uint64_t deadline_ns;
    struct fs_attributes attributes; /* buffer for servers */
    struct fs_statistics statistics;
};

enum start_step { START_NOTHING, START_ROOT, START_DONE };

/* Free records of a table: a list of used ones, then those never used from `top` on (0 at the start means 1). */
struct pool {
    uint32_t free;
    uint32_t top;
    uint32_t in_use;
    uint32_t pad;
};

struct vfs_state {
    LAYOUT_ADDED(variant);
    LAYOUT_ORDER(uint32_t version, uint32_t start_step);
    uint32_t mount_next_id;
    uint32_t root_mount;
    uint32_t anonymous_mount;
    uint32_t owner_next;
    uint32_t is_late;    /* messages had to wait for room in the outbox: nodes to let go, devices to close */
    uint32_t inode_next; /* of pipes */
    struct pool operation_pool, text_pool, file_pool, chunk_pool, fd_table_pool, info_pool, watch_pool, page_pool, lock_pool, item_pool,
        pipe_pool, vnode_pool;
    uint32_t vnode_hand, window_hand, name_hand;
    uint32_t timed_first;
    uint64_t alarm_ns; /* armed for, 0: none */
    struct queue run_queue;
    struct queue text_queue;
    struct queue boot_queue; /* exec_open before the root is there */
    struct queue lock_queue;
    struct queue turn_queue; /* who goes on at the next alarm, one at a time */
    struct queue busy_queue; /* who waits for a file that a long call reads or writes */
    struct mount mounts[MOUNTS];
    struct session sessions[SESSIONS];
    struct device devices[DEVICES];
    struct driver drivers[DRIVERS];
    struct event events[EVENTS];
    struct epoll epolls[EPOLLS];
    struct socket sockets[SOCKETS];
    struct window windows[WINDOWS];
};

/* Where the arenas are; the same addresses in each instance. */
struct vfs_tables {
    struct process *processes;
    struct fd_table *fd_tables;
    struct fd_chunk *fd_chunks;
    struct fs_info *infos;
    struct file *files;
    struct vnode *vnodes;
    uint32_t *vnode_hash;
    struct name_entry *names;
    struct name_entry *own_names; /* by child: how directories and files were found last */
    struct link_text *link_texts;
    struct pipe *pipes;
    uint8_t *pipe_pages;
    uint32_t *page_next;
    uint32_t *text_next;
    struct operation *operations;
    struct operation_links *links;
    char *texts; /* TEXT_BUFFERS times two halves of PATH_MAX */
    struct lock *locks;
    struct watch *watches;
    struct epoll_item *items;
};

extern struct vfs_tables tables;

/* Get the arenas; fresh: also make the free lists and clear the state. Returns 0 or -ENOMEM. */
int state_init(struct vfs_state *vfs, bool is_fresh);
const char *vfs_state_check(const void *state);
void vfs_mark_waiters(const void *state, struct waiters *waiters);
