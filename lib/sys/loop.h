/* SPDX-License-Identifier: MIT */
/*
 * What the files of lib/sys know of each other and nobody else does: identity, start-up, and what SEF takes out of the stream of messages.
 */
#pragma once

#include <stdbool.h>

#include "protocols/service.h"
#include "sys/sef.h"
#include "sys/service.h"

struct kernel_getksig_reply;

struct identity {
    endpoint_t endpoint;
    endpoint_t predecessor; /* whose place we took by ourselves (sef_stand_by): it has our old endpoint; NONE */
    uint32_t flags;         /* enum privilege_flags */
    bool known;
    char name[16];
};

extern struct identity identity;
extern const struct service *running_service;
/* Set by resume: the message in hand must be handled again before the next receive. */
extern bool resume_pending;
/* Grant over RS's public table, or -1. */
extern grant_t public_table_grant;

/* true: SEF has dealt with it. */
bool sef_take(const struct message *message, uint32_t status);

/* A notification that others have signals for us to manage: sef_take does that, but it is work like a message's, and a transaction. */
bool sef_is_managed(const struct message *message);

/* The quick question before: most messages are none of SEF's business. */
static inline bool sef_might_take(const struct message *message, uint32_t status)
{
    return (status & IPC_STATUS_VERB_MASK) == IPC_NOTIFY || message_protocol(message->type) == SERVICE_PROTOCOL;
}
/* For sef_signal_details. */
void sef_keep_details(const struct kernel_getksig_reply *reply);
/* The init_fresh callback, for a restart that has nothing to take over. */
int sef_init_fresh(int type, struct sef_init_info *info);
/* Number the arenas from the first one again. promise: service_arena only says where they will be. */
void arena_restart(bool promise);
/* Make an arena, or give it back (0 bytes). */
int arena_make(uint32_t number, uint64_t bytes);
/* Make the old instance's memory from `source` on our arena; both have the same frames. */
int arena_adopt(uint32_t number, uint64_t source, uint64_t bytes, bool writable);
/* Take the state of the other instance over, all but the arenas. 0 or a negative error. */
int resume_take_sections(void);
/* The copy of its state that the dead instance had (mirror.h). */
int resume_take_mirror(void);
/* Ask who we are; once. */
void identity_ask(void);
/* SENDREC to the kernel; the error of the trap or the status of the answer. */
int kernel_request(struct message *message);
