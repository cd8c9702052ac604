/* SPDX-License-Identifier: MIT */
/*
 * Starting the other processors, one after the other (they share the boot stack until each has its own), and stopping them at a panic.
 */
#include "internal.h"

#include "base/string.h"

extern const uint8_t trampoline_start[], trampoline_end[];

volatile uint32_t panic_stop;
uint64_t secondary_stack;
static volatile uint32_t secondary_number, secondary_running;

void smp_secondary_main(void);

/* First C code of another processor; smp_start_others waits until it is done with shared things. */
void smp_secondary_main(void)
{
    cpu_init(secondary_number, acpi.apic_ids[secondary_number]);
    apic_init_cpu();
    secondary_running = 1;
    big_lock();
    kernel_main_secondary();
    panic("kernel_main_secondary returned");
}

static bool start(uint32_t cpu, uint32_t apic)
{
    secondary_number = cpu;
    secondary_running = 0;
    secondary_stack = paging_stack(cpu, 0);
    apic_send(apic, APIC_INIT);
    clock_delay_us(200);
    for (uint32_t attempt = 0; attempt < 2 && !secondary_running; attempt++) {
        apic_send(apic, APIC_STARTUP | TRAMPOLINE_PHYSICAL >> 12);
        uint64_t limit = time_uptime_ns() + (attempt == 0 ? 20000000 : 1000000000);
        while (!secondary_running && time_uptime_ns() < limit)
            cpu_pause();
    }
    return secondary_running;
}

void smp_start_others(void)
{
    memcpy(physical_pointer(TRAMPOLINE_PHYSICAL), trampoline_start, (size_t)(trampoline_end - trampoline_start));
    for (uint32_t i = 1; i < acpi.cpu_count; i++) {
        uint32_t cpu = machine_info.cpu_online;
        acpi.apic_ids[cpu] = acpi.apic_ids[i];
        if (start(cpu, acpi.apic_ids[i]))
            machine_info.cpu_online++, fpu_is_eager = 1;
        else
            log_printf("processor with APIC id %u does not start\n", acpi.apic_ids[i]);
    }
    paging_drop_identity();
}

void arch_panic_exit(void)
{
    panic_stop = 1;
    for (uint32_t cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu != cpu_current())
            apic_send(get_cpu_var(cpu, apic_id), APIC_NMI);
    out8(0xf4, 0xff >> 1); /* QEMU's isa-debug-exit: status 255 */
    for (;;)
        __asm__ volatile("cli; hlt");
}
