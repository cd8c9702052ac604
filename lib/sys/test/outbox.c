/* SPDX-License-Identifier: MIT */
/*
 * Outbox against a scripted kernel: order, late replies, roll back, failures.
 */
#include <stdio.h>

#include "errors.h"
#include "protocols/service.h"
#include "sys/ipc.h"
#include "sys/loop.h"
#include "sys/outbox_table.h"
#include "testing/testing.h"

static struct asynsend_entry *table;
static uint32_t table_count;
static int sendnb_result;
static uint32_t sendnb_count;

int ipc_sendnb(endpoint_t destination, struct message *message)
{
    (void)destination;
    (void)message;
    sendnb_count++;
    return sendnb_result;
}

int ipc_senda(struct asynsend_entry *entries, uint32_t count)
{
    table = entries;
    table_count = count;
    return 0;
}

int kernel_request(struct message *message)
{
    (void)message;
    return 0;
}

grant_t public_table_grant = -1;

static struct outbox *fresh(void)
{
    struct outbox *outbox = outbox_default();

    outbox->head = outbox->committed = outbox->tail = 0;
    sendnb_result = 0;
    sendnb_count = 0;
    table = NULL;
    table_count = 0;
    return outbox;
}

static void add(struct outbox *outbox, endpoint_t destination, uint32_t type, uint32_t transaction)
{
    struct message message = { .type = type, .transaction = transaction };

    outbox_add(outbox, destination, &message);
}

TEST(requests_wait_in_the_table_in_order)
{
    struct outbox *outbox = fresh();

    add(outbox, 1, 6 << 16 | 1, 10);
    add(outbox, 1, 6 << 16 | 1, 11);
    CHECK(table == NULL);
    outbox_flush(outbox);
    CHECK_EQ(table_count, 2);
    CHECK_EQ(table[0].message.transaction, 10);
    CHECK_EQ(table[0].flags, ASYN_VALID | ASYN_NOREPLY);
    table[0].flags |= ASYN_DONE;
    add(outbox, 1, 6 << 16 | 1, 12);
    outbox_flush(outbox);
    outbox_flush(outbox);
    outbox_register(outbox);
    CHECK_EQ(table_count, 2);
    CHECK_EQ(table[0].message.transaction, 11);
    CHECK_EQ(table[1].message.transaction, 12);
}

TEST(a_rolled_back_handler_sends_nothing)
{
    struct outbox *outbox = fresh();

    add(outbox, 1, 6 << 16 | 1, 1);
    outbox_flush(outbox);
    add(outbox, 1, 6 << 16 | 1, 2);
    outbox_rollback(outbox);
    table_count = 0;
    outbox_flush(outbox);
    CHECK_EQ(table_count, 0);
    CHECK_EQ(outbox->tail, 1);
}

TEST(replies_go_at_once_or_wait_if_a_service_is_busy)
{
    struct outbox *outbox = fresh();

    outbox_reply_status(outbox, 300, 6 << 16 | 1, 0, 0);
    outbox_flush(outbox);
    CHECK_EQ(sendnb_count, 1);
    CHECK(outbox_is_empty(outbox));
    sendnb_result = -ENOTREADY;
    outbox_reply_status(outbox, 300, 6 << 16 | 1, 0, 0); /* a user thread: dropped */
    outbox_flush(outbox);
    CHECK(outbox_is_empty(outbox));
    outbox_reply_status(outbox, 4, 6 << 16 | 1, 0, 0);
    outbox_flush(outbox);
    CHECK_EQ(table_count, 1);
    CHECK_EQ(table[0].destination, 4);
}

TEST(a_dead_receiver_comes_back_as_a_reply)
{
    struct outbox *outbox = fresh();
    struct message reply;

    add(outbox, 5, 6 << 16 | 1, 77);
    outbox_flush(outbox);
    CHECK(!outbox_take_failure(outbox, &reply));
    table[0].flags |= ASYN_DONE;
    table[0].result = -EDEADSRCDST;
    CHECK(outbox_take_failure(outbox, &reply));
    CHECK_EQ(reply.transaction, 77);
    CHECK_EQ(reply.status, -EDEADSRCDST);
    CHECK_EQ(reply.type, (6 << 16 | 1 | MESSAGE_REPLY));
    CHECK(!outbox_take_failure(outbox, &reply));
    outbox_flush(outbox);
    CHECK(outbox_is_empty(outbox));
}

TEST(a_full_table_is_compacted)
{
    struct outbox *outbox = fresh();

    for (uint32_t i = 0; i < 2000; i++) {
        add(outbox, 1, 6 << 16 | 1, i);
        outbox_flush(outbox);
        if (i > 0) /* the first one never gets through */
            table[table_count - 1].flags |= ASYN_DONE;
    }
    CHECK_EQ(table[0].message.transaction, 0);
    CHECK(outbox_room(outbox) >= OUTBOX_ENTRIES / 4);
    CHECK_EQ(outbox_waiting(outbox), 1);
}

TEST(a_service_that_never_receives_loses_its_replies_and_nobody_else_does)
{
    struct outbox *outbox = fresh();

    sendnb_result = -ENOTREADY;
    add(outbox, 1, 6 << 16 | 1, 4711);
    outbox_reply_status(outbox, 7, 6 << 16 | 1, 4712, 0);
    for (uint32_t i = 0; i < 5000; i++) {
        outbox_reply_status(outbox, 32, 6 << 16 | 1, i, 0);
        outbox_flush(outbox);
    }
    CHECK_EQ(table[0].message.transaction, 4711);
    CHECK_EQ(table[1].message.transaction, 4712);
    CHECK(outbox_room(outbox) >= OUTBOX_ENTRIES / 4);
}

TEST(linux_replies_carry_errors_in_the_status)
{
    struct outbox *outbox = fresh();

    sendnb_result = -ENOTREADY;
    outbox_linux_reply(outbox, 4, -ENOENT);
    outbox_linux_reply(outbox, 4, (int64_t)0x7fff00000000);
    outbox_flush(outbox);
    CHECK_EQ(table[0].message.status, -ENOENT);
    CHECK_EQ(table[1].message.status, 0);
    CHECK_EQ(table[1].message.word[0], 0x7fff00000000);
}

/* What is meant for a service whose new version may fail reaches the one that goes on. */
TEST(requests_to_a_held_service_wait_until_it_is_released)
{
    struct outbox *outbox = fresh();

    add(outbox, 5, 0x40001, 1);
    outbox_flush(outbox);
    CHECK_EQ(outbox->entry[0].flags, ASYN_VALID | ASYN_NOREPLY);
    outbox_hold(outbox, 5);
    CHECK_EQ(outbox->entry[0].flags & ASYN_VALID, 0); /* not taken yet: taken back */
    add(outbox, 5, 0x40001, 2);
    add(outbox, 6, 0x40001, 3);
    add(outbox, 5, SERVICE_INIT, 4);
    add(outbox, 5, 0x40002 | MESSAGE_REPLY, 5);
    outbox_flush(outbox);
    CHECK_EQ(outbox->entry[1].flags & ASYN_VALID, 0);
    CHECK((outbox->entry[2].flags & ASYN_VALID) != 0);
    CHECK((outbox->entry[3].flags & ASYN_VALID) != 0);
    CHECK_EQ(sendnb_count, 1);
    outbox->entry[2].flags |= ASYN_DONE;
    outbox_flush(outbox);
    CHECK_EQ(outbox->entry[outbox->head].message.transaction, 1);
    outbox_release(outbox, 5);
    CHECK_EQ(outbox->entry[0].flags, ASYN_VALID | ASYN_NOREPLY);
    CHECK_EQ(outbox->entry[1].flags, ASYN_VALID | ASYN_NOREPLY);
    CHECK(table != NULL);
}

TEST(an_outbox_whose_marks_are_out_of_order_is_emptied)
{
    struct outbox *outbox = fresh();

    add(outbox, 5, 0x40001, 1);
    CHECK(outbox_is_sound(outbox));
    outbox->committed = 2;
    CHECK(!outbox_is_sound(outbox));
    outbox->committed = 0;
    outbox->tail = OUTBOX_ENTRIES + 1;
    CHECK(!outbox_is_sound(outbox));
    outbox_forget(outbox);
    CHECK(outbox_is_sound(outbox));
    CHECK(outbox_is_empty(outbox));
}
