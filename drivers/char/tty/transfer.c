/* SPDX-License-Identifier: MIT */
/*
 * Reading by lines or with MIN and TIME (termios(3)), writing with output processing, and the master side of pseudo-terminals, where the same two
 * rings are used from the other end.
 */
#include "transfer.h"

#include "base/string.h"
#include "errors.h"
#include "input.h"
#include "output.h"
#include "protocols/char.h"
#include "serial.h"
#include "sys/grant.h"
#include "sys/syscalls.h"

enum { CHUNK = 1024, TENTH_NS = 100000000 };

static bool finish(struct tty_waiter *request, int64_t result_if_nothing_done)
{
    request->result = request->done > 0 ? (int64_t)request->done : result_if_nothing_done;
    return true;
}

/* Nothing more now: an error if the caller does not want to wait. */
static bool wait(struct tty_waiter *request)
{
    return (request->flags & CHAR_OPEN_FLAGS_NONBLOCK) ? finish(request, -EAGAIN) : false;
}

/* ---- the terminal's side ---- */

/* Copy what there is. Returns 1 if the read ends here, 0 if it goes on, or an error of the copy. */
static int copy_input(struct tty_line *line, struct tty_waiter *request)
{
    while (request->done < request->length) {
        struct input_piece piece = input_peek(line, request->length - request->done);
        int status = 0;

        if (piece.consumed == 0)
            return 0;
        if (piece.count > 0)
            status = sys_safecopyto(request->granter, request->grant, request->done, piece.bytes, piece.count);
        input_take(line, &piece);
        if (status != 0)
            return status;
        request->done += piece.count;
        if (piece.ends_read)
            return 1;
    }
    input_skip_end_of_file(line);
    return 1;
}

/* Raw mode, not enough yet: set the timer that VTIME asks for. Returns true if the read ends. */
static bool wait_for_more(const struct tty_line *line, struct tty_waiter *request, bool has_progress)
{
    uint32_t minimum = line->termios.cc[VMIN], tenths = line->termios.cc[VTIME];

    if (request->done >= (minimum > 0 ? minimum : 1))
        return finish(request, 0);
    if (minimum == 0 && tenths == 0)
        return finish(request, 0);
    if (tenths > 0 && (has_progress || (minimum == 0 && request->deadline_ns == 0)))
        request->deadline_ns = sys_uptime() + (uint64_t)tenths * TENTH_NS;
    return wait(request);
}

static bool read_slave(struct tty_line *line, struct tty_waiter *request)
{
    uint64_t before = request->done;
    int status;

    if (transfer_is_dead(line, request->side))
        return finish(request, 0);
    if (request->length == 0)
        return finish(request, 0);
    status = copy_input(line, request);
    if (status != 0)
        return finish(request, status < 0 ? status : 0);
    if (line->termios.lflag & ICANON)
        return request->done > 0 ? finish(request, 0) : wait(request);
    return wait_for_more(line, request, request->done != before);
}

static bool write_slave(struct tty_state *tty, struct tty_line *line, struct tty_waiter *request)
{
    uint8_t chunk[CHUNK];

    while (request->done < request->length) {
        uint64_t count = request->length - request->done;
        uint32_t taken;
        int status;

        if (transfer_is_dead(line, request->side) || (line->kind == LINE_PTY && !line->has_master))
            return finish(request, -EIO);
        if (output_room(line) <= TTY_ECHO_RESERVE)
            return wait(request);
        if (count > CHUNK)
            count = CHUNK;
        status = sys_safecopyfrom(request->granter, request->grant, request->done, chunk, count);
        if (status != 0)
            return finish(request, status);
        taken = output_write(line, chunk, (uint32_t)count);
        request->done += taken;
        if (line->kind == LINE_SERIAL)
            serial_send(line, tty_index(tty, line));
        if (taken == 0)
            return wait(request);
    }
    return finish(request, 0);
}

/* ---- the master's side ---- */

static bool read_packet_status(struct tty_line *line, struct tty_waiter *request)
{
    int status = sys_safecopyto(request->granter, request->grant, 0, &line->packet_status, 1);

    line->packet_status = 0;
    request->done = 1;
    if (status != 0)
        request->done = 0;
    return finish(request, status);
}

static bool read_master(struct tty_line *line, struct tty_waiter *request)
{
    static const uint8_t data_header = TIOCPKT_DATA;
    uint64_t header = line->is_packet ? 1 : 0;
    int status = 0;

    if (line->is_packet && line->packet_status != 0 && request->length > 0)
        return read_packet_status(line, request);
    if (request->length == 0)
        return finish(request, 0);
    if (output_used(line) == 0)
        return line->is_slave_closed ? finish(request, -EIO) : wait(request);
    if (line->is_stopped)
        return wait(request);
    if (header > 0) {
        status = sys_safecopyto(request->granter, request->grant, 0, &data_header, 1);
        request->done = 1;
    }
    while (status == 0 && request->done < request->length && output_used(line) > 0) {
        const uint8_t *bytes;
        uint64_t count = output_peek(line, &bytes);

        if (count > request->length - request->done)
            count = request->length - request->done;
        status = sys_safecopyto(request->granter, request->grant, request->done, bytes, count);
        if (status == 0) {
            output_consume(line, (uint32_t)count);
            request->done += count;
        }
    }
    return finish(request, status);
}

static bool write_master(struct tty_line *line, struct tty_waiter *request)
{
    uint8_t chunk[CHUNK];

    while (request->done < request->length) {
        uint64_t count = request->length - request->done;
        uint64_t i = 0;
        int status;

        if (!input_has_room(line))
            return wait(request);
        if (count > CHUNK)
            count = CHUNK;
        status = sys_safecopyfrom(request->granter, request->grant, request->done, chunk, count);
        if (status != 0)
            return finish(request, status);
        while (i < count && input_has_room(line))
            input_receive(line, chunk[i++]);
        request->done += i;
    }
    return finish(request, 0);
}

bool transfer_read(struct tty_state *tty, struct tty_waiter *request)
{
    struct tty_line *line = &tty->line[request->line];

    return request->side == SIDE_MASTER ? read_master(line, request) : read_slave(line, request);
}

bool transfer_write(struct tty_state *tty, struct tty_waiter *request)
{
    struct tty_line *line = &tty->line[request->line];

    return request->side == SIDE_MASTER ? write_master(line, request) : write_slave(tty, line, request);
}

void transfer_read_timeout(struct tty_waiter *request)
{
    finish(request, 0);
}
