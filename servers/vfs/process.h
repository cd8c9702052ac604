/* SPDX-License-Identifier: MIT */
/*
 * Threads as VFS sees them: who they are, their directories and descriptors; the requests of PM about them.
 */
#pragma once

#include "operation.h"

/* Index of a thread, 0 if VFS does not know it. */
static inline uint32_t process_find(const struct vfs_state *vfs, endpoint_t endpoint)
{
    uint32_t slot = endpoint_slot(endpoint);

    (void)vfs;
    if (endpoint <= 0 || slot < SERVICE_SLOTS || slot >= PROCESS_SLOTS)
        return 0;
    slot = slot - SERVICE_SLOTS + 1;
    return tables.processes[slot].endpoint == endpoint ? slot : 0;
}

/* A first process: root directories, no descriptors. */
uint32_t process_create_first(struct vfs_state *vfs, endpoint_t endpoint);

uint32_t process_root(const struct vfs_state *vfs, const struct process *process);
uint32_t process_cwd(const struct vfs_state *vfs, const struct process *process);
void process_set_cwd(struct vfs_state *vfs, struct process *process, uint32_t vnode);
void process_set_root(struct vfs_state *vfs, struct process *process, uint32_t vnode);

/* The terminal of a session; 0: none. */
uint32_t session_terminal(const struct vfs_state *vfs, uint32_t session);
void session_set_terminal(struct vfs_state *vfs, uint32_t session, uint32_t device);
