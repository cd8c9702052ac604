/* SPDX-License-Identifier: MIT */
/*
 * The few ACPI tables that a microkernel needs: MADT (processors, interrupt controllers) and FADT with a look into DSDT for \_S5. Tables are read through
 * the physical map, never trusted: every length is checked, a bad checksum means that the table is not there.
 */
#include "acpi_parse.h"
#include "internal.h"
#include "power.h"

#include "base/string.h"

struct acpi_result acpi;

/* Tables must lie in what the physical map covers. */
static bool is_mapped(uint64_t physical, uint64_t length)
{
    uint64_t end = ram_end > 1UL << 32 ? ram_end : 1UL << 32;
    return physical != 0 && physical < end && length <= end - physical;
}

static const struct acpi_table *table_at(uint64_t physical)
{
    if (!is_mapped(physical, sizeof(struct acpi_table)))
        return NULL;
    const struct acpi_table *table = physical_pointer(physical);
    if (table->length < sizeof *table || !is_mapped(physical, table->length))
        return NULL;
    if (acpi_checksum(table, table->length) != 0) {
        log_printf("ACPI table %.4s has a bad checksum: ignored\n", table->signature);
        return NULL;
    }
    return table;
}

static const struct acpi_rsdp *rsdp_search(uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at += 16) {
        const struct acpi_rsdp *rsdp = physical_pointer(at);
        if (memcmp(rsdp->signature, "RSD PTR ", 8) == 0 && acpi_checksum(rsdp, 20) == 0)
            return rsdp;
    }
    return NULL;
}

static const struct acpi_rsdp *rsdp_find(uint64_t hint)
{
    if (hint != 0 && is_mapped(hint, sizeof(struct acpi_rsdp))) {
        const struct acpi_rsdp *rsdp = physical_pointer(hint);
        if (memcmp(rsdp->signature, "RSD PTR ", 8) == 0 && acpi_checksum(rsdp, 20) == 0)
            return rsdp;
    }
    return rsdp_search(0xe0000, 0x100000);
}

static const struct acpi_table *table_find(const struct acpi_rsdp *rsdp, const char *signature)
{
    bool wide = rsdp->revision >= 2 && rsdp->xsdt != 0;
    const struct acpi_table *root = table_at(wide ? rsdp->xsdt : rsdp->rsdt);
    if (root == NULL)
        return NULL;
    size_t size = wide ? 8 : 4;
    for (size_t offset = sizeof *root; offset + size <= root->length; offset += size) {
        uint64_t physical = 0;
        memcpy(&physical, (const uint8_t *)root + offset, size);
        if (!is_mapped(physical, sizeof(struct acpi_table)) || memcmp(physical_pointer(physical), signature, 4) != 0)
            continue;
        return table_at(physical);
    }
    return NULL;
}

static void processor_add(void *context, uint32_t apic)
{
    (void)context;
    if (apic == apic_boot_id() || acpi.cpu_count >= CPU_MAX)
        return;
    acpi.apic_ids[acpi.cpu_count++] = apic;
}

static void controller_add(void *context, uint64_t physical, uint32_t first)
{
    (void)context;
    if (is_mapped(physical, PAGE_SIZE))
        ioapic_add(physical, first);
}

static void override_add(void *context, uint32_t isa, uint32_t line, uint32_t flags)
{
    (void)context;
    ioapic_override(isa, line, flags);
}

static void power_find(const struct acpi_rsdp *rsdp)
{
    const struct acpi_table *fadt = table_find(rsdp, "FACP");
    if (fadt == NULL) {
        log_printf("no ACPI FADT: no power off\n");
        return;
    }
    uint64_t dsdt_physical = acpi_parse_fadt(fadt, &power_control);
    const struct acpi_table *dsdt = table_at(dsdt_physical);
    if (dsdt != NULL)
        power_control.sleep_type = acpi_find_s5(dsdt);
}

void acpi_init(uint64_t hint)
{
    acpi.apic_ids[0] = apic_boot_id();
    acpi.cpu_count = 1;
    const struct acpi_rsdp *rsdp = rsdp_find(hint);
    if (rsdp == NULL) {
        log_printf("no ACPI: one processor, no power off\n");
        ioapic_add(0xfec00000, 0);
        return;
    }
    const struct acpi_table *madt = table_find(rsdp, "APIC");
    if (madt != NULL) {
        struct acpi_madt_visitor visitor = { NULL, processor_add, controller_add, override_add };
        acpi.lapic = acpi_parse_madt(madt, &visitor);
        if (!is_mapped(acpi.lapic, PAGE_SIZE))
            acpi.lapic = 0;
    } else {
        log_printf("no ACPI MADT: one processor\n");
        ioapic_add(0xfec00000, 0);
    }
    power_find(rsdp);
}
