/* SPDX-License-Identifier: MIT */
/*
 * The kernel half of every address space, built once: physical map (no execution), the image with rights per section, kernel stacks with guard
 * pages. Its PML4 entries are copied into each space and never change afterwards.
 */
#include "internal.h"
#include "page_bits.h"

extern const uint8_t kernel_start[], kernel_text_end[], kernel_rodata_start[], kernel_data_start[], kernel_end[];

enum { STACK_SPACING = 0x8000, STACKS_PER_CPU = 4 };

uint64_t kernel_root;
static uint64_t no_execute; /* PTE_NX where the processor has it */

static uint64_t *table_next(uint64_t *entry)
{
    if (!(*entry & PTE_PRESENT))
        *entry = early_allocate(PAGE_SIZE) | PTE_PRESENT | PTE_WRITE;
    return physical_pointer(*entry & PTE_ADDRESS);
}

static uint64_t *entry_of(uint64_t address)
{
    uint64_t *table = physical_pointer(kernel_root);
    table = table_next(&table[address >> 39 & 511]);
    table = table_next(&table[address >> 30 & 511]);
    table = table_next(&table[address >> 21 & 511]);
    return &table[address >> 12 & 511];
}

static void map_page(uint64_t address, uint64_t physical, uint64_t bits)
{
    *entry_of(address) = physical | bits | PTE_PRESENT | PTE_GLOBAL;
}

static void map_image(const uint8_t *from, const uint8_t *to, uint64_t bits)
{
    for (uint64_t address = page_down((uint64_t)from); address < (uint64_t)to; address += PAGE_SIZE)
        map_page(address, address - KERNEL_VIRTUAL, bits);
}

/* At least the first 4 GiB (controllers live there), then as far as there is RAM. */
static void map_physical(void)
{
    uint64_t end = ram_end > 1UL << 32 ? ram_end : 1UL << 32;
    uint64_t bits = PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_GLOBAL | no_execute;
    for (uint64_t at = 0; at < end; at += 1UL << 30) {
        uint64_t *table = physical_pointer(kernel_root);
        table = table_next(&table[(at + PHYSICAL_MAP_BASE) >> 39 & 511]);
        uint64_t *entry = &table[at >> 30 & 511];
        if (cpu_features.pages_1g) {
            *entry = at | bits;
            continue;
        }
        table = table_next(entry);
        for (uint64_t i = 0; i < 512; i++)
            table[i] = (at + i * (2UL << 20)) | bits;
    }
}

void paging_init(void)
{
    no_execute = cpu_features.nx ? PTE_NX : 0;
    kernel_root = early_allocate(PAGE_SIZE);
    map_physical();
    map_image(kernel_start, kernel_text_end, 0);
    map_image(kernel_rodata_start, kernel_data_start, no_execute);
    map_image(kernel_data_start, kernel_end, PTE_WRITE | no_execute);
    cr4_write(cr4_read() & ~(uint64_t)CR4_PGE);
    cr3_write(kernel_root);
}

/* The boot tables map the image executable and writable: they go, except what trampoline.S needs, until all processors run. */
void paging_drop_identity(void)
{
    fill_zero(boot_pml4, PAGE_SIZE);
}

uint64_t paging_stack(uint32_t cpu, uint32_t index)
{
    uint64_t top = STACK_REGION + (uint64_t)(cpu * STACKS_PER_CPU + index + 1) * STACK_SPACING;
    for (uint64_t at = top - KERNEL_STACK_BYTES; at < top; at += PAGE_SIZE)
        if (*entry_of(at) == 0) /* a second call answers the same */
            map_page(at, early_allocate(PAGE_SIZE), PTE_WRITE | no_execute);
    return top;
}
