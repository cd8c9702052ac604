/* SPDX-License-Identifier: MIT */
/*
 * Sessions, foreground groups and hanging up (credentials(7), termios(3)). PM knows the processes, this driver the terminals.
 */
#pragma once

#include "state.h"

/* Who makes a request, as VFS tells. */
struct job_caller {
    endpoint_t process;
    uint32_t group;
    uint32_t session;
};

/* May the caller use its terminal from where it is? 0, or -ERESTARTSYS (it gets `signal`), or -EIO. */
int job_check(const struct tty_line *line, uint32_t side, const struct job_caller *caller, int signal);
/* Is this line the controlling terminal of the caller? */
bool job_is_terminal(const struct tty_line *line, const struct job_caller *caller);
void job_acquire(struct tty_line *line, const struct job_caller *caller);
/* TIOCSCTTY, TIOCNOTTY, TIOCSPGRP. Return 0 or an error. */
int job_set_terminal(struct tty_state *tty, struct tty_line *line, const struct job_caller *caller, bool steal);
int job_leave_terminal(struct tty_line *line, const struct job_caller *caller, uint32_t *controlling);
int job_set_foreground(struct tty_line *line, uint32_t side, const struct job_caller *caller, uint32_t group);
/* The session is over or the other end has hung up: files become dead, the session is told and loses the terminal. */
void job_hang_up(struct tty_line *line);
/* Is the process privileged? */
bool job_is_root(const struct job_caller *caller);
