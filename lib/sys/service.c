/* SPDX-License-Identifier: MIT */
/*
 * Identity of the service, its arenas, and the exit of a service that finds its own state broken.
 */
#include "sys/service.h"

#include <stdarg.h>
#include <stddef.h>

#include "arena.h"
#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/rs.h"
#include "protocols/vm.h"
#include "sys/crash_notes.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/sef.h"

struct identity identity = { .predecessor = ENDPOINT_NONE };

int kernel_request(struct message *message)
{
    uint32_t type = message->type;
    int result = ipc_sendrec(ENDPOINT_SYSTEM, message);

    if (result == 0 && message->status < 0) { /* it has changed nothing, and its words are as they were: the reason may have passed */
        message->type = type;
        result = ipc_sendrec(ENDPOINT_SYSTEM, message);
    }
    return result != 0 ? result : message->status;
}

void identity_ask(void)
{
    struct message message = { .type = KERNEL_WHOAMI };
    struct kernel_whoami_reply reply;

    if (identity.known)
        return;
    identity.known = true;
    identity.endpoint = ENDPOINT_SELF;
    __builtin_memcpy(identity.name, "unknown", sizeof("unknown"));
    if (kernel_request(&message) != 0)
        return;
    kernel_whoami_reply_get(&message, &reply);
    identity.endpoint = reply.process;
    identity.flags = reply.flags;
    for (size_t i = 0; i + 1 < sizeof(identity.name) && i < sizeof(reply.name); i++)
        identity.name[i] = reply.name[i];
}

endpoint_t service_endpoint(void)
{
    identity_ask();
    return identity.endpoint;
}

const char *service_name(void)
{
    identity_ask();
    return identity.name;
}

void service_panic(const char *format, ...)
{
    static bool panicking;
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    format_list(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_error("panic: %s", text);
    if (!panicking)
        string_copy(crash_notes.text, sizeof(crash_notes.text), text);
    if (!panicking && running_service != NULL) {
        const struct message *message = &journal.buffer[journal.current];
        const char *problem = NULL;

        panicking = true;
        log_error("last message: type %#x from %d, transaction %#x; %llu handled before", message->type, message->source,
                  message->transaction, (unsigned long long)journal.committed);
        if (running_service->state_check != NULL)
            problem = running_service->state_check(running_service->state);
        log_error("state check: %s", problem != NULL ? problem : "good");
        string_copy(crash_notes.check, sizeof(crash_notes.check), problem != NULL ? problem : "good");
    }
    for (;;)
        sef_exit(1);
}

int service_arguments(char *text, size_t room)
{
    struct rs_arguments_request request = { .text = (uint64_t)(uintptr_t)text, .room = (uint32_t)room };
    struct message message = { .type = RS_ARGUMENTS };
    int result;

    rs_arguments_request_put(&message, &request);
    result = ipc_sendrec(ENDPOINT_RS, &message);
    return result != 0 ? result : message.status;
}

static uint32_t next_number;
static bool only_promised;

void arena_restart(bool promise)
{
    next_number = 0;
    only_promised = promise;
}

int arena_make(uint32_t number, uint64_t bytes)
{
    struct vm_arena_request request = { .number = number, .length = bytes > 0 ? bytes + JOURNAL_PAST_END : 0 };
    struct message message = { .type = VM_ARENA };
    int result;

    vm_arena_request_put(&message, &request);
    result = ipc_sendrec(ENDPOINT_VM, &message);
    return result != 0 ? result : message.status;
}

int arena_adopt(uint32_t number, uint64_t source, uint64_t bytes, bool writable)
{
    struct vm_arena_adopt_request request = {
        .number = number, .writable = writable, .source = source, .length = bytes + JOURNAL_PAST_END
    };
    struct message message = { .type = VM_ARENA_ADOPT };
    int result;

    vm_arena_adopt_request_put(&message, &request);
    result = ipc_sendrec(ENDPOINT_VM, &message);
    return result != 0 ? result : message.status;
}

void *service_arena(const char *name, size_t bytes)
{
    uint64_t address = ARENA_ADDRESS + next_number * ARENA_STRIDE;
    int result = -ENOMEM;

    if (next_number < JOURNAL_ARENAS)
        result = only_promised ? 0 : arena_make(next_number, bytes);
    if (result != 0) {
        log_error("arena %s of %zu bytes: error %d", name, bytes, result);
        return NULL;
    }
    journal.arena[next_number].address = address;
    journal.arena[next_number].bytes = bytes;
    string_copy(journal.arena[next_number].name, JOURNAL_NAME, name);
    next_number++;
    journal.arena_count = next_number;
    return (void *)(uintptr_t)address;
}
