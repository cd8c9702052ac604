/* SPDX-License-Identifier: MIT */
/*
 * Grants (behaviour.md section 17): the granter's table is read at every use, so revoking needs no kernel call.
 */
#include "grant_abi.h"

#include "calls/calls.h"
#include "errors.h"
#include "protocols/kernel.h"

enum { VECTOR_MAX = 64 };

/* The entry of a grant id; what is wrong with the table is hidden as EPERM (GR-5). EAGAIN: a new instance of the granter has not yet said where its table is. */
static int read_entry(struct thread *caller, const struct thread *granter, grant_t grant, struct grant_entry *entry)
{
    const struct privilege_slot *p = thread_privilege(granter);
    uint32_t index = (uint32_t)grant & GRANT_INDEX_MASK;

    if (grant < 0)
        return -EINVAL;
    if (thread_is_service(granter) && p->grant_count == 0 && p->predecessor != ENDPOINT_NONE)
        return -EAGAIN;
    if (!thread_is_service(granter) || index >= p->grant_count)
        return -EPERM;
    int error = call_copy(caller, granter, p->grant_table + index * sizeof(*entry), NULL, (uint64_t)entry, sizeof(*entry));
    if (error)
        return error == -EFAULT ? -EPERM : error;
    if (!(entry->flags & GRANT_VALID) || entry->sequence != ((uint32_t)grant >> GRANT_INDEX_BITS & GRANT_SEQUENCE_MASK))
        return -EPERM;
    return 0;
}

/* Follow indirect grants to the original; *granter becomes its granter. */
static int resolve(struct thread *caller, struct thread **granter, grant_t grant, struct grant_entry *entry)
{
    endpoint_t grantee = caller->endpoint;

    for (int level = 0; level <= GRANT_CHAIN_MAX; level++) {
        int error = read_entry(caller, *granter, grant, entry);
        if (error)
            return error;
        if (entry->grantee != grantee && entry->grantee != ENDPOINT_ANY)
            return -EPERM;
        if (!(entry->flags & GRANT_INDIRECT))
            return 0;
        grantee = (*granter)->endpoint;
        grant = (grant_t)entry->address;
        *granter = thread_find(entry->from);
        if (!*granter)
            return -EPERM;
    }
    return -ELOOP;
}

int grant_verify(struct thread *caller, endpoint_t granter_endpoint, grant_t grant, uint64_t offset, uint64_t length, uint32_t access,
                 struct grant_target *target)
{
    struct thread *granter = thread_find(granter_endpoint);
    struct grant_entry entry;

    if (!granter)
        return -EINVAL;
    int error = resolve(caller, &granter, grant, &entry);
    if (error)
        return error;
    if ((entry.flags & access) != access || !(entry.flags & (GRANT_DIRECT | GRANT_MAGIC)))
        return -EPERM;
    if (offset + length < offset || offset + length > entry.length || entry.address + offset < entry.address)
        return -EPERM;
    if (entry.flags & GRANT_MAGIC && granter->endpoint != ENDPOINT_VFS)
        return -EPERM;
    target->owner = entry.flags & GRANT_MAGIC ? thread_find(entry.from) : granter;
    target->address = entry.address + offset;
    return target->owner ? 0 : -EPERM;
}

static int copy_from(struct thread *caller, endpoint_t granter, grant_t grant, uint64_t offset, uint64_t address, uint64_t length)
{
    struct grant_target target;
    int error = grant_verify(caller, granter, grant, offset, length, GRANT_READ, &target);

    return error ? error : call_copy(caller, target.owner, target.address, caller, address, length);
}

static int copy_to(struct thread *caller, endpoint_t granter, grant_t grant, uint64_t offset, uint64_t address, uint64_t length)
{
    struct grant_target target;
    int error = grant_verify(caller, granter, grant, offset, length, GRANT_WRITE, &target);

    return error ? error : call_copy(caller, caller, address, target.owner, target.address, length);
}

CALL_HANDLER(safecopyfrom)
{
    struct kernel_safecopyfrom_request r;
    (void)reply;

    kernel_safecopyfrom_request_get(request, &r);
    return copy_from(caller, r.granter, r.grant_id, r.offset, r.address, r.length);
}

CALL_HANDLER(safecopyto)
{
    struct kernel_safecopyto_request r;
    (void)reply;

    kernel_safecopyto_request_get(request, &r);
    return copy_to(caller, r.granter, r.grant_id, r.offset, r.address, r.length);
}

CALL_HANDLER(vsafecopy)
{
    struct kernel_vsafecopy_request r;
    (void)reply;

    kernel_vsafecopy_request_get(request, &r);
    if (r.count > VECTOR_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < r.count; i++) {
        struct vsafecopy_element e;
        int error = call_read(caller, &e, r.vector + i * sizeof(e), sizeof(e));
        if (!error && (e.from == ENDPOINT_SELF) == (e.to == ENDPOINT_SELF))
            error = -EINVAL;
        if (!error)
            error = e.to == ENDPOINT_SELF ? copy_from(caller, e.from, e.grant, e.offset, e.address, e.length)
                                          : copy_to(caller, e.to, e.grant, e.offset, e.address, e.length);
        if (error)
            return error;
    }
    return 0;
}

CALL_HANDLER(setgrant)
{
    struct kernel_setgrant_request r;
    (void)reply;

    kernel_setgrant_request_get(request, &r);
    if (!thread_is_service(caller) || r.count > GRANT_INDEX_MASK || !user_range_ok(r.table, r.count * sizeof(struct grant_entry)))
        return -EINVAL;
    thread_privilege(caller)->grant_table = r.table;
    thread_privilege(caller)->grant_count = r.count;
    return 0;
}
