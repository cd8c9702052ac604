/* SPDX-License-Identifier: MIT */
/*
 * First state of tmpfs and its invariants.
 */
#include "state.h"

#include <stddef.h>

#include "inode.h"
#include "sys/service.h"

SERVICE_DERIVED struct tmpfs_tables *tmpfs_tables;

NO_JOURNAL void tmpfs_tables_init(struct tmpfs_state *state)
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

/* What a walk through all trees adds up; compared with the counters at the end. */
struct tally {
    uint32_t inodes;
    uint32_t records;
    uint64_t names; /* of nodes that are no directories */
    uint64_t links; /* what these nodes say themselves */
};

static bool chain_is_whole(uint32_t piece, uint32_t length, struct tally *tally)
{
    for (uint32_t left = text_pieces(length); left > 0; left--) {
        if (piece == 0 || piece >= TMPFS_RECORDS) {
            return false;
        }
        tally->records++;
        piece = tmpfs_tables->record[piece].piece.next;
    }
    return piece == 0;
}

static const char *check_entry(uint32_t directory, uint32_t index, uint32_t previous, struct tally *tally)
{
    const struct tmpfs_entry *entry = &tmpfs_tables->record[index].entry;
    const struct tmpfs_inode *inode = inode_find(entry->inode);
    uint32_t tail = entry->name_length > TMPFS_INLINE_NAME ? (uint32_t)entry->name_length - TMPFS_INLINE_NAME : 0;
    if (entry->directory != directory || entry->previous != previous) {
        return "an entry is not where it says";
    }
    if (inode == NULL) {
        return "an entry names a free inode";
    }
    if (!chain_is_whole(entry->more, tail, tally)) {
        return "a name's pieces are broken";
    }
    if (!inode_is_directory(inode)) {
        tally->names++;
    } else if (inode->own_entry != index || inode->parent != directory) {
        return "a directory does not know its own name";
    }
    return NULL;
}

static const char *check_directory(uint32_t number, const struct tmpfs_inode *directory, struct tally *tally)
{
    uint32_t index = directory->first_entry;
    uint32_t previous = 0;
    if (inode_find(directory->parent) == NULL || !inode_is_directory(inode_find(directory->parent))) {
        return "directory without a parent";
    }
    for (uint32_t left = directory->entry_count; left > 0; left--) {
        if (index == 0 || index >= TMPFS_RECORDS) {
            return "a directory's list is broken";
        }
        const char *broken = check_entry(number, index, previous, tally);
        if (broken != NULL) {
            return broken;
        }
        tally->records++;
        previous = index;
        index = tmpfs_tables->record[index].entry.next;
    }
    return index == 0 ? NULL : "a directory's list is longer than its count";
}

static const char *check_inode(uint32_t number, struct tally *tally)
{
    const struct tmpfs_inode *inode = &tmpfs_tables->inode[number];
    tally->inodes++;
    if (inode->mount >= TMPFS_MOUNTS) {
        return "inode of no mount";
    }
    if (inode->nlink == 0 && inode->references == 0) {
        return "an inode without name and reference is still there";
    }
    if (inode_is_directory(inode)) {
        return check_directory(number, inode, tally);
    }
    tally->links += inode->nlink;
    if (inode->text != 0 && !chain_is_whole(inode->text, (uint32_t)inode->size, tally)) {
        return "a link's text is broken";
    }
    return NULL;
}

static bool free_lists_are_whole(const struct tmpfs_state *tmpfs)
{
    uint32_t index = tmpfs->free_inode;
    for (uint32_t left = tmpfs->inodes_free; left > 0; left--) {
        if (index == 0 || index >= TMPFS_INODES || tmpfs_tables->inode[index].mode != 0) {
            return false;
        }
        index = tmpfs_tables->inode[index].next_free;
    }
    if (index != 0) {
        return false;
    }
    index = tmpfs->free_record;
    for (uint32_t left = tmpfs->records_free; left > 0; left--) {
        if (index == 0 || index >= TMPFS_RECORDS) {
            return false;
        }
        index = tmpfs_tables->record[index].entry.next;
    }
    return index == 0;
}

const char *tmpfs_state_check(const void *state)
{
    const struct tmpfs_state *tmpfs = state;
    struct tally tally = { 0 };
    for (uint32_t i = 1; i < TMPFS_INODES; i++) {
        const char *broken = tmpfs_tables->inode[i].mode != 0 ? check_inode(i, &tally) : NULL;
        if (broken != NULL) {
            return broken;
        }
    }
    if (tally.inodes + tmpfs->inodes_free != TMPFS_INODES - 1) {
        return "inodes lost from the free list";
    }
    if (tally.records + tmpfs->records_free != TMPFS_RECORDS - 1) {
        return "records lost from the free list";
    }
    if (tally.names != tally.links) {
        return "link counts do not add up";
    }
    return free_lists_are_whole(tmpfs) ? NULL : "a free list is broken";
}
