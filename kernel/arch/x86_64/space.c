/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: four-level tables below a root whose upper half is the kernel's. VM decides what is mapped; this file refuses only frames of
 * the kernel. Table frames come from a stock that VM fills; each space keeps its own in a list (frame_link), so that destroying it looks at no entry.
 *
 * TLBs: a change of a present entry is noted in `pending`; space_flush (at the latest arch_resume) makes it true everywhere: here by invlpg or a CR3
 * load, elsewhere by a stale bit that is looked at before the space is used there, and by an interrupt if its program runs there right now.
 */
#include "internal.h"
#include "page_bits.h"
#include "protocols/kernel.h"

enum { PENDING_PAGES = 16, LIST_END = FRAME_LAST };

struct space spaces[SPACE_COUNT];
static uint32_t space_pending; /* number of changes; above PENDING_PAGES: reload all */
static uint32_t pending_space;
static uint64_t pending_address[PENDING_PAGES];
static uint32_t stock = LIST_END; /* unused table frames, linked by frame_link */
static uint64_t stock_free, stock_total;

static inline uint64_t entry_bits(uint32_t flags)
{
    uint64_t bits = PTE_USER;
    bits |= flags & KERNEL_MAP_FLAGS_USER ? PTE_PRESENT : PTE_HIDDEN;
    if (flags & KERNEL_MAP_FLAGS_WRITE)
        bits |= PTE_WRITE;
    if (!(flags & KERNEL_MAP_FLAGS_EXECUTE) && cpu_features.nx)
        bits |= PTE_NX;
    if (flags & KERNEL_MAP_FLAGS_UNCACHED)
        bits |= PTE_CACHE_DISABLE | PTE_WRITE_THROUGH;
    return bits;
}

_Static_assert(KERNEL_MAP_FLAGS_WRITE == 1 && KERNEL_MAP_FLAGS_EXECUTE == 2 && KERNEL_MAP_FLAGS_USER == 4 &&
                   KERNEL_MAP_FLAGS_UNCACHED == 16,
               "entry_export shifts bits of entries to these");

/* The format that VM sees (kernel.idl, call unmap). */
static inline uint64_t entry_export(uint64_t entry)
{
    if (!(entry & (PTE_PRESENT | PTE_HIDDEN)))
        return 0;
    uint64_t flags = (entry & PTE_WRITE) >> 1 | (~entry & PTE_NX) >> 62 | (entry & PTE_PRESENT) << 2 | (entry & PTE_CACHE_DISABLE);
    return (entry & PTE_ADDRESS) | flags << 52 | 1 | (entry & PTE_DIRTY) >> 5 | (entry & PTE_ACCESSED) >> 3;
}

static bool range_is_user(uint64_t address, uint64_t count)
{
    return address >= PAGE_SIZE && address % PAGE_SIZE == 0 && address < USER_TOP && count <= (USER_TOP - address) / PAGE_SIZE;
}

bool space_is_used(uint32_t space)
{
    return space < SPACE_COUNT && spaces[space].root != 0;
}

/* ---- stock of table frames ---- */

static uint64_t stock_pop(void)
{
    if (stock == LIST_END)
        return 0;
    uint32_t frame = stock;
    stock = frame_link[frame];
    stock_free--;
    return (uint64_t)frame * PAGE_SIZE;
}

static void stock_push(uint64_t physical)
{
    frame_link[physical / PAGE_SIZE] = stock;
    stock = (uint32_t)(physical / PAGE_SIZE);
    stock_free++;
}

/* The frame is the kernel's from now on. Refused if it is not RAM or already the kernel's. */
int space_tables_give(uint64_t physical)
{
    if (physical % PAGE_SIZE != 0 || !memory_is_ram(physical, PAGE_SIZE) || frame_is_kernel(physical))
        return -EPERM;
    stock_push(physical);
    stock_total++;
    return 0;
}

uint64_t space_tables_take(void)
{
    uint64_t physical = stock_pop();
    if (physical != 0) {
        frame_link[physical / PAGE_SIZE] = 0;
        stock_total--;
    }
    return physical;
}

void space_tables_count(uint64_t *total, uint64_t *free)
{
    *total = stock_total;
    *free = stock_free;
}

/* A first stock for the boot services, until VM gives more. */
void space_init(void)
{
    enum { FIRST_TABLES = 256 };
    uint64_t base = early_allocate(FIRST_TABLES * PAGE_SIZE);
    for (uint64_t i = 0; i < FIRST_TABLES; i++)
        stock_push(base + i * PAGE_SIZE);
    stock_total = FIRST_TABLES;
    boot_info.tables = (struct boot_range){ base, FIRST_TABLES * PAGE_SIZE };
}

/* ---- walks ---- */

static inline uint64_t *table_of(uint64_t entry)
{
    return physical_pointer(entry & PTE_ADDRESS);
}

/* The last-level entry of an address if all tables are there. */
static inline uint64_t *walk_present(const struct space *space, uint64_t address)
{
    const uint64_t *table = physical_pointer(space->root);
    uint64_t entry = table[address >> 39 & 511];
    if (!(entry & PTE_PRESENT))
        return NULL;
    table = table_of(entry);
    entry = table[address >> 30 & 511];
    if (!(entry & PTE_PRESENT))
        return NULL;
    table = table_of(entry);
    entry = table[address >> 21 & 511];
    return entry & PTE_PRESENT ? &table_of(entry)[address >> 12 & 511] : NULL;
}

/* The last-level entry of an address, or NULL. *absent: how many pages from here on have no table at all. */
static inline uint64_t *walk(const struct space *space, uint64_t address, uint64_t *absent)
{
    uint64_t *table = physical_pointer(space->root);
    for (int shift = 39; shift > 12; shift -= 9) {
        uint64_t entry = table[address >> shift & 511];
        if (!(entry & PTE_PRESENT)) {
            *absent = (((address >> shift) + 1) << (shift - 12)) - (address >> 12);
            return NULL;
        }
        table = table_of(entry);
    }
    return &table[address >> 12 & 511];
}

/* The same, but makes tables; NULL: no table frame left. */
static uint64_t *walk_make(struct space *space, uint64_t address)
{
    uint64_t *table = physical_pointer(space->root);
    for (int shift = 39; shift > 12; shift -= 9) {
        uint64_t *entry = &table[address >> shift & 511];
        if (!(*entry & PTE_PRESENT)) {
            uint64_t frame = stock_pop();
            if (frame == 0)
                return NULL;
            page_zero(frame);
            frame_link[frame / PAGE_SIZE] = space->tables;
            space->tables = (uint32_t)(frame / PAGE_SIZE);
            *entry = frame | PTE_PRESENT | PTE_WRITE | PTE_USER;
        }
        table = table_of(*entry);
    }
    return &table[address >> 12 & 511];
}

/* ---- stale translations ---- */

static inline void pending_note(uint32_t space, uint64_t address)
{
    if (space_pending > PENDING_PAGES && pending_space == space)
        return; /* everything will be reloaded anyway */
    if (space_pending != 0 && pending_space != space)
        space_flush(pending_space);
    pending_space = space;
    if (space_pending < PENDING_PAGES)
        pending_address[space_pending] = address;
    if (space_pending <= PENDING_PAGES)
        space_pending++;
    cpu_this()->loaded_stale |= STALE_PENDING;
}

/* Processors whose program runs in the space: ask, and wait until each has flushed or come into the kernel (there it looks at the stale bit). */
static void flush_remote(uint32_t number)
{
    uint32_t self = cpu_current(), asked = 0;
    for (uint32_t cpu = 0; cpu < cpu_count(); cpu++) {
        struct cpu_local *local = &cpu_locals[cpu];
        if (cpu == self || local->loaded_space != number)
            continue;
        local->loaded_stale |= STALE_REMOTE;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!local->in_user)
            continue;
        local->tlb_request = 1;
        asked |= 1u << cpu;
        apic_send(local->apic_id, APIC_FIXED | VECTOR_FLUSH);
    }
    for (uint32_t cpu = 0; asked != 0 && cpu < cpu_count(); cpu++)
        if (asked & 1u << cpu)
            while (cpu_locals[cpu].tlb_request && cpu_locals[cpu].in_user)
                cpu_pause();
}

void space_flush(uint32_t number)
{
    if (space_pending == 0 || number != pending_space)
        return;
    struct cpu_local *cpu = cpu_this();
    if (cpu->loaded_space == number) {
        if (space_pending > PENDING_PAGES)
            cr3_write(spaces[number].root);
        else
            for (uint32_t i = 0; i < space_pending; i++)
                invlpg(pending_address[i]);
    }
    space_pending = 0;
    if (machine_info.cpu_online > 1)
        flush_remote(number);
}

static void root_release(struct cpu_local *cpu);

/* Slow half of arch_switch. */
void space_activate(uint32_t number)
{
    struct cpu_local *cpu = cpu_this();
    if (cpu->loaded_stale & STALE_PENDING) {
        space_flush(pending_space);
        cpu->loaded_stale &= ~(uint32_t)STALE_PENDING;
    }
    if (number == SPACE_NONE || (cpu->loaded_space == number && !cpu->loaded_stale))
        return;
    if (number >= SPACE_COUNT || spaces[number].root == 0)
        panic("space %u is loaded but does not exist", number);
    cpu->loaded_stale = 0;
    cpu->loaded_space = number;
    cpu->space_switches++;
    cr3_write(spaces[number].root);
    if (cpu->held_root != 0)
        root_release(cpu);
}

/* ---- life ---- */

int space_create(uint32_t number)
{
    if (number >= SPACE_COUNT)
        return -EINVAL;
    struct space *space = &spaces[number];
    if (space->root != 0)
        return -EBUSY;
    uint64_t root = stock_pop();
    if (root == 0)
        return -ENOMEM;

    uint64_t *table = physical_pointer(root);
    const uint64_t *kernel = physical_pointer(kernel_root);
    fill_zero(table, PAGE_SIZE / 2);
    copy_words(table + 256, kernel + 256, 256);
    frame_link[root / PAGE_SIZE] = LIST_END;
    *space = (struct space){ .root = root, .tables = (uint32_t)(root / PAGE_SIZE) };
    return 0;
}

/* The root of a destroyed space is given back when the last processor that still has it in CR3 (idle, or waiting for the lock) has left it. */
static void root_release(struct cpu_local *cpu)
{
    uint64_t root = cpu->held_root;
    cpu->held_root = 0;
    for (uint32_t other = 0; other < cpu_count(); other++)
        if (cpu_locals[other].held_root == root)
            return;
    stock_push(root);
}

/* Nobody runs user code in it afterwards; returns whether some other processor still has the root loaded. */
static bool space_leave(uint32_t number, uint64_t root)
{
    bool held = false;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct cpu_local *local = &cpu_locals[i];
        if (local->loaded_space != number)
            continue;
        if (local == cpu_this()) {
            cr3_write(kernel_root);
        } else {
            while (local->in_user) { /* its thread is gone already, or about to leave: make it come in */
                cpu_kick(i);
                cpu_pause();
            }
            local->held_root = root;
            local->loaded_stale |= STALE_ROOT;
            held = true;
        }
        local->loaded_space = SPACE_NONE;
    }
    return held;
}

/* No thread may be bound to it (the caller checks). */
int space_destroy(uint32_t number)
{
    if (!space_is_used(number))
        return -EINVAL;
    struct space *space = &spaces[number];
    if (space_pending != 0)
        space_flush(pending_space);
    bool held = space_leave(number, space->root);
    fill_zero(physical_pointer(space->root), PAGE_SIZE / 2);
    uint32_t frame = space->tables;
    while (frame != LIST_END) {
        uint32_t next = frame_link[frame];
        uint64_t physical = (uint64_t)frame * PAGE_SIZE;
        if (held && physical == space->root)
            frame_link[frame] = FRAME_KERNEL;
        else
            stock_push(physical);
        frame = next;
    }
    *space = (struct space){ 0 };
    return 0;
}

/* ---- changes ---- */

/* May this frame be mapped so? The kernel's own never, except the pages that are for everybody (vDSO), read-only. */
static inline bool frame_is_refused(uint64_t physical, uint32_t flags)
{
    if (physical < frame_count * PAGE_SIZE && frame_link[physical / PAGE_SIZE] == 0 &&
        !(flags & (KERNEL_MAP_FLAGS_ZERO | KERNEL_MAP_FLAGS_COPY)))
        return false;
    if ((physical & ~PTE_ADDRESS) != 0)
        return true;
    if (frame_is_kernel(physical))
        return physical - shared_frames >= SHARED_BYTES || flags & (KERNEL_MAP_FLAGS_WRITE | KERNEL_MAP_FLAGS_ZERO | KERNEL_MAP_FLAGS_COPY);
    return flags & (KERNEL_MAP_FLAGS_ZERO | KERNEL_MAP_FLAGS_COPY) && !memory_is_ram(physical, PAGE_SIZE);
}

int space_map_range(uint32_t number, uint64_t address, const uint64_t *frames, uint64_t count, uint32_t flags, uint64_t *done)
{
    if (!space_is_used(number) || !range_is_user(address, count))
        return -EINVAL;
    uint64_t bits = entry_bits(flags), *entry = NULL;
    for (uint64_t i = 0; i < count; i++, address += PAGE_SIZE) {
        uint64_t physical = frames[i] & ~(uint64_t)(PAGE_SIZE - 1);
        if (entry == NULL || (address >> 12 & 511) == 0) {
            entry = walk_present(&spaces[number], address);
            if (entry == NULL)
                entry = walk_make(&spaces[number], address);
        } else {
            entry++;
        }
        if (entry == NULL)
            return -ENOMEM;
        if (flags & KERNEL_MAP_FLAGS_IF_ABSENT && (physical == 0 || *entry & (PTE_PRESENT | PTE_HIDDEN)))
            continue;
        if (frame_is_refused(physical, flags))
            return -EPERM;
        if (flags & KERNEL_MAP_FLAGS_COPY && *entry & (PTE_PRESENT | PTE_HIDDEN) && memory_is_ram(*entry & PTE_ADDRESS, PAGE_SIZE))
            page_copy(physical, *entry & PTE_ADDRESS);
        else if (flags & KERNEL_MAP_FLAGS_ZERO)
            page_zero(physical);
        uint64_t old = __atomic_exchange_n(entry, physical | bits, __ATOMIC_RELAXED);
        if (old & PTE_PRESENT)
            pending_note(number, address);
        ++*done;
    }
    return 0;
}

int space_map(uint32_t number, uint64_t address, uint64_t physical, uint32_t flags)
{
    uint64_t done = 0;
    return physical % PAGE_SIZE != 0 ? -EINVAL : space_map_range(number, address, &physical, 1, flags, &done);
}

int space_unmap(uint32_t number, uint64_t address, uint64_t *out)
{
    if (!space_is_used(number) || !range_is_user(address, 1))
        return -EINVAL;
    uint64_t absent = 0, old = 0;
    uint64_t *entry = walk(&spaces[number], address, &absent);
    if (entry != NULL && *entry != 0)
        old = __atomic_exchange_n(entry, 0, __ATOMIC_RELAXED);
    if (old & PTE_PRESENT)
        pending_note(number, address);
    if (out != NULL)
        *out = entry_export(old);
    return 0;
}

int space_unmap_range(uint32_t number, uint64_t address, uint64_t count, uint64_t *out, uint64_t room, uint64_t *present, uint64_t *done)
{
    *present = *done = 0;
    if (!space_is_used(number) || !range_is_user(address, count))
        return -EINVAL;
    while (*done < count && (out == NULL || *present < room)) {
        uint64_t absent = 0, at = address + *done * PAGE_SIZE;
        uint64_t *entry = walk(&spaces[number], at, &absent);
        if (entry == NULL) {
            *done += absent < count - *done ? absent : count - *done;
            continue;
        }
        do { /* to the end of this table */
            if (*entry != 0) {
                uint64_t old = __atomic_exchange_n(entry, 0, __ATOMIC_RELAXED);
                if (old & PTE_PRESENT)
                    pending_note(number, at);
                if (out != NULL)
                    out[*present] = entry_export(old);
                ++*present;
            }
            entry++;
            at += PAGE_SIZE;
            ++*done;
        } while (*done < count && (at >> 12 & 511) != 0 && (out == NULL || *present < room));
    }
    return 0;
}

int space_drain_range(uint32_t number, uint64_t address, uint64_t count, uint64_t *out, uint64_t room, uint64_t *present, uint64_t *done)
{
    *present = *done = 0;
    if (!space_is_used(number) || !range_is_user(address, count))
        return -EINVAL;
    while (*done < count && *present < room) {
        uint64_t absent = 0, at = address + *done * PAGE_SIZE;
        const uint64_t *entry = walk(&spaces[number], at, &absent);
        uint64_t rest = count - *done, part = entry == NULL ? absent : 512 - (at >> 12 & 511), found = *present;
        part = part < rest ? part : rest;
        for (uint64_t i = 0; entry != NULL && i < part; i++) {
            if (entry[i] == 0)
                continue;
            if (found == room) {
                part = i;
                break;
            }
            out[found++] = (entry[i] & PTE_ADDRESS) | 1;
        }
        *present = found;
        *done += part;
    }
    return 0;
}

int space_protect(uint32_t number, uint64_t address, uint64_t count, uint32_t flags)
{
    if (!space_is_used(number) || !range_is_user(address, count))
        return -EINVAL;
    uint64_t bits = entry_bits(flags & ~(uint32_t)KERNEL_MAP_FLAGS_UNCACHED);
    const uint64_t kept = PTE_ADDRESS | PTE_ACCESSED | PTE_DIRTY | PTE_CACHE_DISABLE | PTE_WRITE_THROUGH;
    for (uint64_t i = 0; i < count;) {
        uint64_t absent = 0, at = address + i * PAGE_SIZE;
        uint64_t *entry = walk(&spaces[number], at, &absent);
        if (entry == NULL) {
            i += absent;
            continue;
        }
        uint64_t old = *entry;
        while (old & (PTE_PRESENT | PTE_HIDDEN) &&
               !__atomic_compare_exchange_n(entry, &old, (old & kept) | bits, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            ;
        if (old & PTE_PRESENT)
            pending_note(number, at);
        i++;
    }
    return 0;
}

uint64_t space_entry(uint32_t number, uint64_t address)
{
    if (!space_is_used(number) || address >= USER_TOP)
        return 0;
    uint64_t absent = 0;
    const uint64_t *entry = walk(&spaces[number], address, &absent);
    return entry == NULL ? 0 : entry_export(*entry);
}

int space_entries(uint32_t number, uint64_t address, uint64_t count, uint64_t *out)
{
    if (!space_is_used(number) || !range_is_user(address, count))
        return -EINVAL;
    for (uint64_t i = 0; i < count;) {
        uint64_t absent = 0, at = address + i * PAGE_SIZE;
        const uint64_t *entry = walk(&spaces[number], at, &absent);
        uint64_t part = entry == NULL ? absent : 512 - (at >> 12 & 511);
        part = part < count - i ? part : count - i;
        for (uint64_t j = 0; j < part; j++)
            out[i + j] = entry == NULL || entry[j] == 0 ? 0 : entry_export(entry[j]);
        i += part;
    }
    return 0;
}

int space_fork_range(uint32_t source, uint32_t destination, uint64_t address, uint64_t count, bool cow, uint64_t *out, uint64_t room,
                     uint64_t *present, uint64_t *done)
{
    *present = *done = 0;
    if (!space_is_used(source) || !space_is_used(destination) || !range_is_user(address, count))
        return -EINVAL;
    while (*done < count && (out == NULL || *present < room)) {
        uint64_t absent = 0, at = address + *done * PAGE_SIZE;
        uint64_t *from = walk(&spaces[source], at, &absent), *to = NULL;
        if (from == NULL) {
            *done += absent < count - *done ? absent : count - *done;
            continue;
        }
        do { /* to the end of this table */
            uint64_t entry = *from;
            if (entry & (PTE_PRESENT | PTE_HIDDEN)) {
                if (to == NULL && (to = walk_make(&spaces[destination], at)) == NULL)
                    return -ENOMEM;
                if (cow && entry & PTE_WRITE) {
                    entry = __atomic_and_fetch(from, ~PTE_WRITE, __ATOMIC_RELAXED);
                    pending_note(source, at);
                }
                *to = entry & ~(PTE_DIRTY | PTE_ACCESSED);
                if (out != NULL)
                    out[*present] = entry_export(entry);
                ++*present;
            }
            from++;
            to += to != NULL;
            at += PAGE_SIZE;
            ++*done;
        } while (*done < count && (at >> 12 & 511) != 0 && (out == NULL || *present < room));
    }
    return 0;
}
