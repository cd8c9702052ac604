/* SPDX-License-Identifier: MIT */
/*
 * The lengths and parts of the instructions that the compiler makes of a service's code: integer x86-64, no SSE. Enough to change one of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { INSTRUCTION_MAX = 15, INSTRUCTION_TWO_BYTES = 0x100, INSTRUCTION_NONE = 0xff };

struct instruction {
    uint8_t length;
    uint16_t opcode;   /* the second byte and INSTRUCTION_TWO_BYTES behind 0x0f */
    uint8_t rex;       /* offset, or INSTRUCTION_NONE */
    uint8_t opcode_at; /* offset of its last byte */
    uint8_t modrm;     /* offsets, or INSTRUCTION_NONE */
    uint8_t displacement;
    uint8_t displacement_bytes;
    uint8_t immediate;
    uint8_t immediate_bytes;
};

/* Take the instruction apart. false: not one of those; INSTRUCTION_MAX bytes must be readable. */
bool instruction_decode(const uint8_t *code, struct instruction *instruction);
/* Code does not go on behind it (ret, jmp, ud2). */
bool instruction_is_last(const struct instruction *instruction);
