/* SPDX-License-Identifier: MIT */
/*
 * Files and descriptors. A table grows in chunks of 64; the bitmap of a chunk finds the lowest free number.
 */
#include "file.h"

#include "base/string.h"
#include "errors.h"
#include "sys/journal_debug.h"

#include "device.h"
#include "epoll.h"
#include "lock.h"
#include "pipe.h"
#include "pool.h"
#include "process.h"
#include "socket.h"
#include "vnode.h"

/* ---- descriptions ---- */

/* A description that was just taken: `kind` and the link in `thing` tell that it was free. */
static void file_forgo(struct file *file)
{
    journal_forgo(&file->references, offsetof(struct file, thing) - offsetof(struct file, references));
    journal_forgo(&file->flock, sizeof(*file) - offsetof(struct file, flock));
}

uint32_t file_create(struct vfs_state *vfs, enum file_kind kind, uint32_t vnode, uint32_t flags)
{
    uint32_t index = POOL_TAKE(vfs->file_pool, tables.files, thing, FILES);
    struct file *file = file_at(index);

    if (index == 0)
        return 0;
    file_forgo(file);
    memset(file, 0, sizeof(*file));
    file->kind = kind;
    file->vnode = vnode;
    file->flags = flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
    vnode_acquire(vnode);
    if (file_can_write(file) && (kind == FILE_OBJECT || kind == FILE_SERVER))
        vnode_at(vnode)->writers++;
    return index;
}

void file_destroy(struct vfs_state *vfs, uint32_t index)
{
    struct file *file = file_at(index);

    if (file_can_write(file) && (file->kind == FILE_OBJECT || file->kind == FILE_SERVER))
        vnode_at(file->vnode)->writers--;
    vnode_release(vfs, file->vnode);
    journal_release(file, sizeof(*file));
    file->kind = FILE_FREE;
    POOL_GIVE(vfs->file_pool, tables.files, thing, index);
}

void file_release(struct vfs_state *vfs, uint32_t index)
{
    struct file *file = file_at(index);

    if (index == 0 || --file->references != 0)
        return;
    epoll_file_closed(vfs, index);
    if (vnode_at(file->vnode)->locks != 0)
        lock_file_closed(vfs, index);
    switch (file->kind) {
    case FILE_DEVICE:
        device_close(vfs, file);
        break;
    case FILE_PIPE:
        pipe_close(vfs, file);
        break;
    case FILE_SOCKET:
        socket_close(vfs, file->thing);
        break;
    case FILE_EVENT:
        event_close(vfs, file->thing);
        break;
    case FILE_EPOLL:
        epoll_close(vfs, file->thing);
        break;
    default:
        break;
    }
    file_destroy(vfs, index);
}

/* ---- tables ---- */

static struct fd_chunk *chunk_at(uint32_t chunk)
{
    return &tables.fd_chunks[chunk];
}

static uint32_t chunk_take(struct vfs_state *vfs)
{
    uint32_t chunk = POOL_TAKE(vfs->chunk_pool, tables.fd_chunks, file[0], FD_CHUNKS);

    if (chunk != 0) {
        chunk_at(chunk)->open = 0;
        chunk_at(chunk)->cloexec = 0;
    }
    return chunk;
}

uint32_t fd_table_create(struct vfs_state *vfs)
{
    uint32_t index = POOL_TAKE(vfs->fd_table_pool, tables.fd_tables, owner, FD_TABLES);
    struct fd_table *table = &tables.fd_tables[index];

    if (index == 0)
        return 0;
    memset(table->chunk, 0, table->chunk_count * sizeof(table->chunk[0]));
    table->chunk_count = 0;
    table->references = 1;
    table->owner = ++vfs->owner_next;
    return index;
}

static void table_free(struct vfs_state *vfs, uint32_t index)
{
    struct fd_table *table = &tables.fd_tables[index];

    for (uint32_t i = 0; i < table->chunk_count; i++) {
        if (table->chunk[i] != 0)
            POOL_GIVE(vfs->chunk_pool, tables.fd_chunks, file[0], table->chunk[i]);
    }
    POOL_GIVE(vfs->fd_table_pool, tables.fd_tables, owner, index);
}

uint32_t fd_table_copy(struct vfs_state *vfs, uint32_t from)
{
    uint32_t index = fd_table_create(vfs);

    if (index == 0)
        return 0;
    tables.fd_tables[index].chunk_count = tables.fd_tables[from].chunk_count;
    for (uint32_t i = 0; i < tables.fd_tables[from].chunk_count; i++) {
        uint32_t source = tables.fd_tables[from].chunk[i];

        if (source == 0 || chunk_at(source)->open == 0)
            continue;
        tables.fd_tables[index].chunk[i] = (uint16_t)chunk_take(vfs);
        if (tables.fd_tables[index].chunk[i] == 0) {
            table_free(vfs, index);
            return 0;
        }
    }
    /* Cannot fail from here on. */
    for (uint32_t i = 0; i < tables.fd_tables[index].chunk_count; i++) {
        uint32_t to = tables.fd_tables[index].chunk[i];

        if (to == 0)
            continue;
        *chunk_at(to) = *chunk_at(tables.fd_tables[from].chunk[i]);
        for (uint64_t open = chunk_at(to)->open; open != 0; open &= open - 1)
            file_acquire(chunk_at(to)->file[__builtin_ctzll(open)]);
    }
    return index;
}

void fd_table_release(struct vfs_state *vfs, uint32_t index)
{
    struct fd_table *table = &tables.fd_tables[index];

    if (index == 0 || --table->references != 0)
        return;
    lock_owner_gone(vfs, table->owner);
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        struct fd_chunk *chunk = chunk_at(table->chunk[i]);

        if (table->chunk[i] == 0)
            continue;
        for (uint64_t open = chunk->open; open != 0; open &= open - 1)
            file_release(vfs, chunk->file[__builtin_ctzll(open)]);
    }
    table_free(vfs, index);
}

/* The chunk of a descriptor, NULL if there is none. */
static struct fd_chunk *chunk_of(const struct process *process, uint32_t fd)
{
    uint32_t chunk;

    if (fd >= FD_LIMIT)
        return NULL;
    chunk = tables.fd_tables[process->fds].chunk[fd / FD_CHUNK];
    return chunk == 0 ? NULL : chunk_at(chunk);
}

uint32_t fd_file(const struct vfs_state *vfs, const struct process *process, int32_t fd)
{
    struct fd_chunk *chunk = chunk_of(process, (uint32_t)fd);

    (void)vfs;
    if (chunk == NULL || !(chunk->open >> (fd % FD_CHUNK) & 1))
        return 0;
    return chunk->file[fd % FD_CHUNK];
}

/* The lowest free descriptor, with a chunk for it. */
static int fd_free(struct vfs_state *vfs, const struct process *process, uint32_t from)
{
    struct fd_table *table = &tables.fd_tables[process->fds];

    for (uint32_t fd = from; fd < process->open_files_max && fd < FD_LIMIT; fd = (fd / FD_CHUNK + 1) * FD_CHUNK) {
        uint32_t chunk = table->chunk[fd / FD_CHUNK];
        uint64_t free;

        if (chunk == 0) {
            chunk = chunk_take(vfs);
            if (chunk == 0)
                return -ENFILE;
            table->chunk[fd / FD_CHUNK] = (uint16_t)chunk;
            if (table->chunk_count <= fd / FD_CHUNK)
                table->chunk_count = fd / FD_CHUNK + 1;
        }
        free = ~chunk_at(chunk)->open & ~0ull << (fd % FD_CHUNK);
        if (free != 0) {
            fd = fd / FD_CHUNK * FD_CHUNK + (uint32_t)__builtin_ctzll(free);
            return fd < process->open_files_max ? (int)fd : -EMFILE;
        }
    }
    return -EMFILE;
}

int fd_can_install(struct vfs_state *vfs, const struct process *process)
{
    int fd = fd_free(vfs, process, 0);

    return fd < 0 ? fd : 0;
}

static void fd_place(const struct process *process, uint32_t fd, uint32_t file, bool is_cloexec)
{
    struct fd_chunk *chunk = chunk_of(process, fd);
    uint64_t bit = 1ull << (fd % FD_CHUNK);

    chunk->open |= bit;
    if (is_cloexec)
        chunk->cloexec |= bit;
    else if (chunk->cloexec & bit)
        chunk->cloexec &= ~bit;
    chunk->file[fd % FD_CHUNK] = file;
    file_acquire(file);
}

int fd_install(struct vfs_state *vfs, const struct process *process, uint32_t file, uint32_t from, bool is_cloexec)
{
    int fd = fd_free(vfs, process, from);

    if (fd >= 0)
        fd_place(process, (uint32_t)fd, file, is_cloexec);
    return fd;
}

int fd_close(struct vfs_state *vfs, const struct process *process, int32_t fd)
{
    uint32_t file = fd_file(vfs, process, fd);

    if (file == 0)
        return -EBADF;
    chunk_of(process, (uint32_t)fd)->open &= ~(1ull << (fd % FD_CHUNK));
    if (vnode_at(file_at(file)->vnode)->locks != 0)
        lock_descriptor_closed(vfs, file_at(file)->vnode, tables.fd_tables[process->fds].owner);
    file_release(vfs, file);
    return 0;
}

void fd_set_cloexec(struct vfs_state *vfs, const struct process *process, uint32_t fd, bool is_cloexec)
{
    struct fd_chunk *chunk = chunk_of(process, fd);
    uint64_t bit = 1ull << (fd % FD_CHUNK);

    (void)vfs;
    if (is_cloexec)
        chunk->cloexec |= bit;
    else
        chunk->cloexec &= ~bit;
}

int fd_exec(struct vfs_state *vfs, struct process *process)
{
    struct fd_table *table = &tables.fd_tables[process->fds];

    if (table->references > 1) {
        uint32_t copy = fd_table_copy(vfs, process->fds);

        if (copy == 0)
            return -ENOMEM;
        table->references--;
        process->fds = copy;
        table = &tables.fd_tables[copy];
    }
    for (uint32_t i = 0; i < table->chunk_count; i++) {
        struct fd_chunk *chunk = chunk_at(table->chunk[i]);

        if (table->chunk[i] == 0)
            continue;
        for (uint64_t close = chunk->open & chunk->cloexec; close != 0; close &= close - 1)
            fd_close(vfs, process, (int32_t)(i * FD_CHUNK) + __builtin_ctzll(close));
    }
    return 0;
}

int fd_next(const struct vfs_state *vfs, const struct process *process, int32_t fd)
{
    (void)vfs;
    for (uint32_t next = (uint32_t)fd; next < FD_LIMIT;) {
        const struct fd_chunk *chunk = chunk_of(process, next);
        uint64_t open = chunk == NULL ? 0 : chunk->open & ~0ull << (next % FD_CHUNK);

        if (open != 0)
            return (int)(next / FD_CHUNK * FD_CHUNK + (uint32_t)__builtin_ctzll(open));
        next = (next / FD_CHUNK + 1) * FD_CHUNK;
    }
    return -1;
}
