/* SPDX-License-Identifier: MIT */
/*
 * What drivers ask of devfs: nodes that come and go with a device (pts/0 ...).
 */
#include "base/string.h"
#include "errors.h"
#include "linux/stat.h"
#include "node.h"
#include "protocols/devfs_server.h"
#include "sys/call.h"
#include "sys/syscalls.h"

/* Split "pts/3" into its directory and the name; 0: no such directory. */
static uint32_t find_directory(struct devfs_state *state, const char *path, const char **name)
{
    const char *slash = path;
    char directory[DEVFS_NAME_MAX + 1] = "";
    while (*slash != '\0' && *slash != '/') {
        slash++;
    }
    if (*slash == '\0') {
        *name = path;
        return DEVFS_ROOT;
    }
    if ((size_t)(slash - path) > DEVFS_NAME_MAX) {
        return 0;
    }
    memcpy(directory, path, (size_t)(slash - path));
    const struct devfs_node *node = node_by_name(state, DEVFS_ROOT, directory);
    *name = slash + 1;
    return node != NULL && node_is_directory(node) ? node_number(state, node) : 0;
}

int devfs_handle_make_node(struct devfs_state *state, struct call *call, const struct devfs_make_node_request *request)
{
    (void)call;
    const char *name;
    uint32_t directory = find_directory(state, request->name, &name);
    if (directory == 0 || *name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/') != NULL) {
        return -EINVAL;
    }
    struct devfs_node *node = node_by_name(state, directory, name);
    if (node == NULL) {
        node = node_create(state, directory, name, LINUX_S_IFCHR | (request->mode & 07777), sys_realtime());
    }
    if (node == NULL) {
        return -ENOSPC;
    }
    if ((node->mode & LINUX_S_IFMT) != LINUX_S_IFCHR) {
        return -EEXIST;
    }
    node->uid = request->uid;
    node->gid = request->gid;
    node->device = request->major << DEVFS_DEVICE_MAJOR_SHIFT | request->minor;
    return 0;
}

int devfs_handle_remove_node(struct devfs_state *state, struct call *call, const struct devfs_remove_node_request *request)
{
    (void)call;
    const char *name;
    uint32_t directory = find_directory(state, request->name, &name);
    struct devfs_node *node = directory != 0 ? node_by_name(state, directory, name) : NULL;
    if (node == NULL || (node->mode & LINUX_S_IFMT) != LINUX_S_IFCHR) {
        return -ENOENT;
    }
    node_unname(state, node);
    return 0;
}
