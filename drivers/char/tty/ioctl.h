/* SPDX-License-Identifier: MIT */
/*
 * ioctl(2) on terminals (ioctl_tty(2)).
 */
#pragma once

#include "job.h"
#include "state.h"

struct ioctl_call {
    struct tty_state *tty;
    struct tty_line *line;
    struct job_caller caller;
    uint32_t controlling; /* out: see char.idl */
    struct tty_waiter request;
};

enum { IOCTL_WAIT = 1 << 30 }; /* output must drain first: park the request */

/* Result >= 0, a negative error, or IOCTL_WAIT. */
int64_t ioctl_run(struct ioctl_call *call);
/* Step of a parked request: true if it is finished. */
bool ioctl_drained(struct tty_state *tty, struct tty_waiter *request);
