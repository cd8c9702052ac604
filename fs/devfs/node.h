/* SPDX-License-Identifier: MIT */
/*
 * The node table of devfs.
 */
#pragma once

#include "state.h"

/* NULL if the number is out of range or free. */
struct devfs_node *node_find(struct devfs_state *devfs, uint32_t inode);
bool node_is_directory(const struct devfs_node *node);
uint32_t node_number(const struct devfs_state *devfs, const struct devfs_node *node);
/* The node of that name in a directory, or NULL. */
struct devfs_node *node_by_name(struct devfs_state *devfs, uint32_t directory, const char *name);
/* A new node with a name; NULL if the table is full. Link counts of directories are kept. */
struct devfs_node *node_create(struct devfs_state *devfs, uint32_t directory, const char *name, uint32_t mode, uint64_t now_ns);
/* Take its name away; freed when VFS lets go. */
void node_unname(struct devfs_state *devfs, struct devfs_node *node);
void node_put(struct devfs_node *node, uint32_t count);
/* The nodes that every system has. */
void node_table_init(struct devfs_state *devfs, uint64_t now_ns);
const char *devfs_state_check(const void *state);
