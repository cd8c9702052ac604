/* SPDX-License-Identifier: MIT */
/*
 * The argument of most requests is an address: VFS grants 4096 bytes of the caller's memory from there on. A request on the master of a pseudo-terminal
 * is about its slave, except where only the master has the property.
 */
#include "ioctl.h"

#include "base/string.h"
#include "errors.h"
#include "input.h"
#include "output.h"
#include "serial.h"
#include "settings.h"
#include "sys/grant.h"
#include "transfer.h"

static int get(const struct ioctl_call *call, void *to, size_t length)
{
    return sys_safecopyfrom(call->request.granter, call->request.grant, 0, to, length);
}

static int64_t give(const struct ioctl_call *call, const void *from, size_t length)
{
    return sys_safecopyto(call->request.granter, call->request.grant, 0, from, length);
}

static int64_t give_int(const struct ioctl_call *call, int32_t value)
{
    return give(call, &value, sizeof(value));
}

static bool is_master(const struct ioctl_call *call)
{
    return call->request.side == SIDE_MASTER;
}

static bool must_drain(const struct tty_line *line)
{
    return line->kind == LINE_SERIAL && output_used(line) > 0;
}

/* ---- sessions ---- */

static int64_t set_foreground(struct ioctl_call *call)
{
    uint32_t group;
    int status = get(call, &group, sizeof(group));

    return status != 0 ? status : job_set_foreground(call->line, call->request.side, &call->caller, group);
}

static int64_t get_foreground(struct ioctl_call *call)
{
    if (!is_master(call) && !job_is_terminal(call->line, &call->caller))
        return -ENOTTY;
    return give_int(call, (int32_t)call->line->foreground);
}

static int64_t get_session(struct ioctl_call *call)
{
    if (call->line->session == 0 || (!is_master(call) && !job_is_terminal(call->line, &call->caller)))
        return -ENOTTY;
    return give_int(call, (int32_t)call->line->session);
}

static int64_t set_terminal(struct ioctl_call *call)
{
    int status = job_set_terminal(call->tty, call->line, &call->caller, call->request.argument == 1);

    if (status == 0)
        call->controlling = 1;
    return status;
}

/* ---- window, queues, flow ---- */

static int64_t set_window(struct ioctl_call *call)
{
    struct linux_winsize window;
    int status = get(call, &window, sizeof(window));

    if (status != 0)
        return status;
    if (memcmp(&window, &call->line->window, sizeof(window)) != 0) {
        call->line->window = window;
        call->line->signals |= 1u << SIGWINCH;
    }
    return 0;
}

static int64_t input_count(struct ioctl_call *call)
{
    return give_int(call, (int32_t)(is_master(call) ? output_used(call->line) : input_available(call->line)));
}

static int64_t output_count(struct ioctl_call *call)
{
    return give_int(call, (int32_t)(call->line->kind == LINE_SERIAL ? output_used(call->line) : 0));
}

static void flush_output(struct tty_line *line)
{
    output_flush(line);
    if (line->is_packet)
        line->packet_status |= TIOCPKT_FLUSHWRITE;
}

static int64_t flush(struct ioctl_call *call)
{
    uint64_t what = call->request.argument;

    if (what > TCIOFLUSH)
        return -EINVAL;
    if (what == (is_master(call) ? TCOFLUSH : TCIFLUSH) || what == TCIOFLUSH)
        input_flush(call->line);
    if (what == (is_master(call) ? TCIFLUSH : TCOFLUSH) || what == TCIOFLUSH)
        flush_output(call->line);
    return 0;
}

static int64_t flow(struct ioctl_call *call)
{
    struct tty_line *line = call->line;

    switch (call->request.argument) {
    case TCOOFF:
        output_stop(line);
        return 0;
    case TCOON:
        output_start(line);
        return 0;
    case TCIOFF:
        output_raw(line, line->termios.cc[VSTOP]);
        return 0;
    case TCION:
        output_raw(line, line->termios.cc[VSTART]);
        return 0;
    default:
        return -EINVAL;
    }
}

/* ---- modem lines of serial ports ---- */

static int64_t modem(struct ioctl_call *call)
{
    uint32_t port = tty_index(call->tty, call->line);
    uint32_t bits = call->line->modem_control;
    uint32_t argument = 0;
    int status;

    if (call->line->kind != LINE_SERIAL)
        return -ENOTTY;
    if (call->request.request == TIOCMGET)
        return give_int(call, (int32_t)serial_modem_status(call->line, port));
    status = get(call, &argument, sizeof(argument));
    if (status != 0)
        return status;
    if (call->request.request == TIOCMBIS)
        bits |= argument;
    else if (call->request.request == TIOCMBIC)
        bits &= ~argument;
    else
        bits = argument;
    serial_modem_control(call->line, port, bits);
    return 0;
}

/* ---- pseudo-terminals ---- */

static int64_t master_flag(struct ioctl_call *call, uint8_t *flag)
{
    int32_t value;
    int status = get(call, &value, sizeof(value));

    if (status == 0)
        *flag = value != 0;
    return status;
}

static int64_t master_signal(struct ioctl_call *call)
{
    if (call->request.argument != SIGINT && call->request.argument != SIGQUIT && call->request.argument != SIGTSTP)
        return -EINVAL;
    call->line->signals |= 1u << call->request.argument;
    return 0;
}

static int64_t run_master(struct ioctl_call *call)
{
    struct tty_line *line = call->line;

    if (!is_master(call))
        return -ENOTTY;
    switch (call->request.request) {
    case TIOCGPTN:
        return give_int(call, (int32_t)(tty_index(call->tty, line) - SERIAL_LINES));
    case TIOCSPTLCK:
        return master_flag(call, &line->is_locked);
    case TIOCGPTLCK:
        return give_int(call, line->is_locked);
    case TIOCPKT:
        line->packet_status = 0;
        return master_flag(call, &line->is_packet);
    case TIOCGPKT:
        return give_int(call, line->is_packet);
    case TIOCSIG:
        return master_signal(call);
    default:
        return -ENOTTY;
    }
}

/* ---- all ---- */

static int64_t run_line(struct ioctl_call *call)
{
    struct tty_line *line = call->line;
    int32_t discipline;
    int status;

    switch (call->request.request) {
    case TIOCEXCL:
    case TIOCNXCL:
        line->is_exclusive = call->request.request == TIOCEXCL;
        return 0;
    case TIOCGEXCL:
        return give_int(call, line->is_exclusive);
    case TIOCGETD:
        return give_int(call, 0);
    case TIOCSETD:
        status = get(call, &discipline, sizeof(discipline));
        return status != 0 ? status : discipline == 0 ? 0 : -EINVAL;
    case TIOCSTI:
        return -EIO;
    case TIOCSBRK:
    case TIOCCBRK:
    case TCSBRK:
    case TCSBRKP:
        return 0;
    case TIOCVHANGUP:
        if (!job_is_root(&call->caller))
            return -EPERM;
        job_hang_up(line);
        return 0;
    case TIOCMGET:
    case TIOCMSET:
    case TIOCMBIS:
    case TIOCMBIC:
        return modem(call);
    default:
        return run_master(call);
    }
}

static int64_t run(struct ioctl_call *call)
{
    struct tty_line *line = call->line;

    switch (call->request.request) {
    case TIOCGWINSZ:
        return give(call, &line->window, sizeof(line->window));
    case TIOCSWINSZ:
        return set_window(call);
    case TIOCGPGRP:
        return get_foreground(call);
    case TIOCSPGRP:
        return set_foreground(call);
    case TIOCGSID:
        return get_session(call);
    case TIOCSCTTY:
        return set_terminal(call);
    case TIOCNOTTY:
        return job_leave_terminal(line, &call->caller, &call->controlling);
    case FIONREAD:
        return input_count(call);
    case TIOCOUTQ:
        return output_count(call);
    case TCFLSH:
        return flush(call);
    case TCXONC:
        return flow(call);
    default:
        if (settings_is_request(call->request.request))
            return settings_run(call->tty, line, &call->request);
        return run_line(call);
    }
}

/* Requests that change what others see: not from the background. */
static bool is_change(uint32_t request)
{
    switch (request) {
    case TCSBRK:
    case TCSBRKP:
    case TCFLSH:
    case TCXONC:
    case TIOCSETD:
    case TIOCSBRK:
    case TIOCCBRK:
        return true;
    default:
        return settings_is_change(request);
    }
}

static bool is_draining(uint32_t request)
{
    return request == TCSBRK || request == TCSBRKP || settings_is_draining(request);
}

int64_t ioctl_run(struct ioctl_call *call)
{
    uint32_t request = call->request.request;
    int status;

    if (transfer_is_dead(call->line, call->request.side))
        return request == TIOCSPGRP ? -ENOTTY : -EIO;
    if (is_change(request)) {
        status = job_check(call->line, call->request.side, &call->caller, SIGTTOU);
        if (status != 0)
            return status;
    }
    if (is_draining(request) && must_drain(call->line))
        return IOCTL_WAIT;
    return run(call);
}

bool ioctl_drained(struct tty_state *tty, struct tty_waiter *request)
{
    struct ioctl_call call = { .tty = tty, .line = &tty->line[request->line], .request = *request };

    if (transfer_is_dead(call.line, request->side)) {
        request->result = -EIO;
        return true;
    }
    if (must_drain(call.line))
        return false;
    request->result = run(&call);
    return true;
}
