/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks. All locks of a node are in one list; a set operation first cuts what its owner holds of the range, then adds the new one.
 */
#include "lock.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/syscalls.h"

#include "file.h"
#include "pool.h"
#include "process.h"
#include "vnode.h"

/* argument: 0 fd, 1 command. file[0]. position, done: range. value[0]: owner, value[1]: kind << 32 | type. */
enum { STEP_START, STEP_WAIT };

static struct lock *lock_at(uint32_t lock)
{
    return &tables.locks[lock];
}

static void lock_free(struct vfs_state *vfs, uint32_t index)
{
    lock_at(index)->vnode = 0;
    POOL_GIVE(vfs->lock_pool, tables.locks, next, index);
}

static uint32_t find_conflict(uint32_t vnode, enum lock_kind kind, uint32_t owner, uint32_t type, uint64_t start, uint64_t end)
{
    for (uint32_t i = vnode_at(vnode)->locks; i != 0; i = lock_at(i)->next) {
        const struct lock *lock = lock_at(i);

        /* flock and record locks do not see each other. */
        if ((lock->kind == LOCK_WHOLE) != (kind == LOCK_WHOLE) || (lock->owner == owner && lock->kind == kind))
            continue;
        if (lock->start <= end && start <= lock->end && (type == F_WRLCK || lock->type == F_WRLCK))
            return i;
    }
    return 0;
}

static void lock_add(struct vfs_state *vfs, uint32_t vnode, const struct lock *lock)
{
    uint32_t index = POOL_TAKE(vfs->lock_pool, tables.locks, next, LOCKS);

    *lock_at(index) = *lock;
    lock_at(index)->vnode = vnode;
    lock_at(index)->next = vnode_at(vnode)->locks;
    vnode_at(vnode)->locks = index;
}

/* Take [start, end] out of what the owner holds. Needs at most one free record. */
static void cut(struct vfs_state *vfs, uint32_t vnode, enum lock_kind kind, uint32_t owner, uint64_t start, uint64_t end)
{
    uint32_t *link = &vnode_at(vnode)->locks;

    while (*link != 0) {
        uint32_t index = *link;
        struct lock *lock = lock_at(index);

        if (lock->kind != kind || lock->owner != owner || lock->end < start || lock->start > end) {
            link = &lock->next;
            continue;
        }
        if (lock->start < start && lock->end > end) {
            struct lock rest = *lock;

            rest.start = end + 1;
            lock->end = start - 1;
            lock_add(vfs, vnode, &rest);
            return;
        }
        if (lock->start < start) {
            lock->end = start - 1;
            link = &lock->next;
        } else if (lock->end > end) {
            lock->start = end + 1;
            link = &lock->next;
        } else {
            *link = lock->next;
            lock_free(vfs, index);
        }
    }
}

/* Neighbours of the same type and owner become one lock. */
static void merge(struct vfs_state *vfs, uint32_t vnode, struct lock *new)
{
    uint32_t *link = &vnode_at(vnode)->locks;

    while (*link != 0) {
        uint32_t index = *link;
        struct lock *lock = lock_at(index);

        if (lock->kind == new->kind && lock->owner == new->owner && lock->type == new->type &&
            (lock->end + 1 == new->start || (new->end != UINT64_MAX &&new->end + 1 == lock->start))) {
            if (lock->start < new->start)
                new->start = lock->start;
            if (lock->end > new->end)
                new->end = lock->end;
            *link = lock->next;
            lock_free(vfs, index);
        } else {
            link = &lock->next;
        }
    }
}

static int set_lock(struct vfs_state *vfs, uint32_t vnode, struct lock *lock)
{
    if (vfs->lock_pool.in_use + 3 >= LOCKS)
        return -ENOLCK;
    cut(vfs, vnode, lock->kind, lock->owner, lock->start, lock->end);
    if (lock->type != F_UNLCK) {
        if (lock->kind != LOCK_WHOLE)
            merge(vfs, vnode, lock);
        lock_add(vfs, vnode, lock);
    }
    operation_wake_all(vfs, &vfs->lock_queue);
    return 0;
}

/* Everything of an owner on a node. */
static void drop_owner(struct vfs_state *vfs, uint32_t vnode, enum lock_kind kind, uint32_t owner)
{
    cut(vfs, vnode, kind, owner, 0, UINT64_MAX);
    operation_wake_all(vfs, &vfs->lock_queue);
}

void lock_descriptor_closed(struct vfs_state *vfs, uint32_t vnode, uint32_t owner)
{
    drop_owner(vfs, vnode, LOCK_RECORD, owner);
}

void lock_file_closed(struct vfs_state *vfs, uint32_t file)
{
    drop_owner(vfs, file_at(file)->vnode, LOCK_OPEN_FILE, file);
    drop_owner(vfs, file_at(file)->vnode, LOCK_WHOLE, file);
}

void lock_owner_gone(struct vfs_state *vfs, uint32_t owner)
{
    if (vfs->lock_pool.in_use == 0)
        return;
    for (uint32_t i = 1; i < vfs->lock_pool.top; i++) {
        if (lock_at(i)->vnode != 0 && lock_at(i)->kind == LOCK_RECORD && lock_at(i)->owner == owner)
            drop_owner(vfs, lock_at(i)->vnode, LOCK_RECORD, owner);
    }
}

/* Does `owner` (through others) wait for `target`? Each waiting operation knows its owner and the lock it waits for. */
static bool waits_for(const struct vfs_state *vfs, uint32_t owner, uint32_t target)
{
    for (int depth = 0; depth < 64; depth++) {
        uint32_t next = 0;

        if (owner == target)
            return true;
        for (uint32_t i = vfs->lock_queue.first; i != 0; i = tables.links[i].next) {
            const struct operation *op = &tables.operations[i];
            uint32_t blocker;

            if (op->value[1] >> 32 != LOCK_RECORD || op->value[0] != owner)
                continue;
            blocker = find_conflict(file_at(op->file[0])->vnode, LOCK_RECORD, owner, (uint32_t)op->value[1], op->position, op->done);
            if (blocker != 0 && lock_at(blocker)->kind == LOCK_RECORD)
                next = lock_at(blocker)->owner;
        }
        if (next == 0)
            return false;
        owner = next;
    }
    return false;
}

static int64_t try_lock(struct vfs_state *vfs, struct operation *op, bool is_waiting)
{
    struct lock lock = { .owner = (uint32_t)op->value[0],
                         .kind = (uint16_t)(op->value[1] >> 32),
                         .type = (uint16_t)op->value[1],
                         .pid = operation_process(op)->tgid,
                         .start = op->position,
                         .end = op->done };
    uint32_t vnode = file_at(op->file[0])->vnode;
    uint32_t conflict = lock.type == F_UNLCK ? 0 : find_conflict(vnode, lock.kind, lock.owner, lock.type, lock.start, lock.end);
    struct operation *record;

    if (conflict == 0)
        return set_lock(vfs, vnode, &lock);
    if (!is_waiting)
        return -EAGAIN;
    if (op->is_cancelled)
        return -ERESTARTSYS;
    if (lock.kind == LOCK_RECORD && lock_at(conflict)->kind == LOCK_RECORD && waits_for(vfs, lock_at(conflict)->owner, lock.owner))
        return -EDEADLK;
    record = operation_record(vfs, op);
    return record == NULL ? PENDING : operation_sleep(vfs, record, QUEUE_LOCK, 0, STEP_WAIT);
}

/* The range of a struct flock, absolute and inclusive. */
static int64_t range_of(const struct file *file, const struct linux_flock *flock, uint64_t *start, uint64_t *end)
{
    int64_t from = flock->start;

    if (flock->whence == SEEK_CUR)
        from += (int64_t)file->position;
    else if (flock->whence == SEEK_END)
        from += (int64_t)vnode_at(file->vnode)->size;
    else if (flock->whence != SEEK_SET)
        return -EINVAL;
    if (flock->length < 0) {
        *start = (uint64_t)(from + flock->length);
        *end = (uint64_t)(from - 1);
        return from + flock->length < 0 ? -EINVAL : 0;
    }
    if (from < 0)
        return -EINVAL;
    *start = (uint64_t)from;
    *end = flock->length == 0 ? POSITION_MAX : (uint64_t)(from + flock->length - 1);
    return *end > POSITION_MAX ? -EOVERFLOW : 0;
}

static int64_t get_lock(struct operation *op, uint64_t address, struct linux_flock *flock)
{
    uint32_t vnode = file_at(op->file[0])->vnode;
    uint32_t conflict = find_conflict(vnode, op->value[1] >> 32, (uint32_t)op->value[0], (uint32_t)op->value[1], op->position, op->done);

    if (flock->type == F_UNLCK)
        return -EINVAL;
    if (conflict == 0) {
        flock->type = F_UNLCK;
    } else {
        const struct lock *lock = lock_at(conflict);

        flock->type = (int16_t)lock->type;
        flock->whence = SEEK_SET;
        flock->start = (int64_t)lock->start;
        flock->length = lock->end >= POSITION_MAX ? 0 : (int64_t)(lock->end - lock->start + 1);
        flock->pid = lock->kind == LOCK_OPEN_FILE ? -1 : (int32_t)lock->pid;
    }
    return sys_copy_to(op->caller, address, flock, sizeof(*flock)) == 0 ? 0 : -EFAULT;
}

static int64_t start_fcntl(struct vfs_state *vfs, struct operation *op)
{
    uint32_t command = (uint32_t)op->argument[1];
    bool is_open_file = command >= F_OFD_GETLK;
    struct file *file = file_at(op->file[0]);
    struct linux_flock flock;
    int64_t result;

    if (sys_copy_from(op->caller, op->argument[2], &flock, sizeof(flock)) != 0)
        return -EFAULT;
    if (flock.type != F_RDLCK && flock.type != F_WRLCK && flock.type != F_UNLCK)
        return -EINVAL;
    if (is_open_file && flock.pid != 0)
        return -EINVAL;
    result = range_of(file, &flock, &op->position, &op->done);
    if (result != 0)
        return result;
    op->value[0] = is_open_file ? op->file[0] : tables.fd_tables[operation_process(op)->fds].owner;
    op->value[1] = (uint64_t)(is_open_file ? LOCK_OPEN_FILE : LOCK_RECORD) << 32 | (uint16_t)flock.type;
    if (command == F_GETLK || command == F_OFD_GETLK)
        return get_lock(op, op->argument[2], &flock);
    if ((flock.type == F_RDLCK && !file_can_read(file)) || (flock.type == F_WRLCK && !file_can_write(file)))
        return -EBADF;
    return try_lock(vfs, op, command == F_SETLKW || command == F_OFD_SETLKW);
}

enum { COMMAND_FLOCK = 0x10000 };

static int64_t start_flock(struct vfs_state *vfs, struct operation *op)
{
    uint32_t what = (uint32_t)op->argument[2] & ~(uint32_t)LOCK_NB;
    uint32_t type = what == LOCK_SH ? F_RDLCK : what == LOCK_EX ? F_WRLCK : F_UNLCK;

    op->position = 0;
    op->done = UINT64_MAX;
    op->value[0] = op->file[0];
    op->value[1] = (uint64_t)LOCK_WHOLE << 32 | type;
    return try_lock(vfs, op, !(op->argument[2] & LOCK_NB));
}

int64_t lock_run(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    (void)reply;
    if (op->step == STEP_WAIT)
        return try_lock(vfs, op, true);
    return op->argument[1] == COMMAND_FLOCK ? start_flock(vfs, op) : start_fcntl(vfs, op);
}

int lock_fcntl(struct vfs_state *vfs, struct call *call, uint32_t file, uint32_t command)
{
    struct operation op;

    if (file_at(file)->kind == FILE_PATH)
        return -EBADF;
    if (operation_begin(vfs, call, &op, OPERATION_LOCK) != 0)
        return -ESRCH;
    op.argument[1] = command;
    op.file[0] = file;
    return operation_run_linux(vfs, call, &op);
}

int vfs_linux_flock(struct vfs_state *vfs, struct call *call)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t file = process == 0 ? 0 : fd_file(vfs, &tables.processes[process], (int32_t)linux_argument(call, 0));
    uint32_t what = (uint32_t)linux_argument(call, 1);
    struct operation op;

    if ((what & ~(uint32_t)LOCK_NB) != LOCK_SH && (what & ~(uint32_t)LOCK_NB) != LOCK_EX && (what & ~(uint32_t)LOCK_NB) != LOCK_UN)
        return -EINVAL;
    if (file == 0 || file_at(file)->kind == FILE_PATH)
        return -EBADF;
    if (operation_begin(vfs, call, &op, OPERATION_LOCK) != 0)
        return -ESRCH;
    op.argument[1] = COMMAND_FLOCK;
    op.argument[2] = what;
    op.file[0] = file;
    return operation_run_linux(vfs, call, &op);
}
