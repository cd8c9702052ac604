/* SPDX-License-Identifier: MIT */
/*
 * All that DS knows: entries, the data blocks of strings and memory, subscriptions with the marks of what changed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocols/ds.h"
#include "sys/variant.h"

enum {
    DS_ENTRIES = 512,
    DS_SUBSCRIPTIONS = 256,
    DS_BLOCKS = 1024,
    DS_BLOCK_BYTES = 256,
    DS_MARK_WORDS = DS_ENTRIES / 64,
    DS_TYPES = DS_FLAGS_U32 | DS_FLAGS_STR | DS_FLAGS_MEM | DS_FLAGS_LABEL | DS_FLAGS_MAP,
};

struct ds_entry {
    bool used;
    uint32_t flags; /* type and priv_* */
    char key[DS_KEY_MAX];
    char owner[DS_LABEL_MAX];
    uint32_t value;  /* u32; labels: the endpoint */
    uint32_t length; /* str, mem */
    LAYOUT_ADDED(variant);
    uint32_t block; /* first of its data blocks */
    uint32_t block_count;
};

struct ds_subscription {
    bool used;
    char owner[DS_LABEL_MAX];
    char pattern[DS_KEY_MAX];
    LAYOUT_WIDER(uint32_t, uint64_t) types;
    uint64_t changed[DS_MARK_WORDS];
};

struct ds_state {
    struct ds_entry entry[DS_ENTRIES];
    struct ds_subscription subscription[DS_SUBSCRIPTIONS];
    uint64_t block_used[DS_BLOCKS / 64];
    uint8_t block[DS_BLOCKS][DS_BLOCK_BYTES];
};

void ds_start(struct ds_state *state);
const char *ds_state_check(const void *state);
