/* SPDX-License-Identifier: MIT */
/*
 * The calls of fs.idl about one node or one mounted tree.
 */
#include "base/string.h"
#include "directory.h"
#include "errors.h"
#include "fs_attributes.h"
#include "inode.h"
#include "linux/stat.h"
#include "mount.h"
#include "protocols/tmpfs_fs_server.h"
#include "protocols/vm_client.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

enum {
    TMPFS_MAGIC = 0x01021994,
    LIST_BYTES = 4096,
    SECTOR = 512,
    MOUNT_DATA_MAX = 256,
    MODE_PERMISSIONS = 07777,
};

int fs_handle_mount(struct tmpfs_state *state, struct call *call, const struct fs_mount_request *request, struct fs_mount_reply *reply)
{
    (void)call;
    char data[MOUNT_DATA_MAX] = "";
    if (request->data_length >= sizeof(data) || request->mount_id == 0) {
        return -EINVAL;
    }
    if (request->data_length > 0) {
        int result = sys_safecopyfrom(ENDPOINT_VFS, request->data, 0, data, request->data_length);
        if (result != 0) {
            return result;
        }
    }
    uint32_t root;
    int result = (request->flags & FS_MOUNT_AFRESH) != 0 ? mount_forget(state) : 0;
    if (result == 0) {
        result = mount_add(state, request->mount_id, data, &root);
    }
    if (result != 0) {
        return result;
    }
    const struct tmpfs_inode *inode = &tmpfs_tables->inode[root];
    reply->inode = root;
    reply->mode = inode->mode;
    reply->uid = inode->uid;
    reply->gid = inode->gid;
    reply->result = FS_MOUNT_RESULT_CACHEABLE;
    reply->magic = TMPFS_MAGIC;
    return 0;
}

int fs_handle_unmount(struct tmpfs_state *state, struct call *call, const struct fs_unmount_request *request)
{
    (void)call;
    return mount_remove(state, request->mount_id);
}

int fs_handle_readlink(struct tmpfs_state *state, struct call *call, const struct fs_readlink_request *request,
                       struct fs_readlink_reply *reply)
{
    (void)state;
    (void)call;
    char text[TMPFS_PAGE];
    const struct tmpfs_inode *inode = inode_find(request->inode);
    if (inode == NULL) {
        return -ENOENT;
    }
    if ((inode->mode & LINUX_S_IFMT) != LINUX_S_IFLNK) {
        return -EINVAL;
    }
    reply->length = inode->size < request->room ? (uint32_t)inode->size : request->room;
    text_read(inode->text, text, reply->length);
    return sys_safecopyto(ENDPOINT_VFS, request->text, 0, text, reply->length);
}

int fs_handle_getdents(struct tmpfs_state *state, struct call *call, const struct fs_getdents_request *request,
                       struct fs_getdents_reply *reply)
{
    (void)state;
    (void)call;
    _Alignas(8) char buffer[LIST_BYTES];
    struct tmpfs_inode *inode = inode_find(request->directory);
    if (inode == NULL || !inode_is_directory(inode)) {
        return -ENOTDIR;
    }
    uint32_t room = request->room < sizeof(buffer) ? request->room : sizeof(buffer);
    uint64_t next;
    int length = directory_list(request->directory, request->cookie, buffer, room, &next);
    if (length < 0) {
        return length;
    }
    int result = length > 0 ? sys_safecopyto(ENDPOINT_VFS, request->buffer, 0, buffer, (size_t)length) : 0;
    reply->length = (uint32_t)length;
    reply->next = next;
    return result;
}

static uint64_t blocks_of(const struct tmpfs_inode *inode)
{
    if (inode->object == 0) {
        return 0;
    }
    struct vm_object_info_request request = { .object = inode->object };
    struct vm_object_info_reply reply;
    int result = vm_call_object_info(ENDPOINT_VM, &request, &reply);
    return result == 0 ? reply.pages * (TMPFS_PAGE / SECTOR) : 0;
}

int fs_handle_getattr(struct tmpfs_state *state, struct call *call, const struct fs_getattr_request *request)
{
    (void)state;
    (void)call;
    const struct tmpfs_inode *inode = inode_find(request->inode);
    if (inode == NULL) {
        return -ENOENT;
    }
    struct fs_attributes attributes = {
        .inode = request->inode,
        .mode = inode->mode,
        .uid = inode->uid,
        .gid = inode->gid,
        .size = inode->size,
        .blocks = blocks_of(inode),
        .nlink = inode->nlink,
        .device = inode->device,
        .block_size = TMPFS_PAGE,
        .flags = (inode->mode & LINUX_S_IFMT) == LINUX_S_IFREG ? FS_NODE_FLAGS_OBJECT : 0,
        .atime_ns = inode->atime_ns,
        .mtime_ns = inode->mtime_ns,
        .ctime_ns = inode->ctime_ns,
    };
    return sys_safecopyto(ENDPOINT_VFS, request->attributes, 0, &attributes, sizeof(attributes));
}

static void set_fields(struct tmpfs_inode *inode, uint32_t mask, const struct fs_attributes *attributes)
{
    if (mask & FS_SETATTR_MASK_MODE) {
        inode->mode = (inode->mode & LINUX_S_IFMT) | (attributes->mode & MODE_PERMISSIONS);
    }
    if (mask & FS_SETATTR_MASK_UID) {
        inode->uid = attributes->uid;
    }
    if (mask & FS_SETATTR_MASK_GID) {
        inode->gid = attributes->gid;
    }
    if (mask & FS_SETATTR_MASK_ATIME) {
        inode->atime_ns = attributes->atime_ns;
    }
    if (mask & FS_SETATTR_MASK_MTIME) {
        inode->mtime_ns = attributes->mtime_ns;
    }
    inode->ctime_ns = mask & FS_SETATTR_MASK_CTIME ? attributes->ctime_ns : sys_realtime();
}

int fs_handle_setattr(struct tmpfs_state *state, struct call *call, const struct fs_setattr_request *request)
{
    (void)state;
    (void)call;
    struct fs_attributes attributes;
    struct tmpfs_inode *inode = inode_find(request->inode);
    if (inode == NULL) {
        return -ENOENT;
    }
    int result = sys_safecopyfrom(ENDPOINT_VFS, request->attributes, 0, &attributes, sizeof(attributes));
    if (result == 0 && (request->mask & FS_SETATTR_MASK_SIZE)) {
        bool is_file = (inode->mode & LINUX_S_IFMT) == LINUX_S_IFREG;
        result = is_file ? inode_truncate(request->inode, attributes.size) : -EINVAL;
    }
    if (result == 0) {
        set_fields(inode, request->mask, &attributes);
    }
    return result;
}

int fs_handle_data_object(struct tmpfs_state *state, struct call *call, const struct fs_data_object_request *request,
                          struct fs_data_object_reply *reply)
{
    (void)state;
    (void)call;
    const struct tmpfs_inode *inode = inode_find(request->inode);
    if (inode == NULL || (inode->mode & LINUX_S_IFMT) != LINUX_S_IFREG) {
        return -EINVAL;
    }
    return inode_object(request->inode, &reply->object);
}

/* Contents are VM objects: VFS reads and writes them without us. */
int fs_handle_read(struct tmpfs_state *state, struct call *call, const struct fs_read_request *request, struct fs_read_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EINVAL;
}

int fs_handle_write(struct tmpfs_state *state, struct call *call, const struct fs_write_request *request, struct fs_write_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EINVAL;
}

int fs_handle_put_node(struct tmpfs_state *state, struct call *call, const struct fs_put_node_request *request)
{
    (void)call;
    struct tmpfs_inode *inode = inode_find(request->inode);
    if (inode == NULL || request->count > inode->references) {
        return -EINVAL;
    }
    if (request->mask & FS_SETATTR_MASK_SIZE) {
        inode->size = request->size;
    }
    if (request->mask & FS_SETATTR_MASK_MTIME) {
        inode->mtime_ns = inode->ctime_ns = request->mtime_ns;
    }
    if (request->mask & FS_SETATTR_MASK_ATIME) {
        inode->atime_ns = request->atime_ns;
    }
    inode->references -= request->count;
    inode_release(state, request->inode);
    return 0;
}

int fs_handle_statfs(struct tmpfs_state *state, struct call *call, const struct fs_statfs_request *request)
{
    (void)call;
    struct fs_statistics statistics = { .magic = TMPFS_MAGIC, .block_size = TMPFS_PAGE, .name_max = FS_NAME_MAX };
    int result = mount_statistics(state, request->mount_id, &statistics);
    if (result != 0) {
        return result;
    }
    return sys_safecopyto(ENDPOINT_VFS, request->statistics, 0, &statistics, sizeof(statistics));
}
