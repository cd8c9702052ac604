/* SPDX-License-Identifier: MIT */
/*
 * VFS on the host, with a file server and a driver that the test steps by hand: what VFS asks is queued, world_serve() answers the oldest request,
 * world_settle() all of them. Programs are threads of user slots; their memory is host memory. Included by one test file each.
 */
#pragma once

#include <stdlib.h>
#include <sys/mman.h>

#include "../mount.h"
#include "../operation.h"
#include "../process.h"
#include "../state.h"
#include "errors.h"
#include "linux_syscalls.h"
#include "linux_vfs_dispatch.h"
#include "protocols/char.h"
#include "protocols/fs.h"
#include "protocols/kernel.h"
#include "protocols/pm.h"
#include "protocols/vfs.h"
#include "protocols/vfs_server.h"
#include "protocols/vm.h"
#include "sys/call.h"
#include "sys/grant.h"
#include "sys/journal.h"
#include "sys/syscalls.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"

enum { NODES = 256, FIRST = SERVICE_SLOTS, STAYS_PARKED = 1 << 30, OBJECT_BYTES = 4 << 20 };

struct node {
    uint32_t mode, uid, gid, nlink, parent;
    uint64_t size;
    char name[64];
    char text[256]; /* symbolic links */
    uint8_t *contents;
    uint32_t named; /* it has a name in `parent` */
};

static struct vfs_state vfs;
static struct node nodes[NODES]; /* inode = index; 1: root of tmpfs, 2: root of devfs, 3: root of procfs */
static uint32_t node_count;
static uint32_t served;       /* messages of VFS looked at */
static uint32_t lookups;      /* lookups that reached the server */
static uint32_t ready_events; /* what the driver says to poll */

/* ---- the undo log: what VFS itself puts there; the compiler's entries are not in programs of the host ---- */

enum { RECORDED = 32, RECORDED_BYTES = 4096 };

struct journal journal;
static struct {
    void *address;
    size_t bytes;
    uint8_t old[RECORDED_BYTES];
} recorded[RECORDED];
static uint32_t recorded_count;

void journal_record(const void *address, size_t bytes)
{
    CHECK(recorded_count < RECORDED && bytes <= RECORDED_BYTES);
    recorded[recorded_count].address = (void *)(uintptr_t)address;
    recorded[recorded_count].bytes = bytes;
    memcpy(recorded[recorded_count++].old, address, bytes);
}

static __attribute__((unused)) void recorded_roll_back(void)
{
    while (recorded_count > 0) {
        recorded_count--;
        memcpy(recorded[recorded_count].address, recorded[recorded_count].old, recorded[recorded_count].bytes);
    }
}

/* ---- VM and kernel ---- */

static int map_object(const struct message *m)
{
    struct vm_object_map_request request;

    vm_object_map_request_get(m, &request);
    /* One mapping per file is enough here: the window shows the node's own memory. */
    void *at = mmap((void *)(uintptr_t)request.address, OBJECT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                    0);

    nodes[request.object].contents = at;
    return at == MAP_FAILED ? -ENOMEM : 0;
}

static __attribute__((unused)) uint32_t signals_asked_for; /* pm.signal_thread */

static int world_sendrec(endpoint_t destination, struct message *m)
{
    (void)destination;
    switch (m->type) {
    case KERNEL_COPYSTRING: {
        struct kernel_copystring_request request;
        struct kernel_copystring_reply reply;
        int length;

        kernel_copystring_request_get(m, &request);
        length = sys_copy_string(request.source, request.source_address, (char *)(uintptr_t)request.destination_address, request.room);
        m->status = length < 0 ? length : 0;
        reply.length = (uint32_t)length;
        kernel_copystring_reply_put(m, &reply);
        return 0;
    }
    case PM_SIGNAL_THREAD:
        signals_asked_for++;
        m->status = 0;
        return 0;
    case VM_OBJECT_MAP:
        m->status = map_object(m);
        return 0;
    default:
        m->status = 0;
        return 0;
    }
}

/* ---- the file server: one for tmpfs, devfs and procfs ---- */

static uint32_t child_of(uint32_t directory, const char *name, uint32_t length)
{
    for (uint32_t i = 1; i <= node_count; i++) {
        if (nodes[i].named && nodes[i].parent == directory && strlen(nodes[i].name) == length && memcmp(nodes[i].name, name, length) == 0)
            return i;
    }
    return 0;
}

static uint32_t node_make(uint32_t directory, const char *name, uint32_t length, uint32_t mode)
{
    struct node *node = &nodes[++node_count];

    memset(node, 0, sizeof(*node));
    node->mode = mode;
    node->nlink = 1;
    node->parent = directory;
    node->named = 1;
    memcpy(node->name, name, length);
    return node_count;
}

static void granted(grant_t grant, char *to, uint32_t length)
{
    CHECK_EQ(sys_safecopyfrom(ENDPOINT_VFS, grant, 0, to, length), 0);
}

static int serve_lookup(const struct message *m, struct message *out)
{
    struct fs_lookup_request request;
    struct fs_lookup_reply reply = { 0 };
    char name[256];
    uint32_t inode;

    lookups++;
    fs_lookup_request_get(m, &request);
    granted(request.name, name, request.name_length);
    if (request.name_length == 2 && memcmp(name, "..", 2) == 0)
        inode = nodes[request.directory].parent != 0 ? nodes[request.directory].parent : request.directory;
    else
        inode = child_of(request.directory, name, request.name_length);
    if (inode == 0)
        return -ENOENT;
    reply.inode = inode;
    reply.mode = nodes[inode].mode;
    reply.uid = nodes[inode].uid;
    reply.gid = nodes[inode].gid;
    reply.size = nodes[inode].size;
    reply.nlink = nodes[inode].nlink;
    reply.device = mode_is(nodes[inode].mode, S_IFCHR) ? device_make(4, 64) : 0;
    reply.flags = mode_is(nodes[inode].mode, S_IFREG) ? FS_NODE_FLAGS_OBJECT : 0;
    fs_lookup_reply_put(out, &reply);
    return 0;
}

static int serve_make(const struct message *m, struct message *out)
{
    char name[256], target[256];

    if (m->type == FS_MKDIR) {
        struct fs_mkdir_request request;
        struct fs_mkdir_reply reply = { 0 };

        fs_mkdir_request_get(m, &request);
        granted(request.name, name, request.name_length);
        reply.inode = node_make(request.directory, name, request.name_length, request.mode);
        fs_mkdir_reply_put(out, &reply);
    } else if (m->type == FS_SYMLINK) {
        struct fs_symlink_request request;
        struct fs_symlink_reply reply = { 0 };

        fs_symlink_request_get(m, &request);
        granted(request.name, name, request.name_length);
        granted(request.target, target, request.target_length);
        reply.inode = node_make(request.directory, name, request.name_length, S_IFLNK | 0777);
        memcpy(nodes[reply.inode].text, target, request.target_length);
        fs_symlink_reply_put(out, &reply);
    } else {
        struct fs_create_request request;
        struct fs_create_reply reply = { 0 };

        fs_create_request_get(m, &request);
        granted(request.name, name, request.name_length);
        reply.inode = node_make(request.directory, name, request.name_length, request.mode);
        reply.flags = mode_is(request.mode, S_IFREG) ? FS_NODE_FLAGS_OBJECT : 0;
        fs_create_reply_put(out, &reply);
    }
    return 0;
}

static int serve_unlink(const struct message *m, struct message *out)
{
    struct fs_unlink_request request;
    struct fs_unlink_reply reply = { 0 };
    char name[256];

    fs_unlink_request_get(m, &request);
    granted(request.name, name, request.name_length);
    reply.inode = child_of(request.directory, name, request.name_length);
    if (reply.inode == 0)
        return -ENOENT;
    nodes[reply.inode].named = 0;
    fs_unlink_reply_put(out, &reply);
    return 0;
}

static int serve_rename(const struct message *m, struct message *out)
{
    struct fs_rename_request request;
    struct fs_rename_reply reply = { 0 };
    char name[256], new_name[256];
    uint32_t inode;

    fs_rename_request_get(m, &request);
    granted(request.old_name, name, request.old_length);
    granted(request.new_name, new_name, request.new_length);
    inode = child_of(request.old_directory, name, request.old_length);
    reply.replaced = child_of(request.new_directory, new_name, request.new_length);
    nodes[reply.replaced].named = 0;
    memset(nodes[inode].name, 0, sizeof(nodes[inode].name));
    memcpy(nodes[inode].name, new_name, request.new_length);
    nodes[inode].parent = request.new_directory;
    fs_rename_reply_put(out, &reply);
    return 0;
}

static int serve_readlink(const struct message *m, struct message *out)
{
    struct fs_readlink_request request;
    struct fs_readlink_reply reply;

    fs_readlink_request_get(m, &request);
    reply.length = (uint32_t)strlen(nodes[request.inode].text);
    fs_readlink_reply_put(out, &reply);
    return sys_safecopyto(ENDPOINT_VFS, request.text, 0, nodes[request.inode].text, reply.length);
}

static int serve_getattr(const struct message *m)
{
    struct fs_getattr_request request;
    struct fs_attributes attributes = { 0 };

    fs_getattr_request_get(m, &request);
    attributes.inode = request.inode;
    attributes.mode = nodes[request.inode].mode;
    attributes.nlink = nodes[request.inode].nlink;
    attributes.size = nodes[request.inode].size;
    return sys_safecopyto(ENDPOINT_VFS, request.attributes, 0, &attributes, sizeof(attributes));
}

static int serve_mount(endpoint_t server, struct message *out)
{
    struct fs_mount_reply reply = { .mode = S_IFDIR | 0755, .result = FS_MOUNT_RESULT_CACHEABLE };

    reply.inode = server == ENDPOINT_TMPFS ? 1 : server == ENDPOINT_DEVFS ? 2 : 3;
    fs_mount_reply_put(out, &reply);
    return 0;
}

static int serve_object(const struct message *m, struct message *out)
{
    struct fs_data_object_request request;
    struct fs_data_object_reply reply;

    fs_data_object_request_get(m, &request);
    reply.object = request.inode;
    fs_data_object_reply_put(out, &reply);
    return 0;
}

static int serve_driver(const struct message *m, struct message *out)
{
    if (m->type == CHAR_OPEN) {
        struct char_open_request request;
        struct char_open_reply reply = { 0 };

        char_open_request_get(m, &request);
        reply.minor = request.minor;
        char_open_reply_put(out, &reply);
    } else if (m->type == CHAR_POLL) {
        struct char_poll_request request;
        struct char_poll_reply reply;

        char_poll_request_get(m, &request);
        reply.ready = request.events & ready_events;
        char_poll_reply_put(out, &reply);
    }
    return 0;
}

/* The answer to one request; false: it is none (a reply, an event, or a read of the driver, which never comes). */
static bool answer_to(const struct fake_message *sent, struct message *out)
{
    const struct message *m = &sent->message;

    *out = (struct message){ .source = sent->destination, .type = m->type | MESSAGE_REPLY, .transaction = m->transaction };
    switch (m->type) {
    case FS_LOOKUP:
        out->status = serve_lookup(m, out);
        return true;
    case FS_CREATE:
    case FS_MKDIR:
    case FS_SYMLINK:
        out->status = serve_make(m, out);
        return true;
    case FS_UNLINK:
        out->status = serve_unlink(m, out);
        return true;
    case FS_RENAME:
        out->status = serve_rename(m, out);
        return true;
    case FS_READLINK:
        out->status = serve_readlink(m, out);
        return true;
    case FS_GETATTR:
        out->status = serve_getattr(m);
        return true;
    case FS_MOUNT:
        out->status = serve_mount(sent->destination, out);
        return true;
    case FS_DATA_OBJECT:
        out->status = serve_object(m, out);
        return true;
    case FS_SETATTR:
        return true;
    case CHAR_OPEN:
    case CHAR_POLL:
        out->status = serve_driver(m, out);
        return m->transaction != 0;
    default:
        return false;
    }
}

/* Answers the oldest request; false: there is none. */
static inline bool world_serve(void)
{
    while (served < fake_sent_count()) {
        struct fake_message sent = *fake_sent(served++);
        struct message reply;

        if (answer_to(&sent, &reply)) {
            operation_handle_reply(&vfs, &reply);
            return true;
        }
    }
    return false;
}

static inline void world_settle(void)
{
    while (world_serve())
        continue;
    const char *problem = vfs_state_check(&vfs);

    if (problem != NULL)
        testing_fail(__FILE__, __LINE__, "state: %s", problem);
}

/* ---- programs ---- */

static uint32_t taken[4096], taken_count;

/* The late answer to a thread, or STAYS_PARKED. Takes it. */
static inline int64_t answered(endpoint_t thread)
{
    for (uint32_t i = 0; i < fake_sent_count(); i++) {
        const struct fake_message *sent = fake_sent(i);
        bool old = false;

        for (uint32_t j = 0; j < taken_count; j++)
            old |= taken[j] == i;
        if (old || sent->destination != thread || sent->message.type != (PROTOCOL_LINUX << 16 | MESSAGE_REPLY))
            continue;
        taken[taken_count++] = i;
        return sent->message.status != 0 ? sent->message.status : (int64_t)sent->message.word[0];
    }
    return STAYS_PARKED;
}

static inline int64_t call_from(endpoint_t thread, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct message request = { .source = thread, .type = PROTOCOL_LINUX << 16 | number, .word = { a, b, c, d } };
    struct message reply = { 0 };
    struct call call = fake_call(thread, 0, &request, &reply);
    int result = vfs_linux_dispatch(&vfs, &call);

    if (result == CALL_PARKED) {
        world_settle();
        return answered(thread);
    }
    world_settle();
    return result != 0 ? result : (int64_t)reply.word[0];
}

#define CALL4(number, a, b, c, d) call_from(FIRST, LINUX_SYS_##number, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d))
#define CALL3(number, a, b, c)    CALL4(number, a, b, c, 0)
#define CALL2(number, a, b)       CALL4(number, a, b, 0, 0)
#define CALL1(number, a)          CALL4(number, a, 0, 0, 0)

/* One thread more, as after fork with these flags. */
static inline endpoint_t world_fork(endpoint_t parent, uint32_t slot, uint64_t flags)
{
    struct vfs_fork_request request = {
        .parent = parent, .child = (endpoint_t)(SERVICE_SLOTS + slot), .child_tid = slot + 1, .child_tgid = slot + 1, .flags = flags
    };
    struct message m = { 0 }, reply = { 0 };
    struct call call = fake_call(ENDPOINT_PM, 0, &m, &reply);

    CHECK_EQ(vfs_handle_fork(&vfs, &call, &request), 0);
    return request.child;
}

static inline void world_exit(endpoint_t thread)
{
    struct vfs_exit_request request = { .process = thread };
    struct message m = { 0 }, reply = { 0 };
    struct call call = fake_call(ENDPOINT_PM, 0, &m, &reply);

    CHECK_EQ(vfs_handle_exit(&vfs, &call, &request), 0);
    world_settle();
}

static inline void world_cancel(endpoint_t thread)
{
    struct vfs_cancel_request request = { .process = thread };
    struct message m = { 0 }, reply = { 0 };
    struct call call = fake_call(ENDPOINT_PM, 0, &m, &reply);

    CHECK_EQ(vfs_handle_cancel(&vfs, &call, &request), 0);
    world_settle();
}

/* A booted VFS with one process (thread FIRST) without descriptors. */
static inline void world_begin(void)
{
    struct message m = { 0 }, reply = { 0 };
    struct call call;
    struct vfs_map_driver_request map = { .driver = ENDPOINT_TTY, .major = 4, .minor_first = 64, .minor_last = 67 };

    fake_reset();
    fake_sendrec = world_sendrec;
    memset(nodes, 0, sizeof(nodes));
    node_count = 3;
    for (uint32_t i = 1; i <= 3; i++)
        nodes[i] = (struct node){ .mode = S_IFDIR | 0755, .nlink = 2 };
    served = lookups = ready_events = taken_count = 0;
    CHECK_EQ(state_init(&vfs, true), 0);
    call = fake_call(ENDPOINT_RS, 0, &m, &reply);
    CHECK_EQ(vfs_handle_map_driver(&vfs, &call, &map), 0);
    mount_start(&vfs);
    world_settle();
    CHECK_EQ(vfs.start_step, START_DONE);
    CHECK(process_create_first(&vfs, FIRST) != 0);
}
