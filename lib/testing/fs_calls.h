/* SPDX-License-Identifier: MIT */
/*
 * Each call of fs.idl as a function, for tests of file servers: it puts the request into a message and takes the reply out. The includer
 * defines ask(), which gives the message to the server and returns the status.
 */
#pragma once

#include "errors.h"
#include "fs_attributes.h"
#include "linux/stat.h"
#include "protocols/fs.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

int ask(struct message *request, struct message *reply);

static inline int mount_with(uint32_t id, uint32_t flags, const char *data, uint32_t *node)
{
    struct fs_mount_request request = {
        .mount_id = id, .flags = flags, .data = fake_grant((void *)(uintptr_t)data, strlen(data)), .data_length = (uint32_t)strlen(data)
    };
    struct fs_mount_reply answer;
    struct message message = { .type = FS_MOUNT }, reply;
    int status;

    fs_mount_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_mount_reply_get(&reply, &answer);
    *node = answer.inode;
    return status;
}

static inline int do_mount(uint32_t id, const char *data, uint32_t *node)
{
    return mount_with(id, 0, data, node);
}

/* The first mount of a VFS that knows nothing of before. */
static inline int do_mount_afresh(uint32_t id, uint32_t *node)
{
    return mount_with(id, FS_MOUNT_AFRESH, "", node);
}

static inline int do_unmount(uint32_t id)
{
    struct fs_unmount_request request = { .mount_id = id };
    struct message message = { .type = FS_UNMOUNT }, reply;

    fs_unmount_request_put(&message, &request);
    return ask(&message, &reply);
}

static inline grant_t grant_text(const char *text)
{
    return fake_grant((void *)(uintptr_t)text, strlen(text));
}

static inline int do_lookup(uint32_t directory, const char *name, struct fs_lookup_reply *node)
{
    struct fs_lookup_request request = { .directory = directory, .name_length = (uint32_t)strlen(name), .name = grant_text(name) };
    struct message message = { .type = FS_LOOKUP }, reply;
    int status;

    fs_lookup_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_lookup_reply_get(&reply, node);
    return status;
}

/* An event: nobody hears a refusal. */
static inline int do_put(uint32_t inode, uint32_t count)
{
    struct fs_put_node_request request = { .inode = inode, .count = count };
    struct message message = { .type = FS_PUT_NODE }, reply;

    fs_put_node_request_put(&message, &request);
    return ask(&message, &reply) == -EDONTREPLY ? 0 : -EBADREQUEST;
}

/* The inode's number without a reference, 0 if there is no such name. */
static inline uint32_t number_of(uint32_t directory, const char *name)
{
    struct fs_lookup_reply node;

    if (do_lookup(directory, name, &node) != 0)
        return 0;
    CHECK_EQ(do_put(node.inode, 1), 0);
    return node.inode;
}

/* Make a node and keep its reference. */
static inline int do_create(uint32_t directory, const char *name, uint32_t mode, uint32_t *inode)
{
    struct fs_create_request request = {
        .directory = directory, .name_length = (uint32_t)strlen(name), .name = grant_text(name), .mode = mode, .uid = 3, .gid = 4
    };
    struct fs_create_reply answer;
    struct message message = { .type = FS_CREATE }, reply;
    int status;

    fs_create_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_create_reply_get(&reply, &answer);
    *inode = answer.inode;
    return status;
}

static inline int do_mkdir(uint32_t directory, const char *name, uint32_t *inode)
{
    struct fs_mkdir_request request = {
        .directory = directory, .name_length = (uint32_t)strlen(name), .name = grant_text(name), .mode = 0755
    };
    struct fs_mkdir_reply answer;
    struct message message = { .type = FS_MKDIR }, reply;
    int status;

    fs_mkdir_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_mkdir_reply_get(&reply, &answer);
    *inode = answer.inode;
    return status;
}

static inline int do_symlink(uint32_t directory, const char *name, const char *target, uint32_t *inode)
{
    struct fs_symlink_request request = { .directory = directory,
                                          .name_length = (uint32_t)strlen(name),
                                          .name = grant_text(name),
                                          .target_length = (uint32_t)strlen(target),
                                          .target = grant_text(target) };
    struct fs_symlink_reply answer;
    struct message message = { .type = FS_SYMLINK }, reply;
    int status;

    fs_symlink_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_symlink_reply_get(&reply, &answer);
    *inode = answer.inode;
    return status;
}

static inline int do_link(uint32_t directory, const char *name, uint32_t inode)
{
    struct fs_link_request request = {
        .directory = directory, .name_length = (uint32_t)strlen(name), .name = grant_text(name), .inode = inode
    };
    struct message message = { .type = FS_LINK }, reply;

    fs_link_request_put(&message, &request);
    return ask(&message, &reply);
}

static inline int do_remove(uint32_t directory, const char *name, bool is_directory)
{
    struct fs_unlink_request request = {
        .directory = directory, .name_length = (uint32_t)strlen(name), .name = grant_text(name), .is_directory = is_directory
    };
    struct message message = { .type = FS_UNLINK }, reply;

    fs_unlink_request_put(&message, &request);
    return ask(&message, &reply);
}

static inline int do_rename(uint32_t from, const char *old, uint32_t to, const char *new)
{
    struct fs_rename_request request = { .old_directory = from,
                                         .old_length = (uint32_t)strlen(old),
                                         .old_name = grant_text(old),
                                         .new_directory = to,
                                         .new_length = (uint32_t)strlen(new),
                                         .new_name = grant_text(new) };
    struct message message = { .type = FS_RENAME }, reply;

    fs_rename_request_put(&message, &request);
    return ask(&message, &reply);
}

/* struct linux_dirent64 records from a cookie on; returns their bytes. */
static inline int do_getdents(uint32_t directory, uint64_t cookie, void *buffer, uint32_t room, uint64_t *next)
{
    struct fs_getdents_request request = { .directory = directory, .buffer = fake_grant(buffer, room), .room = room, .cookie = cookie };
    struct fs_getdents_reply answer;
    struct message message = { .type = FS_GETDENTS }, reply;
    int status;

    fs_getdents_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_getdents_reply_get(&reply, &answer);
    *next = answer.next;
    return status != 0 ? status : (int)answer.length;
}

static inline int do_getattr(uint32_t inode, struct fs_attributes *attributes)
{
    struct fs_getattr_request request = { .inode = inode, .attributes = fake_grant(attributes, sizeof(*attributes)) };
    struct message message = { .type = FS_GETATTR }, reply;

    fs_getattr_request_put(&message, &request);
    return ask(&message, &reply);
}

static inline int do_object(uint32_t inode, uint32_t *object)
{
    struct fs_data_object_request request = { .inode = inode };
    struct fs_data_object_reply answer;
    struct message message = { .type = FS_DATA_OBJECT }, reply;
    int status;

    fs_data_object_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_data_object_reply_get(&reply, &answer);
    *object = answer.object;
    return status;
}

static inline int do_setattr(uint32_t inode, uint32_t mask, struct fs_attributes *attributes)
{
    struct fs_setattr_request request = { .inode = inode, .mask = mask, .attributes = fake_grant(attributes, sizeof(*attributes)) };
    struct message message = { .type = FS_SETATTR }, reply;

    fs_setattr_request_put(&message, &request);
    return ask(&message, &reply);
}

/* Bytes of the text, or an error. */
static inline int do_readlink(uint32_t inode, endpoint_t caller, char *text, uint32_t room)
{
    struct fs_readlink_request request = { .inode = inode, .text = fake_grant(text, room), .room = room, .caller = caller };
    struct fs_readlink_reply answer;
    struct message message = { .type = FS_READLINK }, reply;
    int status;

    fs_readlink_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_readlink_reply_get(&reply, &answer);
    return status != 0 ? status : (int)answer.length;
}

/* Bytes that were read, or an error. */
static inline int64_t do_read(uint32_t inode, uint64_t position, char *buffer, uint64_t room)
{
    struct fs_read_request request = { .inode = inode, .buffer = fake_grant(buffer, room), .position = position, .length = room };
    struct fs_read_reply answer;
    struct message message = { .type = FS_READ }, reply;
    int status;

    fs_read_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_read_reply_get(&reply, &answer);
    return status != 0 ? status : (int64_t)answer.length;
}

/* Bytes of the name, or an error. */
static inline int do_name_of(uint32_t directory, char *name, uint32_t room, uint32_t *parent)
{
    struct fs_name_of_request request = { .directory = directory, .name = fake_grant(name, room), .room = room };
    struct fs_name_of_reply answer;
    struct message message = { .type = FS_NAME_OF }, reply;
    int status;

    fs_name_of_request_put(&message, &request);
    status = ask(&message, &reply);
    fs_name_of_reply_get(&reply, &answer);
    *parent = answer.parent;
    return status != 0 ? status : (int)answer.length;
}
