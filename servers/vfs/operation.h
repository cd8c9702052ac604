/* SPDX-License-Identifier: MIT */
/*
 * Calls in progress. A handler fills an operation on its stack and runs it; what finishes at once never touches the table. What must wait
 * becomes a record: it asks a server, sleeps in a queue or in poll, and is run again from its step when there is news.
 */
#pragma once

#include "state.h"

#include "sys/call.h"

/* Result of a run function that has parked its operation. */
#define PENDING INT64_MIN

enum operation_kind {
    OPERATION_NONE,
    OPERATION_OPEN,
    OPERATION_STAT,
    OPERATION_ACCESS,
    OPERATION_CHDIR,
    OPERATION_CHROOT,
    OPERATION_GETCWD,
    OPERATION_MAKE,
    OPERATION_REMOVE,
    OPERATION_RENAME,
    OPERATION_LINK,
    OPERATION_READLINK,
    OPERATION_ATTRIBUTES,
    OPERATION_TRUNCATE,
    OPERATION_STATFS,
    OPERATION_GETDENTS,
    OPERATION_READ,
    OPERATION_WRITE,
    OPERATION_SENDFILE,
    OPERATION_IOCTL,
    OPERATION_POLL,
    OPERATION_EPOLL_WAIT,
    OPERATION_LOCK,
    OPERATION_CONSOLE,
    OPERATION_MOUNT,
    OPERATION_UNMOUNT,
    OPERATION_START,
    OPERATION_EXEC_OPEN,
    OPERATION_MMAP_FILE,
    OPERATION_DESCRIBE,
    OPERATION_STORE,
    OPERATION_ALLOCATE,
    OPERATION_BIND,
    OPERATION_CONNECT,
    OPERATION_ACCEPT,
    OPERATION_KINDS,
};

/* What a signal does to a sleeping call that has done nothing yet. */
enum operation_interrupt { INTERRUPT_RESTART, INTERRUPT_NOHAND, INTERRUPT_EINTR };

enum queue_kind {
    QUEUE_NONE,
    QUEUE_RUN,
    QUEUE_TEXT,
    QUEUE_BOOT,
    QUEUE_LOCK,
    QUEUE_PIPE_READ,
    QUEUE_PIPE_WRITE,
    QUEUE_PIPE_OPEN,
    QUEUE_EVENT_READ,
    QUEUE_EVENT_WRITE,
    QUEUE_EPOLL,
    QUEUE_SOCKET,
    QUEUE_TURN,
    QUEUE_BUSY
};

/* What one handler copies at most for a call: whoever comes meanwhile waits so long. */
enum { TURN_BYTES = 1 << 20 };

typedef int64_t (*operation_run_t)(struct vfs_state *vfs, struct operation *op, const struct message *reply);

/* Result of a call that took a short way. */
int operation_result(struct vfs_state *vfs, struct call *call, int64_t result);
/* Fill an operation for a Linux call. Returns 0, or -ESRCH if the caller is not known. */
int operation_begin(struct vfs_state *vfs, struct call *call, struct operation *op, enum operation_kind kind);
/* An operation of VFS itself or for another service; process may be 0. */
void operation_begin_for(struct operation *op, enum operation_kind kind, uint32_t process);
/* Run it the first time and answer the Linux call: 0, negative error or CALL_PARKED. */
int operation_run_linux(struct vfs_state *vfs, struct call *call, struct operation *op);
/* Run one that is answered through its finish function only (requests of services, internal ones). Always CALL_PARKED. */
int operation_run_parked(struct vfs_state *vfs, struct operation *op);

/* A new VFS: where the sequence numbers of its records begin. now_ns: time since boot. */
void operation_begin_numbers(uint64_t now_ns);
/* Make a record of it and run that at the end of this handler. */
void operation_start(struct vfs_state *vfs, struct operation *op);
/* The record of an operation: moves it from the stack to the table. NULL if the table is full. */
struct operation *operation_record(struct vfs_state *vfs, struct operation *op);
/* Run the operations that became ready. Called at the end of each handler. */
void operation_run_ready(struct vfs_state *vfs);
/* What had to wait for room in the outbox. */
void operation_run_late(struct vfs_state *vfs);
/* Let go of the operation of a thread that is gone. */
void operation_abandon(struct vfs_state *vfs, struct operation *op);
void operation_cancel(struct vfs_state *vfs, struct operation *op);
/* Make it run at the end of this handler; it leaves its queue or its poll. */
void operation_make_ready(struct vfs_state *vfs, struct operation *op);

/* Change a vnode or file that the operation names. Counts references if it is a record. */
void operation_set_vnode(struct vfs_state *vfs, struct operation *op, uint32_t *place, uint32_t vnode);
void operation_set_file(struct vfs_state *vfs, struct operation *op, uint32_t *place, uint32_t file);

/* Sleep. The operation must be a record. Each returns PENDING. QUEUE_TURN: until others have had their turn. */
int64_t operation_sleep(struct vfs_state *vfs, struct operation *op, enum queue_kind kind, uint32_t number, uint16_t step);
struct queue *operation_queue(struct vfs_state *vfs, uint32_t kind, uint32_t number);
void operation_wake_all(struct vfs_state *vfs, struct queue *queue);
void operation_wake_first(struct vfs_state *vfs, struct queue *queue);
void operation_set_deadline(struct vfs_state *vfs, struct operation *op, uint64_t deadline_ns);
void operation_clear_deadline(struct vfs_state *vfs, struct operation *op);
/* The alarm rang. */
void operation_expire(struct vfs_state *vfs);

/* The operation will use text. Returns 0, or 1: it waits for a buffer and will run again from step 0. */
int operation_need_text(struct vfs_state *vfs, struct operation *op);
/* The text is not needed while it sleeps. */
void operation_drop_text(struct vfs_state *vfs, struct operation *op);
/* Text of paths: half 0 or 1. On the stack it is the scratch text, a record has a buffer. */
char *operation_text(const struct operation *op, uint32_t half);

/* Where paths of calls that do not park are put. */
char *operation_scratch(void);

/* Transaction for a request to `server`; the operation waits for the reply at `step`. type: the request's. */
uint32_t operation_request(struct operation *op, endpoint_t server, uint32_t type, uint16_t step);
void operation_handle_reply(struct vfs_state *vfs, const struct message *reply);
/* Grants that live until the reply. Return the id (or a negative error that the server will refuse). */
grant_t operation_grant(struct operation *op, int number, const void *address, uint64_t length, uint32_t flags);
grant_t operation_grant_caller(struct operation *op, int number, uint64_t address, uint64_t length, uint32_t flags);

static inline struct operation_links *operation_links(const struct operation *op)
{
    return &tables.links[op->index];
}

static inline struct process *operation_process(const struct operation *op)
{
    return &tables.processes[op->process];
}

extern const operation_run_t operation_runs[OPERATION_KINDS];
