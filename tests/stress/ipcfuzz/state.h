/* SPDX-License-Identifier: MIT */
/*
 * What ipcfuzz keeps: where its random numbers are, what is still to be sent, what came of it.
 */
#pragma once

#include <stdint.h>

#include "message.h"

enum { FUZZ_BATCH = 64, FUZZ_RUDE_BATCH = 8192, FUZZ_RUDE_ONE_IN = 64, FUZZ_GRANTS = 6 };

struct ipcfuzz_state {
    uint64_t random;
    uint32_t left;
    uint32_t sent;
    uint32_t answered; /* with 0 */
    uint32_t refused;  /* with an error, of the kernel or of the receiver */
    grant_t grant[FUZZ_GRANTS];
    endpoint_t last_destination;
    uint32_t last_type;
};

/* Grants over a buffer of ours, of all kinds. */
void fuzz_make_grants(struct ipcfuzz_state *state);
/* A batch of messages. Returns when they are out. */
void fuzz_batch(struct ipcfuzz_state *state);
