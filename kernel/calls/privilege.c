/* SPDX-License-Identifier: MIT */
/*
 * privctl, getpriv (behaviour.md KC-3).
 */
#include "process/privileges.h"

#include "base/string.h"
#include "calls/calls.h"
#include "errors.h"
#include "protocols/kernel.h"

static int allow(struct thread *t)
{
    if (!(t->rts_flags & RTS_NO_PRIV) || !thread_privilege(t)->in_use)
        return -EPERM;
    rts_clear(t, RTS_NO_PRIV | RTS_VMINHIBIT);
    return 0;
}

static int disallow(struct thread *t)
{
    if (t->rts_flags & RTS_NO_PRIV)
        return -EPERM;
    rts_set(t, RTS_NO_PRIV);
    thread_is_off(t);
    return 0;
}

/* What RS hands over; id and class are not its to choose. */
static int read_privilege(struct thread *caller, uint64_t address, const struct thread *t, struct privilege *p)
{
    memset(p, 0, sizeof(*p));
    p->signal_manager = ENDPOINT_RS;
    p->backup_signal_manager = ENDPOINT_NONE;
    int error = address ? call_read(caller, p, address, sizeof(*p)) : 0;
    if (error)
        return error;
    if (p->io_count > PRIVILEGE_IO_RANGES || p->memory_count > PRIVILEGE_MEMORY_RANGES || p->irq_count > PRIVILEGE_IRQS)
        return -EINVAL;
    p->id = (int32_t)t->slot;
    p->flags |= PRIVILEGE_SYS_PROC;
    return 0;
}

static int set_sys(struct thread *caller, struct thread *t, uint64_t address)
{
    struct privilege p;
    int error = read_privilege(caller, address, t, &p);

    if (error)
        return error;
    if (!(t->rts_flags & RTS_NO_PRIV) || t->slot >= SERVICE_SLOTS)
        return -EPERM;
    privilege_reset(t->slot);
    thread_set_privilege(t, t->slot);
    privileges[t->slot].p = p;
    privileges[t->slot].in_use = true;
    privileges[t->slot].owner = t->endpoint;
    return 0;
}

static int update_sys(struct thread *caller, struct thread *t, uint64_t address)
{
    struct privilege p;
    int error = read_privilege(caller, address, t, &p);

    if (error)
        return error;
    if (thread_is_service(t))
        thread_privilege(t)->p = p;
    else /* of programs RS chooses only whom they may call */
        memcpy(thread_privilege(t)->p.send_mask, p.send_mask, sizeof(p.send_mask));
    return 0;
}

static int set_user(struct thread *t)
{
    if (!(t->rts_flags & RTS_NO_PRIV))
        return -EPERM;
    thread_set_privilege(t, PRIVILEGE_ID_USER);
    return 0;
}

static int add_io(struct privilege *p, uint64_t base, uint64_t length)
{
    if (base + length < base || base + length > 0x10000)
        return -EINVAL;
    for (uint32_t i = 0; i < p->io_count; i++)
        if (p->io[i].base == base && p->io[i].count == length)
            return 0;
    if (p->io_count == PRIVILEGE_IO_RANGES)
        return -ENOMEM;
    p->io[p->io_count++] = (struct privilege_io_range){ (uint16_t)base, (uint16_t)length };
    p->flags |= PRIVILEGE_CHECK_IO_PORT;
    return 0;
}

static int add_memory(struct privilege *p, uint64_t base, uint64_t length)
{
    if (base + length < base)
        return -EINVAL;
    for (uint32_t i = 0; i < p->memory_count; i++)
        if (p->memory[i].base == base && p->memory[i].length == length)
            return 0;
    if (p->memory_count == PRIVILEGE_MEMORY_RANGES)
        return -ENOMEM;
    p->memory[p->memory_count++] = (struct privilege_memory_range){ base, length };
    p->flags |= PRIVILEGE_CHECK_MEM;
    return 0;
}

static int add_irq(struct privilege *p, uint64_t line)
{
    for (uint32_t i = 0; i < p->irq_count; i++)
        if (p->irq[i] == line)
            return 0;
    if (p->irq_count == PRIVILEGE_IRQS)
        return -ENOMEM;
    p->irq[p->irq_count++] = (uint32_t)line;
    p->flags |= PRIVILEGE_CHECK_IRQ;
    return 0;
}

static int query_memory(const struct privilege *p, uint64_t base, uint64_t length)
{
    for (uint32_t i = 0; i < p->memory_count; i++)
        if (base >= p->memory[i].base && base + length >= base && base + length <= p->memory[i].base + p->memory[i].length)
            return 0;
    return -EPERM;
}

static int yield_to(struct thread *caller, struct thread *t)
{
    int error = allow(t);

    if (!error)
        rts_set(caller, RTS_NO_PRIV);
    return error;
}

CALL_HANDLER(privctl)
{
    struct kernel_privctl_request r;
    (void)reply;

    kernel_privctl_request_get(request, &r);
    if (!(thread_privilege(caller)->p.flags & PRIVILEGE_SYS_PROC))
        return -EPERM;
    struct thread *t = call_process(caller, r.process);
    if (!t)
        return -EINVAL;
    struct privilege *p = &thread_privilege(t)->p;
    bool adds = r.request >= KERNEL_PRIVILEGE_REQUEST_ADD_IO && r.request <= KERNEL_PRIVILEGE_REQUEST_QUERY_MEM;
    if (adds && !thread_is_service(t))
        return -EPERM;
    switch (r.request) {
    case KERNEL_PRIVILEGE_REQUEST_ALLOW:
        return allow(t);
    case KERNEL_PRIVILEGE_REQUEST_DISALLOW:
        return disallow(t);
    case KERNEL_PRIVILEGE_REQUEST_SET_SYS:
        return set_sys(caller, t, r.privileges);
    case KERNEL_PRIVILEGE_REQUEST_SET_USER:
        return set_user(t);
    case KERNEL_PRIVILEGE_REQUEST_ADD_IO:
        return add_io(p, r.base, r.length);
    case KERNEL_PRIVILEGE_REQUEST_ADD_MEM:
        return add_memory(p, r.base, r.length);
    case KERNEL_PRIVILEGE_REQUEST_ADD_IRQ:
        return add_irq(p, r.base);
    case KERNEL_PRIVILEGE_REQUEST_QUERY_MEM:
        return query_memory(p, r.base, r.length);
    case KERNEL_PRIVILEGE_REQUEST_UPDATE_SYS:
        return update_sys(caller, t, r.privileges);
    case KERNEL_PRIVILEGE_REQUEST_YIELD:
        return yield_to(caller, t);
    default:
        return -EINVAL;
    }
}

CALL_HANDLER(getpriv)
{
    struct kernel_getpriv_request r;
    (void)reply;

    kernel_getpriv_request_get(request, &r);
    struct thread *t = call_process(caller, r.process);
    if (!t)
        return -EINVAL;
    return call_write(caller, r.privileges, &thread_privilege(t)->p, sizeof(struct privilege));
}
