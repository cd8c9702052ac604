/* SPDX-License-Identifier: MIT */
/*
 * Life of a pair: free (not present), being made (an open waits for devfs), master open, master closed with slave files left, free again.
 */
#include "pty.h"

#include "base/format.h"
#include "devfs_client.h"
#include "errors.h"
#include "job.h"
#include "pm_client.h"
#include "sys/call.h"
#include "waiter.h"

enum { NODE_MODE = 020620, GROUP_TTY = 5 };

static struct tty_line *find_free(struct tty_state *tty)
{
    for (uint32_t i = SERIAL_LINES; i < TTY_LINES; i++) {
        if (!tty->line[i].is_present)
            return &tty->line[i];
    }
    return NULL;
}

static void name_node(char *to, size_t room, uint32_t number)
{
    format_string(to, room, "pts/%u", number);
}

static void make_node(uint32_t line, endpoint_t process, struct outbox *outbox)
{
    struct devfs_make_node_request request = {
        .mode = NODE_MODE,
        .gid = GROUP_TTY,
        .major = MAJOR_PTS,
        .minor = MINOR_PTS + line - SERIAL_LINES,
    };
    struct pm_identify_request process_request = { .process = process };
    struct pm_identify_reply who = { 0 };

    if (pm_call_identify(ENDPOINT_PM, &process_request, &who) == 0)
        request.uid = who.euid;
    name_node(request.name, sizeof(request.name), line - SERIAL_LINES);
    devfs_send_make_node(outbox, ENDPOINT_DEVFS, line, &request);
}

static void free_pair(struct tty_line *line)
{
    line->is_present = 0;
}

int pty_open_master(struct tty_state *tty, struct call *call, endpoint_t process)
{
    struct tty_line *line = find_free(tty);
    struct tty_waiter waiter = {
        .kind = WAITER_OPEN,
        .side = SIDE_MASTER,
        .granter = call->caller,
        .transaction = call->transaction,
    };

    if (line == NULL)
        return -ENOSPC;
    waiter.line = (uint16_t)tty_index(tty, line);
    waiter.result = MINOR_MASTER + waiter.line - SERIAL_LINES;
    tty_line_reset(line, LINE_PTY);
    if (!waiter_park(tty, &waiter))
        return -EAGAIN;
    line->is_present = 1;
    line->has_master = 1;
    line->is_locked = 1;
    make_node(waiter.line, process, call->outbox);
    return CALL_PARKED;
}

void pty_node_made(struct tty_state *tty, const struct message *reply, struct outbox *outbox)
{
    uint32_t line = reply->transaction;
    struct tty_waiter *waiter = line < TTY_LINES ? waiter_find(tty, line, WAITER_OPEN, 1u << SIDE_MASTER) : NULL;

    if (waiter == NULL)
        return;
    if (reply->status != 0 && reply->status != -EEXIST) {
        waiter->result = reply->status == -ENOSPC ? -ENOSPC : -EIO;
        tty->line[line].has_master = 0;
        free_pair(&tty->line[line]);
    }
    waiter_finish(tty, waiter, outbox);
}

void pty_close_master(struct tty_state *tty, struct tty_line *line, struct outbox *outbox)
{
    struct devfs_remove_node_request request = { 0 };

    name_node(request.name, sizeof(request.name), tty_index(tty, line) - SERIAL_LINES);
    devfs_send_remove_node(outbox, ENDPOINT_DEVFS, TTY_LINES, &request);
    line->has_master = 0;
    line->watch_master = 0;
    job_hang_up(line);
    if (line->opens == 0)
        free_pair(line);
}

void pty_slave_closed(struct tty_line *line)
{
    line->is_slave_closed = 1;
    if (!line->has_master)
        free_pair(line);
}
