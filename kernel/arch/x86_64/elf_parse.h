/* SPDX-License-Identifier: MIT */
/*
 * Checks of a boot service's ELF file. Pure: bytes in, list of segments out, so that host tests can feed it damaged files.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { ELF_SEGMENTS_MAX = 5, ELF_EXECUTE = 1, ELF_WRITE = 2, ELF_READ = 4 };

struct elf_segment {
    uint64_t address; /* page-aligned start and end of the pages */
    uint64_t end;
    uint64_t data_address; /* where the bytes of the file go */
    uint64_t offset;
    uint64_t file_length;
    uint32_t flags; /* ELF_* */
};

struct elf_image {
    uint64_t entry;
    uint32_t segment_count;
    struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* NULL if all is well, else what is wrong. user_top: first address that is not allowed. */
const char *elf_parse(const uint8_t *file, size_t length, uint64_t user_top, struct elf_image *image);
