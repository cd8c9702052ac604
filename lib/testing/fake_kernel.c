/* SPDX-License-Identifier: MIT */
/*
 * lib/sys for unit tests on the host (fake_kernel.h says how it behaves).
 */
#include "testing/fake_kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "protocols/kernel.h"
#include "sys/fault.h"
#include "sys/grant.h"
#include "sys/integrity.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef.h"
#include "sys/service.h"
#include "sys/syscalls.h"
#include "testing/testing.h"

#define WEAK __attribute__((weak))

enum { SENT_MAX = 4096, GRANTS_MAX = 4096, MEMORIES_MAX = 64, ARENAS = 1024 };

/* The tests need an object whose address is an outbox; its inside is lib/sys's own business. */
struct outbox {
    int unused;
};

struct fake_grant_entry {
    bool used;
    uint64_t owner_address;
    endpoint_t owner;
    size_t length;
};

struct fake_memory_entry {
    endpoint_t process;
    uint64_t address;
    uint8_t *host;
    size_t length;
};

uint64_t fake_uptime_ns;
uint64_t fake_alarm_ns;
fake_sendrec_t fake_sendrec;

static struct fake_message sent[SENT_MAX];
static uint32_t sent_count;
static struct fake_grant_entry grant_table[GRANTS_MAX];
static uint32_t grant_count;
static struct fake_memory_entry memories[MEMORIES_MAX];
static uint32_t memory_count;
static char last_log[512];
static struct outbox the_outbox;
static uint8_t *arenas[ARENAS]; /* reachable to the end: no leak reports */
static uint32_t arena_count;

void fake_reset(void)
{
    sent_count = 0;
    grant_count = 0;
    memory_count = 0;
    last_log[0] = '\0';
    fake_uptime_ns = 0;
    fake_alarm_ns = 0;
    fake_sendrec = NULL;
}

/* ---- outbox ---- */

uint32_t fake_sent_count(void)
{
    return sent_count;
}

const struct fake_message *fake_sent(uint32_t index)
{
    return index < sent_count ? &sent[index] : NULL;
}

void fake_sent_clear(void)
{
    sent_count = 0;
}

const struct fake_message *fake_sent_to(endpoint_t destination)
{
    for (uint32_t i = sent_count; i > 0; i--) {
        if (sent[i - 1].destination == destination)
            return &sent[i - 1];
    }
    return NULL;
}

WEAK struct outbox *outbox_default(void)
{
    return &the_outbox;
}

WEAK void outbox_add(struct outbox *outbox, endpoint_t destination, const struct message *message)
{
    (void)outbox;
    if (sent_count == SENT_MAX)
        testing_fail(__FILE__, __LINE__, "more than %d messages queued", SENT_MAX);
    sent[sent_count].destination = destination;
    sent[sent_count].message = *message;
    sent_count++;
}

WEAK void outbox_notify(struct outbox *outbox, endpoint_t destination)
{
    struct message message = { .type = PROTOCOL_NOTIFY << 16 };

    outbox_add(outbox, destination, &message);
}

WEAK uint32_t outbox_room(const struct outbox *outbox)
{
    (void)outbox;
    return SENT_MAX - sent_count;
}

WEAK void outbox_linux_reply(struct outbox *outbox, endpoint_t caller, int64_t result)
{
    struct message message = { .type = PROTOCOL_LINUX << 16 | MESSAGE_REPLY };

    if (result < 0 && result > -4096)
        message.status = (int32_t)result;
    message.word[0] = (uint64_t)result;
    outbox_add(outbox, caller, &message);
}

WEAK void outbox_reply_status(struct outbox *outbox, endpoint_t caller, uint32_t type, uint32_t transaction, int status)
{
    struct message message = { .type = type | MESSAGE_REPLY, .status = status, .transaction = transaction };

    outbox_add(outbox, caller, &message);
}

/* ---- calls ---- */

struct call fake_call(endpoint_t caller, uint32_t receive_status, struct message *request, struct message *reply)
{
    struct call call = {
        .request = request,
        .reply = reply,
        .caller = caller,
        .type = request->type,
        .transaction = request->transaction,
        .receive_status = receive_status,
        .outbox = outbox_default(),
    };

    request->source = caller;
    memset(reply, 0, sizeof(*reply));
    reply->type = request->type | MESSAGE_REPLY;
    reply->transaction = request->transaction;
    return call;
}

WEAK bool call_is_allowed(const struct call *call, enum call_allow kind, const char *const *labels)
{
    (void)labels;
    return kind == CALL_ALLOW_ANY || (call->receive_status & IPC_STATUS_FROM_USER) == 0;
}

WEAK int ipc_sendrec(endpoint_t destination, struct message *message)
{
    const struct message request = *message;
    int result = fake_sendrec != NULL ? fake_sendrec(destination, message) : -ENOSYS;

    if (destination == ENDPOINT_SYSTEM && result == 0 && message->status < 0) /* a kernel call that failed leaves the words as they were */
        memcpy(message->word, request.word, sizeof(message->word));
    return result;
}

WEAK bool (*ipc_interrupted)(endpoint_t destination, int error, uint32_t repeats);

WEAK int ipc_send(endpoint_t destination, struct message *message)
{
    return ipc_sendnb(destination, message);
}

/* Nobody sends by itself: a test that needs it defines this. */
WEAK int ipc_await(endpoint_t source, struct message *message)
{
    (void)source;
    (void)message;
    return -EDEADSRCDST;
}

WEAK void outbox_hold(struct outbox *outbox, endpoint_t destination)
{
    (void)outbox;
    (void)destination;
}

WEAK void outbox_release(struct outbox *outbox, endpoint_t destination)
{
    (void)outbox;
    (void)destination;
}

WEAK int sef_update_self(int state, uint32_t kind)
{
    (void)state;
    (void)kind;
    return 0;
}

WEAK int ipc_notify(endpoint_t destination)
{
    (void)destination;
    return 0;
}

WEAK int ipc_sendnb(endpoint_t destination, struct message *message)
{
    outbox_add(outbox_default(), destination, message);
    return 0;
}

WEAK int ipc_senda(struct asynsend_entry *table, uint32_t count)
{
    (void)table;
    (void)count;
    return 0;
}

/* ---- memory ---- */

void fake_memory(endpoint_t process, uint64_t address, void *host, size_t length)
{
    if (memory_count == MEMORIES_MAX)
        testing_fail(__FILE__, __LINE__, "more than %d memories", MEMORIES_MAX);
    memories[memory_count] = (struct fake_memory_entry){ process, address, host, length };
    memory_count++;
}

/* A process that has memories of its own has no other addresses; one without uses host pointers. */
static uint8_t *host_memory(endpoint_t process, uint64_t address, size_t length)
{
    bool has_own = false;

    for (uint32_t i = 0; i < memory_count; i++) {
        const struct fake_memory_entry *memory = &memories[i];

        if (memory->process != process)
            continue;
        has_own = true;
        if (address >= memory->address && length <= memory->length && address - memory->address <= memory->length - length)
            return memory->host + (address - memory->address);
    }
    return has_own ? NULL : (uint8_t *)(uintptr_t)address;
}

WEAK int sys_vircopy(endpoint_t source, uint64_t source_address, endpoint_t destination, uint64_t destination_address, size_t length)
{
    uint8_t *from = host_memory(source, source_address, length);
    uint8_t *to = host_memory(destination, destination_address, length);

    if (length == 0)
        return 0;
    if (from == NULL || to == NULL)
        return -EFAULT;
    memmove(to, from, length);
    return 0;
}

WEAK int sys_copy_from(endpoint_t source, uint64_t address, void *to, size_t length)
{
    return sys_vircopy(source, address, ENDPOINT_SELF, (uint64_t)(uintptr_t)to, length);
}

WEAK int sys_copy_to(endpoint_t destination, uint64_t address, const void *from, size_t length)
{
    return sys_vircopy(ENDPOINT_SELF, (uint64_t)(uintptr_t)from, destination, address, length);
}

WEAK int sys_copy_string(endpoint_t source, uint64_t address, char *to, size_t room)
{
    for (size_t i = 0; i < room; i++) {
        const uint8_t *byte = host_memory(source, address + i, 1);

        if (byte == NULL)
            return -EFAULT;
        to[i] = (char)*byte;
        if (*byte == 0)
            return (int)i;
    }
    return -ENAMETOOLONG;
}

WEAK int sys_copy_string_anew(endpoint_t source, uint64_t address, char *to, size_t room)
{
    return sys_copy_string(source, address, to, room);
}

WEAK int sys_memset(endpoint_t process, uint64_t address, int byte, size_t length)
{
    uint8_t *to = host_memory(process, address, length);

    if (to == NULL)
        return -EFAULT;
    memset(to, byte, length);
    return 0;
}

static grant_t new_grant(endpoint_t owner, uint64_t address, size_t length)
{
    if (grant_count == GRANTS_MAX)
        return -ENOSPC;
    grant_table[grant_count] = (struct fake_grant_entry){ .used = true, .owner = owner, .owner_address = address, .length = length };
    return (grant_t)grant_count++;
}

grant_t fake_grant(void *host, size_t length)
{
    return new_grant(ENDPOINT_SELF, (uint64_t)(uintptr_t)host, length);
}

WEAK grant_t cpf_grant_direct(endpoint_t grantee, const void *address, size_t length, uint32_t flags)
{
    (void)grantee;
    (void)flags;
    return new_grant(ENDPOINT_SELF, (uint64_t)(uintptr_t)address, length);
}

WEAK grant_t cpf_grant_indirect(endpoint_t grantee, endpoint_t from, grant_t grant)
{
    (void)grantee;
    (void)from;
    return grant;
}

WEAK grant_t cpf_grant_magic(endpoint_t grantee, endpoint_t owner, uint64_t address, size_t length, uint32_t flags)
{
    (void)grantee;
    (void)flags;
    return new_grant(owner, address, length);
}

WEAK int cpf_revoke(grant_t grant)
{
    if (grant < 0 || (uint32_t)grant >= grant_count || !grant_table[grant].used)
        return -EINVAL;
    grant_table[grant].used = false;
    return 0;
}

static int granted(grant_t grant, uint64_t offset, size_t length, struct fake_grant_entry *entry)
{
    if (grant < 0 || (uint32_t)grant >= grant_count)
        return -EINVAL;
    *entry = grant_table[grant];
    if (!entry->used || offset > entry->length || length > entry->length - offset)
        return -EPERM;
    return 0;
}

WEAK int sys_safecopyfrom(endpoint_t granter, grant_t grant, uint64_t offset, void *address, size_t length)
{
    struct fake_grant_entry entry;
    int result = granted(grant, offset, length, &entry);

    (void)granter;
    return result != 0 ? result : sys_copy_from(entry.owner, entry.owner_address + offset, address, length);
}

WEAK int sys_safecopyto(endpoint_t granter, grant_t grant, uint64_t offset, const void *address, size_t length)
{
    struct fake_grant_entry entry;
    int result = granted(grant, offset, length, &entry);

    (void)granter;
    return result != 0 ? result : sys_copy_to(entry.owner, entry.owner_address + offset, address, length);
}

/* ---- time, devices ---- */

WEAK uint64_t sys_uptime(void)
{
    return fake_uptime_ns;
}

WEAK uint64_t sys_realtime(void)
{
    return fake_uptime_ns;
}

WEAK int sys_setalarm(uint64_t deadline_ns)
{
    fake_alarm_ns = deadline_ns;
    return 0;
}

WEAK int sys_getinfo(uint32_t what, void *address, size_t length, size_t *length_bytes)
{
    (void)what;
    memset(address, 0, length);
    if (length_bytes != NULL)
        *length_bytes = length;
    return 0;
}

WEAK int sys_irq_set_policy(uint32_t line, uint32_t hook)
{
    (void)line;
    (void)hook;
    return 0;
}

WEAK int sys_irq_enable(uint32_t hook)
{
    (void)hook;
    return 0;
}

WEAK int sys_irq_disable(uint32_t hook)
{
    (void)hook;
    return 0;
}

WEAK int sys_in8(uint16_t port, uint8_t *value)
{
    (void)port;
    *value = 0;
    return 0;
}

WEAK int sys_out8(uint16_t port, uint8_t value)
{
    (void)port;
    (void)value;
    return 0;
}

WEAK int sys_kill(endpoint_t process, int signo)
{
    (void)process;
    (void)signo;
    return 0;
}

/* ---- the service itself ---- */

WEAK endpoint_t service_endpoint(void)
{
    return ENDPOINT_SELF;
}

WEAK const char *service_name(void)
{
    return "test";
}

WEAK void *service_arena(const char *name, size_t bytes)
{
    size_t whole = (bytes + 4095) & ~(size_t)4095;
    uint8_t *arena = aligned_alloc(4096, whole);

    (void)name;
    if (arena == NULL || arena_count == ARENAS)
        testing_fail(__FILE__, __LINE__, "no memory for an arena of %zu bytes", bytes);
    arenas[arena_count++] = arena;
    return memset(arenas[arena_count - 1], 0, whole);
}

WEAK int arena_make(uint32_t number, uint64_t bytes)
{
    (void)number;
    (void)bytes;
    return -ENOMEM;
}

WEAK void sef_dump(void)
{
}

static struct sef_signal_details signal_details;

WEAK const struct sef_signal_details *sef_signal_details(void)
{
    return &signal_details;
}

WEAK void sef_keep_details(const struct kernel_getksig_reply *reply)
{
    signal_details = (struct sef_signal_details){
        .code = reply->code, .trap = (uint32_t)reply->trap, .error = reply->error, .address = reply->address
    };
}

WEAK void integrity_check(void)
{
}

WEAK const struct service *running_service;

WEAK int resume_take_mirror(void)
{
    return 0;
}

WEAK void fault_take(const struct service_crash_request *request)
{
    testing_fail("service", 0, "asked to crash in %#x", request->call);
}

WEAK void service_panic(const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    testing_fail("service", 0, "panic: %s", text);
}

const char *fake_log(void)
{
    return last_log;
}

#define LOG_FUNCTION(name)                                        \
    WEAK void name(const char *format, ...)                       \
    {                                                             \
        va_list arguments;                                        \
                                                                  \
        va_start(arguments, format);                              \
        vsnprintf(last_log, sizeof(last_log), format, arguments); \
        va_end(arguments);                                        \
    }

LOG_FUNCTION(log_error)
LOG_FUNCTION(log_warn)
LOG_FUNCTION(log_info)
LOG_FUNCTION(log_debug)
