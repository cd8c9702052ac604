/* SPDX-License-Identifier: MIT */
/*
 * One random message after the other. Half of the requests are made field by field from the tables of the IDL, so that they get past the first
 * checks; the rest is noise. Nobody waits for ever: SENDREC and SEND go only to those that must answer or receive.
 */
#include "base/string.h"
#include "errors.h"
#include "protocols/kernel.h"
#include "protocols/pm.h"
#include "protocols/protocol_trace.h"
#include "protocols/rs.h"
#include "protocols/service.h"
#include "state.h"
#include "sys/grant.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/service.h"

/* Operations whose purpose is to stop something, by somebody who is trusted to do so: that it stops is no finding. */
static const uint32_t spared[] = {
    KERNEL_ABORT,    /* stops the machine */
    KERNEL_EXIT,     /* ends the caller: us */
    KERNEL_SETGRANT, /* replaces our own table of grants: no grant of ours would be valid any more */
    KERNEL_LOG,      /* would fill the log, in which tests look for panics, with noise */
    RS_SHUTDOWN,     /* stops the system; as rs.down, refresh, restart and crash it is for programs of root */
    RS_DOWN,
    RS_REFRESH,
    RS_RESTART,
    RS_CRASH,
    RS_COMPLAIN,             /* its purpose is the restart of another service */
    RS_INIT_READY,           /* a second one of ours would be about an init that is over; the code in it decides about a restart */
    SERVICE_SIGNAL_RECEIVED, /* any service may send SIGTERM to any other; drivers end then */
    PM_SIGNAL_GROUP,         /* terminals are trusted to send signals to programs: all shells would be gone */
    PM_SIGNAL_THREAD,
};

enum { BUFFER_BYTES = 8192, BOOT_SERVICES = ENDPOINT_HELLO + 1, WORDS = 6, TABLE = 4 };

static uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(64))) SERVICE_DERIVED;
static struct asynsend_entry table[TABLE] SERVICE_DERIVED;

/* ---- numbers ---- */

static uint64_t draw(struct ipcfuzz_state *state)
{
    state->random ^= state->random >> 12;
    state->random ^= state->random << 25;
    state->random ^= state->random >> 27;
    return state->random * 0x2545f4914f6cdd1dull;
}

static uint32_t below(struct ipcfuzz_state *state, uint32_t limit)
{
    return (uint32_t)(draw(state) >> 33) % limit;
}

/* A number as programs go wrong with: nothing, small, around powers of two, negative, an address of ours, or anything. */
static uint64_t odd_number(struct ipcfuzz_state *state)
{
    switch (below(state, 8)) {
    case 0:
        return 0;
    case 1:
    case 2:
        return below(state, 16);
    case 3:
        return below(state, 65536);
    case 4:
        return (1ull << below(state, 64)) - below(state, 3);
    case 5:
        return (uint64_t) - (int64_t)below(state, 5000);
    case 6:
        return (uint64_t)(uintptr_t)(buffer + below(state, BUFFER_BYTES));
    default:
        return draw(state);
    }
}

static endpoint_t any_endpoint(struct ipcfuzz_state *state)
{
    static const endpoint_t others[] = { ENDPOINT_SYSTEM, ENDPOINT_CLOCK, ENDPOINT_HARDWARE, ENDPOINT_IDLE,
                                         ENDPOINT_ANY,    ENDPOINT_NONE,  ENDPOINT_SELF };

    switch (below(state, 4)) {
    case 0:
    case 1:
        return (endpoint_t)below(state, BOOT_SERVICES);
    case 2:
        return others[below(state, sizeof(others) / sizeof(others[0]))];
    default:
        return (endpoint_t)odd_number(state);
    }
}

/* ---- what is in a message ---- */

static bool is_spared(uint32_t type)
{
    for (size_t i = 0; i < sizeof(spared) / sizeof(spared[0]); i++) {
        if (spared[i] == type)
            return true;
    }
    return false;
}

static uint64_t field_value(struct ipcfuzz_state *state, const struct trace_field *field)
{
    switch (field->kind) {
    case TRACE_ENDPOINT:
        return (uint64_t)any_endpoint(state);
    case TRACE_GRANT:
        if (below(state, 4) == 0)
            return odd_number(state);
        return (uint64_t)state->grant[below(state, FUZZ_GRANTS)];
    case TRACE_ADDRESS:
        return below(state, 2) == 0 ? (uint64_t)(uintptr_t)buffer : odd_number(state);
    case TRACE_ENUM:
    case TRACE_FLAGS:
        if (field->value_count > 0 && below(state, 4) != 0)
            return field->values[below(state, field->value_count)].value;
        return odd_number(state);
    default:
        return odd_number(state);
    }
}

static void fill_text(struct ipcfuzz_state *state, uint8_t *text, uint32_t bytes)
{
    static const char letters[] = "abdefhlmnoprstuvy./%-_0123456789";
    uint32_t length = below(state, bytes + 1); /* sometimes without its end */

    for (uint32_t i = 0; i < length; i++)
        text[i] = (uint8_t)letters[below(state, sizeof(letters) - 1)];
    if (length < bytes)
        text[length] = '\0';
}

static void fill_fields(struct ipcfuzz_state *state, struct message *message, const struct trace_operation *operation)
{
    for (uint32_t i = 0; i < operation->request_count; i++) {
        const struct trace_field *field = &operation->request[i];
        uint32_t size = field->count != 0 ? field->size / field->count : field->size;

        if (field->kind == TRACE_TEXT) {
            fill_text(state, message->payload + field->offset, field->size);
            continue;
        }
        for (uint32_t k = 0; k < field->count; k++) {
            uint64_t value = field_value(state, field);

            memcpy(message->payload + field->offset + k * size, &value, size);
        }
    }
}

static const struct trace_operation *any_operation(struct ipcfuzz_state *state)
{
    for (;;) {
        const struct protocol_trace *protocol = protocol_traces[below(state, protocol_trace_count)];
        const struct trace_operation *operation = &protocol->operations[below(state, protocol->operation_count)];

        if (!is_spared(operation->type))
            return operation;
    }
}

static uint32_t any_type(struct ipcfuzz_state *state)
{
    static const uint32_t kernels[] = { PROTOCOL_NOTIFY, PROTOCOL_EVENT, PROTOCOL_LINUX };
    uint32_t type;

    do {
        switch (below(state, 4)) {
        case 0:
            type = kernels[below(state, 3)] << 16 | below(state, 400);
            break;
        case 1:
            type = below(state, 40) << 16 | below(state, 64);
            break;
        case 2:
            type = any_operation(state)->type | MESSAGE_REPLY;
            break;
        default:
            type = (uint32_t)draw(state);
            break;
        }
    } while (is_spared(type));
    return type;
}

static void make(struct ipcfuzz_state *state, struct message *message)
{
    const struct trace_operation *operation = any_operation(state);

    for (int i = 0; i < WORDS; i++)
        message->word[i] = odd_number(state);
    message->source = any_endpoint(state);
    message->status = below(state, 2) == 0 ? 0 : (int32_t)odd_number(state);
    message->transaction = (uint32_t)odd_number(state);
    message->type = operation->type;
    if (below(state, 4) == 0)
        message->type = any_type(state);
    else if (below(state, 2) == 0)
        fill_fields(state, message, operation);
}

/* The server of the operation, if the type has one, else anybody. */
static endpoint_t receiver(struct ipcfuzz_state *state, uint32_t type)
{
    static const struct {
        const char *protocol;
        endpoint_t server[7];
        uint32_t count;
    } served[] = {
        { "kernel", { ENDPOINT_SYSTEM }, 1 },
        { "rs", { ENDPOINT_RS }, 1 },
        { "pm", { ENDPOINT_PM }, 1 },
        { "vm", { ENDPOINT_VM }, 1 },
        { "vfs", { ENDPOINT_VFS }, 1 },
        { "sched", { ENDPOINT_SCHED }, 1 },
        { "ds", { ENDPOINT_DS }, 1 },
        { "devfs", { ENDPOINT_DEVFS }, 1 },
        { "fs", { ENDPOINT_TMPFS, ENDPOINT_DEVFS, ENDPOINT_PROCFS }, 3 },
        { "char", { ENDPOINT_TTY, ENDPOINT_MEMORY, ENDPOINT_RANDOM, ENDPOINT_HELLO }, 4 },
    };
    const char *name = protocol_name(type);

    for (size_t i = 0; below(state, 4) != 0 && i < sizeof(served) / sizeof(served[0]); i++) {
        if (strcmp(name, served[i].protocol) == 0)
            return served[i].server[below(state, served[i].count)];
    }
    return (endpoint_t)below(state, BOOT_SERVICES);
}

void fuzz_make_grants(struct ipcfuzz_state *state)
{
    static const uint32_t access[] = { GRANT_READ, GRANT_WRITE, GRANT_READ | GRANT_WRITE };

    for (uint32_t i = 0; i < FUZZ_GRANTS; i++)
        state->grant[i] = cpf_grant_direct(ENDPOINT_ANY, buffer, i < 3 ? BUFFER_BYTES : 16, access[i % 3]);
}

/* ---- sending ---- */

/* Forged replies sent with SENDREC are answered too (EBADREQUEST), so SENDREC to a boot service always ends. */
static int send_waiting(struct ipcfuzz_state *state, struct message *message, bool is_call)
{
    endpoint_t destination = receiver(state, message->type);

    state->last_destination = destination;
    if (is_call || destination == ENDPOINT_SYSTEM) {
        int result = ipc_sendrec(destination, message);

        return result != 0 ? result : message->status;
    }
    return ipc_send(destination, message);
}

static int send_table(struct ipcfuzz_state *state)
{
    uint32_t count = below(state, TABLE + 1);
    int result;

    for (uint32_t i = 0; i < count; i++) {
        make(state, &table[i].message);
        table[i].flags = (uint32_t)odd_number(state) & 0x3f;
        table[i].destination = below(state, 2) == 0 ? any_endpoint(state) : receiver(state, table[i].message.type);
    }
    switch (below(state, 8)) {
    case 0:
        return ipc_senda((struct asynsend_entry *)(uintptr_t)odd_number(state), count);
    case 1:
        return ipc_senda(table, (uint32_t)odd_number(state));
    default:
        result = ipc_senda(table, count);
        (void)ipc_senda(NULL, 0); /* what is not out by now is taken back */
        return result;
    }
}

static int send_one(struct ipcfuzz_state *state)
{
    struct message message;

    make(state, &message);
    state->last_type = message.type;
    switch (below(state, 8)) {
    case 0:
        return send_waiting(state, &message, false);
    case 1:
        return ipc_sendnb(any_endpoint(state), &message);
    case 2:
        return ipc_sendnb(receiver(state, message.type), &message);
    case 3:
        return ipc_notify(any_endpoint(state));
    case 4:
        return send_table(state);
    default:
        return send_waiting(state, &message, true);
    }
}

void fuzz_batch(struct ipcfuzz_state *state)
{
    /* Now and then so many that the answers to SEND pile up at the servers. */
    uint32_t count = below(state, FUZZ_RUDE_ONE_IN) == 0 ? FUZZ_RUDE_BATCH : FUZZ_BATCH;

    for (uint32_t i = 0; i < count && state->left > 0; i++) {
        state->left--;
        state->sent++;
        if (send_one(state) == 0)
            state->answered++;
        else
            state->refused++;
    }
}
