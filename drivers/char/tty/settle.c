/* SPDX-License-Identifier: MIT */
/*
 * A change may let a request go on, which changes the line again (a master's read makes room for a slave's write): go round until nothing moves.
 */
#include "settle.h"

#include "input.h"
#include "ioctl.h"
#include "output.h"
#include "pm_client.h"
#include "serial.h"
#include "sys/syscalls.h"
#include "transfer.h"
#include "vfs_client.h"
#include "waiter.h"

static bool step(struct tty_state *tty, struct tty_waiter *waiter)
{
    switch (waiter->kind) {
    case WAITER_READ:
        return transfer_read(tty, waiter);
    case WAITER_WRITE:
        return transfer_write(tty, waiter);
    default:
        return ioctl_drained(tty, waiter);
    }
}

/* Returns true if anything moved. */
static bool serve(struct tty_state *tty, uint32_t line, enum waiter_kind kind, struct outbox *outbox)
{
    bool moved = false;

    if (tty->line[line].waiting[kind] == 0)
        return false;
    for (uint32_t side = SIDE_SLAVE; side <= SIDE_MASTER; side++) {
        struct tty_waiter *waiter;

        while ((waiter = waiter_find(tty, line, kind, 1u << side)) != NULL) {
            uint64_t before = waiter->done;
            bool is_finished = step(tty, waiter);

            if (is_finished || waiter->done != before)
                moved = true;
            if (!is_finished)
                break;
            waiter_finish(tty, waiter, outbox);
        }
    }
    return moved;
}

static void send_signal(struct outbox *outbox, uint32_t group, int signal, uint32_t session)
{
    struct pm_signal_group_request request = { .group = group, .signal = signal, .session = session };

    if (group != 0)
        pm_send_signal_group(outbox, ENDPOINT_PM, 0, &request);
}

static void send_signals(struct tty_line *line, struct outbox *outbox)
{
    static const uint8_t numbers[] = { SIGINT, SIGQUIT, SIGTSTP, SIGWINCH };

    for (uint32_t i = 0; i < sizeof(numbers) && line->signals != 0; i++) {
        if (line->signals >> numbers[i] & 1)
            send_signal(outbox, line->foreground, numbers[i], line->session);
    }
    line->signals = 0;
}

static void send_hangup(struct tty_line *line, struct outbox *outbox)
{
    uint32_t leader = line->hangup_session, foreground = line->hangup_foreground;

    if (leader != 0) {
        send_signal(outbox, leader, SIGHUP, leader);
        send_signal(outbox, leader, SIGCONT, leader);
    }
    if (foreground != 0 && foreground != leader) {
        send_signal(outbox, foreground, SIGHUP, leader);
        send_signal(outbox, foreground, SIGCONT, leader);
    }
    line->hangup_session = line->hangup_foreground = 0;
}

static uint32_t ready_slave(const struct tty_line *line, uint32_t side)
{
    const uint8_t *cc = line->termios.cc;
    uint32_t ready = 0;

    if (transfer_is_dead(line, side))
        return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    if (input_is_ready(line, cc[VTIME] == 0 && cc[VMIN] > 0 ? cc[VMIN] : 1))
        ready |= POLLIN | POLLRDNORM;
    if (output_room(line) > TTY_ECHO_RESERVE + 1)
        ready |= POLLOUT | POLLWRNORM;
    return ready;
}

static uint32_t ready_master(const struct tty_line *line)
{
    uint32_t ready = 0;

    if (output_used(line) > 0 && !line->is_stopped)
        ready |= POLLIN | POLLRDNORM;
    if (line->is_packet && line->packet_status != 0)
        ready |= POLLPRI | POLLIN | POLLRDNORM;
    if (line->is_slave_closed)
        ready |= POLLHUP;
    if (input_has_room(line))
        ready |= POLLOUT | POLLWRNORM;
    return ready;
}

uint32_t settle_ready(const struct tty_line *line, uint32_t side)
{
    return side == SIDE_MASTER ? ready_master(line) : ready_slave(line, side);
}

static void tell(struct outbox *outbox, uint32_t major, uint32_t minor, uint32_t events)
{
    struct vfs_device_ready_request request = { .major = major, .minor = minor, .events = events };

    vfs_send_device_ready(outbox, ENDPOINT_VFS, 0, &request);
}

static void tell_watchers(struct tty_state *tty, struct tty_line *line, struct outbox *outbox)
{
    uint32_t index = tty_index(tty, line);
    uint32_t ready;

    if (line->watch != 0 && (ready = ready_slave(line, SIDE_SLAVE) & line->watch) != 0) {
        line->watch = 0;
        if (line->kind == LINE_PTY)
            tell(outbox, MAJOR_PTS, index - SERIAL_LINES, ready);
        else
            tell(outbox, MAJOR_SERIAL, MINOR_SERIAL + index, ready);
    }
    if (line->watch_console != 0 && (ready = ready_slave(line, SIDE_CONSOLE) & line->watch_console) != 0) {
        line->watch_console = 0;
        tell(outbox, MAJOR_AUXILIARY, MINOR_CONSOLE, ready);
    }
    if (line->watch_master != 0 && (ready = ready_master(line) & line->watch_master) != 0) {
        line->watch_master = 0;
        tell(outbox, MAJOR_AUXILIARY, MINOR_MASTER + index - SERIAL_LINES, ready);
    }
}

void settle_line(struct tty_state *tty, struct tty_line *line, struct outbox *outbox)
{
    uint32_t index = tty_index(tty, line);
    bool moved = true;

    while (moved) {
        if (line->kind == LINE_SERIAL)
            serial_send(line, index);
        moved = serve(tty, index, WAITER_READ, outbox);
        moved = serve(tty, index, WAITER_WRITE, outbox) || moved;
        moved = serve(tty, index, WAITER_IOCTL, outbox) || moved;
    }
    if (line->kind == LINE_SERIAL)
        serial_throttle(line, index);
    if (line->signals != 0)
        send_signals(line, outbox);
    if ((line->hangup_session | line->hangup_foreground) != 0)
        send_hangup(line, outbox);
    if ((line->watch | line->watch_console | line->watch_master) != 0)
        tell_watchers(tty, line, outbox);
}

void settle_alarm(struct tty_state *tty)
{
    uint64_t deadline = waiter_deadline(tty);

    if (deadline == tty->alarm_ns)
        return;
    tty->alarm_ns = deadline;
    sys_setalarm(deadline);
}

void settle_timeouts(struct tty_state *tty, uint64_t now_ns, struct outbox *outbox)
{
    tty->alarm_ns = 0;
    for (uint32_t i = 0; i < TTY_WAITERS; i++) {
        struct tty_waiter *waiter = &tty->waiter[i];

        if (waiter->kind != WAITER_READ || waiter->deadline_ns == 0 || waiter->deadline_ns > now_ns)
            continue;
        transfer_read_timeout(waiter);
        waiter_finish(tty, waiter, outbox);
    }
    settle_alarm(tty);
}
