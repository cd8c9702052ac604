/* SPDX-License-Identifier: MIT */
/*
 * Ports, and the ways to turn the machine off or restart it, the most specific first. What ACPI says about them is collected by acpi.c.
 */
#include "power.h"
#include "internal.h"

struct power_control power_control;

uint32_t port_in(uint16_t port, int bytes)
{
    uint32_t value = 0;
    if (bytes == 1) {
        value = in8(port);
    } else if (bytes == 2) {
        uint16_t word;
        __asm__ volatile("inw %1, %0" : "=a"(word) : "Nd"(port) : "memory");
        value = word;
    } else {
        __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    }
    return value;
}

void port_out(uint16_t port, uint32_t value, int bytes)
{
    if (bytes == 1)
        out8(port, (uint8_t)value);
    else if (bytes == 2)
        __asm__ volatile("outw %w0, %1" : : "a"(value), "Nd"(port) : "memory");
    else
        __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static void address_write(const struct acpi_address *address, uint8_t value)
{
    if (address->address == 0)
        return;
    if (address->space == ACPI_SPACE_PORT)
        out8((uint16_t)address->address, value);
    else if (address->space == ACPI_SPACE_MEMORY && address->address < 1UL << 32)
        *(volatile uint8_t *)physical_pointer(address->address) = value;
}

void arch_poweroff(void)
{
    enum { SLEEP_ENABLE_PM1 = 1 << 13, SLEEP_ENABLE_REDUCED = 1 << 5 };
    if (power_control.reduced)
        address_write(&power_control.sleep_control, (uint8_t)(power_control.sleep_type << 2 | SLEEP_ENABLE_REDUCED));
    if (power_control.pm1a_control != 0)
        port_out((uint16_t)power_control.pm1a_control, (uint32_t)power_control.sleep_type << 10 | SLEEP_ENABLE_PM1, 2);
    if (power_control.pm1b_control != 0)
        port_out((uint16_t)power_control.pm1b_control, (uint32_t)power_control.sleep_type << 10 | SLEEP_ENABLE_PM1, 2);
    clock_delay_us(100000);
    log_printf("power off is not possible: halted\n");
    arch_panic_exit();
}

void arch_reset(void)
{
    address_write(&power_control.reset, power_control.reset_value);
    clock_delay_us(10000);
    out8(0xcf9, 6);
    clock_delay_us(10000);
    out8(0x64, 0xfe); /* keyboard controller: pulse the reset line */
    clock_delay_us(10000);
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = { 0, 0 };
    __asm__ volatile("lidt %0; ud2" : : "m"(none)); /* triple fault */
    __builtin_unreachable();
}
