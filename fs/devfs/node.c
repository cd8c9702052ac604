/* SPDX-License-Identifier: MIT */
/*
 * Node table of devfs, and the table of standard devices (Linux's devices.txt numbers).
 */
#include "node.h"

#include <stddef.h>

#include "base/string.h"
#include "linux/stat.h"

struct standard_node {
    const char *name;
    uint32_t mode;
    uint32_t major;
    uint32_t minor;
    const char *target;
};

static const struct standard_node standard_nodes[] = {
    { "console", LINUX_S_IFCHR | 0600, 5, 1, NULL },
    { "full", LINUX_S_IFCHR | 0666, 1, 7, NULL },
    { "hello", LINUX_S_IFCHR | 0666, 240, 0, NULL },
    { "kmsg", LINUX_S_IFCHR | 0644, 1, 11, NULL },
    { "null", LINUX_S_IFCHR | 0666, 1, 3, NULL },
    { "ptmx", LINUX_S_IFCHR | 0666, 5, 2, NULL },
    { "random", LINUX_S_IFCHR | 0666, 1, 8, NULL },
    { "tty", LINUX_S_IFCHR | 0666, 5, 0, NULL },
    { "ttyS0", LINUX_S_IFCHR | 0660, 4, 64, NULL },
    { "ttyS1", LINUX_S_IFCHR | 0660, 4, 65, NULL },
    { "ttyS2", LINUX_S_IFCHR | 0660, 4, 66, NULL },
    { "ttyS3", LINUX_S_IFCHR | 0660, 4, 67, NULL },
    { "urandom", LINUX_S_IFCHR | 0666, 1, 9, NULL },
    { "zero", LINUX_S_IFCHR | 0666, 1, 5, NULL },
    { "pts", LINUX_S_IFDIR | 0755, 0, 0, NULL },
    { "shm", LINUX_S_IFDIR | 01777, 0, 0, NULL },
    { "fd", LINUX_S_IFLNK | 0777, 0, 0, "/proc/self/fd" },
    { "stdin", LINUX_S_IFLNK | 0777, 0, 0, "/proc/self/fd/0" },
    { "stdout", LINUX_S_IFLNK | 0777, 0, 0, "/proc/self/fd/1" },
    { "stderr", LINUX_S_IFLNK | 0777, 0, 0, "/proc/self/fd/2" },
};

struct devfs_node *node_find(struct devfs_state *devfs, uint32_t inode)
{
    if (inode == 0 || inode > DEVFS_NODES || devfs->node[inode - 1].mode == 0) {
        return NULL;
    }
    return &devfs->node[inode - 1];
}

bool node_is_directory(const struct devfs_node *node)
{
    return (node->mode & LINUX_S_IFMT) == LINUX_S_IFDIR;
}

uint32_t node_number(const struct devfs_state *devfs, const struct devfs_node *node)
{
    return (uint32_t)(node - devfs->node) + 1;
}

struct devfs_node *node_by_name(struct devfs_state *devfs, uint32_t directory, const char *name)
{
    for (uint32_t i = 1; i < DEVFS_NODES; i++) {
        struct devfs_node *node = &devfs->node[i];
        if (node->mode != 0 && node->parent == directory && strcmp(node->name, name) == 0) {
            return node;
        }
    }
    return NULL;
}

static void node_fill(struct devfs_node *node, uint32_t directory, const char *name, uint32_t mode, uint64_t now_ns)
{
    *node = (struct devfs_node){
        .mode = mode,
        .parent = directory,
        .nlink = (mode & LINUX_S_IFMT) == LINUX_S_IFDIR ? 2 : 1,
        .atime_ns = now_ns,
        .mtime_ns = now_ns,
        .ctime_ns = now_ns,
    };
    memcpy(node->name, name, strlen(name));
}

struct devfs_node *node_create(struct devfs_state *devfs, uint32_t directory, const char *name, uint32_t mode, uint64_t now_ns)
{
    for (uint32_t i = 1; i < DEVFS_NODES; i++) {
        struct devfs_node *node = &devfs->node[i];
        if (node->mode == 0) {
            node_fill(node, directory, name, mode, now_ns);
            devfs->node[directory - 1].nlink += node_is_directory(node);
            return node;
        }
    }
    return NULL;
}

void node_unname(struct devfs_state *devfs, struct devfs_node *node)
{
    devfs->node[node->parent - 1].nlink -= node_is_directory(node);
    node->parent = 0;
    node->nlink = 0;
    node_put(node, 0);
}

void node_put(struct devfs_node *node, uint32_t count)
{
    node->references -= count < node->references ? count : node->references;
    if (node->references == 0 && node->nlink == 0) {
        memset(node, 0, sizeof(*node));
    }
}

void node_table_init(struct devfs_state *devfs, uint64_t now_ns)
{
    node_fill(&devfs->node[0], DEVFS_ROOT, "", LINUX_S_IFDIR | 0755, now_ns);
    for (size_t i = 0; i < sizeof(standard_nodes) / sizeof(standard_nodes[0]); i++) {
        const struct standard_node *standard = &standard_nodes[i];
        struct devfs_node *node = node_create(devfs, DEVFS_ROOT, standard->name, standard->mode, now_ns);
        node->device = standard->major << DEVFS_DEVICE_MAJOR_SHIFT | standard->minor;
        if (standard->target != NULL) {
            memcpy(node->target, standard->target, strlen(standard->target));
        }
    }
}

static const char *check_node(const struct devfs_state *devfs, const struct devfs_node *node)
{
    if (node->parent > DEVFS_NODES || node->name[DEVFS_NAME_MAX] != '\0' || node->target[DEVFS_TARGET_MAX] != '\0') {
        return "node with a bad parent or text";
    }
    if (node->mode == 0) {
        return node->parent != 0 || node->references != 0 ? "a free node is in use" : NULL;
    }
    if (node->parent == 0) {
        return node->nlink != 0 || node->references == 0 ? "a node without a name is still there" : NULL;
    }
    if (!node_is_directory(&devfs->node[node->parent - 1]) || node->nlink == 0) {
        return "a name stands in no directory";
    }
    return NULL;
}

const char *devfs_state_check(const void *state)
{
    const struct devfs_state *devfs = state;
    if (!node_is_directory(&devfs->node[0])) {
        return "the root is no directory";
    }
    for (uint32_t i = 0; i < DEVFS_NODES; i++) {
        const char *broken = check_node(devfs, &devfs->node[i]);
        if (broken != NULL) {
            return broken;
        }
    }
    return NULL;
}
