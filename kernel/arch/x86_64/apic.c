/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers: the local APIC of each processor (registers in memory, never x2APIC: the emulator has none) and the I/O APICs; the old 8259s are
 * masked. Interrupt line = ACPI's global number; ISA lines go through the override table. All device interrupts go to processor 0.
 */
#include "internal.h"

enum {
    APIC_ID = 0x20,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_COMMAND_LOW = 0x300,
    APIC_COMMAND_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
    APIC_ENABLE = 0x100,
    APIC_MASKED = 0x10000,
    APIC_EXTINT = 0x700,
    APIC_PENDING = 0x1000,
    APIC_DIVIDE_16 = 3,
    APIC_DEFAULT_BASE = 0xfee00000,

    IOAPIC_MAX = 4,
    IOAPIC_SELECT = 0,
    IOAPIC_WINDOW = 4, /* in words */
    IOAPIC_VERSION = 1,
    IOAPIC_REDIRECTION = 0x10,
    REDIRECTION_LOW_ACTIVE = 1 << 13,
    REDIRECTION_LEVEL = 1 << 15,
    REDIRECTION_MASKED = 1 << 16,

    ISA_LINES = 16,
    OVERRIDE_POLARITY_LOW = 3,
    OVERRIDE_TRIGGER_LEVEL = 3,
};

struct ioapic {
    uint64_t physical;
    uint32_t first, lines;
};

static uint64_t apic_physical = APIC_DEFAULT_BASE;
static struct ioapic ioapics[IOAPIC_MAX];
static uint32_t ioapic_count;
static uint32_t isa_line[ISA_LINES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static uint32_t isa_flags[ISA_LINES]; /* MADT's polarity and trigger bits */

/* ---- local ---- */

static volatile uint32_t *apic_register(uint32_t offset)
{
    return (volatile uint32_t *)((uint8_t *)physical_pointer(apic_physical) + offset);
}

uint32_t apic_id(void)
{
    return mmio_read(apic_register(APIC_ID)) >> 24;
}

uint32_t apic_boot_id(void)
{
    return cpuid(1, 0).ebx >> 24;
}

void apic_eoi(void)
{
    mmio_write(apic_register(APIC_EOI), 0);
}

void apic_init_cpu(void)
{
    msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | 1 << 11);
    get_cpulocal_var(apic_eoi) = (uint64_t)apic_register(APIC_EOI);
    mmio_write(apic_register(APIC_SPURIOUS), APIC_ENABLE | VECTOR_SPURIOUS);
    mmio_write(apic_register(APIC_LVT_LINT0), APIC_MASKED | APIC_EXTINT);
    mmio_write(apic_register(APIC_LVT_LINT1), APIC_NMI); /* the wish for a dump: entry.S */
    mmio_write(apic_register(APIC_LVT_ERROR), APIC_MASKED);
    mmio_write(apic_register(APIC_TIMER_DIVIDE), APIC_DIVIDE_16);
    mmio_write(apic_register(APIC_TIMER_INITIAL), 0);
    mmio_write(apic_register(APIC_LVT_TIMER), VECTOR_TIMER);
    apic_eoi();
}

void apic_init(uint64_t physical)
{
    if (physical != 0)
        apic_physical = physical;
    apic_init_cpu();
}

void apic_send(uint32_t apic, uint32_t command)
{
    while (mmio_read(apic_register(APIC_COMMAND_LOW)) & APIC_PENDING)
        cpu_pause();
    mmio_write(apic_register(APIC_COMMAND_HIGH), apic << 24);
    mmio_write(apic_register(APIC_COMMAND_LOW), command);
}

void apic_timer_start(uint32_t count)
{
    mmio_write(apic_register(APIC_TIMER_INITIAL), count);
}

uint32_t apic_timer_count(void)
{
    return mmio_read(apic_register(APIC_TIMER_CURRENT));
}

void cpu_kick(uint32_t cpu)
{
    apic_send(get_cpu_var(cpu, apic_id), APIC_FIXED | VECTOR_RESCHEDULE);
}

/* ---- 8259 ---- */

void pic_disable(void)
{
    out8(0x20, 0x11); /* vectors out of the way of exceptions, in case of a spurious one */
    out8(0xa0, 0x11);
    out8(0x21, 0xe0);
    out8(0xa1, 0xe8);
    out8(0x21, 4);
    out8(0xa1, 2);
    out8(0x21, 1);
    out8(0xa1, 1);
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
}

/* ---- I/O ---- */

static uint32_t ioapic_read(const struct ioapic *io, uint32_t index)
{
    volatile uint32_t *registers = physical_pointer(io->physical);
    mmio_write(&registers[IOAPIC_SELECT], index);
    return mmio_read(&registers[IOAPIC_WINDOW]);
}

static void ioapic_write(const struct ioapic *io, uint32_t index, uint32_t value)
{
    volatile uint32_t *registers = physical_pointer(io->physical);
    mmio_write(&registers[IOAPIC_SELECT], index);
    mmio_write(&registers[IOAPIC_WINDOW], value);
}

void ioapic_add(uint64_t physical, uint32_t first_line)
{
    if (ioapic_count < IOAPIC_MAX)
        ioapics[ioapic_count++] = (struct ioapic){ .physical = physical, .first = first_line };
}

void ioapic_override(uint32_t isa, uint32_t line, uint32_t flags)
{
    if (isa >= ISA_LINES)
        return;
    isa_line[isa] = line;
    isa_flags[isa] = flags;
}

/* An ISA line is edge, high; a PCI line is level. On QEMU's q35 PCI lines 16..23 are high active, by MADT overrides 5 9 10 11 too. */
static uint32_t redirection(uint32_t line)
{
    uint32_t low = REDIRECTION_MASKED | (VECTOR_DEVICE + line);
    for (uint32_t isa = 0; isa < ISA_LINES; isa++) {
        if (isa_line[isa] != line)
            continue;
        if ((isa_flags[isa] & 3) == OVERRIDE_POLARITY_LOW)
            low |= REDIRECTION_LOW_ACTIVE;
        if ((isa_flags[isa] >> 2 & 3) == OVERRIDE_TRIGGER_LEVEL)
            low |= REDIRECTION_LEVEL;
        return low;
    }
    return line < ISA_LINES ? low : low | REDIRECTION_LEVEL;
}

void ioapic_init(void)
{
    if (ioapic_count == 0)
        log_printf("no I/O APIC: no device interrupts\n");
    for (uint32_t i = 0; i < ioapic_count; i++) {
        struct ioapic *io = &ioapics[i];
        io->lines = (ioapic_read(io, IOAPIC_VERSION) >> 16 & 0xff) + 1;
        for (uint32_t pin = 0; pin < io->lines; pin++) {
            if (io->first + pin >= DEVICE_LINES) {
                io->lines = pin;
                break;
            }
            ioapic_write(io, IOAPIC_REDIRECTION + 2 * pin + 1, get_cpu_var(0, apic_id) << 24);
            ioapic_write(io, IOAPIC_REDIRECTION + 2 * pin, redirection(io->first + pin));
        }
    }
}

/* Lines of arch.h are ISA numbers below 16 (what a driver of a legacy device knows), global numbers above. */
static int line_mask(uint32_t line, bool masked)
{
    uint32_t global = line < ISA_LINES ? isa_line[line] : line;
    for (uint32_t i = 0; i < ioapic_count; i++) {
        const struct ioapic *io = &ioapics[i];
        if (global < io->first || global >= io->first + io->lines)
            continue;
        uint32_t low = redirection(global) - global + line; /* the vector tells the line that the driver asked for */
        ioapic_write(io, IOAPIC_REDIRECTION + 2 * (global - io->first), masked ? low : low & ~(uint32_t)REDIRECTION_MASKED);
        return 0;
    }
    return -EINVAL;
}

int irq_line_enable(uint32_t line)
{
    return line < DEVICE_LINES ? line_mask(line, false) : -EINVAL;
}

int irq_line_disable(uint32_t line)
{
    return line < DEVICE_LINES ? line_mask(line, true) : -EINVAL;
}

bool address_is_controller(uint64_t physical)
{
    physical = page_down(physical);
    if (physical == page_down(apic_physical))
        return true;
    for (uint32_t i = 0; i < ioapic_count; i++)
        if (physical == page_down(ioapics[i].physical))
            return true;
    return false;
}
