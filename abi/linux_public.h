/* SPDX-License-Identifier: MIT */
/*
 * What PM lets the kernel see of each user thread, so that the kernel can answer getppid, getuid and its kin, rt_sigprocmask, and most of rt_sigaction and rt_sigreturn without a message. PM
 * owns the table (kernel call publish); entry i is the thread in user slot i. The kernel writes only for a thread that is making the call: mask, ignored, caught, and its
 * actions.
 * Order, so that no signal is lost: PM sets `pending`, then reads `mask`; the kernel sets `mask`, then reads `pending`.
 */
#pragma once

#include "linux/signals.h"
#include "message.h"

struct linux_public {
    uint64_t mask;            /* blocked signals, bit signo - 1 */
    uint64_t pending;         /* of the thread and of its process */
    uint64_t ignored, caught; /* signals of the process */
    uint32_t parent;
    uint32_t uid, euid, gid, egid;
    uint16_t handlers; /* index into the table of actions; PUBLIC_NO_HANDLERS: all default but the ignored */
    uint16_t flags;
    uint32_t reserved[2];
};

enum {
    PUBLIC_SOLE = 1,        /* the process's only thread, and nobody shares its handlers: the kernel may change them */
    PUBLIC_NO_ALTSTACK = 2, /* sigreturn concerns only mask and registers */
    PUBLIC_NO_HANDLERS = 0xffff,
    PUBLIC_HANDLERS = 2048,
};

/* The other table: actions by signal number - 1. */
struct linux_public_actions {
    struct linux_sigaction action[LINUX_SIGNALS];
};

_Static_assert(sizeof(struct linux_public) == 64, "an entry never crosses a page");
