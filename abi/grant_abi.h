/* SPDX-License-Identifier: MIT */
/*
 * Memory grants (behaviour.md section 17): the table that a granter keeps in its own memory and the kernel reads.
 * A grant id is sequence << GRANT_INDEX_BITS | index, so that a slot that was used again is detected.
 */
#pragma once

#include "message.h"

enum {
    GRANT_INDEX_BITS = 20,
    GRANT_INDEX_MASK = (1 << GRANT_INDEX_BITS) - 1,
    GRANT_SEQUENCE_MASK = 0x7ff,
    GRANT_INVALID = -1,
    GRANT_CHAIN_MAX = 5,
};

enum grant_flags {
    GRANT_READ = 1,
    GRANT_WRITE = 2,
    GRANT_MAP = 4,
    GRANT_DIRECT = 0x200,
    GRANT_INDIRECT = 0x400,
    GRANT_MAGIC = 0x800,
    GRANT_VALID = 0x1000,
};

struct grant_entry {
    uint32_t flags;
    uint32_t sequence;
    endpoint_t grantee; /* or ENDPOINT_ANY */
    endpoint_t from;    /* magic: whose memory; indirect: who granted it to me */
    uint64_t address;   /* direct, magic: start; indirect: the grant id there */
    uint64_t length;    /* bytes */
};

struct vsafecopy_element {
    endpoint_t from; /* exactly one of from and to is ENDPOINT_SELF */
    endpoint_t to;
    grant_t grant;
    uint32_t reserved;
    uint64_t offset;
    uint64_t address; /* in the caller */
    uint64_t length;
};
