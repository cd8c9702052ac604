/* SPDX-License-Identifier: MIT */
/*
 * Copies. Between spaces they go page by page through the physical map, so that neither space needs to be loaded and no fault can happen; only the two
 * message routines touch user addresses directly, with entries in the exception table (traps.c) for absent pages.
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

static inline void copy_bytes(uint8_t *to, const uint8_t *from, uint64_t length)
{
    uint64_t words = length / 8, rest = length & 7;
    if (words != 0)
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    if (rest != 0)
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

static inline uint64_t page_rest(uint64_t address)
{
    return PAGE_SIZE - (address & (PAGE_SIZE - 1));
}

int copy_spaces(uint32_t source, uint64_t from, uint32_t destination, uint64_t to, uint64_t length, struct copy_fault *fault)
{
    if (source != SPACE_NONE && (from >= USER_TOP || length > USER_TOP - from)) {
        *fault = (struct copy_fault){source, false, from};
        return -EFAULT;
    }
    if (destination != SPACE_NONE && (to >= USER_TOP || length > USER_TOP - to)) {
        *fault = (struct copy_fault){destination, true, to};
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
                *fault = (struct copy_fault){source, false, from};
                return -EFAULT;
            }
        }
        if (destination != SPACE_NONE) {
            part = page_rest(to) < part ? page_rest(to) : part;
            write = space_pointer(destination, to, true);
            if (write == NULL) {
                *fault = (struct copy_fault){destination, true, to};
                return -EFAULT;
            }
        }
        copy_bytes(write, read, part);
        from += part;
        to += part;
        length -= part;
    }
    return 0;
}

void page_zero(uint64_t physical)
{
    fill_zero(physical_pointer(physical), PAGE_SIZE);
}

void page_copy(uint64_t destination, uint64_t source)
{
    copy_words(physical_pointer(destination), physical_pointer(source), PAGE_SIZE / 8);
}

/* copy64(to, from): eight words each way, stac and clac around; a fault continues behind with ok = 0. */
static inline bool copy64(void *to, const void *from)
{
    bool ok;
    uint64_t a, b, c, d;
    __asm__ volatile("91: stac\n"
                     "0: movq (%[from]), %[a]; movq 8(%[from]), %[b]; movq 16(%[from]), %[c]; movq 24(%[from]), %[d]\n"
                     "1: movq %[a], (%[to]); movq %[b], 8(%[to]); movq %[c], 16(%[to]); movq %[d], 24(%[to])\n"
                     "2: movq 32(%[from]), %[a]; movq 40(%[from]), %[b]; movq 48(%[from]), %[c]; movq 56(%[from]), %[d]\n"
                     "3: movq %[a], 32(%[to]); movq %[b], 40(%[to]); movq %[c], 48(%[to]); movq %[d], 56(%[to])\n"
                     "movl $1, %k[a]\n"
                     "4: clac\n"
                     "testl %k[a], %k[a]\n"
                     ".pushsection .text.fixup, \"ax\"\n"
                     "5: xorl %k[a], %k[a]; jmp 4b\n"
                     ".popsection\n"
                     ".pushsection .exception_table, \"a\"\n"
                     ".quad 0b, 4b, 5b\n" /* from, to, continue at */
                     ".popsection\n"
                     ".pushsection .smap_sites, \"a\"\n"
                     ".quad 91b, 4b\n"
                     ".popsection\n"
                     : "=@ccnz"(ok), [a] "=&a"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                     : [to] "r"(to), [from] "r"(from)
                     : "memory");
    return ok;
}

static inline void refresh_loaded(void)
{
    const struct cpu_local *cpu = cpu_this();
    if (space_pending != 0 || cpu->loaded_stale)
        space_activate(cpu->loaded_space);
}

bool copy_message_in(struct message *to, uint64_t user_address)
{
    if (user_address >= USER_TOP - sizeof *to)
        return false;
    refresh_loaded();
    return copy64(to, (const void *)user_address);
}

bool copy_message_out(uint64_t user_address, const struct message *from)
{
    if (user_address >= USER_TOP - sizeof *from)
        return false;
    refresh_loaded();
    return copy64((void *)user_address, from);
}
