/* SPDX-License-Identifier: MIT */
/*
 * Calls that a read-only tree refuses.
 */
#include "errors.h"
#include "protocols/procfs_fs_server.h"
#include "state.h"
#include "sys/call.h"

int fs_handle_create(struct procfs_state *state, struct call *call, const struct fs_create_request *request, struct fs_create_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -ENOENT;
}

int fs_handle_mkdir(struct procfs_state *state, struct call *call, const struct fs_mkdir_request *request, struct fs_mkdir_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -ENOENT;
}

int fs_handle_symlink(struct procfs_state *state, struct call *call, const struct fs_symlink_request *request,
                      struct fs_symlink_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EPERM;
}

int fs_handle_link(struct procfs_state *state, struct call *call, const struct fs_link_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return -EPERM;
}

int fs_handle_unlink(struct procfs_state *state, struct call *call, const struct fs_unlink_request *request, struct fs_unlink_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EPERM;
}

int fs_handle_rename(struct procfs_state *state, struct call *call, const struct fs_rename_request *request, struct fs_rename_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EPERM;
}

int fs_handle_setattr(struct procfs_state *state, struct call *call, const struct fs_setattr_request *request)
{
    (void)state;
    (void)call;
    (void)request;
    return -EPERM;
}

int fs_handle_data_object(struct procfs_state *state, struct call *call, const struct fs_data_object_request *request,
                          struct fs_data_object_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EINVAL;
}

int fs_handle_write(struct procfs_state *state, struct call *call, const struct fs_write_request *request, struct fs_write_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EACCES;
}
