/* SPDX-License-Identifier: MIT */
/*
 * A table of the requests instead of a switch: each is a layout, a direction and what happens first.
 */
#include "settings.h"

#include "base/string.h"
#include "errors.h"
#include "input.h"
#include "serial.h"
#include "sys/grant.h"

enum layout { LAYOUT_TERMIOS, LAYOUT_TERMIOS2, LAYOUT_TERMIO };

struct settings_request {
    uint32_t number;
    uint8_t layout;
    bool is_change, is_draining, is_flushing;
};

static const struct settings_request requests[] = {
    { TCGETS, LAYOUT_TERMIOS, false, false, false },   { TCSETS, LAYOUT_TERMIOS, true, false, false },
    { TCSETSW, LAYOUT_TERMIOS, true, true, false },    { TCSETSF, LAYOUT_TERMIOS, true, true, true },
    { TCGETS2, LAYOUT_TERMIOS2, false, false, false }, { TCSETS2, LAYOUT_TERMIOS2, true, false, false },
    { TCSETSW2, LAYOUT_TERMIOS2, true, true, false },  { TCSETSF2, LAYOUT_TERMIOS2, true, true, true },
    { TCGETA, LAYOUT_TERMIO, false, false, false },    { TCSETA, LAYOUT_TERMIO, true, false, false },
    { TCSETAW, LAYOUT_TERMIO, true, true, false },     { TCSETAF, LAYOUT_TERMIO, true, true, true },
};

static const struct settings_request *find(uint32_t number)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        if (requests[i].number == number)
            return &requests[i];
    }
    return NULL;
}

bool settings_is_request(uint32_t request)
{
    return find(request) != NULL;
}

bool settings_is_change(uint32_t request)
{
    const struct settings_request *found = find(request);

    return found != NULL && found->is_change;
}

bool settings_is_draining(uint32_t request)
{
    const struct settings_request *found = find(request);

    return found != NULL && found->is_draining;
}

static int give(const struct tty_line *line, const struct tty_waiter *request, enum layout layout)
{
    const struct linux_termios *termios = &line->termios;
    struct linux_termio old = {
        .iflag = (uint16_t)termios->iflag,
        .oflag = (uint16_t)termios->oflag,
        .cflag = (uint16_t)termios->cflag,
        .lflag = (uint16_t)termios->lflag,
        .line = termios->line,
    };

    memcpy(old.cc, termios->cc, NCC);
    switch (layout) {
    case LAYOUT_TERMIOS:
        return sys_safecopyto(request->granter, request->grant, 0, termios, TERMIOS_BYTES);
    case LAYOUT_TERMIOS2:
        return sys_safecopyto(request->granter, request->grant, 0, termios, TERMIOS2_BYTES);
    default:
        return sys_safecopyto(request->granter, request->grant, 0, &old, sizeof(old));
    }
}

static int get(struct linux_termios *termios, const struct tty_waiter *request, enum layout layout)
{
    struct linux_termio old;
    int status;

    if (layout == LAYOUT_TERMIOS)
        return sys_safecopyfrom(request->granter, request->grant, 0, termios, TERMIOS_BYTES);
    if (layout == LAYOUT_TERMIOS2)
        return sys_safecopyfrom(request->granter, request->grant, 0, termios, TERMIOS2_BYTES);
    status = sys_safecopyfrom(request->granter, request->grant, 0, &old, sizeof(old));
    if (status != 0)
        return status;
    termios->iflag = (termios->iflag & 0xffff0000u) | old.iflag;
    termios->oflag = (termios->oflag & 0xffff0000u) | old.oflag;
    termios->cflag = (termios->cflag & 0xffff0000u) | old.cflag;
    termios->lflag = (termios->lflag & 0xffff0000u) | old.lflag;
    termios->line = old.line;
    memcpy(termios->cc, old.cc, NCC);
    return 0;
}

static uint32_t speed_of(uint32_t cflag, uint32_t given)
{
    static const uint32_t low[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
    static const uint32_t high[] = { 0,       57600,   115200,  230400,  460800,  500000,  576000,  921600,
                                     1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };
    uint32_t code = cflag & CBAUD;

    if (code < 16)
        return low[code];
    return code == BOTHER ? given : high[code & 15];
}

int settings_run(struct tty_state *tty, struct tty_line *line, const struct tty_waiter *request)
{
    const struct settings_request *found = find(request->request);
    struct linux_termios old = line->termios;
    struct linux_termios new = line->termios;
    int status;

    if (!found->is_change)
        return give(line, request, found->layout);
    status = get(&new, request, found->layout);
    if (status != 0)
        return status;
    new.ispeed = new.ospeed = speed_of(new.cflag, new.ospeed);

    /* Cannot fail from here on. */
    if (found->is_flushing)
        input_flush(line);
    if (line->kind == LINE_PTY)
        new.cflag = (new.cflag & ~(uint32_t)(CSIZE | PARENB)) | CS8 | CREAD;
    line->termios = new;
    input_settings_changed(line, &old);
    if (line->kind == LINE_SERIAL && (new.cflag != old.cflag || new.ospeed != old.ospeed))
        serial_settings(line, tty_index(tty, line));
    return 0;
}
