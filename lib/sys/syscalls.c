/* SPDX-License-Identifier: MIT */
/*
 * Kernel calls as C functions (syscalls.h). What the kernel writes into our state is journaled first.
 */
#include "sys/syscalls.h"

#include "errors.h"
#include "protocols/kernel.h"
#include "sys/journal.h"
#include "sys/journal_debug.h"
#include "sys/loop.h"

static uint64_t address_of(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

int sys_vircopy(endpoint_t source, uint64_t source_address, endpoint_t destination, uint64_t destination_address, size_t length)
{
    struct kernel_vircopy_request request = {
        .source = source,
        .destination = destination,
        .source_address = source_address,
        .destination_address = destination_address,
        .length = length,
    };
    struct message message = { .type = KERNEL_VIRCOPY };

    kernel_vircopy_request_put(&message, &request);
    return kernel_request(&message);
}

int sys_copy_from(endpoint_t source, uint64_t address, void *to, size_t length)
{
    journal_record(to, length);
    return sys_vircopy(source, address, ENDPOINT_SELF, address_of(to), length);
}

int sys_copy_to(endpoint_t destination, uint64_t address, const void *from, size_t length)
{
    return sys_vircopy(ENDPOINT_SELF, address_of(from), destination, address, length);
}

int sys_copy_string_anew(endpoint_t source, uint64_t address, char *to, size_t room)
{
    struct kernel_copystring_request request = {
        .source = source,
        .room = (uint32_t)room,
        .source_address = address,
        .destination_address = address_of(to),
    };
    struct kernel_copystring_reply reply;
    struct message message = { .type = KERNEL_COPYSTRING };
    int result;

    journal_forgo(to, room);
    kernel_copystring_request_put(&message, &request);
    result = kernel_request(&message);
    if (result != 0)
        return result;
    kernel_copystring_reply_get(&message, &reply);
    return (int)reply.length;
}

int sys_copy_string(endpoint_t source, uint64_t address, char *to, size_t room)
{
    journal_record(to, room);
    return sys_copy_string_anew(source, address, to, room);
}

int sys_memset(endpoint_t process, uint64_t address, int byte, size_t length)
{
    struct kernel_memset_request request = { .process = process, .byte = (uint8_t)byte, .address = address, .length = length };
    struct message message = { .type = KERNEL_MEMSET };

    kernel_memset_request_put(&message, &request);
    return kernel_request(&message);
}

static int times(struct kernel_times_reply *reply)
{
    struct kernel_times_request request = { .process = ENDPOINT_SELF };
    struct message message = { .type = KERNEL_TIMES };
    int result;

    kernel_times_request_put(&message, &request);
    result = kernel_request(&message);
    if (result == 0)
        kernel_times_reply_get(&message, reply);
    return result;
}

uint64_t sys_uptime(void)
{
    struct kernel_times_reply reply;

    return times(&reply) == 0 ? reply.uptime_ns : 0;
}

uint64_t sys_realtime(void)
{
    struct kernel_times_reply reply;

    return times(&reply) == 0 ? reply.uptime_ns + reply.realtime_offset_ns : 0;
}

int sys_setalarm(uint64_t deadline_ns)
{
    struct kernel_setalarm_request request = { .deadline_ns = deadline_ns };
    struct message message = { .type = KERNEL_SETALARM };

    kernel_setalarm_request_put(&message, &request);
    return kernel_request(&message);
}

int sys_getinfo(uint32_t what, void *address, size_t length, size_t *length_bytes)
{
    struct kernel_getinfo_request request = { .what = what, .address = address_of(address), .length = length };
    struct kernel_getinfo_reply reply;
    struct message message = { .type = KERNEL_GETINFO };
    int result;

    journal_record(address, length);
    kernel_getinfo_request_put(&message, &request);
    result = kernel_request(&message);
    if (result != 0)
        return result;
    kernel_getinfo_reply_get(&message, &reply);
    if (length_bytes != NULL)
        *length_bytes = reply.length_bytes;
    return 0;
}

static int irqctl(uint32_t what, uint32_t line, uint32_t hook)
{
    struct kernel_irqctl_request request = { .request = what, .line = line, .hook = hook };
    struct message message = { .type = KERNEL_IRQCTL };

    kernel_irqctl_request_put(&message, &request);
    return kernel_request(&message);
}

int sys_irq_set_policy(uint32_t line, uint32_t hook)
{
    return irqctl(KERNEL_IRQ_REQUEST_SET_POLICY, line, hook);
}

int sys_irq_enable(uint32_t hook)
{
    return irqctl(KERNEL_IRQ_REQUEST_ENABLE, 0, hook);
}

int sys_irq_disable(uint32_t hook)
{
    return irqctl(KERNEL_IRQ_REQUEST_DISABLE, 0, hook);
}

static int devio(struct message *message, uint32_t what, uint16_t port, uint32_t value)
{
    struct kernel_devio_request request = { .request = what, .port = port, .value = value };

    message->type = KERNEL_DEVIO;
    kernel_devio_request_put(message, &request);
    return kernel_request(message);
}

int sys_in8(uint16_t port, uint8_t *value)
{
    struct message message = { 0 };
    struct kernel_devio_reply reply;
    int result = devio(&message, KERNEL_IO_REQUEST_IN8, port, 0);

    if (result != 0)
        return result;
    kernel_devio_reply_get(&message, &reply);
    *value = (uint8_t)reply.value;
    return 0;
}

int sys_out8(uint16_t port, uint8_t value)
{
    struct message message = { 0 };

    return devio(&message, KERNEL_IO_REQUEST_OUT8, port, value);
}

int sys_kill(endpoint_t process, int signo)
{
    struct kernel_kill_request request = { .process = process, .signal = signo };
    struct message message = { .type = KERNEL_KILL };

    kernel_kill_request_put(&message, &request);
    return kernel_request(&message);
}
