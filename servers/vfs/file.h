/* SPDX-License-Identifier: MIT */
/*
 * Open file descriptions and descriptor tables.
 */
#pragma once

#include "operation.h"

static inline struct file *file_at(uint32_t file)
{
    return &tables.files[file];
}

static inline void file_acquire(uint32_t file)
{
    if (file != 0)
        tables.files[file].references++;
}

/* One reference less; the last one closes it. */
void file_release(struct vfs_state *vfs, uint32_t file);
/* A new description without references, holding the vnode. 0: ENFILE. */
uint32_t file_create(struct vfs_state *vfs, enum file_kind kind, uint32_t vnode, uint32_t flags);
/* Take back a description that was never installed. */
void file_destroy(struct vfs_state *vfs, uint32_t file);

static inline bool file_can_read(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_WRONLY && file->kind != FILE_PATH;
}

static inline bool file_can_write(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_RDONLY && file->kind != FILE_PATH;
}

uint32_t fd_table_create(struct vfs_state *vfs);
uint32_t fd_table_copy(struct vfs_state *vfs, uint32_t from);
void fd_table_release(struct vfs_state *vfs, uint32_t table);
/* The file of a descriptor, 0: EBADF. */
uint32_t fd_file(const struct vfs_state *vfs, const struct process *process, int32_t fd);
/* The lowest free descriptor from `from` on gets the file (a reference). Returns it, or -EMFILE. */
int fd_install(struct vfs_state *vfs, const struct process *process, uint32_t file, uint32_t from, bool is_cloexec);
/* -EMFILE if no descriptor is free. For checks before something is made. */
int fd_can_install(struct vfs_state *vfs, const struct process *process);
int fd_close(struct vfs_state *vfs, const struct process *process, int32_t fd);
void fd_set_cloexec(struct vfs_state *vfs, const struct process *process, uint32_t fd, bool is_cloexec);
/* exec: a table of its own, without what is to be closed. Returns 0 or -ENOMEM. */
int fd_exec(struct vfs_state *vfs, struct process *process);
/* Next open descriptor from fd on, -1: none. */
int fd_next(const struct vfs_state *vfs, const struct process *process, int32_t fd);
