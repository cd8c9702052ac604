/* SPDX-License-Identifier: MIT */
/*
 * FPU state as Linux puts it into signal frames: FXSAVE or XSAVE format, with marks in bytes that the processor leaves to software.
 */
#pragma once

#include <stdint.h>

/* struct _fpx_sw_bytes, in bytes 464..511 of the legacy area */
struct extended_mark {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t state_size;
    uint32_t padding[7];
};
_Static_assert(sizeof(struct extended_mark) == 48, "Linux layout");

enum { MXCSR_OFFSET = 24, MXCSR_MASK_OFFSET = 28, MARK_OFFSET = 464, MAGIC1 = 0x46505853, MAGIC2 = 0x46505845 };

/* State and the second mark behind it. */
uint32_t fpu_frame_bytes(void);
void fpu_mark(uint8_t *area);
uint32_t fpu_mxcsr_mask(void);
uint64_t fpu_features(void);
