/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs. A ring of up to 16 pages; pages are taken when data needs them and given back when the pipe runs empty, but one page
 * per pipe that exists is always kept in reserve, so a pipe can never be unable to hold an atomic write.
 */
#include "pipe.h"

#include "base/string.h"
#include "errors.h"
#include "linux_vfs_dispatch.h"
#include "sys/journal.h"
#include "sys/journal_debug.h"
#include "sys/service.h"
#include "sys/syscalls.h"

#include "file.h"
#include "poll.h"
#include "pool.h"
#include "process.h"
#include "socket.h"
#include "vnode.h"

enum { PIPE_ATOMIC = 4096, PIPE_BYTES = PIPE_RING * PAGE_BYTES };

static uint64_t page_address(uint32_t page)
{
    return (uint64_t)(uintptr_t)tables.pipe_pages + (uint64_t)page * PAGE_BYTES;
}

static struct pipe *pipe_at(uint32_t pipe)
{
    return &tables.pipes[pipe];
}

uint32_t pipe_create(struct vfs_state *vfs, uint32_t vnode)
{
    uint32_t index = POOL_TAKE(vfs->pipe_pool, tables.pipes, head, PIPES);
    struct pipe *pipe = pipe_at(index);

    if (index == 0)
        return 0;
    memset(pipe, 0, sizeof(*pipe));
    pipe->in_use = 1;
    pipe->vnode = vnode;
    pipe->page_limit = PIPE_RING;
    return index;
}

/* Which handler, by its number, took the last bytes out of a page or gave it back. A writer that goes on in the same one overwrites what a roll back
 * brings back. */
SERVICE_DERIVED static uint64_t emptied_by[PIPE_PAGES];

static uint64_t this_handler(void)
{
    return journal.committed + 1;
}

/* The next bytes of a page: those beyond the length are not state and need no entry, unless they were state when this handler began. */
static void before_write(uint32_t page, uint32_t offset, uint32_t bytes)
{
    const void *to = (const void *)(uintptr_t)(page_address(page) + offset);

    if (emptied_by[page] == this_handler())
        journal_record(to, bytes);
    else
        journal_forgo(to, bytes);
}

static void give_pages(struct vfs_state *vfs, struct pipe *pipe)
{
    for (int i = 0; i < PIPE_RING; i++) {
        if (pipe->page[i] == 0)
            continue;
        emptied_by[pipe->page[i]] = this_handler();
        pool_give(&vfs->page_pool, pipe->page[i], tables.page_next, sizeof(uint32_t));
        pipe->page[i] = 0;
    }
}

static void pipe_destroy(struct vfs_state *vfs, uint32_t index)
{
    struct pipe *pipe = pipe_at(index);

    give_pages(vfs, pipe);
    if (vnode_at(pipe->vnode)->pipe == index)
        vnode_at(pipe->vnode)->pipe = 0;
    pipe->in_use = 0;
    POOL_GIVE(vfs->pipe_pool, tables.pipes, head, index);
}

static void changed(struct vfs_state *vfs, uint32_t index)
{
    if (pipe_at(index)->watches != 0)
        watch_wake(vfs, WATCH_PIPE, index);
    for (int i = 0; i < 2; i++) {
        uint32_t socket = pipe_at(index)->sockets[i];

        if (socket != 0 && vfs->sockets[socket].watches != 0)
            watch_wake(vfs, WATCH_SOCKET, socket);
    }
}

void pipe_attach(struct vfs_state *vfs, uint32_t index, uint32_t flags)
{
    struct pipe *pipe = pipe_at(index);

    if ((flags & O_ACCMODE) != O_WRONLY) {
        pipe->readers++;
        pipe->read_opens++;
    }
    if ((flags & O_ACCMODE) != O_RDONLY) {
        pipe->writers++;
        pipe->write_opens++;
    }
    operation_wake_all(vfs, &pipe->open_queue);
}

/* ---- data ---- */

void pipe_sleep(struct vfs_state *vfs, uint32_t index, uint32_t file, uint64_t address, uint64_t length)
{
    struct process *process = &tables.processes[index];

    process->sleep_pipe = file_pipe(vfs, file_at(file), false);
    process->sleep_file = file;
    process->sleep_address = address;
    process->sleep_length = length;
    file_acquire(file);
    pipe_at(process->sleep_pipe)->sleeper = index;
}

void pipe_forget(struct vfs_state *vfs, uint32_t index)
{
    struct process *process = &tables.processes[index];
    uint32_t file = process->sleep_file;

    pipe_at(process->sleep_pipe)->sleeper = 0;
    process->sleep_pipe = 0;
    process->sleep_file = 0;
    file_release(vfs, file);
}

void pipe_wake(struct vfs_state *vfs, uint32_t index, int64_t result)
{
    outbox_linux_reply(outbox_default(), tables.processes[index].endpoint, result);
    pipe_forget(vfs, index);
}

/* Readers may go on: there is data, or the last writer has gone. */
static void wake_readers(struct vfs_state *vfs, uint32_t index)
{
    uint32_t sleeper = pipe_at(index)->sleeper;

    if (sleeper != 0) {
        const struct process *process = &tables.processes[sleeper];

        pipe_wake(vfs, sleeper, pipe_read(vfs, index, process->endpoint, process->sleep_address, process->sleep_length));
    }
    if (pipe_at(index)->read_queue.first != 0)
        operation_wake_all(vfs, &pipe_at(index)->read_queue);
}

/* The pipe is empty and somebody sleeps for it: straight from one to the other. Bytes moved, 0 if that did not work. */
static uint64_t hand_over(struct vfs_state *vfs, uint32_t index, endpoint_t process, uint64_t address, uint64_t length)
{
    uint32_t sleeper = pipe_at(index)->sleeper;
    const struct process *reader = &tables.processes[sleeper];
    uint64_t bytes = length < reader->sleep_length ? length : reader->sleep_length;

    if (sys_vircopy(process, address, reader->endpoint, reader->sleep_address, bytes) != 0)
        return 0;
    pipe_wake(vfs, sleeper, (int64_t)bytes);
    return bytes;
}

int64_t pipe_read(struct vfs_state *vfs, uint32_t index, endpoint_t process, uint64_t address, uint64_t length)
{
    struct pipe *pipe = pipe_at(index);
    uint32_t ring = pipe->page_limit * PAGE_BYTES;
    uint64_t done = 0;

    if (pipe->length == 0)
        return pipe->writers == 0 ? 0 : -EAGAIN;
    while (done < length && pipe->length != 0) {
        uint32_t offset = pipe->head % PAGE_BYTES;
        uint32_t page = pipe->page[pipe->head / PAGE_BYTES];
        uint32_t bytes = PAGE_BYTES - offset;

        if (bytes > pipe->length)
            bytes = pipe->length;
        if (bytes > length - done)
            bytes = (uint32_t)(length - done);
        if (sys_vircopy(ENDPOINT_SELF, page_address(page) + offset, process, address + done, bytes) != 0)
            return done != 0 ? (int64_t)done : -EFAULT;
        emptied_by[page] = this_handler();
        done += bytes;
        pipe->length -= bytes;
        pipe->head = pipe->head + bytes == ring ? 0 : pipe->head + bytes;
    }
    if (pipe->length == 0)
        pipe->head = 0;
    if (pipe->write_queue.first != 0)
        operation_wake_all(vfs, &pipe->write_queue);
    changed(vfs, index);
    return (int64_t)done;
}

/* The page for the next byte, 0 if memory is short. */
static uint32_t page_for(struct vfs_state *vfs, struct pipe *pipe, uint32_t number)
{
    uint32_t reserve = PIPES - vfs->pipe_pool.in_use;

    if (pipe->page[number] != 0)
        return pipe->page[number];
    if (pipe->length != 0 && vfs->page_pool.in_use + reserve >= PIPE_PAGES - 1)
        return 0;
    pipe->page[number] = (uint16_t)pool_take(&vfs->page_pool, PIPE_PAGES, tables.page_next, sizeof(uint32_t));
    return pipe->page[number];
}

static bool pages_ready(struct vfs_state *vfs, struct pipe *pipe, uint32_t from, uint64_t length)
{
    uint32_t ring = pipe->page_limit * PAGE_BYTES;

    for (uint64_t at = from; at < from + length; at = (at / PAGE_BYTES + 1) * PAGE_BYTES) {
        if (page_for(vfs, pipe, (uint32_t)(at % ring) / PAGE_BYTES) == 0)
            return false;
    }
    return true;
}

int64_t pipe_write(struct vfs_state *vfs, uint32_t index, endpoint_t process, uint64_t address, uint64_t length, bool whole)
{
    struct pipe *pipe = pipe_at(index);
    uint32_t ring = pipe->page_limit * PAGE_BYTES;
    uint64_t done = 0;

    if (pipe->readers == 0)
        return -EPIPE;
    if (pipe->sleeper != 0) {
        done = hand_over(vfs, index, process, address, length);
        if (done == length)
            return (int64_t)done;
    }
    if (pipe->length == ring || (whole && ring - pipe->length < length))
        return -EAGAIN;
    if (whole && !pages_ready(vfs, pipe, (pipe->head + pipe->length) % ring, length))
        return -EAGAIN;
    while (done < length && pipe->length < ring) {
        uint32_t tail = (pipe->head + pipe->length) % ring;
        uint32_t offset = tail % PAGE_BYTES;
        uint32_t page = page_for(vfs, pipe, tail / PAGE_BYTES);
        uint32_t bytes = PAGE_BYTES - offset;

        if (page == 0)
            break;
        if (bytes > ring - pipe->length)
            bytes = ring - pipe->length;
        if (bytes > length - done)
            bytes = (uint32_t)(length - done);
        before_write(page, offset, bytes);
        if (sys_vircopy(process, address + done, ENDPOINT_SELF, page_address(page) + offset, bytes) != 0) {
            if (done == 0)
                return -EFAULT;
            break;
        }
        done += bytes;
        pipe->length += bytes;
    }
    if (done == 0)
        return -EAGAIN;
    wake_readers(vfs, index);
    changed(vfs, index);
    return (int64_t)done;
}

void pipe_detach(struct vfs_state *vfs, uint32_t index, bool reads, bool writes)
{
    struct pipe *pipe = pipe_at(index);

    if (reads && --pipe->readers == 0) {
        operation_wake_all(vfs, &pipe->write_queue);
        changed(vfs, index);
    }
    if (writes && --pipe->writers == 0) {
        wake_readers(vfs, index);
        changed(vfs, index);
    }
    /* Waking a sleeper may have closed the other side, too. */
    if (pipe->in_use && pipe->readers == 0 && pipe->writers == 0 && pipe->open_queue.first == 0)
        pipe_destroy(vfs, index);
}

void pipe_close(struct vfs_state *vfs, const struct file *file)
{
    pipe_detach(vfs, file->thing, file_can_read(file), file_can_write(file));
}

int64_t pipe_peek(struct vfs_state *vfs, uint32_t index, endpoint_t process, uint64_t address, uint64_t length)
{
    struct pipe *pipe = pipe_at(index);
    uint32_t head = pipe->head, filled = pipe->length;
    int64_t result = pipe_read(vfs, index, process, address, length);

    pipe->head = head;
    pipe->length = filled;
    return result;
}

uint32_t pipe_poll(const struct vfs_state *vfs, const struct file *file)
{
    const struct pipe *pipe = pipe_at(file->thing);
    uint32_t events = 0;

    (void)vfs;
    if (file_can_read(file)) {
        if (pipe->length != 0)
            events |= POLLIN | POLLRDNORM;
        if (pipe->writers == 0 && pipe->write_opens != 0)
            events |= POLLHUP;
    }
    if (file_can_write(file)) {
        if (pipe->length + PIPE_ATOMIC <= pipe->page_limit * PAGE_BYTES)
            events |= POLLOUT | POLLWRNORM;
        if (pipe->readers == 0)
            events |= POLLERR;
    }
    return events;
}

/* The ring is made straight before its size changes. */
static int64_t resize(struct vfs_state *vfs, struct pipe *pipe, uint64_t bytes)
{
    uint32_t pages = (uint32_t)((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
    uint32_t first = pipe->head / PAGE_BYTES;
    uint16_t rotated[PIPE_RING];

    if (pages == 0)
        pages = 1;
    while (pages & (pages - 1))
        pages += pages & -pages;
    if (pipe->length > pages * PAGE_BYTES)
        return -EBUSY;
    if (pipe->length + pipe->head % PAGE_BYTES > pages * PAGE_BYTES)
        return -EBUSY;
    for (uint32_t i = 0; i < pipe->page_limit; i++)
        rotated[i] = pipe->page[(first + i) % pipe->page_limit];
    memcpy(pipe->page, rotated, pipe->page_limit * sizeof(rotated[0]));
    pipe->head %= PAGE_BYTES;
    for (uint32_t i = pages; i < pipe->page_limit; i++) {
        if (pipe->page[i] != 0)
            pool_give(&vfs->page_pool, pipe->page[i], tables.page_next, sizeof(uint32_t));
        pipe->page[i] = 0;
    }
    pipe->page_limit = pages;
    return pages * PAGE_BYTES;
}

int64_t pipe_size(struct vfs_state *vfs, const struct file *file, uint32_t command, uint64_t argument)
{
    struct pipe *pipe = pipe_at(file->thing);
    int64_t result;

    if (file->kind != FILE_PIPE)
        return -EBADF;
    if (command == F_GETPIPE_SZ)
        return pipe->page_limit * PAGE_BYTES;
    if (argument > 1u << 31)
        return -EINVAL;
    if (argument > PIPE_BYTES)
        return -EPERM;
    result = resize(vfs, pipe, argument);
    operation_wake_all(vfs, &pipe->write_queue);
    changed(vfs, file->thing);
    return result;
}

/* ---- open ---- */

/* value[0]: pipe while it sleeps, value[1]: the other side's counter then. */
int64_t fifo_open(struct vfs_state *vfs, struct operation *op, uint32_t vnode, uint32_t flags, uint16_t next_step)
{
    uint32_t index = vnode_at(vnode)->pipe;
    uint32_t access = flags & O_ACCMODE;
    struct operation *record;
    struct pipe *pipe;
    uint32_t file = (uint32_t)op->value[0];
    bool is_plain = vnode_at(vnode)->flags & VNODE_ANONYMOUS; /* a pipe opened through /proc: nobody waits */

    if (file == 0) {
        if (index == 0)
            index = vnode_at(vnode)->pipe = pipe_create(vfs, vnode);
        pipe = pipe_at(index);
        if (index == 0)
            return -ENFILE;
        if (access == O_WRONLY && (flags & O_NONBLOCK) && pipe->readers == 0 && !is_plain) {
            if (pipe->writers == 0)
                pipe_destroy(vfs, index);
            return -ENXIO;
        }
        file = file_create(vfs, FILE_PIPE, vnode, flags);
        if (file == 0)
            return -ENFILE;
        file_at(file)->thing = index;
        pipe_attach(vfs, index, flags);
        op->value[1] = access == O_RDONLY ? pipe->write_opens : pipe->read_opens;
        if (access == O_RDWR || (flags & O_NONBLOCK) || is_plain || (access == O_RDONLY ? pipe->writers : pipe->readers) != 0)
            return file;
        op->value[0] = file;
        operation_set_file(vfs, op, &op->file[0], file);
    }
    pipe = pipe_at(file_at(file)->thing);
    if ((access == O_RDONLY ? pipe->write_opens : pipe->read_opens) != op->value[1])
        return file;
    if (op->is_cancelled)
        return -ERESTARTSYS;
    record = operation_record(vfs, op);
    if (record == NULL)
        return PENDING;
    return operation_sleep(vfs, record, QUEUE_PIPE_OPEN, file_at(file)->thing, next_step);
}

static int pipe_call(struct vfs_state *vfs, struct call *call, uint32_t flags)
{
    uint32_t process = process_find(vfs, call->caller);
    uint32_t vnode, pipe, files[2];
    int32_t fds[2];

    if (process == 0)
        return -ESRCH;
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
        return -EINVAL;
    vnode = vnode_make_anonymous(vfs, S_IFIFO | 0600);
    if (vnode == 0)
        return -ENFILE;
    vnode_at(vnode)->uid = tables.processes[process].euid;
    vnode_at(vnode)->gid = tables.processes[process].egid;
    vnode_acquire(vnode);
    pipe = pipe_create(vfs, vnode);
    files[0] = pipe == 0 ? 0 : file_create(vfs, FILE_PIPE, vnode, O_RDONLY | (flags & O_NONBLOCK));
    files[1] = pipe == 0 ? 0 : file_create(vfs, FILE_PIPE, vnode, O_WRONLY | (flags & O_NONBLOCK));
    if (files[0] == 0 || files[1] == 0) {
        for (int i = 0; i < 2; i++) {
            if (files[i] != 0)
                file_destroy(vfs, files[i]);
        }
        if (pipe != 0)
            pipe_destroy(vfs, pipe);
        vnode_release(vfs, vnode);
        return -ENFILE;
    }
    vnode_at(vnode)->pipe = pipe;
    for (int i = 0; i < 2; i++) {
        file_at(files[i])->thing = pipe;
        pipe_attach(vfs, pipe, i == 0 ? O_RDONLY : O_WRONLY);
        file_acquire(files[i]);
    }
    vnode_release(vfs, vnode);
    fds[0] = fd_install(vfs, &tables.processes[process], files[0], 0, flags & O_CLOEXEC);
    fds[1] = fds[0] < 0 ? fds[0] : fd_install(vfs, &tables.processes[process], files[1], 0, flags & O_CLOEXEC);
    if (fds[1] >= 0 && sys_copy_to(call->caller, linux_argument(call, 0), fds, sizeof(fds)) != 0) {
        fd_close(vfs, &tables.processes[process], fds[1]);
        fds[1] = -EFAULT;
    }
    if (fds[1] < 0 && fds[0] >= 0)
        fd_close(vfs, &tables.processes[process], fds[0]);
    file_release(vfs, files[0]);
    file_release(vfs, files[1]);
    return fds[1] < 0 ? fds[1] : 0;
}

int vfs_linux_pipe(struct vfs_state *vfs, struct call *call)
{
    return pipe_call(vfs, call, 0);
}

int vfs_linux_pipe2(struct vfs_state *vfs, struct call *call)
{
    return pipe_call(vfs, call, (uint32_t)linux_argument(call, 1));
}
