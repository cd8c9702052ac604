/* SPDX-License-Identifier: MIT */
/*
 * What an instance notes for the report of its death (user/coroner reads it from the dead instance): the last messages, why it gave up, and, while
 * it handles a message that killed its predecessor, what the kernel and others answered, for `planaria replay`. Never rolled back, never taken
 * over by the next instance.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

enum { CRASH_EVENTS = 16, CRASH_TEXT_BYTES = 256, CRASH_CALLS_BYTES = 16384 };

#define CRASH_NOTES_MAGIC 0x31305345544f4eull /* "NOTES01" */

struct crash_event {
    endpoint_t source;
    uint32_t type;
    int32_t status;
    uint32_t transaction;
    uint64_t word;
};

/* One SENDREC of the handler; `copied` bytes follow, rounded up to 8: what it copied into the service's memory. */
struct crash_call {
    endpoint_t destination;
    uint32_t request_type;
    int32_t result;
    uint32_t copied;
    struct message answer;
};

struct crash_notes {
    uint64_t magic;
    uint64_t events; /* so far; the ring is indexed by it */
    struct crash_event event[CRASH_EVENTS];
    char text[CRASH_TEXT_BYTES];  /* of service_panic, or why there was no resume */
    char check[CRASH_TEXT_BYTES]; /* what state_check said then */
    char fault[CRASH_TEXT_BYTES]; /* a fault on request that was executed */
    uint32_t recording;           /* calls are noted */
    uint32_t calls_lost;          /* there was no room for them */
    uint32_t calls_used;          /* bytes */
    uint32_t update_fault; /* enum update_fault: what is to go wrong in the update that is asked for; the new version reads it here */
    uint8_t calls[CRASH_CALLS_BYTES];
};

extern struct crash_notes crash_notes;

/* Note a message that is about to be handled. */
static inline void crash_notes_message(const struct message *message)
{
    struct crash_event *event = &crash_notes.event[crash_notes.events++ % CRASH_EVENTS];

    event->source = message->source;
    event->type = message->type;
    event->status = message->status;
    event->transaction = message->transaction;
    event->word = message->word[0];
}

/* Start over with the calls of a handler. */
void crash_notes_record(bool on);
/* Note a SENDREC: the request as it was, the result of the trap, the answer. */
void crash_notes_call(endpoint_t destination, const struct message *request, int result, const struct message *answer);
/* Where this kernel call writes in the caller's own memory, and how many bytes; 0: nothing, or nothing that is known. */
uint64_t crash_notes_copied(endpoint_t destination, const struct message *request, const struct message *answer, uint64_t *address);
