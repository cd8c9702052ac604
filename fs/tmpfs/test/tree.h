/* SPDX-License-Identifier: MIT */
/*
 * A tmpfs on the host: the state, a VM that counts objects and pages, and each call of fs.idl as a function that goes through the dispatcher,
 * as a message of VFS does. Every call is followed by the state check.
 */
#pragma once

#include <stdlib.h>

#include "../directory.h"
#include "../inode.h"
#include "../mount.h"
#include "../state.h"
#include "../unpack.h"
#include "errors.h"
#include "fs_attributes.h"
#include "linux/stat.h"
#include "protocols/tmpfs_fs_server.h"
#include "protocols/vm.h"
#include "testing/fs_calls.h"

enum { OBJECTS = 256, WINDOW_BYTES = 1 << 20, FILE_MODE = 0100644, ROOT_MOUNT = 1 };

/* The VM of the tests. Contents are not kept: tmpfs never looks at them. */
struct fake_vm {
    uint64_t limit[TMPFS_MOUNTS];
    uint64_t used[TMPFS_MOUNTS];
    uint32_t pool[OBJECTS]; /* of each object, + 1; 0: free */
    uint64_t pages[OBJECTS];
    uint32_t mapped;
    int fail; /* error of the next call and of its repeat (a call to VM that fails is made once more) */
    int failed;
};

static struct tmpfs_state tmpfs;
static struct fake_vm fake_vm;
static uint8_t window[WINDOW_BYTES] __attribute__((aligned(4096)));
static uint32_t root;

void *unpack_window(void)
{
    return window;
}

static inline int fake_reserve(const struct vm_object_reserve_request *request)
{
    uint32_t pool = fake_vm.pool[request->object] - 1;
    uint64_t pages = (request->offset + request->length + TMPFS_PAGE - 1) / TMPFS_PAGE;

    if (pages <= fake_vm.pages[request->object])
        return 0;
    if (fake_vm.used[pool] + pages - fake_vm.pages[request->object] > fake_vm.limit[pool])
        return -ENOSPC;
    fake_vm.used[pool] += pages - fake_vm.pages[request->object];
    fake_vm.pages[request->object] = pages;
    return 0;
}

static inline int fake_create(struct message *message)
{
    struct vm_object_create_request request;
    struct vm_object_create_reply reply = { .object = 1 };

    vm_object_create_request_get(message, &request);
    while (reply.object < OBJECTS && fake_vm.pool[reply.object] != 0)
        reply.object++;
    if (reply.object == OBJECTS)
        return -ENOSPC;
    fake_vm.pool[reply.object] = request.pool + 1;
    fake_vm.pages[reply.object] = 0;
    vm_object_create_reply_put(message, &reply);
    return 0;
}

static inline int fake_pool(struct message *message)
{
    struct vm_pool_request request;
    struct vm_pool_reply reply;

    vm_pool_request_get(message, &request);
    if (request.limit_pages != 0)
        fake_vm.limit[request.pool] = request.limit_pages;
    reply = (struct vm_pool_reply){ .used_pages = fake_vm.used[request.pool], .limit_pages_now = fake_vm.limit[request.pool] };
    vm_pool_reply_put(message, &reply);
    return 0;
}

static inline int fake_truncate(const struct message *message)
{
    struct vm_object_truncate_request request;
    uint64_t pages;

    vm_object_truncate_request_get(message, &request);
    pages = (request.length + TMPFS_PAGE - 1) / TMPFS_PAGE;
    if (pages < fake_vm.pages[request.object]) {
        fake_vm.used[fake_vm.pool[request.object] - 1] -= fake_vm.pages[request.object] - pages;
        fake_vm.pages[request.object] = pages;
    }
    return 0;
}

static inline void fake_destroy(uint32_t object)
{
    CHECK(object < OBJECTS && fake_vm.pool[object] != 0);
    fake_vm.used[fake_vm.pool[object] - 1] -= fake_vm.pages[object];
    fake_vm.pool[object] = 0;
}

static inline int fake_forget(const struct message *message)
{
    struct vm_object_forget_request request;

    vm_object_forget_request_get(message, &request);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        if (fake_vm.pool[i] != 0 && (request.pool == VM_ALL_POOLS || fake_vm.pool[i] == request.pool + 1))
            fake_destroy(i);
    }
    return 0;
}

static inline int fake_answer(struct message *message)
{
    struct vm_object_reserve_request reserve;
    struct vm_object_info_request info_request;
    struct vm_object_info_reply info;
    struct vm_info_reply memory = { .total_bytes = 64 << 20 };

    switch (message->type) {
    case VM_POOL:
        return fake_pool(message);
    case VM_OBJECT_CREATE:
        return fake_create(message);
    case VM_OBJECT_FORGET:
        return fake_forget(message);
    case VM_OBJECT_TRUNCATE:
        return fake_truncate(message);
    case VM_OBJECT_RESERVE:
        vm_object_reserve_request_get(message, &reserve);
        return fake_reserve(&reserve);
    case VM_OBJECT_MAP:
        fake_vm.mapped++;
        return 0;
    case VM_OBJECT_UNMAP:
        fake_vm.mapped--;
        return 0;
    case VM_OBJECT_INFO:
        vm_object_info_request_get(message, &info_request);
        info.pages = fake_vm.pages[info_request.object];
        vm_object_info_reply_put(message, &info);
        return 0;
    case VM_INFO:
        vm_info_reply_put(message, &memory);
        return 0;
    default:
        return -ENOSYS;
    }
}

static inline int fake_vm_sendrec(endpoint_t destination, struct message *message)
{
    CHECK_EQ(destination, ENDPOINT_VM);
    message->status = fake_vm.fail != 0 ? fake_vm.fail : fake_answer(message);
    if (fake_vm.fail != 0 && ++fake_vm.failed % 2 == 0)
        fake_vm.fail = 0;
    return 0;
}

/* What tmpfs queued for VM since the last call: objects that it let go. */
static inline void fake_vm_take_messages(void)
{
    for (uint32_t i = 0; i < fake_sent_count(); i++) {
        const struct fake_message *sent = fake_sent(i);
        struct vm_object_destroy_request request;

        if (sent->destination != ENDPOINT_VM || sent->message.type != VM_OBJECT_DESTROY)
            continue;
        vm_object_destroy_request_get(&sent->message, &request);
        fake_destroy(request.object);
    }
    fake_sent_clear();
}

static inline uint32_t objects_in_use(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < OBJECTS; i++)
        count += fake_vm.pool[i] != 0;
    return count;
}

static inline void check_state(void)
{
    const char *broken = tmpfs_state_check(&tmpfs);

    CHECK_STR(broken == NULL ? "good" : broken, "good");
}

/* One message of VFS through the dispatcher. */
int ask(struct message *request, struct message *reply)
{
    struct call call = fake_call(ENDPOINT_VFS, 0, request, reply);
    int status = fs_dispatch(&tmpfs, &call);

    fake_vm_take_messages();
    check_state();
    return status;
}

static inline void start_empty(void)
{
    fake_reset();
    fake_sendrec = fake_vm_sendrec;
    memset(&tmpfs, 0, sizeof(tmpfs));
    memset(&fake_vm, 0, sizeof(fake_vm));
    if (tmpfs_tables == NULL)
        tmpfs_tables = calloc(1, sizeof(*tmpfs_tables));
    memset(tmpfs_tables, 0, sizeof(*tmpfs_tables));
    tmpfs_tables_init(&tmpfs);
    mount_make_root(&tmpfs, 0, 0755);
    CHECK_EQ(mount_set_limit(0, 1000), 0);
}

/* An empty root tree, mounted as number ROOT_MOUNT. */
static inline void start(void)
{
    start_empty();
    CHECK_EQ(do_mount(ROOT_MOUNT, "", &root), 0);
}

/* A node that nobody holds. */
static inline uint32_t new_file(uint32_t directory, const char *name)
{
    uint32_t inode;

    CHECK_EQ(do_create(directory, name, FILE_MODE, &inode), 0);
    CHECK_EQ(do_put(inode, 1), 0);
    return inode;
}

static inline uint32_t new_directory(uint32_t directory, const char *name)
{
    uint32_t inode;

    CHECK_EQ(do_mkdir(directory, name, &inode), 0);
    CHECK_EQ(do_put(inode, 1), 0);
    return inode;
}
