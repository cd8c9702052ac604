/* SPDX-License-Identifier: MIT */
/*
 * The life of an operation: from the stack into the table, references, queues, deadlines, requests and their replies, the end.
 */
#include "operation.h"

#include "base/string.h"
#include "errors.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/journal_debug.h"
#include "sys/service.h"
#include "sys/syscalls.h"

#include "attribute.h"
#include "device.h"
#include "directory.h"
#include "epoll.h"
#include "exec.h"
#include "file.h"
#include "io.h"
#include "lock.h"
#include "mount.h"
#include "open.h"
#include "path.h"
#include "poll.h"
#include "pool.h"
#include "process.h"
#include "protocols/char_client.h"
#include "protocols/fs.h"
#include "socket.h"
#include "vnode.h"

/* LATE_NS: how long messages that found no room wait. SEQUENCE_SHIFT: numbers begin with the time in steps of a millisecond. */
enum { LATE_NS = 500000, SEQUENCE_SHIFT = 20 };

/* Paths of calls that do not park. Not state: rewritten by each call. */
SERVICE_DERIVED static char scratch_text[2][PATH_MAX];

char *operation_scratch(void)
{
    return scratch_text[0];
}

int operation_result(struct vfs_state *vfs, struct call *call, int64_t result)
{
    if (vfs->run_queue.first != 0 || vfs->is_late)
        operation_run_ready(vfs);
    if (result < 0 && result >= -4095)
        return (int)result;
    call_result(call, result);
    return 0;
}

NO_JOURNAL int operation_begin(struct vfs_state *vfs, struct call *call, struct operation *op, enum operation_kind kind)
{
    uint32_t process = process_find(vfs, call->caller);

    if (process == 0)
        return -ESRCH;
    operation_begin_for(op, kind, process);
    op->caller = call->caller;
    op->type = call->type;
    op->transaction = call->transaction;
    for (int i = 0; i < 6; i++)
        op->argument[i] = call->request->word[i];
    return 0;
}

/* The operation is a variable of the caller. */
NO_JOURNAL void operation_begin_for(struct operation *op, enum operation_kind kind, uint32_t process)
{
    memset(op, 0, sizeof(*op));
    op->kind = (uint16_t)kind;
    op->process = process;
    op->caller = ENDPOINT_NONE;
    for (int i = 0; i < OPERATION_GRANTS; i++)
        op->grant[i] = GRANT_INVALID;
}

static void release_all(struct vfs_state *vfs, struct operation *op)
{
    for (int i = 0; i < OPERATION_VNODES; i++) {
        if (op->vnode[i] != 0)
            operation_set_vnode(vfs, op, &op->vnode[i], 0);
    }
    if (op->walk.directory != 0)
        operation_set_vnode(vfs, op, &op->walk.directory, 0);
    if (op->walk.node != 0)
        operation_set_vnode(vfs, op, &op->walk.node, 0);
    for (int i = 0; i < OPERATION_FILES; i++) {
        if (op->file[i] != 0)
            operation_set_file(vfs, op, &op->file[i], 0);
    }
}

static void revoke_grants(struct operation *op)
{
    for (int i = 0; i < OPERATION_GRANTS; i++) {
        if (op->grant[i] != GRANT_INVALID)
            cpf_revoke(op->grant[i]);
        if (op->grant[i] != GRANT_INVALID)
            op->grant[i] = GRANT_INVALID;
    }
}

/* The next one who waits for a buffer gets it at once. */
static void give_text(struct vfs_state *vfs, struct operation *op)
{
    uint32_t next = vfs->text_queue.first;
    uint32_t text = op->text;

    if (text == 0)
        return;
    for (uint32_t half = 0; half < 2; half++)
        journal_release(operation_text(op, half), op->text_bytes[half]);
    op->text = 0;
    if (next == 0) {
        pool_give(&vfs->text_pool, text, tables.text_next, sizeof(uint32_t));
        return;
    }
    tables.operations[next].text = text;
    operation_make_ready(vfs, &tables.operations[next]);
}

static void operation_free(struct vfs_state *vfs, struct operation *op)
{
    revoke_grants(op);
    if (op->is_long)
        io_end_long(vfs, op);
    release_all(vfs, op);
    operation_clear_deadline(vfs, op);
    if (operation_links(op)->watches != 0)
        watch_remove_all(vfs, WATCH_OPERATION, op->index, &operation_links(op)->watches);
    if (op->process != 0 && tables.processes[op->process].operation == op->index)
        tables.processes[op->process].operation = 0;
    give_text(vfs, op);
    journal_release(op, sizeof(*op));
    journal_release(operation_links(op), offsetof(struct operation_links, attributes));
    op->kind = OPERATION_NONE;
    op->sequence++;
    POOL_GIVE(vfs->operation_pool, tables.links, next, op->index);
}

static void answer(struct vfs_state *vfs, struct operation *op, int64_t result)
{
    switch (op->kind) {
    case OPERATION_EXEC_OPEN:
        exec_open_answer(vfs, op, result);
        return;
    case OPERATION_MMAP_FILE:
        mmap_file_answer(vfs, op, result);
        return;
    case OPERATION_DESCRIBE:
        describe_answer(vfs, op, result);
        return;
    default:
        break;
    }
    if (op->caller == ENDPOINT_NONE || op->is_abandoned || op->is_silent)
        return;
    if (message_protocol(op->type) == PROTOCOL_LINUX)
        outbox_linux_reply(outbox_default(), op->caller, result <= -EDEADSRCDST && result >= -EDONTREPLY ? -EIO : result);
    else
        outbox_reply_status(outbox_default(), op->caller, op->type, op->transaction, (int)result);
}

/* Run a record; end it if it does not park again. */
static void run_record(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    int64_t result;

    op->wait = WAIT_NONE;
    result = operation_runs[op->kind](vfs, op, reply);
    if (result == PENDING)
        return;
    if (op->mask_state != MASK_NONE)
        mask_restore(op, result);
    answer(vfs, op, result);
    operation_free(vfs, op);
}

int operation_run_linux(struct vfs_state *vfs, struct call *call, struct operation *op)
{
    int64_t result = operation_runs[op->kind](vfs, op, NULL);

    if (result == PENDING) {
        operation_run_ready(vfs);
        return CALL_PARKED;
    }
    if (op->mask_state != MASK_NONE)
        mask_restore(op, result);
    if (op->is_moved)
        service_panic("operation %u finished on the stack after it was parked", op->kind);
    return operation_result(vfs, call, result);
}

void operation_start(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record = operation_record(vfs, op);

    if (record == NULL)
        return;
    record->wait = WAIT_NONE;
    operation_make_ready(vfs, record);
}

int operation_run_parked(struct vfs_state *vfs, struct operation *op)
{
    struct operation *record = operation_record(vfs, op);

    if (record != NULL)
        run_record(vfs, record, NULL);
    operation_run_ready(vfs);
    return CALL_PARKED;
}

static void acquire_all(struct operation *op)
{
    for (int i = 0; i < OPERATION_VNODES; i++)
        vnode_acquire(op->vnode[i]);
    vnode_acquire(op->walk.directory);
    vnode_acquire(op->walk.node);
    for (int i = 0; i < OPERATION_FILES; i++)
        file_acquire(op->file[i]);
}

/* Whole words; otherwise as journal_copy_anew. */
static void copy_unjournaled(void *to, const void *from, uint64_t bytes)
{
    uint64_t words = (bytes + 7) / 8;

    journal_forgo(to, words * sizeof(uint64_t));
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* Returns false if the record must wait for a text buffer. */
static bool take_text(struct vfs_state *vfs, struct operation *op, const char (*from)[PATH_MAX])
{
    op->text = pool_take(&vfs->text_pool, TEXT_BUFFERS, tables.text_next, sizeof(uint32_t));
    if (op->text == 0) {
        release_all(vfs, op);
        operation_sleep(vfs, op, QUEUE_TEXT, 0, 0);
        return false;
    }
    if (from != NULL) {
        copy_unjournaled(operation_text(op, 0), from[0], op->text_bytes[0]);
        copy_unjournaled(operation_text(op, 1), from[1], op->text_bytes[1]);
    }
    return true;
}

/* Replies to a VFS before us, which knew what we do not know, are not ours. */
void operation_begin_numbers(uint64_t now_ns)
{
    for (uint32_t i = 1; i < OPERATIONS; i++)
        tables.operations[i].sequence = (uint16_t)(now_ns >> SEQUENCE_SHIFT);
}

static const struct operation_links no_links;

struct operation *operation_record(struct vfs_state *vfs, struct operation *op)
{
    uint32_t index;
    struct operation *record;

    if (op->index != 0)
        return op;
    index = POOL_TAKE(vfs->operation_pool, tables.links, next, OPERATIONS);
    if (index == 0)
        service_panic("no operation record left");
    record = &tables.operations[index];
    op->index = index;
    op->sequence = record->sequence;
    /* What tells a free record from a used one. */
    record->kind = op->kind;
    copy_unjournaled(record, op, sizeof(*op));
    copy_unjournaled(&tables.links[index], &no_links, offsetof(struct operation_links, attributes));
    op->is_moved = 1;
    op->index = 0;
    if (record->process != 0 && !record->is_silent)
        tables.processes[record->process].operation = index;
    acquire_all(record);
    if (record->is_text && !take_text(vfs, record, scratch_text))
        return NULL;
    return record;
}

int operation_need_text(struct vfs_state *vfs, struct operation *op)
{
    op->is_text = 1;
    if (op->index == 0 || op->text != 0)
        return 0;
    return take_text(vfs, op, NULL) ? 0 : 1;
}

void operation_drop_text(struct vfs_state *vfs, struct operation *op)
{
    give_text(vfs, op);
}

char *operation_text(const struct operation *op, uint32_t half)
{
    if (op->index == 0)
        return scratch_text[half];
    return tables.texts + ((uint64_t)op->text * 2 + half) * PATH_MAX;
}

void operation_set_vnode(struct vfs_state *vfs, struct operation *op, uint32_t *place, uint32_t vnode)
{
    uint32_t old = *place;

    if (old == vnode)
        return;
    *place = vnode;
    if (op->index == 0)
        return;
    vnode_acquire(vnode);
    if (old != 0)
        vnode_release(vfs, old);
}

void operation_set_file(struct vfs_state *vfs, struct operation *op, uint32_t *place, uint32_t file)
{
    uint32_t old = *place;

    *place = file;
    if (op->index == 0 || old == file)
        return;
    file_acquire(file);
    if (old != 0)
        file_release(vfs, old);
}

/* ---- queues ---- */

struct queue *operation_queue(struct vfs_state *vfs, uint32_t kind, uint32_t number)
{
    switch (kind) {
    case QUEUE_RUN:
        return &vfs->run_queue;
    case QUEUE_TEXT:
        return &vfs->text_queue;
    case QUEUE_BOOT:
        return &vfs->boot_queue;
    case QUEUE_LOCK:
        return &vfs->lock_queue;
    case QUEUE_PIPE_READ:
        return &tables.pipes[number].read_queue;
    case QUEUE_PIPE_WRITE:
        return &tables.pipes[number].write_queue;
    case QUEUE_PIPE_OPEN:
        return &tables.pipes[number].open_queue;
    case QUEUE_EVENT_READ:
        return &vfs->events[number].read_queue;
    case QUEUE_EVENT_WRITE:
        return &vfs->events[number].write_queue;
    case QUEUE_SOCKET:
        return &vfs->sockets[number].queue;
    case QUEUE_TURN:
        return &vfs->turn_queue;
    case QUEUE_BUSY:
        return &vfs->busy_queue;
    case QUEUE_EPOLL:
        return &vfs->epolls[number].wait_queue;
    default:
        return NULL;
    }
}

static void queue_append(struct vfs_state *vfs, struct operation *op, uint32_t kind, uint32_t number)
{
    struct operation_links *links = operation_links(op);
    struct queue *queue = operation_queue(vfs, kind, number);

    links->queue_kind = kind;
    links->queue = number;
    links->next = 0;
    links->previous = queue->last;
    if (queue->last != 0)
        tables.links[queue->last].next = op->index;
    else
        queue->first = op->index;
    queue->last = op->index;
}

static void queue_remove(struct vfs_state *vfs, struct operation *op)
{
    struct operation_links *links = operation_links(op);
    struct queue *queue = operation_queue(vfs, links->queue_kind, links->queue);

    if (queue == NULL)
        return;
    if (links->previous != 0)
        tables.links[links->previous].next = links->next;
    else
        queue->first = links->next;
    if (links->next != 0)
        tables.links[links->next].previous = links->previous;
    else
        queue->last = links->previous;
    links->queue_kind = QUEUE_NONE;
    links->next = 0;
    links->previous = 0;
}

/* Does a signal end this wait? */
static bool is_interruptible(uint32_t kind)
{
    return kind != QUEUE_TEXT && kind != QUEUE_BOOT && kind != QUEUE_TURN && kind != QUEUE_BUSY;
}

int64_t operation_sleep(struct vfs_state *vfs, struct operation *op, enum queue_kind kind, uint32_t number, uint16_t step)
{
    op->step = step;
    op->wait = kind == QUEUE_TEXT ? WAIT_TEXT : WAIT_QUEUE;
    queue_append(vfs, op, kind, number);
    /* A signal came while it waited for a server that cannot be interrupted. */
    if (op->is_cancelled && is_interruptible(kind))
        operation_make_ready(vfs, op);
    return PENDING;
}

void operation_make_ready(struct vfs_state *vfs, struct operation *op)
{
    if (op->wait == WAIT_RUN || op->wait == WAIT_SERVER)
        return;
    queue_remove(vfs, op);
    op->wait = WAIT_RUN;
    queue_append(vfs, op, QUEUE_RUN, 0);
}

void operation_wake_all(struct vfs_state *vfs, struct queue *queue)
{
    while (queue->first != 0)
        operation_make_ready(vfs, &tables.operations[queue->first]);
}

void operation_wake_first(struct vfs_state *vfs, struct queue *queue)
{
    if (queue->first != 0)
        operation_make_ready(vfs, &tables.operations[queue->first]);
}

static void arm(struct vfs_state *vfs, uint64_t deadline_ns)
{
    if (vfs->alarm_ns != 0 && vfs->alarm_ns <= deadline_ns)
        return;
    vfs->alarm_ns = deadline_ns;
    sys_setalarm(deadline_ns);
}

void operation_run_ready(struct vfs_state *vfs)
{
    while (vfs->run_queue.first != 0) {
        struct operation *op = &tables.operations[vfs->run_queue.first];

        /* Each of them may say something: the others when this has left. */
        if (outbox_room(outbox_default()) < OUTBOX_RESERVE)
            break;
        queue_remove(vfs, op);
        run_record(vfs, op, NULL);
    }
    /* Not at once: those who have to take the messages must come to run. */
    if ((vfs->is_late || vfs->run_queue.first != 0) && vfs->alarm_ns == 0)
        arm(vfs, sys_uptime() + LATE_NS);
    if (vfs->turn_queue.first != 0)
        arm(vfs, sys_uptime());
}

void operation_run_late(struct vfs_state *vfs)
{
    if (!vfs->is_late)
        return;
    vfs->is_late = 0;
    vnode_reap(vfs);
    device_close_late(vfs);
}

/* ---- signals and exit ---- */

void operation_cancel(struct vfs_state *vfs, struct operation *op)
{
    op->is_cancelled = 1;
    if (op->wait == WAIT_QUEUE || op->wait == WAIT_POLL) {
        if (is_interruptible(operation_links(op)->queue_kind))
            operation_make_ready(vfs, op);
    } else if (op->wait == WAIT_SERVER && message_protocol(op->request) == CHAR_PROTOCOL) {
        struct char_cancel_request request = { .transaction = op->index | (uint32_t)op->sequence << 16, .minor = op->minor };

        char_send_cancel(outbox_default(), op->server, 0, &request);
    }
}

void operation_abandon(struct vfs_state *vfs, struct operation *op)
{
    op->is_abandoned = 1;
    if (op->process != 0)
        tables.processes[op->process].operation = 0;
    op->process = 0;
    if (op->wait == WAIT_SERVER) {
        operation_cancel(vfs, op);
        return;
    }
    queue_remove(vfs, op);
    operation_free(vfs, op);
}

/* ---- deadlines ---- */

void operation_set_deadline(struct vfs_state *vfs, struct operation *op, uint64_t deadline_ns)
{
    struct operation_links *links = operation_links(op);

    links->deadline_ns = deadline_ns;
    if (!op->is_timed) {
        op->is_timed = 1;
        links->timed_previous = 0;
        links->timed_next = vfs->timed_first;
        if (vfs->timed_first != 0)
            tables.links[vfs->timed_first].timed_previous = op->index;
        vfs->timed_first = op->index;
    }
    arm(vfs, deadline_ns);
}

void operation_clear_deadline(struct vfs_state *vfs, struct operation *op)
{
    struct operation_links *links;

    if (!op->is_timed)
        return;
    links = operation_links(op);
    op->is_timed = 0;
    if (links->timed_previous != 0)
        tables.links[links->timed_previous].timed_next = links->timed_next;
    else
        vfs->timed_first = links->timed_next;
    if (links->timed_next != 0)
        tables.links[links->timed_next].timed_previous = links->timed_previous;
}

void operation_expire(struct vfs_state *vfs)
{
    uint64_t now_ns = sys_uptime();
    uint64_t next_ns = UINT64_MAX;
    uint32_t index = vfs->timed_first;

    vfs->alarm_ns = 0;
    while (index != 0) {
        struct operation *op = &tables.operations[index];
        uint64_t deadline_ns = tables.links[index].deadline_ns;

        index = tables.links[index].timed_next;
        if (deadline_ns <= now_ns) {
            operation_clear_deadline(vfs, op);
            op->is_expired = 1;
            operation_make_ready(vfs, op);
        } else if (deadline_ns < next_ns) {
            next_ns = deadline_ns;
        }
    }
    if (next_ns != UINT64_MAX)
        arm(vfs, next_ns);
    operation_wake_first(vfs, &vfs->turn_queue);
}

/* ---- servers ---- */

uint32_t operation_request(struct operation *op, endpoint_t server, uint32_t type, uint16_t step)
{
    op->server = server;
    op->request = type;
    op->step = step;
    op->wait = WAIT_SERVER;
    op->sequence++;
    return op->index | (uint32_t)op->sequence << 16;
}

grant_t operation_grant(struct operation *op, int number, const void *address, uint64_t length, uint32_t flags)
{
    op->grant[number] = cpf_grant_direct(op->server, address, length, flags);
    return op->grant[number];
}

grant_t operation_grant_caller(struct operation *op, int number, uint64_t address, uint64_t length, uint32_t flags)
{
    op->grant[number] = cpf_grant_magic(op->server, op->caller, address, length, flags);
    return op->grant[number];
}

static void drop_reply(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    switch (op->request) {
    case FS_LOOKUP:
    case FS_CREATE:
    case FS_MKDIR:
    case FS_SYMLINK:
        vnode_drop_reply(vfs, op, reply);
        break;
    case CHAR_OPEN:
        device_drop_reply(op, reply);
        break;
    default:
        break;
    }
}

/* What an operation that nobody wants any more was given meanwhile is given back. */
static void drop_result(struct vfs_state *vfs, struct operation *op, const struct message *reply)
{
    if (reply->status == 0)
        drop_reply(vfs, op, reply);
    operation_free(vfs, op);
}

void operation_handle_reply(struct vfs_state *vfs, const struct message *reply)
{
    uint32_t index = reply->transaction & 0xffff;
    struct operation *op;

    if (index == 0 || index >= OPERATIONS)
        return;
    op = &tables.operations[index];
    if (op->kind == OPERATION_NONE || op->wait != WAIT_SERVER || op->sequence != reply->transaction >> 16)
        return;
    if (reply->source != op->server || (reply->type & ~(uint32_t)MESSAGE_REPLY) != op->request)
        return;
    revoke_grants(op);
    if (op->is_abandoned)
        drop_result(vfs, op, reply);
    else
        run_record(vfs, op, reply);
    operation_run_ready(vfs);
}

const operation_run_t operation_runs[OPERATION_KINDS] = {
    [OPERATION_OPEN] = open_run,           [OPERATION_STAT] = stat_run,         [OPERATION_ACCESS] = access_run,
    [OPERATION_CHDIR] = chdir_run,         [OPERATION_CHROOT] = chroot_run,     [OPERATION_GETCWD] = getcwd_run,
    [OPERATION_MAKE] = make_run,           [OPERATION_REMOVE] = remove_run,     [OPERATION_RENAME] = rename_run,
    [OPERATION_LINK] = link_run,           [OPERATION_READLINK] = readlink_run, [OPERATION_ATTRIBUTES] = attributes_run,
    [OPERATION_TRUNCATE] = truncate_run,   [OPERATION_STATFS] = statfs_run,     [OPERATION_GETDENTS] = getdents_run,
    [OPERATION_READ] = read_run,           [OPERATION_WRITE] = write_run,       [OPERATION_SENDFILE] = sendfile_run,
    [OPERATION_IOCTL] = ioctl_run,         [OPERATION_POLL] = poll_run,         [OPERATION_EPOLL_WAIT] = epoll_wait_run,
    [OPERATION_LOCK] = lock_run,           [OPERATION_CONSOLE] = console_run,   [OPERATION_MOUNT] = mount_run,
    [OPERATION_UNMOUNT] = unmount_run,     [OPERATION_START] = start_run,       [OPERATION_EXEC_OPEN] = exec_open_run,
    [OPERATION_MMAP_FILE] = mmap_file_run, [OPERATION_DESCRIBE] = describe_run, [OPERATION_STORE] = store_run,
    [OPERATION_ALLOCATE] = allocate_run,   [OPERATION_BIND] = bind_run,         [OPERATION_CONNECT] = connect_run,
    [OPERATION_ACCEPT] = accept_run,
};
