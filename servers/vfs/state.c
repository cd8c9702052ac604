/* SPDX-License-Identifier: MIT */
/*
 * The tables and their check: reference counts must be what the holders add up to.
 */
#include "state.h"

#include "base/string.h"
#include "errors.h"
#include "sys/service.h"
#include "sys/waiters.h"

#include "vnode.h"

SERVICE_DERIVED struct vfs_tables tables;

static bool acquire_tables(void)
{
    bool have_all = true;

#define TABLE(field, count) have_all &= (tables.field = SERVICE_TABLE(field, __typeof__(*tables.field), count)) != NULL
    TABLE(processes, PROCESSES);
    TABLE(fd_tables, FD_TABLES);
    TABLE(fd_chunks, FD_CHUNKS);
    TABLE(infos, INFOS);
    TABLE(files, FILES);
    TABLE(vnodes, VNODES);
    TABLE(vnode_hash, VNODE_HASH);
    TABLE(names, NAME_SETS * NAME_WAYS);
    TABLE(own_names, OWN_NAMES);
    TABLE(link_texts, LINK_TEXTS);
    TABLE(pipes, PIPES);
    TABLE(pipe_pages, PIPE_PAGES * PAGE_BYTES);
    TABLE(page_next, PIPE_PAGES);
    TABLE(text_next, TEXT_BUFFERS);
    TABLE(operations, OPERATIONS);
    TABLE(links, OPERATIONS);
    TABLE(texts, TEXT_BUFFERS * 2 * PATH_MAX);
    TABLE(locks, LOCKS);
    TABLE(watches, WATCHES);
    TABLE(items, EPOLL_ITEMS);
#undef TABLE
    return have_all;
}

int state_init(struct vfs_state *vfs, bool is_fresh)
{
    if (!acquire_tables())
        return -ENOMEM;
    if (is_fresh)
        memset(vfs, 0, sizeof(*vfs));
    return 0;
}

/* ---- the check ---- */

/* Counted references, rebuilt for each check. Derived; not part of the state. */
SERVICE_DERIVED static uint32_t vnode_count[VNODES];
SERVICE_DERIVED static uint32_t file_count[FILES];

static void count_operations(void)
{
    for (uint32_t i = 1; i < OPERATIONS; i++) {
        const struct operation *op = &tables.operations[i];

        if (op->kind == OPERATION_NONE)
            continue;
        for (int j = 0; j < OPERATION_VNODES; j++)
            vnode_count[op->vnode[j] % VNODES]++;
        vnode_count[op->walk.directory % VNODES]++;
        vnode_count[op->walk.node % VNODES]++;
        for (int j = 0; j < OPERATION_FILES; j++)
            file_count[op->file[j] % FILES]++;
    }
}

static void count_processes(void)
{
    SERVICE_DERIVED static uint8_t seen_info[INFOS];
    SERVICE_DERIVED static uint8_t seen_table[FD_TABLES];

    memset(seen_info, 0, sizeof(seen_info));
    memset(seen_table, 0, sizeof(seen_table));
    for (uint32_t i = 1; i < PROCESSES; i++) {
        const struct process *process = &tables.processes[i];

        if (process->endpoint == 0)
            continue;
        file_count[process->sleep_file % FILES]++;
        vnode_count[process->executable % VNODES]++;
        vnode_count[process->pending_executable % VNODES]++;
        if (!seen_info[process->info]) {
            seen_info[process->info] = 1;
            vnode_count[tables.infos[process->info].cwd % VNODES]++;
            vnode_count[tables.infos[process->info].root % VNODES]++;
        }
        if (seen_table[process->fds])
            continue;
        seen_table[process->fds] = 1;
        for (int j = 0; j < FD_TABLE_CHUNKS; j++) {
            const struct fd_chunk *chunk = &tables.fd_chunks[tables.fd_tables[process->fds].chunk[j]];

            if (tables.fd_tables[process->fds].chunk[j] == 0)
                continue;
            for (uint64_t open = chunk->open; open != 0; open &= open - 1)
                file_count[chunk->file[__builtin_ctzll(open)] % FILES]++;
        }
    }
}

/* Nobody would ever end a file's being busy but the long call that began it. */
static bool is_busy_for(const struct operation *op, uint32_t vnode)
{
    return op->kind != OPERATION_NONE && op->is_long && op->file[0] < FILES && tables.files[op->file[0]].vnode == vnode;
}

static const char *check_busy(void)
{
    for (uint32_t i = 1; i < VNODES; i++) {
        uint32_t calls = 0;

        if (tables.vnodes[i].mount == 0 || (tables.vnodes[i].flags & VNODE_BUSY) == 0)
            continue;
        for (uint32_t j = 1; j < OPERATIONS; j++)
            calls += is_busy_for(&tables.operations[j], i);
        if (calls != 1)
            return "a file is busy, but not with one long call";
    }
    return NULL;
}

static const char *compare(const struct vfs_state *vfs)
{
    for (uint32_t i = 1; i < FILES; i++) {
        if (tables.files[i].kind == FILE_FREE)
            continue;
        vnode_count[tables.files[i].vnode % VNODES]++;
        if (tables.files[i].references != file_count[i])
            return "references of a file do not add up";
    }
    for (uint32_t i = 1; i < MOUNTS; i++) {
        if (vfs->mounts[i].id == 0 || vfs->mounts[i].is_detached)
            continue;
        vnode_count[vfs->mounts[i].root % VNODES]++;
        vnode_count[vfs->mounts[i].covered % VNODES]++;
    }
    for (uint32_t i = 1; i < SOCKETS; i++)
        vnode_count[vfs->sockets[i].vnode % VNODES]++;
    for (uint32_t i = 1; i < VNODES; i++) {
        if (tables.vnodes[i].mount != 0 && tables.vnodes[i].references != vnode_count[i])
            return "references of a vnode do not add up";
    }
    return check_busy();
}

const char *vfs_state_check(const void *state)
{
    const struct vfs_state *vfs = state;

    if (tables.vnodes == NULL)
        return NULL;
    memset(vnode_count, 0, sizeof(vnode_count));
    memset(file_count, 0, sizeof(file_count));
    count_operations();
    count_processes();
    return compare(vfs);
}

void vfs_mark_waiters(const void *state, struct waiters *waiters)
{
    (void)state;
    for (uint32_t i = 1; i < OPERATIONS; i++) {
        const struct operation *op = &tables.operations[i];

        if (op->kind != OPERATION_NONE && !op->is_abandoned && !op->is_silent)
            waiters_mark(waiters, op->caller);
    }
    for (uint32_t i = 1; i < PROCESSES; i++) {
        if (tables.processes[i].endpoint != 0 && tables.processes[i].sleep_pipe != 0)
            waiters_mark(waiters, tables.processes[i].endpoint);
    }
}
