/* SPDX-License-Identifier: MIT */
/*
 * Calls that a tree without room for anything else refuses in its own way; the others have their answer in the IDL.
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

int fs_handle_write(struct procfs_state *state, struct call *call, const struct fs_write_request *request, struct fs_write_reply *reply)
{
    (void)state;
    (void)call;
    (void)request;
    (void)reply;
    return -EACCES;
}
