/* SPDX-License-Identifier: MIT */
/*
 * Which instruction is mutated, and how (mutate.h). Code of the library is left alone: what is tested are handlers. The text itself is
 * read-only: RS has VM write the change.
 */
#include "sys/mutate.h"

#include <stddef.h>

#include "base/string.h"
#include "sys/instruction.h"

enum { DEAD_STACK_BYTES = 4096, TRIES = 64, AHEAD_MAX = 24, CALL_BYTES = 5, CALL_OPCODE = 0xe8, NOP = 0x90 };

struct subject {
    const uint8_t *code;
    struct instruction parts;
    uint32_t random;
};

/* ---- one kind of mistake each: true if it fits, with the change in `after` ---- */

static bool has_memory_operand(const struct subject *subject)
{
    return subject->parts.modrm != INSTRUCTION_NONE && subject->code[subject->parts.modrm] >> 6 != 3;
}

static bool is_condition(const struct subject *subject)
{
    uint16_t opcode = subject->parts.opcode;

    return (opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0x140 && opcode <= 0x14f) || (opcode >= 0x180 && opcode <= 0x19f);
}

static bool invert_condition(const struct subject *subject, uint8_t *after)
{
    if (!is_condition(subject))
        return false;
    after[subject->parts.opcode_at] ^= 1;
    return true;
}

static bool erase(const struct subject *subject, uint8_t *after)
{
    for (uint32_t i = 0; i < subject->parts.length; i++)
        after[i] = NOP;
    return true;
}

static bool delete_branch(const struct subject *subject, uint8_t *after)
{
    uint16_t opcode = subject->parts.opcode;
    bool is_jump = (opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0x180 && opcode <= 0x18f) || opcode == 0xe9 || opcode == 0xeb;

    return is_jump && erase(subject, after);
}

static bool skip_store(const struct subject *subject, uint8_t *after)
{
    uint16_t opcode = subject->parts.opcode;
    bool is_store = opcode == 0x88 || opcode == 0x89 || opcode == 0xc6 || opcode == 0xc7;

    return is_store && has_memory_operand(subject) && erase(subject, after);
}

/* A limit that is one too high or too low: the number compared with or added, or < instead of <=. */
static bool off_by_one(const struct subject *subject, uint8_t *after)
{
    uint16_t opcode = subject->parts.opcode;
    uint8_t condition = subject->parts.opcode & 0xf;

    if ((opcode == 0x83 || opcode == 0x81) && subject->parts.immediate_bytes > 0) {
        after[subject->parts.immediate] += (subject->random & 1) != 0 ? 1 : 0xff;
        return true;
    }
    if (!is_condition(subject) || (condition != 2 && condition != 6 && condition != 3 && condition != 7 && condition < 0xc))
        return false;
    after[subject->parts.opcode_at] ^= condition < 0xc ? 4 : 2; /* b and be, ae and a; l and le, ge and g */
    return true;
}

/* Another one of rax, rcx, rdx, rbx, rsi, rdi (or their upper brothers): never the stack's. */
static uint8_t other_register(uint8_t number, uint32_t random)
{
    static const uint8_t known[] = { 0, 1, 2, 3, 6, 7 };
    uint8_t chosen = known[random % sizeof(known)];

    return chosen != number ? chosen : known[(random + 1) % sizeof(known)];
}

static bool is_move(uint16_t opcode)
{
    return opcode < 0x40 ? (opcode & 7) < 4
                         : opcode == 0x63 || (opcode >= 0x88 && opcode <= 0x8b) || opcode == 0x8d || opcode == 0x1b6 || opcode == 0x1b7;
}

/* Bit 1 of a move's opcode: the register of the middle field is the destination. */
static bool loads(uint16_t opcode)
{
    return opcode == 0x63 || opcode == 0x8d || opcode >= INSTRUCTION_TWO_BYTES || (opcode & 2) != 0;
}

static bool change_register(const struct subject *subject, uint8_t *after, bool destination)
{
    uint8_t *modrm = &after[subject->parts.modrm];

    if (subject->parts.modrm == INSTRUCTION_NONE || !is_move(subject->parts.opcode))
        return false;
    if (loads(subject->parts.opcode) == destination) {
        *modrm = (uint8_t)((*modrm & ~0x38) | other_register(*modrm >> 3 & 7, subject->random) << 3);
        return true;
    }
    if (has_memory_operand(subject))
        return false; /* a wrong pointer, below */
    *modrm = (uint8_t)((*modrm & ~7) | other_register(*modrm & 7, subject->random));
    return true;
}

static bool wrong_source(const struct subject *subject, uint8_t *after)
{
    return change_register(subject, after, false);
}

static bool wrong_destination(const struct subject *subject, uint8_t *after)
{
    return change_register(subject, after, true);
}

static bool wrong_pointer(const struct subject *subject, uint8_t *after)
{
    uint8_t base;

    if (!has_memory_operand(subject))
        return false;
    base = subject->code[subject->parts.modrm] & 7;
    if (base != 4 && base != 5 && ((subject->random & 1) != 0 || subject->parts.displacement_bytes == 0)) {
        after[subject->parts.modrm] = (uint8_t)((after[subject->parts.modrm] & ~7) | other_register(base, subject->random >> 1));
        return true;
    }
    if (subject->parts.displacement_bytes == 0)
        return false;
    after[subject->parts.displacement] ^= 8;
    return true;
}

static const struct {
    const char *name;
    bool (*apply)(const struct subject *subject, uint8_t *after);
} mistakes[] = {
    { "wrong-source", wrong_source },   { "wrong-destination", wrong_destination },
    { "wrong-pointer", wrong_pointer }, { "deleted-branch", delete_branch },
    { "off-by-one", off_by_one },       { "inverted-condition", invert_condition },
    { "skipped-store", skip_store },
};

enum { MISTAKES = sizeof(mistakes) / sizeof(mistakes[0]) };

bool mutate_instruction(const uint8_t *code, uint32_t random, struct mutation *mutation)
{
    struct subject subject = { .code = code, .random = random >> 8 };
    uint8_t after[INSTRUCTION_MAX];

    if (!instruction_decode(code, &subject.parts) || subject.parts.length > MUTATION_BYTES)
        return false;
    for (uint32_t i = 0; i < MISTAKES; i++) {
        uint32_t which = (random + i) % MISTAKES;

        memcpy(after, code, subject.parts.length);
        if (!mistakes[which].apply(&subject, after) || memcmp(after, code, subject.parts.length) == 0)
            continue;
        mutation->name = mistakes[which].name;
        mutation->address = (uint64_t)(uintptr_t)code;
        mutation->length = subject.parts.length;
        memcpy(mutation->before, code, subject.parts.length);
        memcpy(mutation->after, after, subject.parts.length);
        return true;
    }
    return false;
}

#ifndef PLANARIA_HOST

extern const uint8_t __own_text_start[], __own_text_end[];

/* An address behind a call in our own code. */
static bool is_return_address(uint64_t address)
{
    return address >= (uint64_t)(uintptr_t)__own_text_start + CALL_BYTES &&
           address + INSTRUCTION_MAX < (uint64_t)(uintptr_t)__own_text_end &&
           *(const uint8_t *)(uintptr_t)(address - CALL_BYTES) == CALL_OPCODE;
}

/* The n-th of them below our own frame, counted round; 0: there is none. */
static uint64_t return_address(uint64_t frame, uint32_t n)
{
    uint64_t found[TRIES];
    uint32_t count = 0;

    for (uint64_t at = frame - DEAD_STACK_BYTES; at < frame && count < TRIES; at += sizeof(uint64_t)) {
        uint64_t word = *(const volatile uint64_t *)(uintptr_t)at;

        if (is_return_address(word))
            found[count++] = word;
    }
    return count > 0 ? found[n % count] : 0;
}

bool mutate_choose(uint32_t (*random)(void), struct mutation *mutation)
{
    uint64_t frame = (uint64_t)(uintptr_t)__builtin_frame_address(0) - sizeof(uint64_t) * TRIES * 2; /* below what return_address uses */

    for (uint32_t attempt = 0; attempt < TRIES; attempt++) {
        const uint8_t *code = (const uint8_t *)(uintptr_t)return_address(frame, random());
        uint32_t ahead = random() % AHEAD_MAX;
        struct instruction parts;

        if (code == NULL)
            return false;
        while (ahead > 0 && instruction_decode(code, &parts) && !instruction_is_last(&parts) &&
               code + parts.length + INSTRUCTION_MAX < __own_text_end) {
            code += parts.length;
            ahead--;
        }
        if (ahead == 0 && mutate_instruction(code, random(), mutation))
            return true;
    }
    return false;
}

#endif
