/* SPDX-License-Identifier: MIT */
/*
 * Memory as text: compressed (the LZ4 block format), then base64.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { PACK_BLOCK = 65536, PACK_ROOM = PACK_BLOCK + PACK_BLOCK / 255 + 64 };

/* Compress at most PACK_BLOCK bytes into PACK_ROOM bytes; returns how many there are. */
size_t pack(const uint8_t *from, size_t length, uint8_t *to);
/* Text of `length` bytes, NUL-terminated; room: 4 for each 3 bytes begun, and 1. */
void base64(const uint8_t *from, size_t length, char *to);
