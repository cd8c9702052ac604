/* SPDX-License-Identifier: MIT */
/*
 * /dev/kmsg: the kernel's log as a file of records.
 */
#pragma once

#include <stdint.h>

#include "message.h"

struct kmsg_buffer {
    endpoint_t granter;
    grant_t grant;
    uint64_t length;
};

/* One record from `position` of the log on. Returns 0 or an error; -EAGAIN: there is none. next: the position after it. */
int kmsg_read(const struct kmsg_buffer *buffer, uint64_t position, uint64_t *length, uint64_t *next);
int kmsg_write(const struct kmsg_buffer *buffer);
