/* SPDX-License-Identifier: MIT */
/*
 * The other boot services: a VM that maps fresh frames in LAZY, and a PM that answers Linux calls and signal_ready in a fixed way.
 */
#include "core.h"

#include "base/string.h"
#include "kernel_info.h"
#include "protocols/event.h"

static struct boot_info boot;
static uint64_t next_frame;
static struct message vm_reply;

static int vm_call(uint32_t type, const void *request, size_t bytes)
{
    vm_reply = (struct message){ .type = type };
    memcpy(vm_reply.payload, request, bytes);
    int error = ipc(IPC_SENDREC, ENDPOINT_SYSTEM, &vm_reply);
    return error ? error : vm_reply.status;
}
#define VM_CALL(name, NAME, ...) \
    vm_call(KERNEL_##NAME, &(struct kernel_##name##_request){ __VA_ARGS__ }, sizeof(struct kernel_##name##_request))

static int map_page(uint64_t address)
{
    if (address < LAZY_BASE || address >= LAZY_BASE + LAZY_BYTES)
        return -EFAULT;
    uint64_t frame = next_frame;
    next_frame += 4096;
    for (int tries = 0; tries < 4; tries++) {
        int error = VM_CALL(map, MAP, .space = SPACE_TEST, .flags = KERNEL_MAP_FLAGS_WRITE | KERNEL_MAP_FLAGS_USER | KERNEL_MAP_FLAGS_ZERO,
                            .address = address & ~4095ull, .frames = frame | 1, .count = 1);
        if (error != -ENOMEM)
            return error;
        VM_CALL(tables_give, TABLES_GIVE, .frames = (uint64_t)&next_frame, .count = 1);
        next_frame += 4096;
    }
    return -ENOMEM;
}

static int serve(const struct message *m)
{
    struct event_page_fault_request fault;
    struct event_memory_request_request need;
    int error = 0;

    if (m->type == EVENT_PAGE_FAULT) {
        event_page_fault_request_get(m, &fault);
        return map_page(fault.address);
    }
    if (m->type != EVENT_MEMORY_REQUEST)
        return -EBADREQUEST;
    event_memory_request_request_get(m, &need);
    for (uint64_t page = need.address & ~4095ull; page < need.address + need.length && !error; page += 4096)
        error = map_page(page);
    return error;
}

void vm_main(void)
{
    static struct message m;
    uint32_t status;

    VM_CALL(getinfo, GETINFO, .what = KERNEL_INFO_BOOT, .address = (uint64_t)&boot, .length = sizeof(boot));
    for (uint32_t i = 0; i < boot.free_count; i++)
        if (boot.free[i].length > 64 << 20)
            next_frame = (boot.free[i].base + 4095) & ~4095ull;
    receive(ENDPOINT_ANY, &m, &status);
    for (;;) {
        endpoint_t caller = m.source;
        int result = serve(&m);
        m = (struct message){ .type = m.type | MESSAGE_REPLY, .status = result, .transaction = m.transaction };
        trap(TRAP_BASE + IPC_REPLY_RECEIVE, (uint64_t)(int64_t)caller, (uint64_t)&m, 0);
    }
}

/* setuid(n) answers n + 1, but setuid(99) is parked; getuid() answers -ERESTARTSYS once, then 77. */
enum { LINUX_GETUID = 102, LINUX_SETUID = 105, PARKED = 99 };

static uint32_t parked_transaction, parked_type;
static int getuid_calls, signals_ready;

static void cancel(endpoint_t thread)
{
    static struct message x;

    x = (struct message){ .type = parked_type | MESSAGE_REPLY, .transaction = parked_transaction, .status = -ERESTARTSYS };
    ipc(IPC_SENDNB, thread, &x);
}

static int forget_all_but(endpoint_t thread)
{
    static uint64_t held[PROCESS_SLOTS / 64];
    struct kernel_statectl_request request = { .request = KERNEL_STATE_REQUEST_CLEAR_FORGOTTEN,
                                               .address = (uint64_t)held,
                                               .length = sizeof(held) };
    static struct message x;

    memset(held, 0, sizeof(held));
    if (thread != ENDPOINT_NONE)
        held[endpoint_slot(thread) / 64] |= 1ull << (endpoint_slot(thread) % 64);
    x = (struct message){ .type = KERNEL_STATECTL };
    kernel_statectl_request_put(&x, &request);
    ipc(IPC_SENDREC, ENDPOINT_SYSTEM, &x);
    return x.status;
}

/* False: no reply now. */
static bool answer_request(const struct message *m, struct message *reply)
{
    switch (m->type) {
    case PROTOCOL_LINUX << 16 | LINUX_SETUID:
        parked_transaction = m->transaction;
        parked_type = m->type;
        reply->word[0] = m->word[0] + 1;
        return m->word[0] != PARKED;
    case PROTOCOL_LINUX << 16 | LINUX_GETUID:
        reply->word[0] = getuid_calls++ % 2 ? 77 : (uint64_t)-ERESTARTSYS;
        return true;
    case EVENT_SIGNAL_READY:
        signals_ready++;
        reply->word[0] = 4711;
        return true;
    case PEER_CANCEL:
        cancel((endpoint_t)m->word[0]);
        reply->word[1] = (uint64_t)signals_ready;
        return true;
    case PEER_FORGET:
        reply->status = forget_all_but((endpoint_t)m->word[0]);
        return true;
    default:
        reply->status = -EBADREQUEST;
        return true;
    }
}

void pm_main(void)
{
    static struct message m;
    uint32_t status;

    for (;;) {
        receive(ENDPOINT_ANY, &m, &status);
        for (;;) {
            struct message reply = { .type = m.type | MESSAGE_REPLY, .transaction = m.transaction };
            endpoint_t caller = m.source;
            if (!answer_request(&m, &reply))
                break;
            m = reply;
            trap(TRAP_BASE + IPC_REPLY_RECEIVE, (uint64_t)(int64_t)caller, (uint64_t)&m, 0);
        }
    }
}
