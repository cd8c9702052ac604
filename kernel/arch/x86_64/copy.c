/* SPDX-License-Identifier: MIT */
/*
 * Copies. Between spaces they go page by page through the physical map, so that neither space needs to be loaded and no fault can happen. (At user addresses
 * only messages are copied, inline.h, and words summed up, checksum.c.)
 */
#include "internal.h"
#include "page_bits.h"

#include "base/string.h"

/* Sets accessed and dirty as the processor would: VM decides by them what to write back. */
void *space_pointer(uint32_t number, uint64_t address, bool write)
{
    if (number >= SPACE_COUNT || address >= USER_TOP || spaces[number].root == 0)
        return NULL;
    uint64_t *table = physical_pointer(spaces[number].root);
    uint64_t entry = table[address >> 39 & 511];
    if (!(entry & PTE_PRESENT))
        return NULL;
    table = physical_pointer(entry & PTE_ADDRESS);
    entry = table[address >> 30 & 511];
    if (!(entry & PTE_PRESENT))
        return NULL;
    table = physical_pointer(entry & PTE_ADDRESS);
    entry = table[address >> 21 & 511];
    if (!(entry & PTE_PRESENT))
        return NULL;
    table = physical_pointer(entry & PTE_ADDRESS);
    uint64_t *last = &table[address >> 12 & 511];
    uint64_t wanted = write ? PTE_PRESENT | PTE_WRITE : PTE_PRESENT;
    entry = *last;
    if ((entry & wanted) != wanted)
        return NULL;
    uint64_t marks = write ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED;
    if ((entry & marks) != marks)
        __atomic_fetch_or(last, marks, __ATOMIC_RELAXED);
    return (uint8_t *)physical_pointer(entry & PTE_ADDRESS) + (address & (PAGE_SIZE - 1));
}

static inline uint64_t page_rest(uint64_t address)
{
    return PAGE_SIZE - (address & (PAGE_SIZE - 1));
}

int copy_spaces(uint32_t source, uint64_t from, uint32_t destination, uint64_t to, uint64_t length, struct copy_fault *fault)
{
    if (source != SPACE_NONE && (from >= USER_TOP || length > USER_TOP - from)) {
        *fault = (struct copy_fault){ source, false, from };
        return -EFAULT;
    }
    if (destination != SPACE_NONE && (to >= USER_TOP || length > USER_TOP - to)) {
        *fault = (struct copy_fault){ destination, true, to };
        return -EFAULT;
    }
    while (length != 0) {
        uint64_t part = length;
        const uint8_t *read = (const uint8_t *)from;
        uint8_t *write = (uint8_t *)to;
        if (source != SPACE_NONE) {
            part = page_rest(from) < part ? page_rest(from) : part;
            read = space_pointer(source, from, false);
            if (read == NULL) {
                *fault = (struct copy_fault){ source, false, from };
                return -EFAULT;
            }
        }
        if (destination != SPACE_NONE) {
            part = page_rest(to) < part ? page_rest(to) : part;
            write = space_pointer(destination, to, true);
            if (write == NULL) {
                *fault = (struct copy_fault){ destination, true, to };
                return -EFAULT;
            }
        }
        if (part >= COPY_LONG_MIN)
            copy_long(write, read, part);
        else
            copy_bytes(write, read, part);
        from += part;
        to += part;
        length -= part;
    }
    return 0;
}
