/* SPDX-License-Identifier: MIT */
/*
 * Inodes and their texts: allocation, references, contents object. An inode is freed when it has neither a name nor a reference of VFS.
 */
#pragma once

#include <stddef.h>

#include "sys/journal_debug.h"

#include "state.h"

/* The inode, or NULL if the number is out of range or free. */
struct tmpfs_inode *inode_find(uint32_t number);
/* A new inode without a name; 0 if the table is full. */
uint32_t inode_create(struct tmpfs_state *state, uint32_t mount, uint32_t mode, uint32_t uid, uint32_t gid, uint64_t now_ns);
/* Free it if nobody needs it any more. */
void inode_release(struct tmpfs_state *state, uint32_t number);
/* Its VM object, made at first use. 0 or -ENOSPC. */
int inode_object(uint32_t number, uint32_t *object);
/* Change the length of a regular file, contents included. */
int inode_truncate(uint32_t number, uint64_t size);
bool inode_is_directory(const struct tmpfs_inode *inode);

/* Text in a chain of pieces: symbolic link targets and the tails of long names. 0 if the table is full (or for no text). */
uint32_t text_create(struct tmpfs_state *state, const char *text, uint32_t length);
void text_destroy(struct tmpfs_state *state, uint32_t first);
/* Copy `length` bytes out. */
void text_read(uint32_t first, char *to, uint32_t length);
bool text_equals(uint32_t first, const char *text, uint32_t length);
uint32_t text_pieces(uint32_t length);

/* A record that was just taken: of a free one only the link to the next means something. */
static inline void record_forgo(struct tmpfs_entry *entry)
{
    journal_forgo(entry, offsetof(struct tmpfs_entry, next));
    journal_forgo(&entry->previous, sizeof(*entry) - offsetof(struct tmpfs_entry, previous));
}

uint32_t record_allocate(struct tmpfs_state *state);
void record_free(struct tmpfs_state *state, uint32_t index);
