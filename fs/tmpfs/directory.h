/* SPDX-License-Identifier: MIT */
/*
 * Directory entries of tmpfs: found by hash of (directory, name), listed newest first as Linux's tmpfs does.
 */
#pragma once

#include "state.h"

struct tmpfs_name {
    const char *text;
    uint32_t length;
};

/* Record index of the entry, or 0. */
uint32_t directory_find(uint32_t directory, struct tmpfs_name name);
/* May an entry of this name length be added? Checked before directory_add, which cannot fail. */
bool directory_has_room(const struct tmpfs_state *state, struct tmpfs_name name);
void directory_add(struct tmpfs_state *state, uint32_t directory, struct tmpfs_name name, uint32_t inode, uint64_t now_ns);
/* Take the entry away; the inode's link count is the caller's business. */
void directory_remove(struct tmpfs_state *state, uint32_t entry, uint64_t now_ns);
/* Fill `buffer` with linux_dirent64 records after `cookie`. Returns bytes; *next is where to go on. -EINVAL if not even one fits. */
int directory_list(uint32_t directory, uint64_t cookie, char *buffer, uint32_t room, uint64_t *next);
uint32_t entry_name(uint32_t entry, char *to);
