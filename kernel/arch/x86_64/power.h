/* SPDX-License-Identifier: MIT */
/*
 * What ACPI's FADT and DSDT say about sleep state 5 and reset.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_PORT = 1 };

struct acpi_address {
    uint8_t space;
    uint64_t address;
};

struct power_control {
    bool reduced; /* hardware-reduced ACPI: sleep_control instead of pm1 */
    uint32_t pm1a_control, pm1b_control;
    uint32_t sleep_type; /* SLP_TYP of \_S5 */
    struct acpi_address sleep_control, reset;
    uint8_t reset_value;
};

extern struct power_control power_control;
