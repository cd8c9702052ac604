/* SPDX-License-Identifier: MIT */
/*
 * The driver as a whole: requests of VFS and interrupts in, messages out, a serial port that is a few variables. A crash is the state as it was before
 * the handler, with what the port has seen.
 */
#include "../output.h"
#include "../pty.h"
#include "../serial.h"
#include "../settle.h"
#include "../state.h"
#include "errors.h"
#include "pm_client.h"
#include "protocols/devfs.h"
#include "protocols/kernel.h"
#include "protocols/vfs.h"
#include "sys/syscalls.h"
#include "testing/fake_kernel.h"
#include "testing/testing.h"
#include "tty_char_server.h"

enum { COM1 = 0x3f8, STATUS_DATA = 1, STATUS_EMPTY = 0x60 };

static struct tty_state tty, before;
static char sent[70000];
static uint32_t sent_count;
static const char *arriving = "";
static bool is_port_full;
static uint8_t scratch;
static uint32_t transactions;

static uint8_t port_read(uint32_t port)
{
    switch (port) {
    case COM1:
        return (uint8_t)*arriving++;
    case COM1 + 5:
        return (uint8_t)((is_port_full ? 0 : STATUS_EMPTY) | (*arriving != '\0' ? STATUS_DATA : 0));
    case COM1 + 7:
        return scratch;
    default:
        return 0xff;
    }
}

static void port_write(uint32_t port, uint8_t value)
{
    if (port == COM1 + 7)
        scratch = value;
}

static int sendrec(endpoint_t destination, struct message *message)
{
    struct kernel_devio_request io;
    struct kernel_devio_reply io_reply = { 0 };
    struct kernel_sdevio_request string;
    struct kernel_sdevio_reply string_reply = { 0 };
    uint32_t type = message->type;

    message->status = 0;
    message->type |= MESSAGE_REPLY;
    if (destination == ENDPOINT_PM) {
        struct pm_identify_reply who = { .pid = 7, .session = 7, .group = 7 };

        if (type == PM_IDENTIFY)
            pm_identify_reply_put(message, &who);
        if (type == PM_BACKGROUND)
            message->status = -ERESTARTSYS;
        return 0;
    }
    if (type == KERNEL_DEVIO) {
        kernel_devio_request_get(message, &io);
        if (io.request == KERNEL_IO_REQUEST_IN8)
            io_reply.value = port_read(io.port);
        else
            port_write(io.port, (uint8_t)io.value);
        kernel_devio_reply_put(message, &io_reply);
    } else if (type == KERNEL_SDEVIO) {
        kernel_sdevio_request_get(message, &string);
        string_reply.done = is_port_full ? 0 : string.count;
        memcpy(sent + sent_count, (const void *)(uintptr_t)string.address, string_reply.done);
        sent_count += (uint32_t)string_reply.done;
        kernel_sdevio_reply_put(message, &string_reply);
    }
    return 0;
}

int sys_in8(uint16_t port, uint8_t *value)
{
    *value = port_read(port);
    return 0;
}

int sys_out8(uint16_t port, uint8_t value)
{
    port_write(port, value);
    return 0;
}

static const char *screen(void)
{
    sent[sent_count] = '\0';
    sent_count = 0;
    return sent;
}

static void start(void)
{
    fake_reset();
    fake_sendrec = sendrec;
    memset(&serial_witness, 0, sizeof(serial_witness));
    arriving = "";
    is_port_full = false;
    sent_count = 0;
    tty_state_init(&tty);
    serial_start(&tty);
}

static struct message request, reply;

/* One message as main.c handles it. */
static int deliver(uint32_t transaction)
{
    struct call call;

    reply = (struct message){ 0 };
    request.transaction = transaction;
    call = fake_call(ENDPOINT_VFS, 0, &request, &reply);
    serial_begin(&tty, (uint64_t)request.type << 32 | transaction);
    return char_dispatch(&tty, &call);
}

static int64_t write_text(uint32_t minor, const char *text, uint32_t transaction)
{
    static char copy[8192]; /* a parked write reads it later */
    struct char_write_request write = { .minor = minor, .length = strlen(text) };
    struct char_write_reply written;
    int status;

    memcpy(copy, text, write.length);
    write.buffer = fake_grant(copy, write.length);
    request.type = CHAR_WRITE;
    char_write_request_put(&request, &write);
    status = deliver(transaction);
    char_write_reply_get(&reply, &written);
    return status != 0 ? status : (int64_t)written.length;
}

static int read_to(uint32_t minor, char *to, size_t room, uint32_t flags)
{
    struct char_read_request read = {
        .minor = minor, .length = room, .buffer = fake_grant(to, room), .flags = flags, .group = 9, .session = 7
    };

    request.type = CHAR_READ;
    char_read_request_put(&request, &read);
    return deliver(++transactions);
}

static uint64_t read_length(const struct message *message)
{
    struct char_read_reply read;

    char_read_reply_get(message, &read);
    return read.length;
}

static void interrupt(void)
{
    serial_begin(&tty, (uint64_t)(uint32_t)ENDPOINT_HARDWARE << 32);
    serial_interrupt(&tty.line[0], 0);
    settle_line(&tty, &tty.line[0], outbox_default());
}

TEST(text_goes_out_through_the_port)
{
    start();
    CHECK_EQ(write_text(MINOR_SERIAL, "hello\n", 1), 6);
    CHECK_STR(screen(), "hello\r\n");
    CHECK_STR(tty_state_check(&tty) == NULL ? "good" : tty_state_check(&tty), "good");
}

TEST(a_write_that_is_handled_again_goes_out_once)
{
    start();
    write_text(MINOR_SERIAL, "first\n", 1);
    before = tty;
    CHECK_EQ(write_text(MINOR_SERIAL, "second\n", 2), 7);
    tty = before;
    serial_start(&tty);
    CHECK_EQ(write_text(MINOR_SERIAL, "second\n", 2), 7);
    write_text(MINOR_SERIAL, "third\n", 3);
    CHECK_STR(screen(), "first\r\nsecond\r\nthird\r\n");
}

TEST(a_write_that_is_given_up_takes_nothing_from_the_next)
{
    start();
    before = tty;
    write_text(MINOR_SERIAL, "poison\n", 1);
    tty = before;
    write_text(MINOR_SERIAL, "next\n", 2);
    CHECK_STR(screen(), "poison\r\nnext\r\n");
}

TEST(input_is_not_lost_when_the_interrupt_is_handled_again)
{
    char text[16] = "";

    start();
    arriving = "ab";
    interrupt();
    before = tty;
    arriving = "c\n";
    interrupt();
    tty = before;
    interrupt();
    CHECK_EQ(read_to(MINOR_SERIAL, text, sizeof(text), 0), 0);
    CHECK_EQ(read_length(&reply), 4);
    CHECK_MEM(text, "abc\n", 4);
    CHECK_STR(screen(), "abc\r\n");
}

TEST(a_full_port_keeps_the_rest_for_its_interrupt)
{
    start();
    is_port_full = true;
    CHECK_EQ(write_text(MINOR_SERIAL, "waits\n", 1), 6);
    CHECK_STR(screen(), "");
    is_port_full = false;
    interrupt();
    CHECK_STR(screen(), "waits\r\n");
}

TEST(a_writer_waits_when_the_port_and_the_ring_are_full)
{
    static char big[6000];

    start();
    memset(big, 'x', sizeof(big) - 1);
    is_port_full = true;
    CHECK_EQ(write_text(MINOR_SERIAL, big, 1), CALL_PARKED);
    is_port_full = false;
    fake_sent_clear();
    interrupt();
    CHECK_EQ(sent_count, 4096); /* in one handler: others have their turn */
    interrupt();
    CHECK(fake_sent_to(ENDPOINT_VFS) != NULL);
    CHECK_EQ(fake_sent_to(ENDPOINT_VFS)->message.type, CHAR_WRITE | MESSAGE_REPLY);
    CHECK_EQ(strlen(screen()), sizeof(big) - 1);
}

TEST(a_reader_waits_for_a_line_and_can_be_cancelled)
{
    struct char_cancel_request cancel = { .minor = MINOR_SERIAL };
    char text[16];

    start();
    CHECK_EQ(read_to(MINOR_SERIAL, text, sizeof(text), CHAR_OPEN_FLAGS_NONBLOCK), -EAGAIN);
    CHECK_EQ(read_to(MINOR_SERIAL, text, sizeof(text), 0), CALL_PARKED);
    arriving = "go\r";
    interrupt();
    CHECK_EQ(fake_sent_to(ENDPOINT_VFS)->message.type, CHAR_READ | MESSAGE_REPLY);
    CHECK_EQ(read_length(&fake_sent_to(ENDPOINT_VFS)->message), 3);
    fake_sent_clear();
    CHECK_EQ(read_to(MINOR_SERIAL, text, sizeof(text), 0), CALL_PARKED);
    cancel.transaction = transactions;
    request.type = CHAR_CANCEL;
    char_cancel_request_put(&request, &cancel);
    deliver(0);
    CHECK_EQ(fake_sent_to(ENDPOINT_VFS)->message.status, -ERESTARTSYS);
    CHECK_EQ(tty.line[0].waiting[WAITER_READ], 0);
}

TEST(the_interrupt_key_signals_the_foreground_group)
{
    struct pm_signal_group_request signal;

    start();
    tty.line[0].session = 7;
    tty.line[0].foreground = 8;
    arriving = "\003";
    interrupt();
    CHECK(fake_sent_to(ENDPOINT_PM) != NULL);
    pm_signal_group_request_get(&fake_sent_to(ENDPOINT_PM)->message, &signal);
    CHECK_EQ(signal.group, 8);
    CHECK_EQ(signal.signal, SIGINT);
    CHECK_STR(screen(), "^C");
}

TEST(a_background_reader_is_sent_away)
{
    char text[4];

    start();
    tty.line[0].session = 7;
    tty.line[0].foreground = 8;
    CHECK_EQ(read_to(MINOR_SERIAL, text, sizeof(text), 0), -ERESTARTSYS);
    tty.line[0].foreground = 9;
    CHECK_EQ(read_to(MINOR_SERIAL, text, sizeof(text), CHAR_OPEN_FLAGS_NONBLOCK), -EAGAIN);
}

TEST(a_watcher_is_told_once)
{
    struct char_poll_request poll = { .minor = MINOR_SERIAL, .events = POLLIN, .watch = 1 };
    struct vfs_device_ready_request ready;

    start();
    request.type = CHAR_POLL;
    char_poll_request_put(&request, &poll);
    CHECK_EQ(deliver(1), 0);
    arriving = "a";
    interrupt();
    CHECK(fake_sent_to(ENDPOINT_VFS) == NULL);
    arriving = "\n";
    interrupt();
    vfs_device_ready_request_get(&fake_sent_to(ENDPOINT_VFS)->message, &ready);
    CHECK_EQ(ready.major, MAJOR_SERIAL);
    CHECK_EQ(ready.minor, MINOR_SERIAL);
    CHECK_EQ(ready.events, POLLIN);
    fake_sent_clear();
    arriving = "b\n";
    interrupt();
    CHECK_EQ(fake_sent_count(), 0);
}

static int open_device(uint32_t major, uint32_t minor, uint32_t flags)
{
    struct char_open_request open = { .major = major, .minor = minor, .flags = flags, .group = 7, .session = 7 };

    request.type = CHAR_OPEN;
    char_open_request_put(&request, &open);
    return deliver(++transactions);
}

static int close_device(uint32_t minor)
{
    struct char_close_request close = { .minor = minor };

    request.type = CHAR_CLOSE;
    char_close_request_put(&request, &close);
    return deliver(++transactions);
}

TEST(a_new_pair_waits_for_its_node_and_leaves_with_its_files)
{
    struct message made = { .type = DEVFS_MAKE_NODE | MESSAGE_REPLY, .transaction = SERIAL_LINES };
    struct tty_line *line = &tty.line[SERIAL_LINES];

    start();
    CHECK_EQ(open_device(MAJOR_AUXILIARY, MINOR_PTMX_NODE, 3), CALL_PARKED);
    CHECK_EQ(fake_sent_to(ENDPOINT_DEVFS)->message.type, DEVFS_MAKE_NODE);
    pty_node_made(&tty, &made, outbox_default());
    CHECK_EQ(fake_sent_to(ENDPOINT_VFS)->message.type, CHAR_OPEN | MESSAGE_REPLY);
    CHECK_EQ(open_device(MAJOR_PTS, 0, 3), -EIO);
    line->is_locked = 0;
    CHECK_EQ(open_device(MAJOR_PTS, 0, 3), 0);
    fake_sent_clear();
    CHECK_EQ(close_device(MINOR_MASTER), 0);
    CHECK_EQ(fake_sent_to(ENDPOINT_DEVFS)->message.type, DEVFS_REMOVE_NODE);
    CHECK(line->is_present);
    CHECK_EQ(close_device(MINOR_PTS), 0);
    CHECK(!line->is_present);
}

TEST(ports_that_are_not_there_cannot_be_opened)
{
    start();
    CHECK_EQ(open_device(MAJOR_SERIAL, 64, 3), 0);
    CHECK_EQ(open_device(MAJOR_SERIAL, 65, 3), -ENXIO);
    CHECK_EQ(open_device(MAJOR_SERIAL, 66, 3), -ENXIO);
    CHECK_EQ(open_device(MAJOR_AUXILIARY, MINOR_CONSOLE_NODE, 3), 0);
    CHECK_EQ(open_device(MAJOR_PTS, 5, 3), -EIO);
}

TEST(a_leader_that_opens_gets_the_terminal_and_loses_it_with_a_hangup)
{
    struct char_session_end_request end = { .minor = MINOR_SERIAL, .session = 7 };
    struct char_open_reply opened;
    char text[4];

    start();
    CHECK_EQ(open_device(MAJOR_SERIAL, 64, CHAR_OPEN_FLAGS_READ | CHAR_OPEN_FLAGS_LEADER), 0);
    char_open_reply_get(&reply, &opened);
    CHECK_EQ(opened.controlling, 1);
    CHECK_EQ(tty.line[0].session, 7);
    fake_sent_clear();
    request.type = CHAR_SESSION_END;
    char_session_end_request_put(&request, &end);
    deliver(++transactions);
    CHECK_EQ(tty.line[0].session, 0);
    CHECK_EQ(fake_sent_count(), 2);
    CHECK_EQ(read_to(MINOR_SERIAL, text, 4, 0), 0);
    CHECK_EQ(read_length(&reply), 0);
    CHECK_EQ(write_text(MINOR_SERIAL, "x", 99), -EIO);
    CHECK_EQ(write_text(MINOR_CONSOLE, "x", 100), 1);
    CHECK_EQ(open_device(MAJOR_SERIAL, 64, CHAR_OPEN_FLAGS_READ), 0);
    CHECK_EQ(write_text(MINOR_SERIAL, "x", 101), 1);
}
