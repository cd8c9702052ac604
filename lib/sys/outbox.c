/* SPDX-License-Identifier: MIT */
/*
 * The outbox (outbox_table.h has the layout). A reply first tries SENDNB: its receiver nearly always waits for it. Requests and events, and
 * replies to busy services, go into the SENDA table with ASYN_NOREPLY, so that they never pass for the reply of a SENDREC in flight.
 */
#include "sys/outbox.h"

#include <stddef.h>

#include "base/string.h"
#include "errors.h"
#include "protocols/service.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/outbox_table.h"
#include "sys/service.h"

#ifdef PLANARIA_HOST
struct outbox own_outbox;
#else
struct outbox own_outbox __attribute__((section(".bss.outbox")));
#endif

enum { OUTBOX_COMPACT_AT = OUTBOX_ENTRIES / 2, OUTBOX_DROP_AT = OUTBOX_ENTRIES / 8 };

struct outbox *outbox_default(void)
{
    return &own_outbox;
}

uint32_t outbox_room(const struct outbox *outbox)
{
    return OUTBOX_ENTRIES - outbox->tail;
}

void outbox_add(struct outbox *outbox, endpoint_t destination, const struct message *message)
{
    struct asynsend_entry *entry = &outbox->entry[outbox->tail];

    if (outbox->tail == OUTBOX_ENTRIES)
        service_panic("outbox is full: message %#x to %d", message->type, destination);
    entry->flags = ASYN_EMPTY;
    entry->destination = destination;
    entry->result = 0;
    entry->message = *message;
    outbox->tail++;
}

void outbox_notify(struct outbox *outbox, endpoint_t destination)
{
    struct message message = { .type = PROTOCOL_NOTIFY << 16 };

    outbox_add(outbox, destination, &message);
}

void outbox_linux_reply(struct outbox *outbox, endpoint_t caller, int64_t result)
{
    struct message message = { .type = PROTOCOL_LINUX << 16 | MESSAGE_REPLY };

    if (result < 0 && result > -4096)
        message.status = (int32_t)result;
    message.word[0] = (uint64_t)result;
    outbox_add(outbox, caller, &message);
}

void outbox_reply_status(struct outbox *outbox, endpoint_t caller, uint32_t type, uint32_t transaction, int status)
{
    struct message message = { .type = type | MESSAGE_REPLY, .status = status, .transaction = transaction };

    outbox_add(outbox, caller, &message);
}

static bool is_reply(const struct asynsend_entry *entry)
{
    return (entry->message.type & MESSAGE_REPLY) != 0;
}

/* A user thread that does not wait for us wants no reply any more; a service that is busy gets it later. */
static bool may_wait(const struct asynsend_entry *entry)
{
    return endpoint_slot(entry->destination) < SERVICE_SLOTS;
}

/* DONE is otherwise set by the kernel only, in entries that are VALID: it skips this one. */
enum { HELD = ASYN_DONE };

static bool may_be_held(const struct asynsend_entry *entry)
{
    return !is_reply(entry) && message_protocol(entry->message.type) != SERVICE_PROTOCOL;
}

static bool is_held(const struct outbox *outbox, endpoint_t destination)
{
    uint32_t slot = endpoint_slot(destination);

    return slot < SERVICE_SLOTS && (outbox->held[slot / 64] >> (slot % 64) & 1) != 0;
}

/* Requests to `destination` in one state get the other one. */
static void change_entries(struct outbox *outbox, endpoint_t destination, uint32_t from, uint32_t to)
{
    (void)ipc_senda(NULL, 0);
    for (uint32_t i = outbox->head; i < outbox->committed; i++) {
        struct asynsend_entry *entry = &outbox->entry[i];

        if (entry->destination == destination && entry->flags == from && may_be_held(entry))
            entry->flags = to;
    }
    outbox_register(outbox);
}

void outbox_hold(struct outbox *outbox, endpoint_t destination)
{
    outbox->held[endpoint_slot(destination) / 64] |= 1ull << (endpoint_slot(destination) % 64);
    change_entries(outbox, destination, ASYN_VALID | ASYN_NOREPLY, HELD);
}

void outbox_release(struct outbox *outbox, endpoint_t destination)
{
    outbox->held[endpoint_slot(destination) / 64] &= ~(1ull << (endpoint_slot(destination) % 64));
    change_entries(outbox, destination, HELD, ASYN_VALID | ASYN_NOREPLY);
}

/* Returns true if the entry is left to the kernel. */
static bool send_entry(const struct outbox *outbox, struct asynsend_entry *entry)
{
    if (may_be_held(entry) && is_held(outbox, entry->destination)) {
        entry->flags = HELD;
        return false;
    }
    if (message_protocol(entry->message.type) == PROTOCOL_NOTIFY) {
        (void)ipc_notify(entry->destination);
        return false;
    }
    if (is_reply(entry) && (ipc_sendnb(entry->destination, &entry->message) != -ENOTREADY || !may_wait(entry)))
        return false;
    entry->flags = ASYN_VALID | ASYN_NOREPLY;
    return true;
}

static bool is_done(const struct asynsend_entry *entry)
{
    return entry->flags == ASYN_EMPTY || ((entry->flags & ASYN_DONE) != 0 && entry->flags != HELD && entry->result == 0);
}

uint32_t outbox_waiting(const struct outbox *outbox)
{
    uint32_t waiting = 0;

    for (uint32_t i = outbox->head; i < outbox->tail; i++)
        waiting += !is_done(&outbox->entry[i]) || i >= outbox->committed;
    return waiting;
}

static void retire(struct outbox *outbox)
{
    while (outbox->head < outbox->committed && is_done(&outbox->entry[outbox->head]))
        outbox->head++;
    if (outbox->head == outbox->tail)
        outbox->head = outbox->committed = outbox->tail = 0;
}

/* Move what is not done to the front. */
static void squeeze(struct outbox *outbox)
{
    uint32_t kept = 0;

    for (uint32_t i = outbox->head; i < outbox->committed; i++) {
        if (is_done(&outbox->entry[i]))
            continue;
        if (kept != i)
            outbox->entry[kept] = outbox->entry[i];
        kept++;
    }
    outbox->head = 0;
    outbox->committed = kept;
    outbox->tail = kept;
}

/* The service with most replies that it does not take: it sends requests and never receives. Its replies are its own affair, the room is ours.
 * Boot services are only slow at worst, and wait for each of theirs. */
static void drop_worst(struct outbox *outbox)
{
    uint16_t waiting[SERVICE_SLOTS] = { 0 };
    uint32_t worst = 0;

    for (uint32_t i = 0; i < outbox->committed; i++) {
        uint32_t slot = endpoint_slot(outbox->entry[i].destination);

        if (is_reply(&outbox->entry[i]) && slot < SERVICE_SLOTS && slot > ENDPOINT_HELLO && ++waiting[slot] > waiting[worst])
            worst = slot;
    }
    if (waiting[worst] < OUTBOX_DROP_AT)
        return;
    log_warn("slot %u does not take its replies: %u are dropped", worst, waiting[worst]);
    for (uint32_t i = 0; i < outbox->committed; i++) {
        if (is_reply(&outbox->entry[i]) && endpoint_slot(outbox->entry[i].destination) == worst)
            outbox->entry[i].flags = ASYN_EMPTY;
    }
    squeeze(outbox);
}

static void compact(struct outbox *outbox)
{
    (void)ipc_senda(NULL, 0); /* the kernel must not deliver an entry while it moves */
    squeeze(outbox);
    if (outbox->tail > OUTBOX_COMPACT_AT)
        drop_worst(outbox);
    outbox_register(outbox);
}

void outbox_register(struct outbox *outbox)
{
    if (outbox->head < outbox->committed)
        (void)ipc_senda(&outbox->entry[outbox->head], outbox->committed - outbox->head);
}

/* Requests and events leave first: who gets a reply may talk to another service at once, and that must already know what we had to tell it. An entry
 * whose flags are set was given to the kernel before a crash in the middle of this. */
static bool send_requests(struct outbox *outbox, bool *has_reply)
{
    bool left = false;

    for (uint32_t i = outbox->committed; i < outbox->tail; i++) {
        if (is_reply(&outbox->entry[i]))
            *has_reply = true;
        else if (outbox->entry[i].flags == ASYN_EMPTY)
            left |= send_entry(outbox, &outbox->entry[i]);
    }
    return left;
}

void outbox_flush(struct outbox *outbox)
{
    bool has_reply = false;
    bool left = send_requests(outbox, &has_reply);

    if (left && has_reply) {
        (void)ipc_senda(&outbox->entry[outbox->head], outbox->tail - outbox->head);
        left = false;
    }
    for (; outbox->committed < outbox->tail; outbox->committed++) {
        if (is_reply(&outbox->entry[outbox->committed]))
            left |= send_entry(outbox, &outbox->entry[outbox->committed]);
    }
    if (left)
        outbox_register(outbox);
    retire(outbox);
    if (outbox->tail > OUTBOX_COMPACT_AT)
        compact(outbox);
}

bool outbox_is_sound(const struct outbox *outbox)
{
    return outbox->head <= outbox->committed && outbox->committed <= outbox->tail && outbox->tail <= OUTBOX_ENTRIES;
}

void outbox_forget(struct outbox *outbox)
{
    outbox->head = outbox->committed = outbox->tail = 0;
}

void outbox_rollback(struct outbox *outbox)
{
    outbox->tail = outbox->committed;
}

bool outbox_take_failure(struct outbox *outbox, struct message *reply)
{
    for (uint32_t i = outbox->head; i < outbox->committed; i++) {
        struct asynsend_entry *entry = &outbox->entry[i];

        if ((entry->flags & ASYN_DONE) == 0 || entry->flags == HELD || entry->result == 0)
            continue;
        *reply = entry->message;
        reply->source = entry->destination;
        reply->type |= MESSAGE_REPLY;
        reply->status = entry->result;
        entry->flags = ASYN_EMPTY;
        if (is_reply(entry)) /* nobody waits for the answer to an answer */
            continue;
        return true;
    }
    return false;
}
