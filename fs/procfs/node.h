/* SPDX-License-Identifier: MIT */
/*
 * Directories of procfs: which names there are, and their attributes.
 */
#pragma once

#include "protocols/rs.h"
#include "state.h"

/* Inode number of a name in a directory. -ENOENT, -ENOTDIR. Descriptor links are not looked at (see parked.h): their number is returned unchecked. */
int node_lookup(uint32_t directory, const char *name, uint32_t *inode);
/* Mode, owner and times. -ENOENT when the process is gone. */
int node_attributes(uint32_t inode, struct fs_lookup_reply *attributes);
/* Fill the caller's grant with entries of a directory (not fd directories). */
int node_list(const struct fs_getdents_request *request, struct fs_getdents_reply *reply);
/* The fd directory, from the numbers that VFS gave; parked->inode is the directory, parked->room the position << 16 | room. */
int node_list_descriptors(const struct parked *parked, const uint32_t *descriptors, uint32_t count, struct fs_getdents_reply *reply);
/* /proc/service, from the labels that RS gave; parked->room as above. */
int node_list_services(const struct parked *parked, const char (*labels)[RS_LABEL_MAX], struct fs_getdents_reply *reply);
