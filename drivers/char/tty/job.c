/* SPDX-License-Identifier: MIT */
/*
 * Calls to PM are uphill and may wait. Signals are only noted in the line (settle.c sends them).
 */
#include "job.h"

#include "base/string.h"
#include "errors.h"
#include "pm_client.h"

enum { ANY_PROCESS = ENDPOINT_NONE };

static int identify(endpoint_t process, uint32_t pid, struct pm_identify_reply *reply)
{
    struct pm_identify_request request = { .process = process, .pid = pid };

    return pm_call_identify(ENDPOINT_PM, &request, reply);
}

bool job_is_root(const struct job_caller *caller)
{
    struct pm_identify_reply who;

    return identify(caller->process, 0, &who) == 0 && who.euid == 0;
}

bool job_is_terminal(const struct tty_line *line, const struct job_caller *caller)
{
    return line->session != 0 && line->session == caller->session;
}

int job_check(const struct tty_line *line, uint32_t side, const struct job_caller *caller, int signal)
{
    struct pm_background_request request = { .caller = caller->process, .group = caller->group, .signal = signal };
    struct pm_background_reply reply = { 0 };
    int status;

    if (side == SIDE_MASTER || !job_is_terminal(line, caller) || line->foreground == 0 || line->foreground == caller->group)
        return 0;
    status = pm_call_background(ENDPOINT_PM, &request, &reply);
    if (status != 0)
        return status == -ERESTARTSYS ? status : -EIO;
    return reply.eio ? -EIO : 0;
}

void job_acquire(struct tty_line *line, const struct job_caller *caller)
{
    line->session = caller->session;
    line->foreground = caller->group;
}

static bool has_terminal(const struct tty_state *tty, const struct job_caller *caller)
{
    for (uint32_t i = 0; i < TTY_LINES; i++) {
        if (tty->line[i].is_present && job_is_terminal(&tty->line[i], caller))
            return true;
    }
    return false;
}

int job_set_terminal(struct tty_state *tty, struct tty_line *line, const struct job_caller *caller, bool steal)
{
    struct pm_identify_reply who;
    int status = identify(caller->process, 0, &who);

    if (status != 0)
        return status;
    if (who.pid != who.session)
        return -EPERM;
    if (job_is_terminal(line, caller))
        return 0;
    if (has_terminal(tty, caller))
        return -EPERM;
    if (line->session != 0 && !(steal && who.euid == 0))
        return -EPERM;
    job_acquire(line, caller);
    return 0;
}

int job_leave_terminal(struct tty_line *line, const struct job_caller *caller, uint32_t *controlling)
{
    struct pm_identify_reply who;
    int status;

    if (!job_is_terminal(line, caller))
        return -ENOTTY;
    status = identify(caller->process, 0, &who);
    if (status != 0)
        return status;
    if (who.pid != who.session)
        return 0;
    line->hangup_foreground = line->foreground;
    line->session = line->foreground = 0;
    *controlling = 2;
    return 0;
}

/* The group exists in the session if its leader does; a group that has lost its leader is accepted if PM does not know the number at all. */
static int group_check(uint32_t group, const struct job_caller *caller)
{
    struct pm_identify_reply who;

    if (identify(ANY_PROCESS, group, &who) != 0)
        return 0;
    return who.session == caller->session ? 0 : -EPERM;
}

int job_set_foreground(struct tty_line *line, uint32_t side, const struct job_caller *caller, uint32_t group)
{
    int status = job_check(line, side, caller, SIGTTOU);

    if (status == -EIO)
        return -ENOTTY;
    if (status != 0)
        return status;
    if (!job_is_terminal(line, caller))
        return -ENOTTY;
    if ((int32_t)group < 0)
        return -EINVAL;
    if (group == 0)
        return -ESRCH;
    status = group == line->foreground ? 0 : group_check(group, caller);
    if (status == 0)
        line->foreground = group;
    return status;
}

void job_hang_up(struct tty_line *line)
{
    line->is_hung_up = 1;
    if (line->kind == LINE_PTY)
        line->is_slave_closed = 1;
    line->hangup_foreground = line->foreground;
    line->hangup_session = line->session;
    line->session = line->foreground = 0;
    line->is_stopped = 0;
}
