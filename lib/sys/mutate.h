/* SPDX-License-Identifier: MIT */
/*
 * Binary mutation: one instruction of code that ran a moment ago is changed the way a programmer's mistake would have changed it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MUTATION_BYTES = 8 };

struct mutation {
    const char *name; /* what was done, one word */
    uint64_t address;
    uint32_t length;
    uint8_t before[MUTATION_BYTES];
    uint8_t after[MUTATION_BYTES];
};

/* Change the instruction in one of the ways that fit it; `random` chooses. false: none fits. */
bool mutate_instruction(const uint8_t *code, uint32_t random, struct mutation *mutation);
/* Choose an instruction of a function of this service that has just returned (its return address is still on the dead part of the stack). */
bool mutate_choose(uint32_t (*random)(void), struct mutation *mutation);
