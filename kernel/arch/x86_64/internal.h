/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder offer to each other; arch.h is what they offer to the rest of the kernel.
 */
#pragma once

#include "arch.h"
#include "cpu.h"
#include "cpulocal.h"
#include "errors.h"
#include "frame.h"
#include "layout.h"

#include "kernel/debug/debug.h"

static inline void *physical_pointer(uint64_t physical)
{
    return (void *)(physical + PHYSICAL_MAP_BASE);
}

static inline uint64_t page_down(uint64_t address)
{
    return address & ~(PAGE_SIZE - 1);
}

static inline uint64_t page_up(uint64_t address)
{
    return page_down(address + PAGE_SIZE - 1);
}

/* rep stosq, rep movsq: fastest in the emulator and fine everywhere. */
static inline void fill_zero(void *to, uint64_t bytes)
{
    uint64_t count = bytes / 8;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0UL) : "memory");
}

static inline void copy_words(void *to, const void *from, uint64_t words)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

static inline void copy_bytes(uint8_t *to, const uint8_t *from, uint64_t length)
{
    uint64_t words = length / 8, rest = length & 7;
    if (words != 0)
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    if (rest != 0)
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

/* page.c: runs of any length; worth it from COPY_LONG_MIN bytes on. */
enum { COPY_LONG_MIN = 256 };
void copy_long(void *to, const void *from, uint64_t bytes);

/* ---- boot.c, memory.c ---- */
uint64_t memory_needed_mib(void); /* for what errors say */
struct memory_range {
    uint64_t base, end;
};
extern uint64_t ram_end; /* first address above all RAM */
void memory_add_ram(uint64_t base, uint64_t end);
/* Take [base, end) out of what early_allocate and VM may use. */
void memory_take(uint64_t base, uint64_t end);
void memory_start(void);
bool memory_is_ram(uint64_t base, uint64_t length);
/* Frames for a boot process: contiguous, zeroed; they will be VM's, so frame_is_kernel is false for them. */
uint64_t memory_allocate_user(uint64_t bytes);
/* For each frame of RAM: 0 not the kernel's, FRAME_KERNEL, or the next in a list of table frames. */
enum { FRAME_KERNEL = 0xffffffff, FRAME_LAST = 0xfffffffe };
enum { SHARED_BYTES = 2 * 4096 };
extern uint64_t shared_frames; /* time page and vDSO: the kernel's, but VM may map them without write */
extern uint32_t *frame_link;
extern uint64_t frame_count;

/* ---- paging.c ---- */
extern uint64_t kernel_root; /* physical address of the PML4 that every space copies its upper half from */
void paging_init(void);
void paging_drop_identity(void);
/* A kernel stack for a processor: returns its top; the page below it is not mapped. */
uint64_t paging_stack(uint32_t cpu, uint32_t index);
extern uint64_t boot_pml4[512];

/* ---- features (cpu.c) ---- */
struct cpu_features {
    bool nx, pages_1g, smep, smap, umip, xsave, avx, avx2;
};
extern struct cpu_features cpu_features;
void cpu_detect(void);
void cpu_init(uint32_t cpu, uint32_t apic_id); /* GDT, TSS, IDT, MSRs, control registers, GS of the calling processor */
void cpu_patch_smap(void);

/* ---- traps, fpu, apic, clock ---- */
void traps_init(void);
void fpu_init(void); /* first processor: size, pool */
void fpu_init_cpu(void);
void fpu_not_available(struct thread *thread);
void fpu_switch(struct cpu_local *cpu, bool mine);
extern uint32_t fpu_is_eager;
void fpu_reset(struct thread *thread);
uint32_t fpu_bytes(void);
void apic_init(uint64_t physical);
void apic_init_cpu(void);
uint32_t apic_id(void);
uint32_t apic_boot_id(void); /* of this processor by CPUID, before the controller is mapped */
void apic_send(uint32_t apic, uint32_t command);
void apic_eoi(void);
void apic_timer_start(uint32_t count);
uint32_t apic_timer_count(void);
enum { APIC_FIXED = 0, APIC_NMI = 0x400, APIC_INIT = 0x4500, APIC_STARTUP = 0x4600 };
void ioapic_add(uint64_t physical, uint32_t first_line);
void ioapic_override(uint32_t isa_line, uint32_t line, uint32_t flags);
void ioapic_init(void);
bool address_is_controller(uint64_t physical); /* LAPIC or IOAPIC page */
void pic_disable(void);
void clock_init(void);
void clock_delay_us(uint64_t us);

/* ---- acpi.c ---- */
void acpi_init(uint64_t rsdp);
struct acpi_result {
    uint32_t apic_ids[CPU_MAX];
    uint32_t cpu_count;
    uint64_t lapic;
};
extern struct acpi_result acpi;

/* ---- space.c ---- */
void space_init(void);

/* ---- smp.c, loader.c, serial.c ---- */
extern volatile uint32_t panic_stop;
extern uint64_t secondary_stack;
void loader_run(void);
void serial_init(void);
