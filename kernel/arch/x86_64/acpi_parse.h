/* SPDX-License-Identifier: MIT */
/*
 * ACPI table formats and their pure parsers, apart from acpi.c so that host tests can feed them damaged tables.
 */
#pragma once

#include "power.h"

#include <stddef.h>
#include <stdint.h>

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));

struct acpi_table {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem[6];
    char oem_table[8];
    uint32_t oem_revision;
    uint32_t creator;
    uint32_t creator_revision;
} __attribute__((packed));

struct acpi_madt_visitor {
    void *context;
    void (*processor)(void *context, uint32_t apic);
    void (*controller)(void *context, uint64_t physical, uint32_t first_line);
    void (*override)(void *context, uint32_t isa, uint32_t line, uint32_t flags);
};

/* 0 if right. */
uint8_t acpi_checksum(const void *table, size_t length);
/* Returns the local APIC's address. Records that overlap the end of the table end the walk. */
uint64_t acpi_parse_madt(const struct acpi_table *madt, const struct acpi_madt_visitor *visitor);
/* Returns the address of the DSDT. */
uint64_t acpi_parse_fadt(const struct acpi_table *fadt, struct power_control *power);
/* SLP_TYPa of \_S5 by its byte pattern; 0 if it is not found. */
uint32_t acpi_find_s5(const struct acpi_table *dsdt);
