/* SPDX-License-Identifier: MIT */
/*
 * The kernel calls that VM uses, one function each (abi/protocols/kernel.idl has the semantics). Unit tests replace this file by a fake.
 * Return 0 or a negative error.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "message.h"

/* Page-table entries as the kernel returns them. */
#define ENTRY_FLAGS_SHIFT 52
#define ENTRY_PRESENT     1ull
#define ENTRY_DIRTY       2ull

static inline uint64_t entry_frame(uint64_t entry)
{
    return (entry & 0x000ffffffffff000ull) >> 12;
}

static inline uint32_t entry_flags(uint64_t entry)
{
    return (uint32_t)(entry >> ENTRY_FLAGS_SHIFT);
}

int kcall_space_create(uint32_t space);
int kcall_space_destroy(uint32_t space, uint64_t *tables_free);
int kcall_map(uint32_t space, uint64_t address, const uint64_t *physical, uint64_t count, uint32_t flags, uint64_t *done);
int kcall_map_one(uint32_t space, uint64_t address, uint64_t physical, uint32_t flags, uint64_t *done);
int kcall_unmap(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries, uint64_t *present, uint64_t *done);
int kcall_space_drain(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries, uint32_t in_use, uint64_t *present,
                      uint64_t *done);
int kcall_protect(uint32_t space, uint64_t address, uint64_t count, uint32_t flags);
int kcall_read_entries(uint32_t space, uint64_t address, uint64_t count, uint64_t *entries);
int kcall_fork_range(uint32_t source, uint32_t destination, uint64_t address, uint64_t count, uint64_t *entries, uint32_t cow,
                     uint64_t *present, uint64_t *done);
int kcall_page_copy(uint64_t source, uint64_t destination);
int kcall_page_zero(uint64_t frame, uint64_t count);
int kcall_page_write(uint64_t frame, uint32_t offset, uint32_t length, endpoint_t source, uint64_t address);
int kcall_tables_give(const uint64_t *frames, uint64_t count);
int kcall_tables_take(uint64_t *frames, uint64_t room, uint64_t *count);
/* A bit for each frame from number `first` (a multiple of 8) on: it is the kernel's. */
int kcall_kernel_frames(uint64_t first, uint8_t *bits, uint64_t bytes);
int kcall_query_memory(endpoint_t process, uint64_t base, uint64_t length);
int kcall_update(endpoint_t source, endpoint_t destination);
int kcall_copy_from(endpoint_t source, uint64_t address, void *to, size_t length);
int kcall_copy_to(endpoint_t destination, uint64_t address, const void *from, size_t length);
int kcall_safecopy_to(endpoint_t granter, grant_t grant, const void *from, size_t length);
