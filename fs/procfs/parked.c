/* SPDX-License-Identifier: MIT */
/*
 * The record of a waiting call is found again by its index in the low half of the transaction; the high half says that it is still the same one.
 */
#include "parked.h"

#include "errors.h"
#include "inode.h"
#include "linux/stat.h"
#include "node.h"
#include "protocols/fs_client.h"
#include "protocols/procfs_fs_server.h"
#include "protocols/vfs_client.h"
#include "service.h"
#include "sys/grant.h"
#include "sys/waiters.h"
#include "text.h"

enum { INDEX_BITS = 16, INDEX_MASK = (1 << INDEX_BITS) - 1 };

static struct parked *parked_create(struct procfs_state *state)
{
    for (uint32_t i = 0; i < PROCFS_PARKED; i++) {
        if (state->parked[i].step == PARKED_FREE) {
            return &state->parked[i];
        }
    }
    return NULL;
}

int parked_make(struct procfs_state *state, const struct call *call, enum parked_step step, endpoint_t grantee, struct parked **made,
                uint32_t *transaction)
{
    struct parked *parked = parked_create(state);
    if (parked == NULL) {
        return -ENOMEM;
    }
    grant_t grant = cpf_grant_direct(grantee, parked->text, sizeof(parked->text), GRANT_WRITE);
    if (grant < 0) {
        return grant;
    }
    parked->step = step;
    parked->caller = call->caller;
    parked->type = call->type;
    parked->transaction = call->transaction;
    parked->sequence = ++state->next_sequence & INDEX_MASK;
    parked->own_grant = grant;
    *made = parked;
    *transaction = parked->sequence << INDEX_BITS | (uint32_t)(parked - state->parked);
    return 0;
}

int parked_ask(struct procfs_state *state, struct call *call, enum parked_step step, uint32_t inode, uint32_t what, grant_t user_grant,
               uint32_t room)
{
    struct pm_process_info info;
    int result = process_info_get(inode_pid(inode), &info);
    if (result != 0) {
        return -ENOENT;
    }
    struct parked *parked;
    uint32_t transaction;
    result = parked_make(state, call, step, ENDPOINT_VFS, &parked, &transaction);
    if (result != 0) {
        return result;
    }
    parked->inode = inode;
    parked->user_grant = user_grant;
    parked->room = room;
    struct vfs_describe_request request = {
        .process = info.endpoint,
        .what = what,
        .fd = inode_is_descriptor(inode) ? (int32_t)(inode & (DESCRIPTOR_MAX - 1)) : 0,
        .text = parked->own_grant,
        .room = sizeof(parked->text),
    };
    vfs_send_describe(call->outbox, ENDPOINT_VFS, transaction, &request);
    return CALL_PARKED;
}

static void finish_readlink(const struct parked *parked, struct outbox *outbox, int status, uint32_t length)
{
    struct fs_readlink_reply reply = { .length = length < parked->room ? length : parked->room };
    if (status == 0) {
        status = sys_safecopyto(ENDPOINT_VFS, parked->user_grant, 0, parked->text, reply.length);
    }
    fs_reply_readlink(outbox, parked->caller, parked->transaction, status, &reply);
}

static void finish_lookup(const struct parked *parked, struct outbox *outbox, int status)
{
    struct fs_lookup_reply reply = { .inode = parked->inode, .mode = LINUX_S_IFLNK | 0700, .size = 64, .nlink = 1 };
    fs_reply_lookup(outbox, parked->caller, parked->transaction, status == 0 ? 0 : -ENOENT, &reply);
}

/* text holds one descriptor number (uint32_t) after the other. */
static void finish_list(const struct parked *parked, struct outbox *outbox, int status, uint32_t length)
{
    struct fs_getdents_reply reply = { 0 };
    if (status == 0) {
        status = node_list_descriptors(parked, (const uint32_t *)(const void *)parked->text, length / sizeof(uint32_t), &reply);
    }
    fs_reply_getdents(outbox, parked->caller, parked->transaction, status, &reply);
}

static void describe_reply(const struct parked *parked, const struct message *message, struct outbox *outbox)
{
    struct vfs_describe_reply reply = { 0 };
    if (message->status == 0) {
        vfs_describe_reply_get(message, &reply);
        reply.length = reply.length < sizeof(parked->text) ? reply.length : sizeof(parked->text);
    }
    switch (parked->step) {
    case PARKED_READLINK:
        finish_readlink(parked, outbox, message->status, reply.length);
        break;
    case PARKED_LOOKUP_FD:
        finish_lookup(parked, outbox, message->status);
        break;
    default:
        finish_list(parked, outbox, message->status, reply.length);
        break;
    }
}

void parked_reply(struct procfs_state *state, const struct message *message, struct outbox *outbox)
{
    uint32_t index = message->transaction & INDEX_MASK;
    if (index >= PROCFS_PARKED) {
        return;
    }
    struct parked *parked = &state->parked[index];
    if (parked->step == PARKED_FREE || parked->sequence != message->transaction >> INDEX_BITS) {
        return;
    }
    if (parked->step >= PARKED_SERVICE_LOOKUP) {
        service_reply(parked, message, outbox);
    } else {
        describe_reply(parked, message, outbox);
    }
    cpf_revoke(parked->own_grant);
    parked->step = PARKED_FREE;
}

const char *procfs_state_check(const void *state)
{
    const struct procfs_state *all = state;
    for (int i = 0; i < PROCFS_PARKED; i++) {
        if (all->parked[i].step >= PARKED_END) {
            return "parked call with an unknown step";
        }
    }
    return NULL;
}

void procfs_mark_waiters(const void *state, struct waiters *waiters)
{
    const struct procfs_state *all = state;
    for (int i = 0; i < PROCFS_PARKED; i++) {
        if (all->parked[i].step != PARKED_FREE) {
            waiters_mark(waiters, all->parked[i].caller);
        }
    }
}
