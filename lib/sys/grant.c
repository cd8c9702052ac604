/* SPDX-License-Identifier: MIT */
/*
 * Grants: the granter's table and the grantee's copies. The table travels with the outbox; entries made by a handler that crashed are
 * taken back by the journal.
 */
#include "sys/grant.h"

#include <stdbool.h>

#include "errors.h"
#include "protocols/kernel.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/journal_debug.h"
#include "sys/loop.h"
#include "sys/service.h"
#include "sys/syscalls.h"

enum { GRANT_ENTRIES = 2048, PAGE_BYTES = 4096, GRANTER_RETURNS_NS = 300000000 };

static struct {
    uint32_t search; /* where the next free entry is probably */
    uint32_t reserved[3];
    struct grant_entry entry[GRANT_ENTRIES];
} grants
#ifndef PLANARIA_HOST
    __attribute__((section(".bss.outbox")))
#endif
    ;

static bool table_known;

void grant_register(void)
{
    struct kernel_setgrant_request request = { .table = (uint64_t)(uintptr_t)grants.entry, .count = GRANT_ENTRIES };
    struct message message = { .type = KERNEL_SETGRANT };

    kernel_setgrant_request_put(&message, &request);
    if (kernel_request(&message) != 0)
        return;
    table_known = true;
}

bool grant_relocate(uint64_t (*translate)(uint64_t address, uint64_t length))
{
    for (uint32_t i = 0; i < GRANT_ENTRIES; i++) {
        struct grant_entry *entry = &grants.entry[i];

        if ((entry->flags & (GRANT_VALID | GRANT_DIRECT)) != (GRANT_VALID | GRANT_DIRECT))
            continue;
        entry->address = translate(entry->address, entry->length);
        if (entry->address == 0)
            return false;
    }
    return true;
}

uint32_t grants_in_force(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < GRANT_ENTRIES; i++)
        count += (grants.entry[i].flags & GRANT_VALID) != 0;
    return count;
}

#ifdef DEBUG_JOURNAL
bool grant_is_lent(uint64_t address)
{
    for (uint32_t i = 0; i < GRANT_ENTRIES; i++) {
        const struct grant_entry *entry = &grants.entry[i];
        uint32_t wanted = GRANT_VALID | GRANT_DIRECT | GRANT_WRITE;

        if ((entry->flags & wanted) == wanted && address + 7 >= entry->address && address < entry->address + entry->length)
            return true;
    }
    return false;
}
#endif

static struct grant_entry *find_free(void)
{
    if (!table_known)
        grant_register();
    for (uint32_t i = 0; i < GRANT_ENTRIES; i++) {
        struct grant_entry *entry = &grants.entry[(grants.search + i) % GRANT_ENTRIES];

        if ((entry->flags & GRANT_VALID) == 0) {
            grants.search = (uint32_t)(entry - grants.entry) + 1;
            return entry;
        }
    }
    return NULL;
}

/* Fill an entry; VALID last, because the kernel may look at any time. */
static grant_t make(const struct grant_entry *filled)
{
    struct grant_entry *entry = find_free();
    uint32_t sequence;

    if (entry == NULL)
        return -ENOSPC;
    sequence = (entry->sequence + 1) & GRANT_SEQUENCE_MASK;
    entry->sequence = sequence;
    entry->grantee = filled->grantee;
    entry->from = filled->from;
    entry->address = filled->address;
    entry->length = filled->length;
    __atomic_store_n(&entry->flags, filled->flags | GRANT_VALID, __ATOMIC_RELEASE);
    return (grant_t)(sequence << GRANT_INDEX_BITS | (uint32_t)(entry - grants.entry));
}

static bool are_rights(uint32_t flags, uint64_t address, size_t length)
{
    if ((flags & ~(uint32_t)(GRANT_READ | GRANT_WRITE | GRANT_MAP)) != 0)
        return false;
    return (flags & GRANT_MAP) == 0 || ((address | length) & (PAGE_BYTES - 1)) == 0;
}

grant_t cpf_grant_direct(endpoint_t grantee, const void *address, size_t length, uint32_t flags)
{
    struct grant_entry entry = {
        .flags = flags | GRANT_DIRECT,
        .grantee = grantee,
        .address = (uint64_t)(uintptr_t)address,
        .length = length,
    };

    return are_rights(flags, entry.address, length) ? make(&entry) : -EINVAL;
}

grant_t cpf_grant_indirect(endpoint_t grantee, endpoint_t from, grant_t grant)
{
    struct grant_entry entry = {
        .flags = GRANT_INDIRECT,
        .grantee = grantee,
        .from = from,
        .address = (uint64_t)(uint32_t)grant,
    };

    return grant < 0 ? -EINVAL : make(&entry);
}

grant_t cpf_grant_magic(endpoint_t grantee, endpoint_t owner, uint64_t address, size_t length, uint32_t flags)
{
    struct grant_entry entry = {
        .flags = flags | GRANT_MAGIC,
        .grantee = grantee,
        .from = owner,
        .address = address,
        .length = length,
    };

    return are_rights(flags, address, length) ? make(&entry) : -EINVAL;
}

int cpf_revoke(grant_t grant)
{
    uint32_t index = (uint32_t)grant & GRANT_INDEX_MASK;
    struct grant_entry *entry = &grants.entry[index];

    if (grant < 0 || index >= GRANT_ENTRIES || (entry->flags & GRANT_VALID) == 0 || entry->sequence != (uint32_t)grant >> GRANT_INDEX_BITS)
        return -EINVAL;
    if ((entry->flags & (GRANT_DIRECT | GRANT_WRITE)) == (GRANT_DIRECT | GRANT_WRITE))
        journal_forgo((const void *)(uintptr_t)entry->address, entry->length); /* whoever had it wrote there between handlers */
    entry->flags = 0;
    if (index < grants.search)
        grants.search = index;
    return 0;
}

/* A granter that died comes back with its grants in a moment, unless it needs us for that. It is more urgent than who copies for it. */
static bool may_wait(uint64_t *until_ns)
{
    uint64_t now_ns = sys_uptime();

    if (service_endpoint() == ENDPOINT_RS || service_endpoint() == ENDPOINT_VM)
        return false;
    if (*until_ns == 0)
        *until_ns = now_ns + GRANTER_RETURNS_NS;
    return now_ns < *until_ns;
}

static int safecopy(uint32_t type, endpoint_t granter, grant_t grant, uint64_t offset, uint64_t address, size_t length)
{
    struct kernel_safecopyfrom_request request = {
        .granter = granter,
        .grant_id = grant,
        .offset = offset,
        .address = address,
        .length = length,
    };
    uint64_t until_ns = 0;
    int result;

    do {
        struct message message = { .type = type };

        kernel_safecopyfrom_request_put(&message, &request);
        result = kernel_request(&message);
    } while (result == -EAGAIN && may_wait(&until_ns));
    return result == -EAGAIN ? -EPERM : result;
}

int sys_safecopyfrom(endpoint_t granter, grant_t grant, uint64_t offset, void *address, size_t length)
{
    journal_record(address, length);
    return safecopy(KERNEL_SAFECOPYFROM, granter, grant, offset, (uint64_t)(uintptr_t)address, length);
}

int sys_safecopyto(endpoint_t granter, grant_t grant, uint64_t offset, const void *address, size_t length)
{
    return safecopy(KERNEL_SAFECOPYTO, granter, grant, offset, (uint64_t)(uintptr_t)address, length);
}
