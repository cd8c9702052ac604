/* SPDX-License-Identifier: MIT */
/*
 * What PM lets the kernel see of each user thread, so that the kernel can answer getppid, getuid and its kin, and rt_sigprocmask without a message. PM
 * owns the table (kernel call publish); entry i is the thread in user slot i. The kernel writes only `mask`, and only for a thread that is making the call.
 * Order, so that no signal is lost: PM sets `pending`, then reads `mask`; the kernel sets `mask`, then reads `pending`.
 */
#pragma once

#include "message.h"

struct linux_public {
    uint64_t mask;    /* blocked signals, bit signo - 1 */
    uint64_t pending; /* of the thread and of its process */
    uint32_t parent;
    uint32_t uid, euid, gid, egid;
    uint32_t reserved[7];
};

_Static_assert(sizeof(struct linux_public) == 64, "an entry never crosses a page");
