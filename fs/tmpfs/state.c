/* SPDX-License-Identifier: MIT */
/*
 * First state of tmpfs and its invariants.
 */
#include "state.h"

#include <stddef.h>

#include "inode.h"
#include "sys/service.h"

SERVICE_DERIVED struct tmpfs_tables *tmpfs_tables;

void tmpfs_tables_init(struct tmpfs_state *state)
{
    for (uint32_t i = TMPFS_INODES - 1; i > 0; i--) {
        tmpfs_tables->inode[i].next_free = state->free_inode;
        state->free_inode = i;
    }
    for (uint32_t i = TMPFS_RECORDS - 1; i > 0; i--) {
        tmpfs_tables->record[i].entry.next = state->free_record;
        state->free_record = i;
    }
    state->inodes_free = TMPFS_INODES - 1;
    state->records_free = TMPFS_RECORDS - 1;
}

static const char *check_inode(const struct tmpfs_inode *inode)
{
    if (inode->mount >= TMPFS_MOUNTS) {
        return "inode of no mount";
    }
    if (inode_is_directory(inode) && inode_find(inode->parent) == NULL) {
        return "directory without a parent";
    }
    if (inode->first_entry >= TMPFS_RECORDS || inode->text >= TMPFS_RECORDS) {
        return "inode with a record index out of range";
    }
    return NULL;
}

const char *tmpfs_state_check(const void *state)
{
    const struct tmpfs_state *tmpfs = state;
    uint32_t used = 0;
    for (uint32_t i = 1; i < TMPFS_INODES; i++) {
        const struct tmpfs_inode *inode = &tmpfs_tables->inode[i];
        if (inode->mode == 0) {
            continue;
        }
        used++;
        const char *broken = check_inode(inode);
        if (broken != NULL) {
            return broken;
        }
    }
    if (used + tmpfs->inodes_free != TMPFS_INODES - 1) {
        return "inodes lost from the free list";
    }
    return NULL;
}
