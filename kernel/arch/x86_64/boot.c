/* SPDX-License-Identifier: MIT */
/*
 * From the first C instruction to kernel_main on the first processor: what the boot loader says (PVH start_info), memory, page tables, tables of the
 * processor, ACPI, controllers, clock, boot services. The order matters and is readable in boot_main.
 */
#include "internal.h"

#include "base/string.h"

struct boot_info boot_info;
struct machine_info machine_info;

/* xen/include/public/arch-x86/hvm/start_info.h, version 1 */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_count, reserved;
};
struct start_module {
    uint64_t base, length, command_line, reserved;
};
struct start_memory {
    uint64_t base, length;
    uint32_t type, reserved;
};
enum { START_INFO_MAGIC = 0x336ec578, MEMORY_RAM = 1 };

void boot_main(uint32_t start_physical);
extern const uint8_t kernel_start[], kernel_end[];

static void read_command_line(uint64_t physical)
{
    if (physical == 0)
        return;
    const char *text = physical_pointer(physical);
    for (size_t i = 0; i < sizeof boot_info.command_line - 1 && text[i] != 0; i++)
        boot_info.command_line[i] = text[i];
}

static void read_memory_map(const struct start_info *start)
{
    const struct start_memory *map = physical_pointer(start->memory_map);
    if (start->version < 1 || start->memory_map == 0 || start->memory_map_count == 0)
        panic("the boot loader gave no memory map (PVH start_info version %u)", start->version);
    for (uint32_t i = 0; i < start->memory_map_count; i++)
        if (map[i].type == MEMORY_RAM)
            memory_add_ram(map[i].base, map[i].base + map[i].length);
    memory_take(0, 1 << 20);
    memory_take((uint64_t)kernel_start - KERNEL_VIRTUAL, (uint64_t)kernel_end - KERNEL_VIRTUAL);
}

/* Kernel and services, and the boot image twice: as it came and as the root file system. */
uint64_t memory_needed_mib(void)
{
    enum { WITHOUT_IMAGE_MIB = 104 };
    return WITHOUT_IMAGE_MIB + 2 * ((boot_info.archive_length + (1 << 20) - 1) >> 20);
}

static void read_modules(const struct start_info *start)
{
    const struct start_module *module = physical_pointer(start->modules);
    if (start->module_count == 0 || start->modules == 0 || module->length == 0)
        panic("no boot image: give one to the boot loader as initrd (qemu: -initrd build/initrd.cpio)");
    boot_info.archive_base = module->base;
    boot_info.archive_length = module->length;
    uint64_t needed = memory_needed_mib();
    if (boot_info.total_bytes >> 20 < needed - 1) /* firmware keeps some of the last MiB */
        panic("too little memory: this machine has %lu MiB of RAM, planaria needs at least %lu MiB for a boot image of %lu MiB",
              boot_info.total_bytes >> 20, needed, boot_info.archive_length >> 20);
    if (!memory_is_ram(module->base, module->length))
        panic("the boot image at %#lx, %lu bytes, is not inside RAM: too little memory", module->base, module->length);
    memory_take(module->base, module->base + module->length);
}

static uint64_t read_start_info(uint32_t physical)
{
    const struct start_info *start = physical_pointer(physical);
    if (start->magic != START_INFO_MAGIC)
        panic("not entered through PVH: start_info has magic %#x", start->magic);
    read_command_line(start->command_line);
    read_memory_map(start);
    read_modules(start);
    return start->rsdp;
}

void boot_main(uint32_t start_physical)
{
    msr_write(MSR_GS_BASE, (uint64_t)&cpu_locals[0]);
    cpu_locals[0].self = &cpu_locals[0];
    machine_info.cpu_online = 1;
    serial_init();
    cpu_detect();
    uint64_t rsdp = read_start_info(start_physical);
    cpu_patch_smap();
    memory_start();
    paging_init();
    traps_init();
    fpu_init();
    cpu_init(0, apic_boot_id());
    acpi_init(rsdp);
    pic_disable(); /* before LINT0 is masked: QEMU would keep a tick of the firmware's pending for ever */
    apic_init(acpi.lapic);
    cpu_locals[0].apic_id = apic_id();
    ioapic_init();
    clock_init();
    space_init();
    loader_run();
    machine_info.cpu_count = acpi.cpu_count;
    boot_info.cpu_count = acpi.cpu_count;
    log_printf("%s, %lu MiB RAM, %u processors, TSC %lu kHz\n", machine_info.model, boot_info.total_bytes >> 20, acpi.cpu_count,
               machine_info.tsc_hz / 1000);
    big_lock();
    kernel_main();
    panic("kernel_main returned");
}
