/* SPDX-License-Identifier: MIT */
/*
 * procfs keeps almost nothing: an inode number says which file of which process it is, and contents are made at each read.
 * What waits for VFS (link texts of descriptors) or for RS (services) is parked here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "message.h"
#include "protocols/fs.h"
#include "sys/variant.h"

struct waiters;

enum {
    PROCFS_PARKED = 128,
    PROCFS_LOAD_SLOTS = 3,
};

/* A call that waits for VFS (about descriptors) or for RS (about services). */
enum parked_step {
    PARKED_FREE,
    PARKED_READLINK,
    PARKED_LOOKUP_FD,
    PARKED_LIST_FDS,
    PARKED_SERVICE_LOOKUP,
    PARKED_SERVICE_READ,
    PARKED_SERVICE_LIST,
    PARKED_END,
};

struct parked {
    LAYOUT_ADDED(variant);
    uint32_t step; /* enum parked_step */
    endpoint_t caller;
    uint32_t type;
    uint32_t transaction;
    uint32_t sequence;
    uint32_t inode;
    grant_t user_grant; /* where the text goes in the end */
    uint32_t room;
    grant_t own_grant; /* over `text`, for VFS or RS */
    uint32_t reserved;
    char text[4096];
};

struct procfs_state {
    /* survives restart */
    LAYOUT_ORDER(struct parked parked[PROCFS_PARKED], uint32_t next_sequence);
    uint32_t load_armed;
    uint64_t load_next_ns;
    uint64_t load[PROCFS_LOAD_SLOTS]; /* 1, 5, 15 minutes; fixed point, LOAD_ONE is 1.0 */
};

const char *procfs_state_check(const void *state);
void procfs_mark_waiters(const void *state, struct waiters *waiters);
