/* SPDX-License-Identifier: MIT */
/*
 * procfs as a file server (fs.idl). Read only: whatever would change the tree answers EPERM, as Linux's procfs does.
 */
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "fs_attributes.h"
#include "inode.h"
#include "linux/stat.h"
#include "node.h"
#include "parked.h"
#include "protocols/pm_client.h"
#include "protocols/procfs_fs_server.h"
#include "service.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/service.h"
#include "sys/syscalls.h"
#include "text.h"

enum {
    PROCFS_MAGIC = 0x9fa0,
    PROCFS_BLOCK = 1024,
    NAME_ROOM = 256,
    DESCRIBE_LIST = 0,
    DESCRIBE_LINK = 1,
    DESCRIBE_CWD = 2,
    DESCRIBE_ROOT = 3,
    DESCRIBE_EXE = 4
};

/* Scratch for contents: filled anew for each read. */
SERVICE_DERIVED static char text_bytes[TEXT_MAX];

int fs_handle_mount(struct procfs_state *state, struct call *call, const struct fs_mount_request *request, struct fs_mount_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    reply->inode = FIXED_ROOT;
    reply->mode = LINUX_S_IFDIR | 0555;
    reply->magic = PROCFS_MAGIC;
    return 0;
}

int fs_handle_lookup(struct procfs_state *state, struct call *call, const struct fs_lookup_request *request, struct fs_lookup_reply *reply)
{
    char name[NAME_ROOM];
    uint32_t inode;
    if (request->name_length == 0 || request->name_length >= sizeof(name)) {
        return -ENOENT;
    }
    int result = sys_safecopyfrom(ENDPOINT_VFS, request->name, 0, name, request->name_length);
    if (result != 0) {
        return result;
    }
    name[request->name_length] = '\0';
    if (request->directory == FIXED_SERVICE && name[0] != '.') {
        return service_lookup(state, call, name);
    }
    result = node_lookup(request->directory, name, &inode);
    if (result != 0) {
        return result;
    }
    if (inode_is_descriptor(inode)) {
        return parked_ask(state, call, PARKED_LOOKUP_FD, inode, DESCRIBE_LINK, GRANT_INVALID, 0);
    }
    return node_attributes(inode, reply);
}

static int self_text(endpoint_t caller, char *text, size_t room)
{
    struct pm_identify_request request = { .process = caller };
    struct pm_identify_reply reply;
    int result = pm_call_identify(ENDPOINT_PM, &request, &reply);
    return result == 0 ? format_string(text, room, "%u", reply.pid) : result;
}

static int give_link(const struct fs_readlink_request *request, const char *text, struct fs_readlink_reply *reply)
{
    uint32_t length = (uint32_t)strlen(text);
    reply->length = length < request->room ? length : request->room;
    return sys_safecopyto(ENDPOINT_VFS, request->text, 0, text, reply->length);
}

int fs_handle_readlink(struct procfs_state *state, struct call *call, const struct fs_readlink_request *request,
                       struct fs_readlink_reply *reply)
{
    const struct procfs_file *row = file_of_inode(request->inode);
    char text[16];
    if (inode_is_descriptor(request->inode)) {
        return parked_ask(state, call, PARKED_READLINK, request->inode, DESCRIBE_LINK, request->text, request->room);
    }
    if (row == NULL || (row->mode & LINUX_S_IFMT) != LINUX_S_IFLNK) {
        return -EINVAL;
    }
    if (row->target != NULL) {
        return give_link(request, row->target, reply);
    }
    if (request->inode == FIXED_SELF) {
        int result = self_text(request->caller, text, sizeof(text));
        return result < 0 ? -ENOENT : give_link(request, text, reply);
    }
    uint32_t what = row->number == PROCESS_EXE ? DESCRIBE_EXE : row->number == PROCESS_CWD ? DESCRIBE_CWD : DESCRIBE_ROOT;
    return parked_ask(state, call, PARKED_READLINK, request->inode, what, request->text, request->room);
}

int fs_handle_getdents(struct procfs_state *state, struct call *call, const struct fs_getdents_request *request,
                       struct fs_getdents_reply *reply)
{
    const struct procfs_file *row = file_of_inode(request->directory);
    if (row == NULL || (row->mode & LINUX_S_IFMT) != LINUX_S_IFDIR) {
        return -ENOTDIR;
    }
    if (inode_is_process(request->directory) && row->number == PROCESS_FD) {
        uint32_t room = request->room < 0xffff ? request->room : 0xffff;
        uint32_t position = request->cookie < 0xffff ? (uint32_t)request->cookie : 0xffff;
        return parked_ask(state, call, PARKED_LIST_FDS, request->directory, DESCRIBE_LIST, request->buffer, position << 16 | room);
    }
    if (request->directory == FIXED_SERVICE) {
        return service_list(state, call, request);
    }
    return node_list(request, reply);
}

int fs_handle_getattr(struct procfs_state *state, struct call *call, const struct fs_getattr_request *request)
{
    (void)state;
    (void)call;
    struct fs_lookup_reply node;
    int result = node_attributes(request->inode, &node);
    if (result != 0) {
        return result;
    }
    struct fs_attributes attributes = {
        .inode = request->inode,
        .mode = node.mode,
        .uid = node.uid,
        .gid = node.gid,
        .nlink = node.nlink,
        .block_size = PROCFS_BLOCK,
        .atime_ns = node.mtime_ns,
        .mtime_ns = node.mtime_ns,
        .ctime_ns = node.mtime_ns,
    };
    return sys_safecopyto(ENDPOINT_VFS, request->attributes, 0, &attributes, sizeof(attributes));
}

static int make_text(const struct procfs_state *state, uint32_t inode, struct text *text)
{
    if (!inode_is_process(inode)) {
        return fixed_text(state, inode_file(inode), text);
    }
    struct pm_process_info info;
    int result = process_info_get(inode_pid(inode), &info);
    return result == 0 ? process_text(&info, inode_file(inode), text) : result;
}

int fs_handle_read(struct procfs_state *state, struct call *call, const struct fs_read_request *request, struct fs_read_reply *reply)
{
    struct text text = { .bytes = text_bytes, .room = sizeof(text_bytes) };
    const struct procfs_file *row = file_of_inode(request->inode);
    if (row == NULL || (row->mode & LINUX_S_IFMT) != LINUX_S_IFREG) {
        return -EINVAL;
    }
    if (inode_is_service(request->inode)) {
        return service_read(state, call, request);
    }
    int result = make_text(state, request->inode, &text);
    if (result != 0 || request->position >= text.length) {
        return result;
    }
    uint64_t left = text.length - request->position;
    reply->length = request->length < left ? request->length : left;
    return sys_safecopyto(ENDPOINT_VFS, request->buffer, 0, text.bytes + request->position, reply->length);
}

int fs_handle_statfs(struct procfs_state *state, struct call *call, const struct fs_statfs_request *request)
{
    (void)state;
    (void)call;
    struct fs_statistics statistics = { .magic = PROCFS_MAGIC, .block_size = 4096, .name_max = FS_NAME_MAX };
    return sys_safecopyto(ENDPOINT_VFS, request->statistics, 0, &statistics, sizeof(statistics));
}

int fs_handle_name_of(struct procfs_state *state, struct call *call, const struct fs_name_of_request *request,
                      struct fs_name_of_reply *reply)
{
    (void)state;
    (void)call;
    char name[16];
    const char *text = name;
    const struct procfs_file *row = file_of_inode(request->directory);
    if (row == NULL || (row->mode & LINUX_S_IFMT) != LINUX_S_IFDIR || request->directory == FIXED_ROOT) {
        return -ENOENT;
    }
    if (inode_is_process(request->directory) && row->number == PROCESS_DIRECTORY) {
        format_string(name, sizeof(name), "%u", inode_pid(request->directory));
        reply->parent = FIXED_ROOT;
    } else {
        text = row->name;
        reply->parent = inode_is_process(request->directory) ? inode_of_process(inode_pid(request->directory), PROCESS_DIRECTORY)
                                                             : row->parent;
    }
    reply->length = (uint32_t)strlen(text);
    if (reply->length > request->room) {
        return -ENAMETOOLONG;
    }
    return sys_safecopyto(ENDPOINT_VFS, request->name, 0, text, reply->length);
}
