/* SPDX-License-Identifier: MIT */
/*
 * Free records of a fixed table. The link of a free record is any 32-bit field of it, given by its address and the size of a record.
 */
#pragma once

#include "state.h"

/* Returns an index of 1..count-1, or 0 if the table is full. link: that field of record 0. */
static inline uint32_t pool_take(struct pool *pool, uint32_t count, uint32_t *link, uint64_t record_bytes)
{
    uint32_t index = pool->free;

    if (index != 0) {
        pool->free = *(uint32_t *)((char *)link + index * record_bytes);
    } else {
        if (pool->top == 0)
            pool->top = 1;
        if (pool->top >= count)
            return 0;
        index = pool->top++;
    }
    pool->in_use++;
    return index;
}

static inline void pool_give(struct pool *pool, uint32_t index, uint32_t *link, uint64_t record_bytes)
{
    *(uint32_t *)((char *)link + index * record_bytes) = pool->free;
    pool->free = index;
    pool->in_use--;
}

#define POOL_TAKE(vfs_pool, table, field, count) pool_take(&(vfs_pool), (count), &(table)[0].field, sizeof((table)[0]))
#define POOL_GIVE(vfs_pool, table, field, index) pool_give(&(vfs_pool), (index), &(table)[0].field, sizeof((table)[0]))
