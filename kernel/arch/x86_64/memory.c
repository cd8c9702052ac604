/* SPDX-License-Identifier: MIT */
/*
 * Physical memory until VM runs: a short list of free ranges, cut from the front. After early_finish the list is boot_info.free and belongs to VM; what
 * the kernel keeps is marked in frame_link, one word per frame of RAM.
 */
#include "internal.h"

#include "base/string.h"

enum { RANGES = 64 };

static struct memory_range ram[RANGES];    /* all RAM, for memory_is_ram */
static struct memory_range ranges[RANGES]; /* what is still free */
static uint32_t ram_count, range_count;
static bool finished;

uint64_t ram_end;
uint64_t shared_frames;
uint32_t *frame_link;
uint64_t frame_count;

static void range_add(uint64_t base, uint64_t end)
{
    base = page_up(base);
    end = page_down(end);
    if (base >= end || range_count == RANGES)
        return;
    ranges[range_count++] = (struct memory_range){ base, end };
}

void memory_add_ram(uint64_t base, uint64_t end)
{
    if (ram_count == RANGES || base >= end)
        return;
    ram[ram_count++] = (struct memory_range){ base, end };
    boot_info.total_bytes += end - base;
    if (end > ram_end)
        ram_end = page_down(end);
    range_add(base, end);
}

void memory_take(uint64_t base, uint64_t end)
{
    base = page_down(base);
    end = page_up(end);
    uint32_t count = range_count;
    for (uint32_t i = 0; i < count; i++) {
        struct memory_range *range = &ranges[i];
        if (end <= range->base || base >= range->end)
            continue;
        if (range->end > end)
            range_add(end, range->end);
        range->end = range->base < base ? base : range->base;
    }
}

bool memory_is_ram(uint64_t base, uint64_t length)
{
    for (uint32_t i = 0; i < ram_count; i++)
        if (base >= ram[i].base && base < ram[i].end)
            return length <= ram[i].end - base;
    return false;
}

/* Largest range that the boot page tables reach, so that this works before the physical map is complete. */
static struct memory_range *range_largest(uint64_t bytes)
{
    struct memory_range *best = NULL;
    for (uint32_t i = 0; i < range_count; i++) {
        struct memory_range *range = &ranges[i];
        uint64_t room = range->end - range->base;
        if (room >= bytes && range->base < 1UL << 32 && (best == NULL || room > best->end - best->base))
            best = range;
    }
    return best;
}

static uint64_t take(uint64_t bytes, bool kernel)
{
    bytes = page_up(bytes);
    struct memory_range *range = range_largest(bytes);
    if (finished || range == NULL)
        panic("out of memory at boot: %lu KiB wanted, this machine has %lu MiB of RAM; planaria needs at least %lu MiB", bytes >> 10,
              boot_info.total_bytes >> 20, memory_needed_mib());
    uint64_t base = range->base;
    range->base += bytes;
    fill_zero(physical_pointer(base), bytes);
    if (kernel && frame_link != NULL)
        for (uint64_t frame = base / PAGE_SIZE; frame < (base + bytes) / PAGE_SIZE; frame++)
            frame_link[frame] = FRAME_KERNEL;
    return base;
}

uint64_t early_allocate(size_t bytes)
{
    return take(bytes, true);
}

uint64_t memory_allocate_user(uint64_t bytes)
{
    return take(bytes, false);
}

static void mark_kernel(uint64_t base, uint64_t end)
{
    for (uint64_t frame = base / PAGE_SIZE; frame < page_up(end) / PAGE_SIZE && frame < frame_count; frame++)
        frame_link[frame] = FRAME_KERNEL;
}

/* After the ranges are known: the frame table itself. The first MiB stays the kernel's: firmware data, trampoline. */
void memory_start(void)
{
    extern const uint8_t kernel_start[], kernel_end[];
    frame_count = ram_end / PAGE_SIZE;
    uint64_t bytes = page_up(frame_count * sizeof frame_link[0]);
    uint64_t base = take(bytes, false);
    frame_link = physical_pointer(base);
    mark_kernel(base, base + bytes);
    mark_kernel((uint64_t)kernel_start - KERNEL_VIRTUAL, (uint64_t)kernel_end - KERNEL_VIRTUAL);
    mark_kernel(TRAMPOLINE_PHYSICAL, TRAMPOLINE_PHYSICAL + PAGE_SIZE);
}

bool frame_is_kernel(uint64_t physical)
{
    uint64_t frame = physical / PAGE_SIZE;
    if (frame < frame_count)
        return frame_link[frame] != 0;
    return address_is_controller(physical);
}

uint8_t frames_of_kernel(uint64_t first)
{
    uint32_t bits = 0;
    for (uint64_t i = 0; i < 8 && first + i < frame_count; i++)
        bits |= (uint32_t)(frame_link[first + i] != 0) << i;
    return (uint8_t)bits;
}

/* Everything between and above the RAM ranges, up to 1 TiB, may hold devices. */
static void reserved_fill(void)
{
    uint64_t at = 0;
    while (boot_info.reserved_count < BOOT_MEMORY_RANGES) {
        const struct memory_range *next = NULL;
        for (uint32_t i = 0; i < ram_count; i++)
            if (ram[i].end > at && (next == NULL || ram[i].base < next->base))
                next = &ram[i];
        uint64_t end = next != NULL ? next->base : 1UL << 40;
        if (end > at)
            boot_info.reserved[boot_info.reserved_count++] = (struct boot_range){ at, end - at };
        if (next == NULL)
            return;
        at = next->end;
    }
}

void early_finish(void)
{
    finished = true;
    for (uint32_t i = 0; i < range_count && boot_info.free_count < BOOT_MEMORY_RANGES; i++)
        if (ranges[i].end > ranges[i].base)
            boot_info.free[boot_info.free_count++] = (struct boot_range){ ranges[i].base, ranges[i].end - ranges[i].base };
    reserved_fill();
}
