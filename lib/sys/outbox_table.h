/* SPDX-License-Identifier: MIT */
/*
 * The inside of the outbox: one SENDA table used as a queue, so that messages to one destination keep their order.
 *   [0, head)          done, reusable when the queue is compacted
 *   [head, committed)  left the service: the kernel delivers them when their receivers are ready
 *   [committed, tail)  of the handler that is running; dropped if it does not get to its commit
 * Only lib/sys and its tests include this.
 */
#pragma once

#include <stdbool.h>

#include "sys/outbox.h"

struct outbox {
    uint32_t head;
    uint32_t committed;
    uint32_t tail;
    uint32_t reserved;
    uint64_t held[SERVICE_SLOTS / 64]; /* services that get no requests for now */
    struct asynsend_entry entry[OUTBOX_ENTRIES];
};

extern struct outbox own_outbox;

static inline bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->head == outbox->tail;
}

/* The commit: everything queued leaves. May be called again after a crash in the middle: nothing is lost. */
void outbox_flush(struct outbox *outbox);
/* Of an outbox that has come from a dead instance: is its row of entries one? */
bool outbox_is_sound(const struct outbox *outbox);
/* Forget what the running handler queued. */
void outbox_rollback(struct outbox *outbox);
/* After a restart: tell the kernel about the table that came with the state. */
void outbox_register(struct outbox *outbox);
/* The next request that could not be delivered, as its reply (status negative); false: none. */
bool outbox_take_failure(struct outbox *outbox, struct message *reply);
