/* SPDX-License-Identifier: MIT */
/*
 * A processor's own equipment: features, descriptor tables, task state segment, system-call registers. cpu_init runs once on each processor.
 */
#include "internal.h"

#include "base/string.h"

struct cpu_local cpu_locals[CPU_MAX];
struct cpu_features cpu_features;

struct task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

enum { GDT_ENTRIES = 9, IST_NMI = 1, IST_DOUBLE_FAULT = 2, IST_MACHINE_CHECK = 3, GATE_KERNEL = 0x8e, GATE_USER = 0xee };

static struct task_state task_states[CPU_MAX] __attribute__((aligned(128)));
static uint64_t descriptors[CPU_MAX][GDT_ENTRIES] __attribute__((aligned(128)));
static struct gate gates[256] __attribute__((aligned(16)));

extern const uint8_t vector_stubs[], vector_nmi[], vector_flush[], vector_spurious[], syscall_entry[];
extern const uint64_t smap_sites_start[], smap_sites_end[];

void cpu_detect(void)
{
    uint32_t highest = cpuid(0, 0).eax;
    struct cpuid one = cpuid(1, 0);
    struct cpuid extended = cpuid(0x80000001, 0);
    cpu_features.nx = extended.edx >> 20 & 1;
    cpu_features.pages_1g = extended.edx >> 26 & 1;
    cpu_features.xsave = one.ecx >> 26 & 1;
    cpu_features.avx = cpu_features.xsave && (one.ecx >> 28 & 1);
    if (highest >= 7) {
        struct cpuid seven = cpuid(7, 0);
        cpu_features.smep = seven.ebx >> 7 & 1;
        cpu_features.smap = seven.ebx >> 20 & 1;
        cpu_features.avx2 = cpu_features.avx && (seven.ebx >> 5 & 1);
        cpu_features.umip = seven.ecx >> 2 & 1;
    }

    struct cpuid vendor = cpuid(0, 0);
    memcpy(machine_info.vendor, &vendor.ebx, 4);
    memcpy(machine_info.vendor + 4, &vendor.edx, 4);
    memcpy(machine_info.vendor + 8, &vendor.ecx, 4);
    if (cpuid(0x80000000, 0).eax >= 0x80000004)
        for (uint32_t i = 0; i < 3; i++) {
            struct cpuid part = cpuid(0x80000002 + i, 0);
            memcpy(machine_info.model + 16 * i, &part, 16);
        }
    machine_info.model[sizeof machine_info.model - 1] = 0;
}

/* Entry code and the copy routines hold stac and clac; without SMAP they would be undefined instructions. Through the physical map: text is not writable. */
void cpu_patch_smap(void)
{
    if (cpu_features.smap)
        return;
    static const uint8_t nop[3] = { 0x0f, 0x1f, 0x00 };
    for (const uint64_t *site = smap_sites_start; site < smap_sites_end; site++)
        memcpy(physical_pointer(*site - KERNEL_VIRTUAL), nop, sizeof nop);
}

static void gate_set(uint32_t vector, const uint8_t *handler, uint8_t type, uint8_t ist)
{
    uint64_t address = (uint64_t)handler;
    gates[vector] = (struct gate){
        .offset_low = (uint16_t)address,
        .selector = SELECTOR_KERNEL_CODE,
        .ist = ist,
        .type = type,
        .offset_middle = (uint16_t)(address >> 16),
        .offset_high = (uint32_t)(address >> 32),
    };
}

void traps_init(void)
{
    for (uint32_t vector = 0; vector < 256; vector++)
        gate_set(vector, vector_stubs + 16 * vector, vector == 3 || vector == 4 ? GATE_USER : GATE_KERNEL, 0);
    gate_set(2, vector_nmi, GATE_KERNEL, IST_NMI);
    gate_set(8, vector_stubs + 16 * 8, GATE_KERNEL, IST_DOUBLE_FAULT);
    gate_set(18, vector_stubs + 16 * 18, GATE_KERNEL, IST_MACHINE_CHECK);
    gate_set(VECTOR_FLUSH, vector_flush, GATE_KERNEL, 0);
    gate_set(VECTOR_SPURIOUS, vector_spurious, GATE_KERNEL, 0);
}

static void descriptors_load(uint32_t cpu)
{
    uint64_t tss = (uint64_t)&task_states[cpu];
    uint64_t *gdt = descriptors[cpu];
    gdt[SELECTOR_KERNEL_CODE / 8] = 0x00af9b000000ffff;
    gdt[SELECTOR_KERNEL_DATA / 8] = 0x00cf93000000ffff;
    gdt[4] = 0; /* Linux has 32-bit user code here; without it nobody gets into compatibility mode, where syscall means something else */
    gdt[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff;
    gdt[SELECTOR_USER_CODE / 8] = 0x00affb000000ffff;
    gdt[SELECTOR_TSS / 8] = (sizeof(struct task_state) - 1) | (tss & 0xffffff) << 16 | 0x89UL << 40 | (tss >> 24 & 0xff) << 56;
    gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;

    struct table_pointer pointer = { sizeof descriptors[cpu] - 1, (uint64_t)gdt };
    __asm__ volatile("lgdt %0" : : "m"(pointer));
    struct table_pointer interrupts = { sizeof gates - 1, (uint64_t)gates };
    __asm__ volatile("lidt %0" : : "m"(interrupts));
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
}

static void control_registers(void)
{
    uint64_t cr4 = cr4_read() | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (cpu_features.smep)
        cr4 |= CR4_SMEP;
    if (cpu_features.smap)
        cr4 |= CR4_SMAP;
    if (cpu_features.umip)
        cr4 |= CR4_UMIP;
    if (cpu_features.xsave)
        cr4 |= CR4_OSXSAVE;
    cr4_write(cr4);
    get_cpulocal_var(cr0_with_ts) = (cr0_read() | CR0_MP | CR0_NE | CR0_WP | CR0_TS) & ~(uint64_t)CR0_EM;
    cr0_write(get_cpulocal_var(cr0_with_ts));
    get_cpulocal_var(ts_set) = true;
}

void cpu_init(uint32_t cpu, uint32_t apic)
{
    struct cpu_local *local = &cpu_locals[cpu];
    struct task_state *tss = &task_states[cpu];
    local->self = local;
    local->number = cpu;
    local->apic_id = apic;
    local->loaded_space = SPACE_NONE;
    local->timer_deadline = UINT64_MAX;
    local->stack_top = paging_stack(cpu, 0);
    tss->rsp[0] = local->stack_top;
    tss->ist[IST_NMI - 1] = paging_stack(cpu, 1);
    tss->ist[IST_DOUBLE_FAULT - 1] = paging_stack(cpu, 2);
    tss->ist[IST_MACHINE_CHECK - 1] = paging_stack(cpu, 3);
    tss->io_map = sizeof *tss;
    descriptors_load(cpu);
    msr_write(MSR_GS_BASE, (uint64_t)local);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    msr_write(MSR_FS_BASE, 0);
    msr_write(MSR_STAR, (uint64_t)SELECTOR_SYSRET << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    msr_write(MSR_LSTAR, (uint64_t)syscall_entry);
    msr_write(MSR_CSTAR, 0);
    msr_write(MSR_SFMASK, 0x257fd5);
    control_registers();
    fpu_init_cpu();
    local->online = true;
}

uint64_t cpu_space_switches(uint32_t cpu)
{
    return get_cpu_var(cpu, space_switches);
}

uint32_t cpu_count(void)
{
    return machine_info.cpu_online;
}
