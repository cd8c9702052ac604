/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries as the processor reads them, and the one software bit.
 */
#pragma once

#include <stdint.h>

#define PTE_PRESENT       0x1UL
#define PTE_WRITE         0x2UL
#define PTE_USER          0x4UL
#define PTE_WRITE_THROUGH 0x8UL
#define PTE_CACHE_DISABLE 0x10UL
#define PTE_ACCESSED      0x20UL
#define PTE_DIRTY         0x40UL
#define PTE_LARGE         0x80UL
#define PTE_GLOBAL        0x100UL
#define PTE_HIDDEN        0x200UL /* software: mapped, but without the flag user; present is off, so that nobody reaches it */
#define PTE_ADDRESS       0x000ffffffffff000UL
#define PTE_NX            0x8000000000000000UL
