/* SPDX-License-Identifier: MIT */
/*
 * devfs as a file server (fs.idl): device nodes, directories and links; no regular files.
 */
#include "base/string.h"
#include "errors.h"
#include "fs_attributes.h"
#include "linux/stat.h"
#include "node.h"
#include "protocols/devfs_fs_server.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

enum { DEVFS_MAGIC = 0x01021994, DEVFS_PAGE = 4096, MODE_PERMISSIONS = 07777 };

static int get_name(grant_t grant, uint32_t length, char name[DEVFS_NAME_MAX + 1])
{
    if (length == 0 || length > DEVFS_NAME_MAX) {
        return length == 0 ? -EINVAL : -ENAMETOOLONG;
    }
    name[length] = '\0';
    return sys_safecopyfrom(ENDPOINT_VFS, grant, 0, name, length);
}

static int get_directory(struct devfs_state *state, uint32_t inode)
{
    const struct devfs_node *node = node_find(state, inode);
    if (node == NULL) {
        return -ENOENT;
    }
    return node_is_directory(node) ? 0 : -ENOTDIR;
}

int fs_handle_mount(struct devfs_state *state, struct call *call, const struct fs_mount_request *request, struct fs_mount_reply *reply)
{
    (void)call;
    (void)request;
    struct devfs_node *root = &state->node[0];
    root->references++;
    reply->inode = DEVFS_ROOT;
    reply->mode = root->mode;
    reply->uid = root->uid;
    reply->gid = root->gid;
    reply->magic = DEVFS_MAGIC;
    return 0;
}

int fs_handle_unmount(struct devfs_state *state, struct call *call, const struct fs_unmount_request *request)
{
    (void)call;
    (void)request;
    node_put(&state->node[0], 1);
    return 0;
}

int fs_handle_lookup(struct devfs_state *state, struct call *call, const struct fs_lookup_request *request, struct fs_lookup_reply *reply)
{
    (void)call;
    char name[DEVFS_NAME_MAX + 1];
    int result = get_directory(state, request->directory);
    if (result != 0) {
        return result;
    }
    result = get_name(request->name, request->name_length, name);
    if (result != 0) {
        return result == -ENAMETOOLONG ? -ENOENT : result;
    }
    struct devfs_node *node;
    if (strcmp(name, ".") == 0) {
        node = node_find(state, request->directory);
    } else if (strcmp(name, "..") == 0) {
        node = node_find(state, node_find(state, request->directory)->parent);
    } else {
        node = node_by_name(state, request->directory, name);
    }
    if (node == NULL) {
        return -ENOENT;
    }
    node->references++;
    *reply = (struct fs_lookup_reply){
        .inode = node_number(state, node),
        .mode = node->mode,
        .uid = node->uid,
        .gid = node->gid,
        .size = strlen(node->target),
        .nlink = node->nlink,
        .device = node->device,
        .mtime_ns = node->mtime_ns,
    };
    return 0;
}

/* The checks for every new name; on 0 `name` is free in the directory. */
static int new_name(struct devfs_state *state, uint32_t directory, grant_t grant, uint32_t length, char name[DEVFS_NAME_MAX + 1])
{
    int result = get_directory(state, directory);
    if (result == 0) {
        result = get_name(grant, length, name);
    }
    if (result != 0) {
        return result;
    }
    if (node_find(state, directory)->nlink == 0) {
        return -ENOENT; /* removed, but VFS still holds it */
    }
    bool is_dot = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    return is_dot || node_by_name(state, directory, name) != NULL ? -EEXIST : 0;
}

static bool is_device_or_pipe(uint32_t mode)
{
    uint32_t type = mode & LINUX_S_IFMT;
    return type == LINUX_S_IFCHR || type == LINUX_S_IFBLK || type == LINUX_S_IFIFO || type == LINUX_S_IFSOCK;
}

int fs_handle_create(struct devfs_state *state, struct call *call, const struct fs_create_request *request, struct fs_create_reply *reply)
{
    (void)call;
    char name[DEVFS_NAME_MAX + 1];
    int result = new_name(state, request->directory, request->name, request->name_length, name);
    if (result != 0) {
        return result;
    }
    if (!is_device_or_pipe(request->mode)) {
        return -EPERM; /* contents have no place here */
    }
    struct devfs_node *node = node_create(state, request->directory, name, request->mode, sys_realtime());
    if (node == NULL) {
        return -ENOSPC;
    }
    node->uid = request->uid;
    node->gid = request->gid;
    node->device = request->device;
    node->references = 1;
    reply->inode = node_number(state, node);
    reply->mtime_ns = node->mtime_ns;
    return 0;
}

int fs_handle_mkdir(struct devfs_state *state, struct call *call, const struct fs_mkdir_request *request, struct fs_mkdir_reply *reply)
{
    (void)call;
    char name[DEVFS_NAME_MAX + 1];
    int result = new_name(state, request->directory, request->name, request->name_length, name);
    if (result != 0) {
        return result;
    }
    uint32_t mode = LINUX_S_IFDIR | (request->mode & MODE_PERMISSIONS);
    struct devfs_node *node = node_create(state, request->directory, name, mode, sys_realtime());
    if (node == NULL) {
        return -ENOSPC;
    }
    node->uid = request->uid;
    node->gid = request->gid;
    node->references = 1;
    reply->inode = node_number(state, node);
    reply->mtime_ns = node->mtime_ns;
    return 0;
}

int fs_handle_symlink(struct devfs_state *state, struct call *call, const struct fs_symlink_request *request,
                      struct fs_symlink_reply *reply)
{
    (void)call;
    char name[DEVFS_NAME_MAX + 1];
    char target[DEVFS_TARGET_MAX + 1] = "";
    int result = new_name(state, request->directory, request->name, request->name_length, name);
    if (result != 0) {
        return result;
    }
    if (request->target_length > DEVFS_TARGET_MAX) {
        return -ENOSPC;
    }
    result = sys_safecopyfrom(ENDPOINT_VFS, request->target, 0, target, request->target_length);
    if (result != 0) {
        return result;
    }
    struct devfs_node *node = node_create(state, request->directory, name, LINUX_S_IFLNK | 0777, sys_realtime());
    if (node == NULL) {
        return -ENOSPC;
    }
    memcpy(node->target, target, sizeof(target));
    node->uid = request->uid;
    node->gid = request->gid;
    node->references = 1;
    reply->inode = node_number(state, node);
    return 0;
}

static bool directory_is_empty(const struct devfs_state *state, uint32_t directory)
{
    for (uint32_t i = 1; i < DEVFS_NODES; i++) {
        if (state->node[i].mode != 0 && state->node[i].parent == directory) {
            return false;
        }
    }
    return true;
}

static int check_removable(const struct devfs_state *state, const struct devfs_node *node, bool as_directory)
{
    if (!as_directory) {
        return node_is_directory(node) ? -EISDIR : 0;
    }
    if (!node_is_directory(node)) {
        return -ENOTDIR;
    }
    return directory_is_empty(state, node_number(state, node)) ? 0 : -ENOTEMPTY;
}

int fs_handle_unlink(struct devfs_state *state, struct call *call, const struct fs_unlink_request *request, struct fs_unlink_reply *reply)
{
    (void)call;
    char name[DEVFS_NAME_MAX + 1];
    int result = get_directory(state, request->directory);
    if (result == 0) {
        result = get_name(request->name, request->name_length, name);
    }
    if (result != 0) {
        return result;
    }
    struct devfs_node *node = node_by_name(state, request->directory, name);
    if (node == NULL) {
        return -ENOENT;
    }
    result = check_removable(state, node, request->is_directory != 0);
    if (result != 0) {
        return result;
    }
    reply->inode = node_number(state, node);
    node_unname(state, node);
    return 0;
}

int fs_handle_rename(struct devfs_state *state, struct call *call, const struct fs_rename_request *request, struct fs_rename_reply *reply)
{
    (void)call;
    char from[DEVFS_NAME_MAX + 1];
    char to[DEVFS_NAME_MAX + 1];
    int result = get_directory(state, request->old_directory);
    if (result == 0) {
        result = get_directory(state, request->new_directory);
    }
    if (result == 0) {
        result = get_name(request->old_name, request->old_length, from);
    }
    if (result == 0) {
        result = get_name(request->new_name, request->new_length, to);
    }
    if (result != 0) {
        return result;
    }
    struct devfs_node *node = node_by_name(state, request->old_directory, from);
    struct devfs_node *target = node_by_name(state, request->new_directory, to);
    if (node == NULL) {
        return -ENOENT;
    }
    if (node == target) {
        return 0;
    }
    if (node_is_directory(node)) {
        return -EINVAL; /* directories here stay where they are */
    }
    if (node_find(state, request->new_directory)->nlink == 0) {
        return -ENOENT;
    }
    result = target == NULL ? 0 : check_removable(state, target, false);
    if (result != 0) {
        return result;
    }
    if (target != NULL) {
        reply->replaced = node_number(state, target);
        node_unname(state, target);
    }
    node->parent = request->new_directory;
    memcpy(node->name, to, sizeof(to));
    return 0;
}

int fs_handle_readlink(struct devfs_state *state, struct call *call, const struct fs_readlink_request *request,
                       struct fs_readlink_reply *reply)
{
    (void)call;
    const struct devfs_node *node = node_find(state, request->inode);
    if (node == NULL || (node->mode & LINUX_S_IFMT) != LINUX_S_IFLNK) {
        return node == NULL ? -ENOENT : -EINVAL;
    }
    uint32_t length = (uint32_t)strlen(node->target);
    reply->length = length < request->room ? length : request->room;
    return sys_safecopyto(ENDPOINT_VFS, request->text, 0, node->target, reply->length);
}

/* cookie: 0 ".", 1 "..", then index + 2 of the next node to look at. */
static uint32_t list_one(const struct devfs_state *state, uint32_t directory, uint64_t cookie, char *at, uint32_t room)
{
    const char *name;
    uint32_t inode;
    if (cookie == 0) {
        name = ".";
        inode = directory;
    } else if (cookie == 1) {
        name = "..";
        inode = state->node[directory - 1].parent;
        inode = inode != 0 ? inode : DEVFS_ROOT; /* of a removed directory */
    } else {
        const struct devfs_node *node = &state->node[cookie - 1];
        name = node->name;
        inode = node_number(state, node);
    }
    uint32_t length = (uint32_t)strlen(name);
    uint32_t size = (LINUX_DIRENT64_NAME_OFFSET + length + 1 + 7) & ~7u;
    if (size > room) {
        return 0;
    }
    struct linux_dirent64 *record = (struct linux_dirent64 *)at;
    memset(at, 0, size);
    record->d_ino = inode;
    record->d_off = (int64_t)cookie + 1;
    record->d_reclen = (uint16_t)size;
    record->d_type = linux_dirent_type(state->node[inode - 1].mode);
    memcpy(at + LINUX_DIRENT64_NAME_OFFSET, name, length);
    return size;
}

static bool is_listed(const struct devfs_state *state, uint32_t directory, uint64_t cookie)
{
    if (cookie < 2) {
        return true;
    }
    const struct devfs_node *node = &state->node[cookie - 1];
    return node->mode != 0 && node->parent == directory;
}

int fs_handle_getdents(struct devfs_state *state, struct call *call, const struct fs_getdents_request *request,
                       struct fs_getdents_reply *reply)
{
    (void)call;
    _Alignas(8) char buffer[DEVFS_PAGE];
    int result = get_directory(state, request->directory);
    if (result != 0) {
        return result;
    }
    uint32_t room = request->room < sizeof(buffer) ? request->room : sizeof(buffer);
    uint64_t cookie = request->cookie;
    for (; cookie <= DEVFS_NODES; cookie++) {
        if (!is_listed(state, request->directory, cookie)) {
            continue;
        }
        uint32_t size = list_one(state, request->directory, cookie, buffer + reply->length, room - reply->length);
        if (size == 0) {
            break;
        }
        reply->length += size;
    }
    if (reply->length == 0 && cookie <= DEVFS_NODES) {
        return -EINVAL;
    }
    reply->next = cookie;
    return reply->length > 0 ? sys_safecopyto(ENDPOINT_VFS, request->buffer, 0, buffer, reply->length) : 0;
}

int fs_handle_getattr(struct devfs_state *state, struct call *call, const struct fs_getattr_request *request)
{
    (void)call;
    const struct devfs_node *node = node_find(state, request->inode);
    if (node == NULL) {
        return -ENOENT;
    }
    struct fs_attributes attributes = {
        .inode = request->inode,
        .mode = node->mode,
        .uid = node->uid,
        .gid = node->gid,
        .size = strlen(node->target),
        .nlink = node->nlink,
        .device = node->device,
        .block_size = DEVFS_PAGE,
        .atime_ns = node->atime_ns,
        .mtime_ns = node->mtime_ns,
        .ctime_ns = node->ctime_ns,
    };
    return sys_safecopyto(ENDPOINT_VFS, request->attributes, 0, &attributes, sizeof(attributes));
}

int fs_handle_setattr(struct devfs_state *state, struct call *call, const struct fs_setattr_request *request)
{
    (void)call;
    struct fs_attributes attributes;
    struct devfs_node *node = node_find(state, request->inode);
    if (node == NULL) {
        return -ENOENT;
    }
    int result = sys_safecopyfrom(ENDPOINT_VFS, request->attributes, 0, &attributes, sizeof(attributes));
    if (result != 0) {
        return result;
    }
    if (request->mask & FS_SETATTR_MASK_MODE) {
        node->mode = (node->mode & LINUX_S_IFMT) | (attributes.mode & MODE_PERMISSIONS);
    }
    if (request->mask & FS_SETATTR_MASK_UID) {
        node->uid = attributes.uid;
    }
    if (request->mask & FS_SETATTR_MASK_GID) {
        node->gid = attributes.gid;
    }
    if (request->mask & FS_SETATTR_MASK_ATIME) {
        node->atime_ns = attributes.atime_ns;
    }
    if (request->mask & FS_SETATTR_MASK_MTIME) {
        node->mtime_ns = attributes.mtime_ns;
    }
    node->ctime_ns = sys_realtime();
    return 0;
}

int fs_handle_put_node(struct devfs_state *state, struct call *call, const struct fs_put_node_request *request)
{
    (void)call;
    struct devfs_node *node = node_find(state, request->inode);
    if (node == NULL) {
        return -EINVAL;
    }
    node_put(node, request->count);
    return 0;
}

int fs_handle_statfs(struct devfs_state *state, struct call *call, const struct fs_statfs_request *request)
{
    (void)call;
    struct fs_statistics statistics = { .magic = DEVFS_MAGIC, .block_size = DEVFS_PAGE, .name_max = DEVFS_NAME_MAX, .files = DEVFS_NODES };
    for (uint32_t i = 0; i < DEVFS_NODES; i++) {
        statistics.files_free += state->node[i].mode == 0;
    }
    return sys_safecopyto(ENDPOINT_VFS, request->statistics, 0, &statistics, sizeof(statistics));
}

int fs_handle_name_of(struct devfs_state *state, struct call *call, const struct fs_name_of_request *request,
                      struct fs_name_of_reply *reply)
{
    (void)call;
    const struct devfs_node *node = node_find(state, request->directory);
    if (node == NULL || request->directory == DEVFS_ROOT || node->parent == 0) {
        return -ENOENT;
    }
    uint32_t length = (uint32_t)strlen(node->name);
    if (length > request->room) {
        return -ENAMETOOLONG;
    }
    reply->parent = node->parent;
    reply->length = length;
    state->node[node->parent - 1].references++;
    return sys_safecopyto(ENDPOINT_VFS, request->name, 0, node->name, length);
}
