/* SPDX-License-Identifier: MIT */
/*
 * The edge: requests of VFS (char.idl). Each finds line and side of its minor, does its work, and settles the line.
 */
#include "errors.h"
#include "input.h"
#include "ioctl.h"
#include "job.h"
#include "output.h"
#include "pty.h"
#include "serial.h"
#include "settle.h"
#include "sys/call.h"
#include "transfer.h"
#include "tty_char_server.h"
#include "waiter.h"

/* The line and side of an open device; NULL: no such minor. */
static struct tty_line *find(struct tty_state *tty, uint32_t minor, uint32_t *side)
{
    uint32_t index = TTY_LINES;

    *side = SIDE_SLAVE;
    if (minor == MINOR_CONSOLE) {
        *side = SIDE_CONSOLE;
        index = 0;
    } else if (minor >= MINOR_MASTER && minor < MINOR_MASTER + PTY_LINES) {
        *side = SIDE_MASTER;
        index = SERIAL_LINES + minor - MINOR_MASTER;
    } else if (minor >= MINOR_SERIAL && minor < MINOR_SERIAL + SERIAL_LINES) {
        index = minor - MINOR_SERIAL;
    } else if (minor < MINOR_PTS + PTY_LINES) {
        index = SERIAL_LINES + minor - MINOR_PTS;
    }
    return index < TTY_LINES && tty->line[index].is_present ? &tty->line[index] : NULL;
}

static struct job_caller caller_of(endpoint_t process, uint32_t group, uint32_t session)
{
    return (struct job_caller){ .process = process, .group = group, .session = session };
}

/* The minor that a node of /dev means. */
static bool minor_of_node(uint32_t major, uint32_t minor, uint32_t *result)
{
    *result = minor;
    if (major == MAJOR_AUXILIARY && minor == MINOR_CONSOLE_NODE)
        *result = MINOR_CONSOLE;
    switch (major) {
    case MAJOR_SERIAL:
        return *result >= MINOR_SERIAL && *result < MINOR_SERIAL + SERIAL_LINES;
    case MAJOR_PTS:
        return *result < PTY_LINES;
    case MAJOR_AUXILIARY:
        return *result >= MINOR_CONSOLE;
    default:
        return false;
    }
}

static int check_open(const struct tty_line *line, uint32_t side, const struct job_caller *caller)
{
    if (side == SIDE_MASTER || (line->kind == LINE_PTY && (!line->has_master || line->is_locked)))
        return -EIO;
    if (line->is_exclusive && line->opens > 0 && !job_is_root(caller))
        return -EBUSY;
    return 0;
}

int char_handle_open(struct tty_state *tty, struct call *call, const struct char_open_request *request, struct char_open_reply *reply)
{
    struct job_caller caller = caller_of(request->caller, request->group, request->session);
    struct tty_line *line;
    uint32_t minor, side;
    int status;

    if (request->major == MAJOR_AUXILIARY && request->minor == MINOR_PTMX_NODE)
        return pty_open_master(tty, call, request->caller);
    if (!minor_of_node(request->major, request->minor, &minor))
        return -ENXIO;
    line = find(tty, minor, &side);
    if (line == NULL)
        return request->major == MAJOR_PTS ? -EIO : -ENXIO;
    status = check_open(line, side, &caller);
    if (status != 0)
        return status;

    /* Cannot fail from here on. */
    if (side == SIDE_SLAVE)
        line->is_hung_up = 0;
    line->is_slave_closed = 0;
    line->opens++;
    if (line->kind == LINE_SERIAL && line->modem_control == 0)
        serial_modem_control(line, tty_index(tty, line), TIOCM_DTR | TIOCM_RTS);
    if (side == SIDE_SLAVE && line->session == 0 && (request->flags & CHAR_OPEN_FLAGS_LEADER) &&
        !(request->flags & CHAR_OPEN_FLAGS_NOCTTY) && (request->flags & CHAR_OPEN_FLAGS_READ)) {
        job_acquire(line, &caller);
        reply->controlling = 1;
    }
    reply->minor = minor;
    return 0;
}

static void close_last(struct tty_state *tty, struct tty_line *line)
{
    line->is_exclusive = 0;
    line->watch = line->watch_console = 0;
    if (line->kind == LINE_PTY) {
        pty_slave_closed(line);
        return;
    }
    input_flush(line);
    output_start(line);
    if (line->termios.cflag & HUPCL)
        serial_modem_control(line, tty_index(tty, line), 0);
}

int char_handle_close(struct tty_state *tty, struct call *call, const struct char_close_request *request)
{
    uint32_t side;
    struct tty_line *line = find(tty, request->minor, &side);

    if (line == NULL)
        return 0;
    if (side == SIDE_MASTER)
        pty_close_master(tty, line, call->outbox);
    else if (line->opens > 0 && --line->opens == 0)
        close_last(tty, line);
    settle_line(tty, line, call->outbox);
    return 0;
}

/* After the first step of a request that was not finished. */
static int park(struct tty_state *tty, const struct tty_waiter *waiter)
{
    if (!waiter_park(tty, waiter))
        return -EAGAIN;
    settle_alarm(tty);
    return CALL_PARKED;
}

int char_handle_read(struct tty_state *tty, struct call *call, const struct char_read_request *request, struct char_read_reply *reply)
{
    struct job_caller caller = caller_of(request->caller, request->group, request->session);
    struct tty_waiter waiter = {
        .kind = WAITER_READ,
        .transaction = call->transaction,
        .granter = call->caller,
        .grant = request->buffer,
        .flags = request->flags,
        .length = request->length,
    };
    uint32_t side;
    struct tty_line *line = find(tty, request->minor, &side);
    int status;

    if (line == NULL)
        return -EIO;
    status = transfer_is_dead(line, side) ? 0 : job_check(line, side, &caller, SIGTTIN);
    if (status != 0)
        return status;
    waiter.side = (uint8_t)side;
    waiter.line = (uint16_t)tty_index(tty, line);
    /* Those who came first read first. */
    if (line->waiting[WAITER_READ] > 0 && !(request->flags & CHAR_OPEN_FLAGS_NONBLOCK) &&
        waiter_find(tty, waiter.line, WAITER_READ, 1u << side) != NULL)
        return park(tty, &waiter);
    if (!transfer_read(tty, &waiter))
        return park(tty, &waiter);
    settle_line(tty, line, call->outbox);
    reply->length = (uint64_t)waiter.result;
    return waiter.result < 0 ? (int)waiter.result : 0;
}

int char_handle_write(struct tty_state *tty, struct call *call, const struct char_write_request *request, struct char_write_reply *reply)
{
    struct tty_waiter waiter = {
        .kind = WAITER_WRITE,
        .transaction = call->transaction,
        .granter = call->caller,
        .grant = request->buffer,
        .flags = request->flags,
        .length = request->length,
    };
    uint32_t side;
    struct tty_line *line = find(tty, request->minor, &side);
    bool is_finished = false;
    int status = 0;

    if (line == NULL)
        return -EIO;
    if (line->termios.lflag & TOSTOP) {
        struct job_caller caller = caller_of(request->caller, request->group, request->session);

        status = job_check(line, side, &caller, SIGTTOU);
    }
    if (status != 0)
        return status;
    waiter.side = (uint8_t)side;
    waiter.line = (uint16_t)tty_index(tty, line);
    if (line->waiting[WAITER_WRITE] == 0 || waiter_find(tty, waiter.line, WAITER_WRITE, 1u << side) == NULL)
        is_finished = transfer_write(tty, &waiter);
    else if (request->flags & CHAR_OPEN_FLAGS_NONBLOCK)
        return -EAGAIN;
    if (!is_finished)
        status = park(tty, &waiter);
    settle_line(tty, line, call->outbox);
    if (!is_finished)
        return status;
    reply->length = (uint64_t)waiter.result;
    return waiter.result < 0 ? (int)waiter.result : 0;
}

int char_handle_ioctl(struct tty_state *tty, struct call *call, const struct char_ioctl_request *request, struct char_ioctl_reply *reply)
{
    uint32_t side;
    struct tty_line *line = find(tty, request->minor, &side);
    struct ioctl_call ioctl = {
        .tty = tty,
        .line = line,
        .caller = caller_of(request->caller, request->group, request->session),
        .request = {
            .kind = WAITER_IOCTL,
            .transaction = call->transaction,
            .granter = call->caller,
            .grant = request->memory,
            .request = request->request,
            .argument = request->argument,
        },
    };
    int64_t result;

    if (line == NULL)
        return -EIO;
    ioctl.request.side = (uint8_t)side;
    ioctl.request.line = (uint16_t)tty_index(tty, line);
    result = ioctl_run(&ioctl);
    if (result == IOCTL_WAIT)
        return park(tty, &ioctl.request);
    settle_line(tty, line, call->outbox);
    if (result < 0)
        return (int)result;
    reply->result = (uint64_t)result;
    reply->controlling = ioctl.controlling;
    return 0;
}

int char_handle_poll(struct tty_state *tty, struct call *call, const struct char_poll_request *request, struct char_poll_reply *reply)
{
    uint32_t side;
    struct tty_line *line = find(tty, request->minor, &side);
    uint32_t events = request->events | POLLERR | POLLHUP;

    (void)call;
    if (line == NULL) {
        reply->ready = (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM) & events;
        return 0;
    }
    reply->ready = settle_ready(line, side) & events;
    if (request->watch && reply->ready == 0) {
        if (side == SIDE_MASTER)
            line->watch_master |= events;
        else if (side == SIDE_CONSOLE)
            line->watch_console |= events;
        else
            line->watch |= events;
    }
    return 0;
}

int char_handle_cancel(struct tty_state *tty, struct call *call, const struct char_cancel_request *request)
{
    waiter_cancel(tty, call->caller, request->transaction, call->outbox);
    return 0;
}

int char_handle_session_end(struct tty_state *tty, struct call *call, const struct char_session_end_request *request)
{
    uint32_t side;
    struct tty_line *line = find(tty, request->minor, &side);

    if (line == NULL || line->session != request->session)
        return 0;
    job_hang_up(line);
    settle_line(tty, line, call->outbox);
    return 0;
}
