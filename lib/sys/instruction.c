/* SPDX-License-Identifier: MIT */
/*
 * The forms of x86-64 instructions that gcc makes for services (Intel's manual, volume 2, appendix A).
 */
#include "sys/instruction.h"

enum form { FORM_UNKNOWN = 0, FORM_PLAIN = 1, FORM_MODRM = 2, FORM_BYTE = 4, FORM_LONG = 8, FORM_QUAD = 16, FORM_TEST = 32 };

static uint32_t form_of_one_byte(uint8_t opcode)
{
    if (opcode < 0x40) { /* the eight arithmetic groups; 6 and 7 of each are prefixes or no instructions */
        static const uint8_t column[8] = { FORM_MODRM, FORM_MODRM, FORM_MODRM, FORM_MODRM, FORM_BYTE, FORM_LONG, 0, 0 };

        return column[opcode & 7];
    }
    switch (opcode) {
    case 0x50 ... 0x5f:
    case 0x90 ... 0x99:
    case 0xa4 ... 0xa5:
    case 0xaa ... 0xab:
    case 0xc3:
    case 0xc9:
        return FORM_PLAIN;
    case 0x63:
    case 0x84 ... 0x8b:
    case 0x8d:
    case 0xd0 ... 0xd3:
    case 0xfe ... 0xff:
        return FORM_MODRM;
    case 0x6a:
    case 0x70 ... 0x7f:
    case 0xa8:
    case 0xb0 ... 0xb7:
    case 0xeb:
        return FORM_BYTE;
    case 0x68:
    case 0xa9:
    case 0xe8 ... 0xe9:
        return FORM_LONG;
    case 0xb8 ... 0xbf:
        return FORM_QUAD;
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xc0 ... 0xc1:
    case 0xc6:
        return FORM_MODRM | FORM_BYTE;
    case 0x69:
    case 0x81:
    case 0xc7:
        return FORM_MODRM | FORM_LONG;
    case 0xf6:
        return FORM_MODRM | FORM_TEST | FORM_BYTE;
    case 0xf7:
        return FORM_MODRM | FORM_TEST | FORM_LONG;
    default:
        return FORM_UNKNOWN;
    }
}

static uint32_t form_of_two_bytes(uint8_t opcode)
{
    switch (opcode) {
    case 0x05:
    case 0x0b:
    case 0xc8 ... 0xcf:
        return FORM_PLAIN;
    case 0x1f:
    case 0x40 ... 0x4f:
    case 0x90 ... 0x9f:
    case 0xa3:
    case 0xab:
    case 0xaf:
    case 0xb0 ... 0xb1:
    case 0xb3:
    case 0xb6 ... 0xb8:
    case 0xbb ... 0xbf:
    case 0xc0 ... 0xc1:
        return FORM_MODRM;
    case 0x80 ... 0x8f:
        return FORM_LONG;
    case 0xa4:
    case 0xac:
    case 0xba:
        return FORM_MODRM | FORM_BYTE;
    default:
        return FORM_UNKNOWN;
    }
}

/* ModRM, the scale byte, the displacement; `at` goes behind them. */
static void take_modrm(const uint8_t *code, uint8_t *at, struct instruction *instruction)
{
    uint8_t mode = code[*at] >> 6, base = code[*at] & 7;

    instruction->modrm = (*at)++;
    if (mode == 3)
        return;
    if (base == 4)
        base = code[(*at)++] & 7;
    instruction->displacement = *at;
    if (mode == 1)
        instruction->displacement_bytes = 1;
    else if (mode == 2 || base == 5)
        instruction->displacement_bytes = 4;
    *at += instruction->displacement_bytes;
}

static uint8_t immediate_bytes(uint32_t form, bool word, bool quad)
{
    if ((form & FORM_QUAD) != 0 && quad)
        return 8;
    if ((form & (FORM_LONG | FORM_QUAD)) != 0)
        return word ? 2 : 4;
    return (form & FORM_BYTE) != 0 ? 1 : 0;
}

bool instruction_decode(const uint8_t *code, struct instruction *instruction)
{
    uint8_t at = 0;
    bool word = false;
    uint32_t form;

    *instruction = (struct instruction){ .rex = INSTRUCTION_NONE, .modrm = INSTRUCTION_NONE };
    while (at < 4 && (code[at] == 0x66 || code[at] == 0xf2 || code[at] == 0xf3 || code[at] == 0x2e))
        word |= code[at++] == 0x66;
    if ((code[at] & 0xf0) == 0x40)
        instruction->rex = at++;
    if (code[at] == 0x0f) {
        at++;
        instruction->opcode = INSTRUCTION_TWO_BYTES;
    }
    instruction->opcode_at = at;
    form = instruction->opcode != 0 ? form_of_two_bytes(code[at]) : form_of_one_byte(code[at]);
    instruction->opcode |= code[at++];
    if (form == FORM_UNKNOWN)
        return false;
    if ((form & FORM_MODRM) != 0)
        take_modrm(code, &at, instruction);
    if ((form & FORM_TEST) != 0 && (code[instruction->modrm] >> 3 & 7) > 1) /* not, neg, mul, div have no immediate */
        form = FORM_MODRM;
    instruction->immediate = at;
    instruction->immediate_bytes = immediate_bytes(form, word, instruction->rex != INSTRUCTION_NONE && (code[instruction->rex] & 8) != 0);
    instruction->length = (uint8_t)(at + instruction->immediate_bytes);
    return instruction->length <= INSTRUCTION_MAX;
}

bool instruction_is_last(const struct instruction *instruction)
{
    uint16_t opcode = instruction->opcode;

    return opcode == 0xc3 || opcode == 0xe9 || opcode == 0xeb || opcode == (INSTRUCTION_TWO_BYTES | 0x0b);
}
