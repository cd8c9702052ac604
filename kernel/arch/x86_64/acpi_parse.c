/* SPDX-License-Identifier: MIT */
/*
 * Pure parsers of ACPI tables (ACPI 6.4, chapters 5.2.9, 5.2.12, 20.2): bytes in, values out. Field offsets are those of the specification.
 */
#include "acpi_parse.h"

#include "base/string.h"

enum {
    MADT_LAPIC_ADDRESS = 36,
    MADT_RECORDS = 44,
    MADT_PROCESSOR = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_OVERRIDE = 5,
    PROCESSOR_ENABLED = 1,

    FADT_DSDT = 40,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_FLAGS = 112,
    FADT_RESET_REGISTER = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_SLEEP_CONTROL = 244,
    FADT_FLAG_RESET = 1 << 10,
    FADT_FLAG_REDUCED = 1 << 20,

    AML_PACKAGE = 0x12,
    AML_BYTE = 0x0a,
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
};

uint8_t acpi_checksum(const void *table, size_t length)
{
    const uint8_t *bytes = table;
    uint8_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

/* Little-endian field, 0 if it is beyond the table. */
static uint64_t field(const struct acpi_table *table, size_t offset, size_t size)
{
    uint64_t value = 0;
    if (offset + size <= table->length)
        memcpy(&value, (const uint8_t *)table + offset, size);
    return value;
}

uint64_t acpi_parse_madt(const struct acpi_table *madt, const struct acpi_madt_visitor *visitor)
{
    uint64_t lapic = field(madt, MADT_LAPIC_ADDRESS, 4);
    for (size_t at = MADT_RECORDS; at + 2 <= madt->length;) {
        uint64_t type = field(madt, at, 1), length = field(madt, at + 1, 1);
        if (length < 2 || at + length > madt->length)
            break;
        if (type == MADT_PROCESSOR && length >= 8 && field(madt, at + 4, 4) & PROCESSOR_ENABLED)
            visitor->processor(visitor->context, (uint32_t)field(madt, at + 3, 1));
        else if (type == MADT_IOAPIC && length >= 12)
            visitor->controller(visitor->context, field(madt, at + 4, 4), (uint32_t)field(madt, at + 8, 4));
        else if (type == MADT_OVERRIDE && length >= 10)
            visitor->override(visitor->context, (uint32_t)field(madt, at + 3, 1), (uint32_t)field(madt, at + 4, 4),
                              (uint32_t)field(madt, at + 8, 2));
        else if (type == MADT_LAPIC_OVERRIDE && length >= 12)
            lapic = field(madt, at + 4, 8);
        at += length;
    }
    return lapic;
}

/* Generic address structure: space, width, offset, access size, 64-bit address. */
static struct acpi_address address_field(const struct acpi_table *table, size_t offset)
{
    return (struct acpi_address){ (uint8_t)field(table, offset, 1), field(table, offset + 4, 8) };
}

uint64_t acpi_parse_fadt(const struct acpi_table *fadt, struct power_control *power)
{
    uint64_t flags = field(fadt, FADT_FLAGS, 4);
    power->reduced = flags & FADT_FLAG_REDUCED;
    power->pm1a_control = power->reduced ? 0 : (uint32_t)field(fadt, FADT_PM1A_CONTROL, 4);
    power->pm1b_control = power->reduced ? 0 : (uint32_t)field(fadt, FADT_PM1B_CONTROL, 4);
    power->sleep_control = address_field(fadt, FADT_SLEEP_CONTROL);
    if (flags & FADT_FLAG_RESET) {
        power->reset = address_field(fadt, FADT_RESET_REGISTER);
        power->reset_value = (uint8_t)field(fadt, FADT_RESET_VALUE, 1);
    }
    uint64_t wide = field(fadt, FADT_X_DSDT, 8);
    return wide != 0 ? wide : field(fadt, FADT_DSDT, 4);
}

/* Name(_S5_, Package(){type a, type b, ..}): "_S5_" 0x12 length count, then BytePrefix value, or Zero, or One. */
uint32_t acpi_find_s5(const struct acpi_table *dsdt)
{
    const uint8_t *bytes = (const uint8_t *)dsdt;
    for (size_t i = sizeof *dsdt; i + 9 < dsdt->length; i++) {
        if (memcmp(bytes + i, "_S5_", 4) != 0 || bytes[i + 4] != AML_PACKAGE)
            continue;
        size_t value = i + 5 + (bytes[i + 5] >> 6) + 1 + 1; /* package length is 1 to 4 bytes, then the count */
        if (value + 1 >= dsdt->length)
            return 0;
        if (bytes[value] == AML_BYTE)
            return bytes[value + 1] & 7;
        return bytes[value] == AML_ONE ? 1 : 0;
    }
    return 0;
}
