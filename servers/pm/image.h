/* SPDX-License-Identifier: MIT */
/*
 * What a program file says about itself: ELF headers and #! lines, checked. Pure functions on bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/stores.h"

enum { IMAGE_SEGMENTS = 16, PAGE_BYTES = 4096 };

/* Where programs live: below this, above the first page. */
#define USER_LIMIT       0x7ffffffff000ull
#define STACK_TOP        0x7ffffffff000ull
#define PIE_BASE         0x555555554000ull
#define INTERPRETER_BASE 0x7fffe0000000ull

struct image_segment {
    uint64_t address;     /* page aligned, without base */
    uint64_t offset;      /* page aligned */
    uint64_t file_length; /* from `address` on; 0: nothing from the file */
    uint64_t memory_length;
    uint32_t protection; /* vm.idl protection */
};

struct image {
    uint64_t entry;   /* without base, like all addresses here */
    uint64_t headers; /* program headers in memory, 0: not mapped */
    uint64_t end;     /* end of the highest segment */
    uint64_t start;   /* start of the lowest segment, page aligned */
    uint32_t header_count;
    uint32_t segment_count;
    uint32_t interpreter_offset; /* in the header bytes; 0: none */
    uint32_t interpreter_length; /* without NUL */
    bool is_relocatable;
    struct image_segment segment[IMAGE_SEGMENTS];
};

/* 0, or -ENOEXEC for anything that is not a sound program for this machine. */
CALLERS_OWN(4)
int image_parse(const uint8_t *header, size_t header_length, uint64_t file_size, struct image *image);

struct script_line {
    uint32_t interpreter; /* offsets into the header */
    uint32_t interpreter_length;
    uint32_t argument;
    uint32_t argument_length; /* 0: none */
};

static inline bool image_is_script(const uint8_t *header, size_t header_length)
{
    return header_length >= 2 && header[0] == '#' && header[1] == '!';
}

/* 0 or -ENOEXEC. */
CALLERS_OWN(3)
int script_parse(const uint8_t *header, size_t header_length, struct script_line *line);
