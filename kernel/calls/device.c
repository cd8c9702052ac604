/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and ports for drivers, limited by their privileges.
 */
#include "calls/calls.h"
#include "errors.h"
#include "irq/irq.h"
#include "protocols/kernel.h"

enum { PORT_COUNT = 0x10000, STRING_BYTES_MAX = 65536 };

static bool may_use_line(const struct privilege *p, uint32_t line)
{
    if (!(p->flags & PRIVILEGE_CHECK_IRQ))
        return true;
    for (uint32_t i = 0; i < p->irq_count; i++)
        if (p->irq[i] == line)
            return true;
    return false;
}

CALL_HANDLER(irqctl)
{
    struct kernel_irqctl_request r;
    (void)reply;

    kernel_irqctl_request_get(request, &r);
    if (!thread_is_service(caller))
        return -EPERM;
    switch (r.request) {
    case KERNEL_IRQ_REQUEST_SET_POLICY:
        return may_use_line(&thread_privilege(caller)->p, r.line) ? irq_set_policy(caller, r.line, r.hook) : -EPERM;
    case KERNEL_IRQ_REQUEST_REMOVE:
        return irq_remove(caller, r.hook);
    case KERNEL_IRQ_REQUEST_ENABLE:
        return irq_set_enabled(caller, r.hook, true);
    case KERNEL_IRQ_REQUEST_DISABLE:
        return irq_set_enabled(caller, r.hook, false);
    default:
        return -EINVAL;
    }
}

static bool may_use_port(const struct privilege *p, uint32_t port, uint32_t bytes)
{
    if (!(p->flags & PRIVILEGE_CHECK_IO_PORT))
        return true;
    for (uint32_t i = 0; i < p->io_count; i++)
        if (port >= p->io[i].base && port + bytes <= (uint32_t)p->io[i].base + p->io[i].count)
            return true;
    return false;
}

/* Width in bytes; 0: no such request. */
static uint32_t io_width(uint32_t request)
{
    switch (request) {
    case KERNEL_IO_REQUEST_IN8:
    case KERNEL_IO_REQUEST_OUT8:
        return 1;
    case KERNEL_IO_REQUEST_IN16:
    case KERNEL_IO_REQUEST_OUT16:
        return 2;
    case KERNEL_IO_REQUEST_IN32:
    case KERNEL_IO_REQUEST_OUT32:
        return 4;
    default:
        return 0;
    }
}

static bool is_input(uint32_t request)
{
    return request <= KERNEL_IO_REQUEST_IN32;
}

static int check_port(const struct thread *caller, uint32_t port, uint32_t bytes)
{
    if (!bytes || port + bytes > PORT_COUNT || port % bytes)
        return -EINVAL;
    return may_use_port(&thread_privilege(caller)->p, port, bytes) ? 0 : -EPERM;
}

CALL_HANDLER(devio)
{
    struct kernel_devio_request r;
    struct kernel_devio_reply answer = { 0 };

    kernel_devio_request_get(request, &r);
    uint32_t bytes = io_width(r.request);
    int error = check_port(caller, r.port, bytes);
    if (error)
        return error;
    if (is_input(r.request))
        answer.value = port_in((uint16_t)r.port, (int)bytes);
    else
        port_out((uint16_t)r.port, r.value, (int)bytes);
    kernel_devio_reply_put(reply, &answer);
    return 0;
}

static bool is_ready(const struct kernel_sdevio_request *r)
{
    return (port_in((uint16_t)r->status_port, 1) & r->status_mask) == r->status_mask;
}

/* Returns how many units were moved. The memory is present. */
static uint64_t move_string(uint32_t space, const struct kernel_sdevio_request *r, uint32_t bytes)
{
    uint8_t *page = NULL;
    uint32_t left_in_burst = 0;

    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t address = r->address + i * bytes;
        uint32_t value = 0;
        if (r->burst && !left_in_burst--) {
            if (!is_ready(r))
                return i;
            left_in_burst = r->burst - 1;
        }
        if (!page || !(address & 4095))
            page = space_pointer(space, address & ~4095ull, is_input(r->request));
        if (is_input(r->request)) {
            value = port_in((uint16_t)r->port, (int)bytes);
            __builtin_memcpy(page + (address & 4095), &value, bytes);
        } else {
            __builtin_memcpy(&value, page + (address & 4095), bytes);
            port_out((uint16_t)r->port, value, (int)bytes);
        }
    }
    return r->count;
}

/* Memory is checked before the device sees anything: what was read from a port cannot be read again. */
CALL_HANDLER(sdevio)
{
    struct kernel_sdevio_request r;
    struct kernel_sdevio_reply answer = { 0 };

    kernel_sdevio_request_get(request, &r);
    uint32_t bytes = io_width(r.request);
    int error = check_port(caller, r.port, bytes);
    if (!error && r.burst)
        error = check_port(caller, r.status_port, 1);
    if (error)
        return error;
    if (r.count > STRING_BYTES_MAX / bytes || r.address % bytes || !user_range_ok(r.address, r.count * bytes))
        return -EINVAL;
    for (uint64_t page = r.address & ~4095ull; page < r.address + r.count * bytes; page += 4096)
        if (!space_pointer(caller->space, page, is_input(r.request)))
            return call_suspend(caller, caller,
                                &(struct copy_fault){ .space = caller->space, .address = page, .write = is_input(r.request) }, 4096);
    answer.done = move_string(caller->space, &r, bytes);
    kernel_sdevio_reply_put(reply, &answer);
    return 0;
}
