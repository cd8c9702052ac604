/* SPDX-License-Identifier: MIT */
/*
 * Faults on request (fault.h). Each tells the log that it happens, with its number, before it does: tools/chaos counts these lines. A crash in the
 * middle of a handler is made by the journal: it is told to be full after so many stores.
 */
#include "sys/fault.h"

#include <stddef.h>

#include "base/format.h"
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/rs.h"
#include "protocols/vm.h"
#include "sys/crash_notes.h"
#include "sys/grant.h"
#include "sys/integrity.h"
#include "sys/ipc.h"
#include "sys/journal.h"
#include "sys/log.h"
#include "sys/mutate.h"
#include "sys/service.h"

enum { PASSED_MAX = 8, STORES_MAX = 48, CALLS_MAX = 6, WORD = 8 };

struct fault fault;
uint32_t fault_in_calls;

extern char __state_start[], __state_end[], __mirror_start[], __mirror_end[], __derived_start[], __derived_end[], __bss_start[],
    __bss_end[];

static uint32_t next_random(void)
{
    uint32_t x = fault.random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    fault.random = x;
    return x;
}

static void tell(const char *what, uint32_t type)
{
    log_warn("fault %u executed: %s, type %#x", fault.number, what, type);
    format_string(crash_notes.fault, sizeof(crash_notes.fault), "fault %u: %s, type %#x", fault.number, what, type);
}

static void loop_for_ever(void)
{
    for (;;)
        __asm__ volatile("" : : : "memory");
}

/* One random word of the service's own memory gets a random value. */
static void store_wildly(uint32_t type)
{
    char *const region[][2] = { { __state_start, __state_end }, { __derived_start, __derived_end }, { __bss_start, __bss_end } };
    uint64_t total = 0, at;

    tell("wild-store", type);
    for (size_t i = 0; i < 3; i++)
        total += (uint64_t)(region[i][1] - region[i][0]) / WORD;
    at = ((uint64_t)next_random() << 16 ^ next_random()) % total;
    for (size_t i = 0; i < 3; i++) {
        uint64_t words = (uint64_t)(region[i][1] - region[i][0]) / WORD;

        if (at < words) {
            ((volatile uint64_t *)(void *)region[i][0])[at] = (uint64_t)next_random() << 32 | next_random();
            return;
        }
        at -= words;
    }
}

static void spoil(void *start, const void *end)
{
    volatile uint64_t *word = start;

    for (; (const void *)word < end; word += 2)
        *word = (uint64_t)next_random() << 32 | next_random();
}

/* Every other word of the state gets a random value. What cannot be found again in its copy: with half of the seeds every other word of the undo log too. */
static void spoil_state(uint32_t type)
{
    bool is_lost = fault.kind == SERVICE_FAULT_LOST_STATE, log_too = is_lost && (next_random() & 1) == 0;

    tell(is_lost ? "lost-state" : "bad-state", type);
    spoil(__state_start, __state_end);
    if (is_lost)
        spoil(__mirror_start, __mirror_end);
    if (log_too)
        spoil(journal_undo.chunk, (const void *)(uintptr_t)journal.top);
}

/* The newest entry names more words than there are: what the handler did cannot be taken back. */
static void spoil_log(uint32_t type)
{
    uint64_t *end = (uint64_t *)(uintptr_t)journal.top;

    tell("bad-log", type);
    *end = journal_entry((uint64_t)(uintptr_t)__state_start, JOURNAL_RANGE_MAX);
    journal.top += WORD;
}

/* RS asks VM itself: nobody else can ask RS for it. */
static void patch_myself(const struct rs_mutate_request *change)
{
    struct vm_patch_text_request request = {
        .slot = ENDPOINT_RS, .length = change->length, .address = change->address, .code = change->code
    };
    struct message message = { .type = VM_PATCH_TEXT };

    vm_patch_text_request_put(&message, &request);
    (void)ipc_sendrec(ENDPOINT_VM, &message);
}

/* RS has VM change the text: nothing else may. Without a function that just ran there is nothing to change: the next handler is tried. */
static bool mutate(uint32_t type)
{
    struct message message = { .type = RS_MUTATE };
    struct rs_mutate_request request;
    struct mutation mutation;

    if (!mutate_choose(next_random, &mutation))
        return false;
    log_warn("fault %u executed: mutation, type %#x, %s at %#llx", fault.number, type, mutation.name, (unsigned long long)mutation.address);
    request = (struct rs_mutate_request){ .address = mutation.address, .length = mutation.length };
    memcpy(&request.code, mutation.after, mutation.length);
    if (service_endpoint() == ENDPOINT_RS) {
        patch_myself(&request);
        return true;
    }
    rs_mutate_request_put(&message, &request);
    outbox_add(outbox_default(), ENDPOINT_RS, &message);
    return true;
}

/* For who looks for leaks; a state that is broken does not survive this. */
static void tell_resources(void)
{
    integrity_check();
    log_info("resources: %u grants, %u arenas, %u messages queued", grants_in_force(), journal.arena_count,
             outbox_waiting(outbox_default()));
}

void fault_take(const struct service_crash_request *request)
{
    fault = (struct fault){
        .armed = 1,
        .kind = request->fault,
        .call = request->call == SERVICE_CALL_ANY ? 0 : request->call,
        .number = request->number,
        .random = request->seed * 2654435761u | 1,
    };
    if (request->fault == SERVICE_FAULT_NONE) {
        fault.armed = 0;
        tell_resources();
        return;
    }
    if (request->fault == SERVICE_FAULT_CRASH && request->call == 0) {
        fault.armed = 0;
        tell("crash", 0);
        __asm__ volatile("ud2");
    }
    if (request->handler != 0)
        fault.after = request->handler - 1;
    else if (request->seed != 0)
        fault.after = next_random() % PASSED_MAX;
}

void fault_before(uint32_t type)
{
    if ((fault.call != 0 && fault.call != type) || fault.after > 0)
        return;
    if (fault.kind == SERVICE_FAULT_MIDDLE) {
        tell("middle", type);
        if (service_endpoint() == ENDPOINT_VM) /* its stores are not counted: it has no journal */
            fault_in_calls = 1 + next_random() % CALLS_MAX;
        else
            journal_crash_after(1 + next_random() % STORES_MAX);
    } else if (fault.kind == SERVICE_FAULT_KERNEL_ERROR || fault.kind == SERVICE_FAULT_NO_MEMORY) {
        fault_in_calls = 1;
    }
}

void fault_after(uint32_t type)
{
    fault_in_calls = 0;
    if (fault.call != 0 && fault.call != type)
        return;
    if (fault.after > 0) {
        fault.after--;
        return;
    }
    if (fault.kind == SERVICE_FAULT_KERNEL_ERROR || fault.kind == SERVICE_FAULT_NO_MEMORY)
        return; /* stays armed until a handler calls */
    if (fault.kind == SERVICE_FAULT_MUTATION) {
        fault.armed = !mutate(type);
        return;
    }
    fault.armed = 0;
    if (fault.kind == SERVICE_FAULT_LOOP) {
        tell("loop", type);
        loop_for_ever();
    } else if (fault.kind == SERVICE_FAULT_WILD_STORE) {
        store_wildly(type);
        return;
    } else if (fault.kind == SERVICE_FAULT_BAD_STATE || fault.kind == SERVICE_FAULT_LOST_STATE) {
        spoil_state(type);
    } else if (fault.kind == SERVICE_FAULT_BAD_LOG) {
        spoil_log(type);
    } else if (fault.kind == SERVICE_FAULT_CRASH) {
        tell("in-handler", type);
    }
    __asm__ volatile("ud2"); /* in the middle too: the handler made fewer stores */
}

bool fault_call_fails(endpoint_t destination, struct message *message)
{
    static const int errors[] = { EFAULT, EINVAL, EPERM, ENOMEM, EBUSY, EGENERIC };
    bool memory = fault.kind == SERVICE_FAULT_NO_MEMORY;

    if (destination != (memory ? ENDPOINT_VM : ENDPOINT_SYSTEM) || message->type == KERNEL_LOG)
        return false;
    if (fault.kind == SERVICE_FAULT_MIDDLE) {
        if (--fault_in_calls == 0)
            __asm__ volatile("ud2");
        return false;
    }
    fault_in_calls = 0;
    fault.armed = 0;
    tell(memory ? "no-memory" : "kernel-error", message->type);
    message->status = memory ? -ENOMEM : -errors[next_random() % (sizeof(errors) / sizeof(errors[0]))];
    message->type |= MESSAGE_REPLY;
    return true;
}
