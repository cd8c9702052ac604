/* SPDX-License-Identifier: MIT */
/*
 * A kernel for tests: page tables as a flat list of entries, physical memory as an array, and a program that faults as a real one does.
 * Included by each test once; defines the kcall_* functions and the few of lib/sys that VM uses.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../boot.h"
#include "../facts.h"
#include "../frame.h"
#include "../kcall.h"
#include "../layout.h"
#include "../object.h"
#include "../space.h"
#include "errors.h"
#include "linux_vm_dispatch.h"
#include "protocols/kernel.h"
#include "protocols/vfs.h"
#include "protocols/vm_event_server.h"
#include "protocols/vm_server.h"
#include "sys/call.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/outbox.h"
#include "sys/syscalls.h"
#include "testing/testing.h"

enum {
    FAKE_FRAMES = 4096,
    FAKE_ENTRIES = 1 << 16,
    FAKE_TABLE_MB = 64,
    FAKE_DEVICE_FRAME = 0xf0000, /* device memory from here on */
    PARENT = 300,
    CHILD = 301,
    OTHER = 302,
    FILE_SERVER = 6,
    STANDBY = 100
};

struct fake_entry {
    uint32_t space;
    uint64_t page;
    uint64_t entry;
};

static struct vm_state vm;
static struct fake_entry fake_table[FAKE_ENTRIES];
static uint32_t fake_count;
static uint8_t fake_memory[FAKE_FRAMES][PAGE_BYTES];
static uint32_t fake_spaces[SPACE_LIMIT];
static uint32_t fake_tables;
static uint8_t fake_is_table[FAKE_FRAMES];
static uint32_t fake_threads[PROCESS_SLOTS]; /* the space of each slot's thread, UINT32_MAX: none */
static uint32_t fake_users[SPACE_LIMIT];
static struct boot_info fake_machine;
static uint32_t fake_calls;
static struct message fake_sent;
static uint32_t fake_sent_count;
static int64_t fake_linux_result;
static endpoint_t fake_linux_caller;

/* VM dies at the start of its kernel call number fake_death; 0: it does not. */
static uint32_t fake_death;
static sigjmp_buf fake_grave;

static void fake_kernel_call(void)
{
    fake_calls++;
    if (fake_death != 0 && --fake_death == 0) {
        siglongjmp(fake_grave, 1);
    }
}

/* ---- threads ---- */

static void fake_bind(uint32_t slot, uint32_t space)
{
    if (fake_threads[slot] != UINT32_MAX) {
        fake_users[fake_threads[slot]]--;
    }
    fake_threads[slot] = space;
    if (space != UINT32_MAX) {
        fake_users[space]++;
    }
}

/* ---- page tables ---- */

/* Tables of VM: the host's memory at the same address. */
static bool fake_is_own(uint32_t space, uint64_t address)
{
    return (space == fake_threads[ENDPOINT_VM] || space == fake_threads[STANDBY]) && address >= FRAME_TABLE_ADDRESS &&
           address < SCRATCH_ADDRESS + ((uint64_t)FAKE_TABLE_MB << 20);
}

static struct fake_entry *fake_find(uint32_t space, uint64_t address)
{
    for (uint32_t i = 0; i < fake_count; i++) {
        if (fake_table[i].space == space && fake_table[i].page == address >> PAGE_BITS) {
            return &fake_table[i];
        }
    }
    return NULL;
}

static void fake_set(uint32_t space, uint64_t address, uint64_t physical, uint32_t flags)
{
    struct fake_entry *entry = fake_find(space, address);

    if (entry == NULL) {
        CHECK(fake_count < FAKE_ENTRIES);
        entry = &fake_table[fake_count++];
    }
    *entry = (struct fake_entry){ space, address >> PAGE_BITS, physical | (uint64_t)flags << ENTRY_FLAGS_SHIFT | ENTRY_PRESENT };
}

__attribute__((unused)) static uint32_t fake_pages_of(uint32_t space)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < fake_count; i++) {
        count += fake_table[i].space == space;
    }
    return count;
}

int kcall_space_create(uint32_t space)
{
    fake_kernel_call();
    CHECK(space < SPACE_LIMIT);
    if (fake_spaces[space]) {
        return -EBUSY;
    }
    if (fake_tables == 0) {
        return -ENOMEM;
    }
    fake_spaces[space] = 1;
    return 0;
}

int kcall_space_destroy(uint32_t space, uint64_t *tables_free)
{
    fake_kernel_call();
    *tables_free = 0;
    if (fake_users[space] != 0) {
        return -EBUSY;
    }
    for (uint32_t i = 0; i < fake_count && fake_spaces[space];) {
        if (fake_table[i].space == space) {
            fake_table[i] = fake_table[--fake_count];
        } else {
            i++;
        }
    }
    fake_spaces[space] = 0;
    return 0;
}

int kcall_map(uint32_t space, uint64_t address, const uint64_t *physical, uint64_t count, uint32_t flags, uint64_t *done)
{
    fake_kernel_call();
    *done = 0;
    if (!fake_spaces[space]) {
        return -EINVAL;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct fake_entry *old = fake_find(space, address + i * PAGE_BYTES);
        uint64_t frame = physical[i] & ~(uint64_t)0xfff;

        if ((flags & KERNEL_MAP_FLAGS_IF_ABSENT) != 0 && (old != NULL || frame == 0)) {
            continue;
        }
        CHECK(frame >> PAGE_BITS >= FAKE_DEVICE_FRAME ||
              (frame != 0 && frame >> PAGE_BITS < FAKE_FRAMES && !fake_is_table[frame >> PAGE_BITS]));
        if ((flags & KERNEL_MAP_FLAGS_ZERO) != 0) {
            memset(fake_is_own(space, address) ? (void *)(address + i * PAGE_BYTES) : fake_memory[frame >> PAGE_BITS], 0, PAGE_BYTES);
        }
        if ((flags & KERNEL_MAP_FLAGS_COPY) != 0) {
            memcpy(fake_memory[frame >> PAGE_BITS], fake_memory[entry_frame(old->entry)], PAGE_BYTES);
        }
        fake_set(space, address + i * PAGE_BYTES, frame, flags & (1 | 2 | 4 | 16));
        ++*done;
    }
    return 0;
}

int kcall_map_one(uint32_t space, uint64_t address, uint64_t physical, uint32_t flags, uint64_t *done)
{
    return kcall_map(space, address, &physical, 1, flags, done);
}

static int fake_compare(const void *a, const void *b)
{
    const struct fake_entry *x = a;
    const struct fake_entry *y = b;

    return x->page < y->page ? -1 : x->page > y->page;
}

int kcall_unmap(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries, uint64_t *present, uint64_t *done)
{
    uint64_t first = address >> PAGE_BITS;

    fake_kernel_call();
    *present = 0;
    *done = count;
    qsort(fake_table, fake_count, sizeof(fake_table[0]), fake_compare);
    for (uint32_t i = 0; i < fake_count;) {
        if (fake_table[i].space != space || fake_table[i].page < first || fake_table[i].page - first >= count) {
            i++;
            continue;
        }
        if (entries != NULL && *present == ENTRY_ROOM) {
            *done = fake_table[i].page - first;
            return 0;
        }
        if (entries != NULL) {
            entries[*present] = fake_table[i].entry;
        }
        ++*present;
        memmove(&fake_table[i], &fake_table[i + 1], (--fake_count - i) * sizeof(fake_table[0]));
    }
    return 0;
}

int kcall_space_drain(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries, uint32_t in_use, uint64_t *present,
                      uint64_t *done)
{
    uint64_t first = address >> PAGE_BITS;

    if (!fake_spaces[space]) {
        return -EINVAL;
    }
    if (!in_use) {
        return fake_users[space] != 0 ? -EBUSY : kcall_unmap(space, address, count, entries, present, done);
    }
    *present = 0;
    *done = count;
    qsort(fake_table, fake_count, sizeof(fake_table[0]), fake_compare);
    for (uint32_t i = 0; i < fake_count; i++) {
        if (fake_table[i].space != space || fake_table[i].page < first || fake_table[i].page - first >= count) {
            continue;
        }
        if (*present == ENTRY_ROOM) {
            *done = fake_table[i].page - first;
            return 0;
        }
        entries[(*present)++] = fake_table[i].entry;
    }
    return 0;
}

int kcall_protect(uint32_t space, uint64_t address, uint64_t count, uint32_t flags)
{
    fake_kernel_call();
    for (uint32_t i = 0; i < fake_count; i++) {
        if (fake_table[i].space == space && fake_table[i].page >= address >> PAGE_BITS &&
            fake_table[i].page - (address >> PAGE_BITS) < count) {
            fake_table[i].entry = (fake_table[i].entry & 0x000fffffffffffffull) | (uint64_t)flags << ENTRY_FLAGS_SHIFT;
        }
    }
    return 0;
}

int kcall_read_entries(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries)
{
    fake_kernel_call();
    CHECK(count <= ENTRY_ROOM);
    for (uint64_t i = 0; i < count; i++) {
        struct fake_entry *entry = fake_find(space, address + i * PAGE_BYTES);

        entries[i] = entry == NULL ? 0 : entry->entry;
    }
    return 0;
}

int kcall_fork_range(uint32_t source, uint32_t destination, uint64_t address, uint64_t count, uint64_t *entries, uint32_t cow,
                     uint64_t *present, uint64_t *done)
{
    fake_kernel_call();
    uint64_t first = address >> PAGE_BITS;
    uint32_t before = fake_count;

    *present = 0;
    *done = count;
    for (uint32_t i = 0; i < before; i++) {
        if (fake_table[i].space != source || fake_table[i].page < first || fake_table[i].page - first >= count) {
            continue;
        }
        CHECK(*present < ENTRY_ROOM);
        if (cow) {
            fake_table[i].entry &= ~((uint64_t)KERNEL_MAP_FLAGS_WRITE << ENTRY_FLAGS_SHIFT);
        }
        if (entries != NULL) {
            entries[*present] = fake_table[i].entry;
        }
        ++*present;
        fake_set(destination, fake_table[i].page << PAGE_BITS, entry_frame(fake_table[i].entry) << PAGE_BITS,
                 entry_flags(fake_table[i].entry));
    }
    return 0;
}

/* ---- memory ---- */

int kcall_page_copy(uint64_t source, uint64_t destination)
{
    fake_kernel_call();
    memcpy(fake_memory[destination >> PAGE_BITS], fake_memory[source >> PAGE_BITS], PAGE_BYTES);
    return 0;
}

int kcall_page_zero(uint64_t frame, uint64_t count)
{
    fake_kernel_call();
    memset(fake_memory[frame >> PAGE_BITS], 0, PAGE_BYTES * count);
    return 0;
}

int kcall_page_write(uint64_t frame, uint32_t offset, uint32_t length, endpoint_t source, uint64_t address)
{
    fake_kernel_call();
    CHECK(offset + length <= PAGE_BYTES);
    (void)source;
    memcpy(fake_memory[frame >> PAGE_BITS] + offset, (const void *)address, length);
    return 0;
}

int kcall_tables_give(const uint64_t *frames, uint64_t count)
{
    fake_kernel_call();
    for (uint64_t i = 0; i < count; i++) {
        CHECK(!fake_is_table[frames[i] >> PAGE_BITS]);
        fake_is_table[frames[i] >> PAGE_BITS] = 1;
    }
    fake_tables += (uint32_t)count;
    return 0;
}

int kcall_kernel_frames(uint64_t first, uint8_t *bits, uint64_t bytes)
{
    memset(bits, 0, bytes);
    for (uint64_t i = 0; i < bytes * 8 && first + i < FAKE_FRAMES; i++) {
        bits[i / 8] |= (uint8_t)(fake_is_table[first + i] << i % 8);
    }
    return 0;
}

int kcall_tables_take(uint64_t *frames, uint64_t room, uint64_t *count)
{
    fake_kernel_call();
    (void)frames;
    (void)room;
    *count = 0;
    return 0;
}

int kcall_query_memory(endpoint_t process, uint64_t base, uint64_t length)
{
    (void)process;
    return base >> PAGE_BITS >= FAKE_DEVICE_FRAME && length < 0x10000000 ? 0 : -EPERM;
}

int kcall_update(endpoint_t source, endpoint_t destination)
{
    (void)source;
    (void)destination;
    return 0;
}

int kcall_copy_from(endpoint_t source, uint64_t address, void *to, size_t length)
{
    (void)source;
    memcpy(to, (const void *)address, length);
    return 0;
}

int kcall_copy_to(endpoint_t destination, uint64_t address, const void *from, size_t length)
{
    (void)destination;
    memcpy((void *)address, from, length);
    return 0;
}

static char fake_text[1 << 16];

int kcall_safecopy_to(endpoint_t granter, grant_t grant, const void *from, size_t length)
{
    (void)granter;
    (void)grant;
    memcpy(fake_text, from, length);
    fake_text[length] = '\0';
    return 0;
}

/* ---- lib/sys ---- */

void log_warn(const char *format, ...)
{
    (void)format;
}

void log_error(const char *format, ...)
{
    (void)format;
}

void outbox_add(struct outbox *outbox, endpoint_t destination, const struct message *message)
{
    (void)outbox;
    (void)destination;
    fake_sent = *message;
    fake_sent_count++;
}

uint32_t outbox_room(const struct outbox *outbox)
{
    (void)outbox;
    return 10;
}

void outbox_linux_reply(struct outbox *outbox, endpoint_t caller, int64_t result)
{
    (void)outbox;
    fake_linux_caller = caller;
    fake_linux_result = result;
}

struct journal journal;

/* The services that are bound to a space; the ones called vm are VM's instances. */
static void fake_services(struct process_info *info)
{
    uint32_t count = 0;

    for (uint32_t slot = 0; slot < SERVICE_SLOTS; slot++) {
        if (fake_threads[slot] != UINT32_MAX) {
            info[count] = (struct process_info){
                .endpoint = (endpoint_t)slot, .slot = slot, .space = fake_threads[slot], .name = "server"
            };
            if (slot == ENDPOINT_VM || slot == STANDBY) {
                memcpy(info[count].name, "vm", sizeof("vm"));
            }
            count++;
        }
    }
}

int sys_getinfo(uint32_t what, void *address, size_t length, size_t *length_bytes)
{
    (void)length_bytes;
    switch (what) {
    case KERNEL_INFO_BOOT:
        memcpy(address, &fake_machine, length);
        return 0;
    case KERNEL_INFO_MACHINE:
        *(struct machine_info *)address = (struct machine_info){ .vdso_base = 0x20000, .vdso_length = PAGE_BYTES, .time_page = 0x30000 };
        return 0;
    case KERNEL_INFO_PROCESSES:
        fake_services(address);
        return 0;
    case KERNEL_INFO_SPACES:
        memcpy(address, fake_threads, length);
        return 0;
    default:
        return -EINVAL;
    }
}

/* vfs_client.c has the synchronous stubs too. */
int ipc_sendrec(endpoint_t destination, struct message *message);
int ipc_sendrec(endpoint_t destination, struct message *message)
{
    (void)destination;
    (void)message;
    return -EINVAL;
}

/* ---- a machine ---- */

static void fake_own(uint64_t address)
{
    size_t bytes = (size_t)FAKE_TABLE_MB << 20;
    void *there = mmap((void *)address, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

    CHECK(there == (void *)address);
}

static void fake_describe(const uint32_t *services, uint32_t count)
{
    fake_machine = (struct boot_info){
        .total_bytes = (uint64_t)FAKE_FRAMES * PAGE_BYTES,
        .free_count = 1,
        .free[0] = { 0x40000, (uint64_t)FAKE_FRAMES * PAGE_BYTES - 0x40000 },
        .process_count = count,
    };
    for (uint32_t i = 0; i < count; i++) {
        struct boot_process *process = &fake_machine.process[i];

        process->endpoint = (endpoint_t)services[i];
        process->space = services[i];
        process->segment_count = 1;
        process->segment[0] = (struct boot_segment){ 0x40000000, (i + 1) * PAGE_BYTES, PAGE_BYTES, 7, 0 };
        fake_spaces[services[i]] = 1;
        fake_bind(services[i], services[i]);
        fake_set(services[i], 0x40000000, (i + 1) * PAGE_BYTES, 7);
    }
}

/* 4095 frames, some for tables; services vfs, vm and a file server with one page each. */
static void fake_boot(void)
{
    const uint64_t tables[] = { FRAME_TABLE_ADDRESS, HASH_ADDRESS,  REGION_ADDRESS, OBJECT_ADDRESS,
                                CHUNK_ADDRESS,       SPACE_ADDRESS, PARKED_ADDRESS, SCRATCH_ADDRESS };
    const uint32_t services[] = { ENDPOINT_VFS, ENDPOINT_VM, FILE_SERVER };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        fake_own(tables[i]);
    }
    memset(&vm, 0, sizeof(vm));
    memset(fake_spaces, 0, sizeof(fake_spaces));
    memset(fake_users, 0, sizeof(fake_users));
    memset(fake_threads, 0xff, sizeof(fake_threads));
    memset(fake_is_table, 0, sizeof(fake_is_table));
    fake_count = fake_tables = fake_calls = fake_sent_count = 0;
    fake_describe(services, 3);
    CHECK_EQ(boot_start(&vm, facts_ask()), 0);
    CHECK_STR(vm_state_check(&vm) == NULL ? "good" : vm_state_check(&vm), "good");
}

/* ---- callers ---- */

static struct message fake_request;
static struct message fake_reply;

static struct call *fake_call(endpoint_t caller)
{
    static struct call call;

    memset(&fake_reply, 0, sizeof(fake_reply));
    call = (struct call){ .request = &fake_request, .reply = &fake_reply, .caller = caller };
    return &call;
}

static int64_t fake_linux(int (*handler)(struct vm_state *, struct call *), endpoint_t caller, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d, uint64_t e, uint64_t f)
{
    int result;

    fake_request.word[0] = a;
    fake_request.word[1] = b;
    fake_request.word[2] = c;
    fake_request.word[3] = d;
    fake_request.word[4] = e;
    fake_request.word[5] = f;
    result = handler(&vm, fake_call(caller));
    return result != 0 ? result : (int64_t)fake_reply.word[0];
}

#define LINUX_MMAP(caller, address, length, protection, flags, fd, offset) \
    fake_linux(vm_linux_mmap, caller, (uint64_t)(address), length, protection, flags, (uint64_t)(fd), offset)
#define LINUX_MUNMAP(caller, address, length) fake_linux(vm_linux_munmap, caller, (uint64_t)(address), length, 0, 0, 0, 0)
#define LINUX_BRK(caller, address)            fake_linux(vm_linux_brk, caller, (uint64_t)(address), 0, 0, 0, 0, 0)
#define LINUX_MPROTECT(caller, address, length, protection) \
    fake_linux(vm_linux_mprotect, caller, (uint64_t)(address), length, protection, 0, 0, 0)

/* The byte that a program sees, after as many faults as it takes; or the error. */
static int fake_access(endpoint_t caller, uint64_t address, bool is_write, uint8_t **byte)
{
    uint32_t space = space_id(space_of(&vm, caller));

    for (int tries = 0; tries < 4; tries++) {
        struct fake_entry *entry = fake_find(space, address);
        struct event_page_fault_request request = { .address = address, .flags = 4 };
        struct event_page_fault_reply reply = { 0 };
        uint64_t done;
        int result;

        if (entry != NULL && (entry_flags(entry->entry) & KERNEL_MAP_FLAGS_USER) != 0 &&
            (!is_write || (entry_flags(entry->entry) & KERNEL_MAP_FLAGS_WRITE) != 0)) {
            *byte = &fake_memory[entry_frame(entry->entry)][address & (PAGE_BYTES - 1)];
            return 0;
        }
        request.flags |= (is_write ? 2u : 0u) | (entry != NULL ? 1u : 0u);
        request.entry = entry == NULL ? 0 : entry->entry;
        result = event_handle_page_fault(&vm, fake_call(caller), &request, &reply);
        if (result != 0) {
            return result;
        }
        if (reply.frame != 0) {
            CHECK_EQ(kcall_map_one(reply.space, reply.page, reply.frame, reply.map_flags, &done), 0);
        }
    }
    return -ELOOP;
}

__attribute__((unused)) static int fake_read(endpoint_t caller, uint64_t address)
{
    uint8_t *byte;
    int result = fake_access(caller, address, false, &byte);

    return result != 0 ? result : *byte;
}

__attribute__((unused)) static int fake_write(endpoint_t caller, uint64_t address, uint8_t value)
{
    uint8_t *byte;
    int result = fake_access(caller, address, true, &byte);

    if (result == 0) {
        *byte = value;
    }
    return result;
}

__attribute__((unused)) static void fake_check(void)
{
    const char *problem = vm_state_check(&vm);

    CHECK_STR(problem == NULL ? "good" : problem, "good");
}

__attribute__((unused)) static uint32_t fake_object(uint32_t pages)
{
    struct vm_object_create_request create = { .pool = 1 };
    struct vm_object_create_reply created;
    struct vm_object_reserve_request reserve = { .length = (uint64_t)pages * PAGE_BYTES };

    CHECK_EQ(vm_handle_object_create(&vm, fake_call(FILE_SERVER), &create, &created), 0);
    reserve.object = created.object;
    CHECK_EQ(vm_handle_object_reserve(&vm, fake_call(FILE_SERVER), &reserve), 0);
    for (uint32_t i = 0; i < pages; i++) {
        fake_memory[object_frame(&vm, object_find(&vm, created.object), i)][0] = (uint8_t)(i + 1);
    }
    return created.object;
}

__attribute__((unused)) static void fake_destroy(uint32_t object)
{
    struct vm_object_destroy_request request = { .object = object };

    CHECK_EQ(vm_handle_object_destroy(&vm, fake_call(FILE_SERVER), &request), -EDONTREPLY);
}

/* A program in a slot: data at 0x400000 (private object of 2 pages, 100 bytes of the second are the file's), stack below 0x7ffffff00000. */
__attribute__((unused)) static uint32_t fake_exec(uint32_t slot, uint32_t object)
{
    struct vm_exec_begin_request begin = { .slot = slot };
    struct vm_exec_begin_reply begun;
    struct vm_exec_map_anonymous_request stack = { .protection = 3, .address = 0x7fffffee0000, .length = 0x20000, .growsdown = 1 };
    struct vm_exec_map_object_request data = {
        .object = object, .address = 0x400000, .length = 2 * PAGE_BYTES, .file_length = PAGE_BYTES + 100, .protection = 3
    };
    struct vm_exec_commit_request commit = { .slot = slot, .brk_start = 0x402123, .stack_top = 0x7ffffff00000 };

    CHECK_EQ(vm_handle_exec_begin(&vm, fake_call(ENDPOINT_PM), &begin, &begun), 0);
    stack.space = data.space = commit.space = begun.space;
    CHECK_EQ(vm_handle_exec_map_anonymous(&vm, fake_call(ENDPOINT_PM), &stack), 0);
    if (object != 0) {
        CHECK_EQ(vm_handle_exec_map_object(&vm, fake_call(ENDPOINT_PM), &data), 0);
    }
    fake_bind(slot, begun.space);
    CHECK_EQ(vm_handle_exec_commit(&vm, fake_call(ENDPOINT_PM), &commit), 0);
    fake_check();
    return begun.space;
}

__attribute__((unused)) static void fake_exit(uint32_t slot)
{
    struct vm_exit_request request = { .slot = slot };

    fake_bind(slot, UINT32_MAX);
    CHECK_EQ(vm_handle_exit(&vm, fake_call(ENDPOINT_PM), &request), 0);
    fake_check();
}

__attribute__((unused)) static void fake_fork(uint32_t parent, uint32_t child)
{
    struct vm_fork_request request = { .parent = (endpoint_t)parent, .child_slot = child };
    struct vm_fork_reply reply;

    CHECK_EQ(vm_handle_fork(&vm, fake_call(ENDPOINT_PM), &request, &reply), 0);
    fake_bind(child, reply.space);
    fake_check();
}
